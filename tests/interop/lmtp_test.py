#!/usr/bin/python3
"""Real Dovecot on loopback by LMTP: each recipient has a verdict of its own (LMTP-01 ... LMTP-05).
"""

import servers
import support

ALICE, FULL, BOB, NOBODY = (f"{name}@{servers.DOMAIN}"
                            for name in ("alice", "full", "bob", "nobody"))
WAYS = {
    "off": ("--pipelining", "off"),
    "default": (),
    "messages": ("--pipelining", "messages"),  # LMTP-03: never beyond `envelope`
}


class LmtpTest(support.InteropTest):
    server_type = servers.DovecotLmtp

    def send(self, contents, recipients, *options, server=None):
        return support.send(self.server.port, contents, recipients, options=("--lmtp", *options),
                            server=server)

    def assert_in_mailboxes(self, contents, *recipients):
        """Each content is once in each of these mailboxes, and nothing else is anywhere."""
        stored = self.server.drain()
        found = sorted((message.recipients[0], message.content) for message in stored)
        wanted = sorted((recipient, support.canonical(content).replace(b"\r\n", b"\n"))
                        for recipient in recipients for content in contents)
        self.assertEqual(len(found), len(wanted))
        for (where, octets), (recipient, content) in zip(found, wanted):
            self.assertEqual(where, recipient)
            self.assert_same_octets(octets, content, f"a mail of {recipient}")

    def each_way(self):
        for name, options in WAYS.items():
            with self.subTest(way=name):
                self.setUp()
                yield options

    def test_one_of_three_over_quota(self):
        """LMTP-04: its refusal is its own, behind content."""
        contents = list(support.numbered_contents(20))
        recipients = (ALICE, FULL, BOB)
        for options in self.each_way():
            result = self.send(contents, recipients, *options)
            for alice, full, bob in self.report(result, contents, recipients):
                for entry in (alice, bob):
                    self.assertEqual((entry["outcome"], entry["stage"], entry["code"]),
                                     ("delivered", "content", 250), entry)
                    self.assertIn(f"<{entry['address']}>", entry["text"])
                self.assertEqual((full["outcome"], full["stage"], full["code"], full["enhanced"]),
                                 ("rejected", "content", 552, "5.2.2"), full)
            self.assertEqual(result.code, support.EX_UNAVAILABLE, result.errors)
            self.assert_in_mailboxes(contents, ALICE, BOB)

    def test_refused_before_and_behind_content(self):
        """Verdicts belong to those that RCPT let in, in their order."""
        contents = list(support.numbered_contents(3))
        recipients = (NOBODY, FULL, BOB)
        for options in self.each_way():
            result = self.send(contents, recipients, *options)
            rows = self.report(result, contents, recipients)
            self.assertEqual([[(entry["outcome"], entry["stage"]) for entry in row]
                              for row in rows],
                             [[("rejected", "rcpt"), ("rejected", "content"),
                               ("delivered", "content")]] * 3)
            self.assert_in_mailboxes(contents, BOB)

    def test_nobody_is_let_in(self):
        contents = list(support.numbered_contents(3))
        for options in self.each_way():
            result = self.send(contents, (NOBODY,), *options)
            rows = self.report(result, contents, (NOBODY,))
            self.assertEqual([(row[0]["outcome"], row[0]["stage"]) for row in rows],
                             [("rejected", "rcpt")] * 3)
            self.assertEqual(self.server.drain(), [])

    def test_contents(self):
        """DATA-01, DATA-02, BDAT-03: octet for octet."""
        contents = [*support.plain_contents(), *support.smuggling_contents(),
                    support.large_content(1024 * 1024)]
        for options in self.each_way():
            result = self.send(contents, (ALICE,), "--mails-per-connection", "0", *options)
            self.assert_delivered(result, contents, (ALICE,))
            self.assert_in_mailboxes(contents, ALICE)

    def test_unix_socket(self):
        contents = list(support.numbered_contents(2))
        # Neither side of such a socket has a name by itself.
        result = self.send(contents, (ALICE, BOB), "--ehlo", "client.test",
                           server=f"unix:{self.server.socket}")
        self.assert_delivered(result, contents, (ALICE, BOB))
        self.assert_in_mailboxes(contents, ALICE, BOB)


if __name__ == "__main__":
    support.main(__name__)
