#!/usr/bin/python3
"""Real Postfix on loopback: what the command sends is what Postfix stores, and the report says what
Postfix said.
"""

import collections
import re

import servers
import support

ALICE, BOB, NOBODY = (f"{name}@{servers.DOMAIN}" for name in ("alice", "bob", "nobody"))
MEBIBYTE = 1024 * 1024


class PostfixFixture(support.InteropTest):
    """What tests with a Postfix have in common: they are done in each of WAYS, which are options of
    the command.
    """

    WAYS = {level: ("--pipelining", level) for level in support.LEVELS}

    def each_way(self):
        for name, options in self.WAYS.items():
            with self.subTest(way=name):
                self.setUp()
                yield options

    @property
    def usual(self):
        """The way of a test for which the level makes no difference."""
        return self.WAYS["envelope"]

    def commands_for(self, content):
        """How many commands of which verb bring a content, as Postfix counts them."""
        return {"data": 1}

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
        self.assert_session(sent, mail=len(sent), rcpt=len(sent) * len(recipients))
        self.assert_no_complaint()

    def assert_in_mailbox(self, stored, recipient, rows, contents, sender="sender@client.example"):
        mailbox = [message for message in stored if message.recipients == (recipient,)]
        self.assert_stored(mailbox, rows, [as_stored(content) for content in contents],
                           [recipient], sender)

    def assert_session(self, contents, **commands):
        """Checks that there was one session since setUp, with these commands and those that bring
        `contents` between EHLO and QUIT, and no others.
        """
        session, = self.server.wait_for_sessions(self.sessions_before + 1)[self.sessions_before:]
        counts = collections.Counter()
        for content in contents:
            counts.update(self.commands_for(content))
        counts.update({"ehlo": 1, "quit": 1})
        expected = {name: str(count) for name, count in {**counts, **commands}.items()}
        session.pop("commands")
        self.assertEqual(session, expected)

    def assert_no_complaint(self):
        self.assertEqual(self.server.complaints()[self.complaints_before:], [])

    def assert_entry(self, entry, *expected):
        said = (entry["outcome"], entry["stage"], entry["code"], entry["enhanced"])
        self.assertEqual(said, expected, entry)

    def send_to_each(self, contents, options, every):
        """Sends each mail to ALICE, but every so many to NOBODY alone, as the header says."""
        addressed = [b"To: %s\r\n" % (NOBODY if n % every == 0 else ALICE).encode() + content
                     for n, content in enumerate(contents, 1)]
        return support.send(self.server.port, addressed, (), options=(*options, "-t"))

    def assert_accounted(self, result, contents):
        """Checks that what the server has is what the report calls delivered, each once, octet for
        octet. What the report calls in doubt may be there, too, and nothing else is.
        """
        self.assertEqual([mail["mail"] for mail in result.mails],
                         list(range(1, len(contents) + 1)), result.errors)
        stored = self.server.drain()
        by_id = {message.id: message for message in stored}
        self.assertEqual(len(by_id), len(stored))
        doubtful = 0
        for mail, content in zip(result.mails, contents):
            entry = mail["recipients"][0]
            doubtful += entry["outcome"] == "in_doubt"
            if entry["outcome"] == "delivered":
                message = by_id.pop(support.identity_in([entry]))
                self.assertTrue(message.content.endswith(as_stored(content)), mail)
        self.assertLessEqual(len(by_id), doubtful)


class PostfixTest(PostfixFixture):
    server_type = servers.Postfix

    # Content

    def test_plain_contents(self):
        """DATA-01, DATA-02, DATA-03, DATA-06, EXT-08: dots, longest lines, LF, bare CR, 8-bit, no
        final line end.
        """
        for options in self.each_way():
            self.deliver(support.plain_contents(), options=options)

    def test_smuggling_sequences(self):
        """DATA-07, SEC-02: Postfix sees one message for each content, and no bare LF."""
        for options in self.each_way():
            self.deliver((b"Subject: s\r\n\r\nb" + sequence + support.SMUGGLED
                          for sequence in support.SMUGGLING), options=options)

    def test_large_content(self):
        """10 MiB, with dots."""
        content = support.large_content(10 * MEBIBYTE)
        self.assertEqual(len(content), 10 * MEBIBYTE)
        for options in self.each_way():
            self.deliver([content], options=options)

    def test_other_clients(self):
        """EXT-14, EXT-15: Postfix logs for each mail the client that XCLIENT tells of, and the one
        that XFORWARD does, in one session.
        """
        options = ("--xclient", "NAME=told.example", "--xclient", "ADDR=192.0.2.77",
                   "--xforward", "NAME=origin.example", "--xforward", "ADDR=192.0.2.78",
                   "--xforward", "HELO=", "--xforward", "SOURCE=REMOTE")
        for level in self.each_way():
            log_before = len(self.server.log())
            contents = list(support.numbered_contents(3))
            result = support.send(self.server.port, contents, (ALICE,), options=(*level, *options))
            self.assert_delivered(result, contents, (ALICE,))
            self.assertEqual(len(self.server.drain()), len(contents))
            # The session begins anew behind XCLIENT before Postfix has counted it as done.
            self.assert_session(contents, mail=3, rcpt=3, xclient="0/1", xforward=3, ehlo=2)
            self.assert_no_complaint()
            clients = re.findall(r": client=(\S+), (?:.*, )?orig_client=(\S+)",
                                 self.server.log()[log_before:])
            self.assertEqual(clients, 3 * [("told.example[192.0.2.77]", "origin.example[192.0.2.78]")])

    def test_standard_input(self):
        """"-" is standard input, also between files."""
        before, after = list(support.numbered_contents(2))
        for options in self.each_way():
            self.deliver([before, None, after], stdin=b"Subject: stdin\n\n.\nfrom a pipe\n",
                         options=options)

    def test_thousand_messages_in_one_session(self):
        """PIPE-20: the same at each level, each message once and under the identity of its own
        reply.
        """
        contents = list(support.numbered_contents(1000))
        for options in self.each_way():
            self.deliver(contents, options=(*options, "--mails-per-connection", "0"))

    def test_several_sessions_by_default(self):
        """One after the other, with 100 mails each: each message once."""
        contents = list(support.numbered_contents(250))
        result = support.send(self.server.port, contents, (ALICE,), options=self.usual)
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
        result = support.send(self.server.port, contents, (ALICE,),
                              options=(*self.usual, "--parallel", "200"))
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
        for options in self.each_way():
            self.deliver(support.numbered_contents(3), recipients=(ALICE, BOB), options=options)

    def test_null_sender(self):
        """The sender of a bounce is empty."""
        self.deliver(support.numbered_contents(1), sender="", options=self.usual)

    def test_refused_recipient_in_the_middle(self):
        """OUT-01: the others get the mail, and the report has the reply to each."""
        recipients = (ALICE, NOBODY, BOB)
        contents = list(support.numbered_contents(3))
        for options in self.each_way():
            result = support.send(self.server.port, contents, recipients, options=options)
            rows = self.report(result, contents, recipients)
            self.assertEqual(result.code, support.EX_UNAVAILABLE, result.errors)
            for alice, nobody, bob in rows:
                self.assert_entry(alice, "delivered", self.FINAL_STAGE, 250, "2.0.0")
                self.assert_entry(nobody, "rejected", "rcpt", 550, "5.1.1")
                self.assertIn("unknown", nobody["text"])
                self.assert_entry(bob, "delivered", self.FINAL_STAGE, 250, "2.0.0")
            stored = self.server.drain()
            self.assertEqual(len(stored), 2 * len(contents))
            self.assert_in_mailbox(stored, ALICE, [row[:1] for row in rows], contents)
            self.assert_in_mailbox(stored, BOB, [row[2:] for row in rows], contents)
            self.assert_session(contents, mail=3, rcpt="6/9")
            self.assert_no_complaint()

    def test_all_recipients_refused(self):
        """Relaying is denied: nothing is stored, and the session serves the next mail as well."""
        recipients = ("a@elsewhere.example", "b@elsewhere.example")
        contents = list(support.numbered_contents(3))
        for options in self.each_way():
            result = support.send(self.server.port, contents, recipients, options=options)
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
        for options in self.each_way():
            result = support.send(self.server.port, contents, [ALICE], options=options)
            rows = self.report(result, contents, [ALICE])
            outcomes = [row[0]["outcome"] for row in rows]
            self.assertEqual(outcomes, ["delivered", "rejected", "delivered"])
            self.assertEqual(rows[1][0]["enhanced"], "5.3.4")
            self.assertEqual(result.code, support.EX_UNAVAILABLE, result.errors)
            stored = self.server.drain()
            self.assert_in_mailbox(stored, ALICE, [rows[0], rows[2]], [before, after])
            self.assert_session([before, after], mail=2, rcpt=2)
            self.assert_no_complaint()

    def test_size_over_the_limit_that_is_not_seen(self):
        """The same where SIZE is ignored: Postfix refuses the content, which is read to its end,
        and the mails around it are delivered.
        """
        before, after = list(support.numbered_contents(2))
        contents = [before, support.large_content(self.server.SIZE_LIMIT + 300_000), after]
        for options in self.each_way():
            result = support.send(self.server.port, contents, [ALICE],
                                  options=(*options, "--ignore", "SIZE"))
            rows = self.report(result, contents, [ALICE])
            self.assertEqual([(row[0]["outcome"], row[0]["code"]) for row in rows],
                             [("delivered", 250), ("rejected", 552), ("delivered", 250)], result)
            self.assert_in_mailbox(self.server.drain(), ALICE, [rows[0], rows[2]], [before, after])

    def test_every_third_mail_refused(self):
        """A mail that nobody gets costs its neighbours nothing."""
        contents = list(support.numbered_contents(60))
        for options in self.each_way():
            result = self.send_to_each(contents, options, every=3)
            self.assertEqual([mail["recipients"][0]["outcome"] for mail in result.mails],
                             ["delivered" if n % 3 else "rejected" for n in range(1, 61)],
                             result.errors)
            self.assert_accounted(result, contents)


class ErrorLimitTest(PostfixFixture):
    """A Postfix that ends a session with 421 once its client has made some errors."""

    class server_type(servers.Postfix):
        MAIN_CF = servers.Postfix.MAIN_CF + """\
smtpd_soft_error_limit = 2
smtpd_hard_error_limit = 5
"""

    def test_error_limit_reached(self):
        """Every fourth mail is an error, so that the session ends again and again: nobody is told
        what is not so, and whoever may be sent to again is, over further sessions.
        """
        contents = list(support.numbered_contents(80))
        for options in self.each_way():
            result = self.send_to_each(contents, options, every=4)
            self.assert_accounted(result, contents)
            outcomes = collections.Counter(mail["recipients"][0]["outcome"]
                                           for mail in result.mails)
            self.assertGreaterEqual(outcomes["delivered"], 40, outcomes)
            self.assertLessEqual(outcomes["rejected"], 20, outcomes)


def as_stored(content):
    """Postfix stores LF line ends."""
    return support.canonical(content).replace(b"\r\n", b"\n")


if __name__ == "__main__":
    support.main(__name__)
