#!/usr/bin/python3
"""Real Postfix on loopback: what the command sends is what Postfix stores, and the report says what
Postfix said.
"""

import servers
import support

ALICE, BOB, NOBODY = (f"{name}@{servers.DOMAIN}" for name in ("alice", "bob", "nobody"))
MEBIBYTE = 1024 * 1024


class PostfixTest(support.InteropTest):
    server_type = servers.Postfix

    def setUp(self):
        super().setUp()
        self.sessions_before = len(self.server.sessions())
        self.complaints_before = len(self.server.complaints())

    def deliver(self, contents, recipients=(ALICE,), **options):
        """Sends `contents` and checks that each is delivered to each recipient, and that Postfix
        saw nothing odd.
        """
        contents = list(contents)
        sent = [options.get("stdin") if content is None else content for content in contents]
        result = support.send(self.server.port, contents, recipients, **options)
        rows = self.assert_delivered(result, sent, recipients)
        stored = self.server.drain()
        self.assertEqual(len(stored), len(sent) * len(recipients))
        for index, recipient in enumerate(recipients):
            self.assert_in_mailbox(stored, recipient, [row[index:index + 1] for row in rows], sent,
                                   options.get("sender", "sender@client.example"))
        self.assert_session(mail=len(sent), rcpt=len(sent) * len(recipients), data=len(sent))
        self.assert_no_complaint()

    def assert_in_mailbox(self, stored, recipient, rows, contents, sender="sender@client.example"):
        mailbox = [message for message in stored if message.recipients == (recipient,)]
        self.assert_stored(mailbox, rows, [as_stored(content) for content in contents],
                           [recipient], sender)

    def assert_session(self, **commands):
        """Checks that there was one session since setUp, with these commands between EHLO and QUIT
        and no others.
        """
        sessions = self.server.wait_for_sessions(self.sessions_before + 1)[self.sessions_before:]
        total = 2 + sum(int(str(count).split("/")[-1]) for count in commands.values())
        accepted = 2 + sum(int(str(count).split("/")[0]) for count in commands.values())
        counts = {name: str(count) for name, count in commands.items()}
        counts.update(ehlo="1", quit="1",
                      commands=str(total) if accepted == total else f"{accepted}/{total}")
        self.assertEqual(sessions, [counts])

    def assert_no_complaint(self):
        self.assertEqual(self.server.complaints()[self.complaints_before:], [])

    # Content

    def test_plain_contents(self):
        """DATA-01, DATA-02, DATA-03, DATA-06, EXT-08: dots, longest lines, LF, bare CR, 8-bit, no
        final line end.
        """
        for level in support.LEVELS:
            with self.subTest(level=level):
                self.setUp()
                self.deliver(support.plain_contents(), level=level)

    def test_smuggling_sequences(self):
        """DATA-07, SEC-02: Postfix sees one message for each content, and no bare LF."""
        self.deliver(b"Subject: s\r\n\r\nb" + sequence + support.SMUGGLED
                     for sequence in support.SMUGGLING)

    def test_large_content(self):
        """10 MiB, with dots."""
        content = support.large_content(10 * MEBIBYTE)
        self.assertEqual(len(content), 10 * MEBIBYTE)
        self.deliver([content])

    def test_standard_input(self):
        """"-" is standard input, also between files."""
        before, after = list(support.numbered_contents(2))
        self.deliver([before, None, after], stdin=b"Subject: stdin\n\n.\nfrom a pipe\n")

    def test_thousand_messages_in_one_session(self):
        """PIPE-20: the same at each level, each message once and under the identity of its own
        reply.
        """
        contents = list(support.numbered_contents(1000))
        for level in support.LEVELS:
            with self.subTest(level=level):
                self.setUp()
                self.deliver(contents, level=level, options=("--mails-per-connection", "0"))

    def test_several_sessions_by_default(self):
        """One after the other, with 100 mails each: each message once."""
        contents = list(support.numbered_contents(250))
        result = support.send(self.server.port, contents, (ALICE,))
        rows = self.assert_delivered(result, contents, (ALICE,))
        stored = self.server.drain()
        self.assertEqual(len(stored), len(contents))
        self.assert_in_mailbox(stored, ALICE, [row[:1] for row in rows], contents)
        sessions = self.server.wait_for_sessions(self.sessions_before + 3)[self.sessions_before:]
        self.assertEqual(sorted(int(session["mail"]) for session in sessions), [50, 100, 100])
        self.assert_no_complaint()

    def test_two_hundred_parallel_sessions(self):
        """The pool: each message once, whichever session it took."""
        contents = list(support.numbered_contents(1000))
        result = support.send(self.server.port, contents, (ALICE,), options=("--parallel", "200"))
        result.mails.sort(key=lambda mail: mail["mail"])  # reports come as mails end
        rows = self.assert_delivered(result, contents, (ALICE,))
        stored = self.server.drain()
        self.assertEqual(len(stored), len(contents))
        self.assert_in_mailbox(stored, ALICE, [row[:1] for row in rows], contents)
        sessions = self.server.wait_for_sessions(self.sessions_before + 200)[self.sessions_before:]
        self.assertEqual(len(sessions), 200)
        self.assertEqual(sum(int(session.get("mail", 0)) for session in sessions), len(contents))
        self.assert_no_complaint()

    # Envelope

    def test_several_recipients(self):
        for level in support.LEVELS:
            with self.subTest(level=level):
                self.setUp()
                self.deliver(support.numbered_contents(3), recipients=(ALICE, BOB), level=level)

    def test_null_sender(self):
        """The sender of a bounce is empty."""
        self.deliver(support.numbered_contents(1), sender="")

    def test_refused_recipient_in_the_middle(self):
        """OUT-01: the others get the mail, and the report has the reply to each."""
        recipients = (ALICE, NOBODY, BOB)
        contents = list(support.numbered_contents(3))
        for level in support.LEVELS:
            with self.subTest(level=level):
                self.setUp()
                result = support.send(self.server.port, contents, recipients, level=level)
                rows = self.report(result, contents, recipients)
                self.assertEqual(result.code, support.EX_UNAVAILABLE, result.errors)
                for alice, nobody, bob in rows:
                    self.assert_entry(alice, "delivered", "content", 250, "2.0.0")
                    self.assert_entry(nobody, "rejected", "rcpt", 550, "5.1.1")
                    self.assertIn("unknown", nobody["text"])
                    self.assert_entry(bob, "delivered", "content", 250, "2.0.0")
                stored = self.server.drain()
                self.assertEqual(len(stored), 2 * len(contents))
                self.assert_in_mailbox(stored, ALICE, [row[:1] for row in rows], contents)
                self.assert_in_mailbox(stored, BOB, [row[2:] for row in rows], contents)
                self.assert_session(mail=3, rcpt="6/9", data=3)
                self.assert_no_complaint()

    def test_all_recipients_refused(self):
        """Relaying is denied: nothing is stored, and the session serves the next mail as well."""
        recipients = ("a@elsewhere.example", "b@elsewhere.example")
        contents = list(support.numbered_contents(3))
        for level in support.LEVELS:
            with self.subTest(level=level):
                self.setUp()
                result = support.send(self.server.port, contents, recipients, level=level)
                rows = self.report(result, contents, recipients)
                self.assertEqual(result.code, support.EX_UNAVAILABLE, result.errors)
                for row in rows:
                    for entry in row:
                        self.assert_entry(entry, "rejected", "rcpt", 554, "5.7.1")
                self.assertEqual(self.server.drain(), [])
                session = self.server.wait_for_sessions(self.sessions_before + 1)[-1]
                counts = (session["mail"], session["rcpt"], session["quit"])
                self.assertEqual(counts, ("3", "0/6", "1"))
                self.assert_no_complaint()

    def test_size_over_the_limit(self):
        """EXT-07, OUT-05: refused before MAIL, since Postfix offers SIZE; the mails around it are
        delivered.
        """
        before, after = list(support.numbered_contents(2))
        contents = [before, support.large_content(self.server.SIZE_LIMIT + 1), after]
        for level in support.LEVELS:
            with self.subTest(level=level):
                self.setUp()
                result = support.send(self.server.port, contents, [ALICE], level=level)
                rows = self.report(result, contents, [ALICE])
                outcomes = [row[0]["outcome"] for row in rows]
                self.assertEqual(outcomes, ["delivered", "rejected", "delivered"])
                self.assertEqual(rows[1][0]["enhanced"], "5.3.4")
                self.assertEqual(result.code, support.EX_UNAVAILABLE, result.errors)
                stored = self.server.drain()
                self.assert_in_mailbox(stored, ALICE, [rows[0], rows[2]], [before, after])
                self.assert_session(mail=2, rcpt=2, data=2)
                self.assert_no_complaint()

    def assert_entry(self, entry, *expected):
        said = (entry["outcome"], entry["stage"], entry["code"], entry["enhanced"])
        self.assertEqual(said, expected, entry)


def as_stored(content):
    """Postfix stores LF line ends."""
    return support.canonical(content).replace(b"\r\n", b"\n")


if __name__ == "__main__":
    support.main(__name__)
