"""`sansmtp send` where all goes well, and where some recipients are refused."""

import json
import os
import pty
import subprocess

import support
from support import CommandTest, Server, Sink, run

MESSAGE = b"Subject: hi\r\n\r\n.dot\r\nHello!\r\n"
DELIVERED = ("delivered", "content", 250)


class SinkTest(CommandTest):
    """A test against the command's own sink, which runs for the whole class."""

    @classmethod
    def setUpClass(cls):
        cls.sink = Sink("--reject", "nobody@y.example")
        cls.addClassCleanup(cls.sink.__exit__)

    def setUp(self):
        super().setUp()
        self.seen = len(self.sink.stored())

    def send(self, *arguments, stdin=b"", sender=("--from", "a@x.example"), to=("b@y.example",), json_report=True):
        recipients = [word for address in to for word in ("--to", address)]
        return run("send", *(["--json"] if json_report else []), "--server", self.sink.server, *sender, *recipients,
                   *arguments, stdin=stdin, cwd=self.folder)

    def new(self):
        """What the sink has stored since the test began: (content, sender, recipients) of each message."""
        stored = self.sink.stored()[self.seen:]
        return [(content, envelope["sender"]["address"], [r["address"] for r in envelope["recipients"]])
                for content, envelope in stored]


class SendTest(SinkTest):
    """The envelope from the options."""

    def test_file(self):
        result = self.send(self.write("m.eml", MESSAGE))
        mails = self.assert_report(result, support.OK, DELIVERED)
        self.assertEqual(mails[0]["recipients"][0]["enhanced"], "2.0.0")
        self.assertIsNone(mails[0]["error"])
        self.assertEqual(result.err, "")
        self.assertEqual(self.new(), [(MESSAGE, "a@x.example", ["b@y.example"])])

    def test_standard_input_by_default_and_by_name(self):
        for files in ((), ("-",)):
            self.assert_report(self.send(*files, stdin=MESSAGE), support.OK, DELIVERED)
        self.assertEqual([content for content, _, _ in self.new()], [MESSAGE, MESSAGE])

    def test_null_sender(self):
        """CMD-02: both spellings of a bounce's sender."""
        for sender in ("", "<>"):
            self.assert_report(self.send(stdin=MESSAGE, sender=("--from", sender)), support.OK, DELIVERED)
        self.assertEqual([sender for _, sender, _ in self.new()], ["", ""])

    def test_many_messages_at_each_level(self):
        """PIPE-20: all in one session, in order, one line of JSON each."""
        contents = [b"Subject: %d\r\n\r\n%s" % (n, b"line %d\r\n" % n * n) for n in range(60)]
        files = [self.write(f"{n:02}.eml", content) for n, content in enumerate(contents)]
        for level in ("off", "envelope", "messages"):
            with self.subTest(level=level):
                self.seen = len(self.sink.stored())
                self.assert_report(self.send("--pipelining", level, *files), support.OK, *[DELIVERED] * 60)
                self.assertEqual([content for content, _, _ in self.new()], contents)

    def test_standard_input_between_files(self):
        files = [self.write("1", b"one\r\n"), "-", self.write("3", b"three\r\n")]
        self.assert_report(self.send(*files, stdin=b"two\r\n"), support.OK, *[DELIVERED] * 3)
        self.assertEqual([content for content, _, _ in self.new()], [b"one\r\n", b"two\r\n", b"three\r\n"])

    def test_refused_recipient(self):
        """OUT-01: one entry for each recipient given, in order; the others get the mail."""
        to = ("b@y.example", "nobody@y.example", "c@y.example")
        result = self.send(stdin=MESSAGE, to=to)
        self.assertEqual(result.code, support.UNAVAILABLE, result)
        entries = json.loads(result.out)["recipients"]
        self.assertEqual([e["address"] for e in entries], list(to))
        self.assertEqual([(e["outcome"], e["stage"], e["code"], e["enhanced"]) for e in entries],
                         [(*DELIVERED, "2.0.0"), ("rejected", "rcpt", 550, "5.1.1"), (*DELIVERED, "2.0.0")])
        self.assertEqual(self.new(), [(MESSAGE, "a@x.example", ["b@y.example", "c@y.example"])])

    def test_require_all(self):
        """TXN-08: the option keeps the mail from everybody."""
        result = self.send("--require-all", stdin=MESSAGE, to=("b@y.example", "nobody@y.example"))
        self.assertEqual(result.code, support.UNAVAILABLE, result)
        self.assertEqual(self.new(), [])

    def test_table(self):
        result = self.send(stdin=MESSAGE, to=("b@y.example", "nobody@y.example"), json_report=False)
        self.assertEqual(result.code, support.UNAVAILABLE)
        lines = result.out.splitlines()
        self.assertEqual(lines[0], "standard input: delivered to 1 of 2 recipients")
        self.assertRegex(lines[1], r"^  b@y\.example       delivered      content   250 2\.0\.0 ")
        self.assertRegex(lines[2], r"^  nobody@y\.example  rejected       rcpt      550 5\.1\.1 no such user$")

    def test_many_recipients(self):
        """TXN-26: any number of them, since the user named each one."""
        to = [f"u{n}@y.example" for n in range(400)]
        self.assert_report(self.send(stdin=MESSAGE, to=to), support.OK, DELIVERED, addresses=to)
        self.assertEqual(self.new()[0][2], to)

    def test_line_ends(self):
        """DATA-05, DATA-06: normalized by default, refused on request; exit 65 since it is the message's fault."""
        self.assert_report(self.send(stdin=b"a\n.\n\rb"), support.OK, DELIVERED)
        self.assertEqual(self.new()[0][0], b"a\r\n.\r\n\r\nb\r\n")
        result = self.send("--line-ends", "strict", stdin=b"a\nb\r\n")
        self.assert_report(result, support.DATA_ERROR, ("rejected", "mail", None))
        self.assert_one_line(result.err)
        self.assertIn("--line-ends", result.err)

    def test_trace(self):
        """ERR-01: prefixes, and content as a count of octets."""
        result = self.send("--trace", stdin=MESSAGE)
        for line in ("S: 220 ", "C: MAIL FROM:<a@x.example>", "C: RCPT TO:<b@y.example>", "S: 354 ", "C: QUIT", "S: 221 "):
            self.assertIn("\n" + line, "\n" + result.err)
        self.assertRegex(result.err, r"C: \[\d+ octets of content\]\n")
        self.assertNotIn("Hello", result.err)
        self.assertRegex(result.err, r"(?m)\A([CS]: .*\n)+\Z")

    def test_long_lines(self):
        """RFC 5322 section 2.1.1, DATA-09: sent, and told; or refused on request, and told once."""
        for content, number, size in ((b"a: b\r\n\r\n" + b"x" * 999 + b"\r\n", 3, 999), (b"x" * 998 + b"\r" + b"x" * 5000, 2, 5000),
                                      (b"\n\r\n\r" + b"x" * 1000 + b"\ny", 4, 1000)):
            with self.subTest(number=number):
                result = self.send(self.write("long.eml", content))
                self.assert_report(result, support.OK, DELIVERED)
                self.assertRegex(result.err, rf"\Asansmtp send: warning: [^\n]*long\.eml: line {number} has {size} octets[^\n]*\n\Z")
                result = self.send("--reject-long-lines", self.write("long.eml", content))
                self.assert_report(result, support.DATA_ERROR, ("rejected", "mail", None))
                self.assert_one_line(result.err)
                self.assertNotIn("warning", result.err)
        for content in (b"x" * 998, b"x" * 998 + b"\r\n", (b"x" * 998 + b"\r") * 3, (b"x" * 998 + b"\n") * 3):
            result = self.send(stdin=content)
            self.assertEqual((result.code, result.err), (support.OK, ""), content)

    def test_doubts_about_a_header_that_is_not_read(self):
        """Without -t a message goes out as it is; what its sender may not want is told."""
        for content, word in ((b"Bcc: h@y.example\r\nSubject: x\r\n\r\nx\r\n", "Bcc"), (b"From: a\r\nresent-BCC : h\r\n\r\n", "Bcc"),
                              (b"From a@x.example Mon\r\nSubject: x\r\n\r\nx\r\n", "'From ' line"),
                              (b"\xef\xbb\xbfSubject: x\r\n\r\nx\r\n", "byte order mark")):
            result = self.send(stdin=content)
            self.assert_report(result, support.OK, DELIVERED)
            self.assertRegex(result.err, rf"\Asansmtp send: warning: standard input: [^\n]*{word}[^\n]*-t leaves it out\n\Z")
            self.assertEqual(self.new()[-1][0], content)
        for content in (MESSAGE, b"Subject: x\r\n\r\nBcc: h@y.example\r\n", b"\r\nBcc: x\r\n", b"Subject: x\r\n Bcc: folded\r\n\r\n"):
            self.assertEqual(self.send(stdin=content).err, "", content)

    def test_bind_and_ehlo(self):
        """NET-02, SESS-14: the server sees the address and the name."""
        with Server() as server:
            result = run("send", "--server", server.server, "--bind", "127.0.0.2", "--ehlo", "me.example",
                         "--from", "a@x.example", "--to", "b@y.example", stdin=MESSAGE)
            self.assertEqual(result.code, support.OK, result)
            self.assertEqual(server.peers, ["127.0.0.2"])
            self.assertEqual(server.lines[0], b"EHLO me.example\r\n")

    def test_progress_only_on_a_terminal(self):
        large = self.write("large.eml", b"Subject: large\r\n\r\n" + (b"x" * 76 + b"\r\n") * 200000)
        self.assertEqual(self.send(large).err, "")
        ours, theirs = pty.openpty()
        with os.fdopen(ours, "rb", buffering=0) as terminal:
            with subprocess.Popen([support.command(), "send", "--server", self.sink.server, "--from", "a@x.example",
                                   "--to", "b@y.example", large], stdout=subprocess.DEVNULL, stderr=theirs) as process:
                os.close(theirs)
                shown = b""
                try:
                    while piece := terminal.read(4096):
                        shown += piece
                except OSError:  # how a pseudo-terminal ends
                    pass
            self.assertEqual(process.returncode, support.OK)
        self.assertRegex(shown, rb"large\.eml: \d+ % of 14\.9 MiB sent")
        self.assertTrue(shown.endswith(b"\r\x1b[K"), shown[-100:])


class HeaderEnvelopeTest(SinkTest):
    """The envelope from the header (RFC 5322 section 3.4)."""

    def from_header(self, header, *arguments, body=b"\r\nbody\r\n"):
        return self.send("--from-header", *arguments, stdin=header + body, sender=(), to=())

    def assert_envelope(self, header, sender, recipients, sent=None):
        result = self.from_header(header)
        self.assertEqual(result.code, support.OK, result)
        content, got_sender, got_recipients = self.new()[-1]
        self.assertEqual((got_sender, got_recipients), (sender, recipients))
        self.assertEqual(content, (header if sent is None else sent) + b"\r\nbody\r\n")
        self.assertEqual([e["address"] for e in json.loads(result.out)["recipients"]], recipients)

    def test_plain(self):
        self.assert_envelope(b"From: a@x.example\r\nTo: b@y.example\r\nCc: c@y.example, d@y.example\r\n",
                             "a@x.example", ["b@y.example", "c@y.example", "d@y.example"])

    def test_bcc_is_removed_and_served(self):
        self.assert_envelope(b"From: a@x.example\r\nBCC : h@y.example,\r\n i@y.example\r\nTo: b@y.example\r\nBcc:\r\n",
                             "a@x.example", ["h@y.example", "i@y.example", "b@y.example"],
                             sent=b"From: a@x.example\r\nTo: b@y.example\r\n")

    def test_bcc_alone(self):
        """A message of nothing else is empty then, and does not go out as it was."""
        result = self.from_header(b"Bcc: h@y.example", "--from", "a@x.example", body=b"")
        self.assert_report(result, support.DATA_ERROR, ("rejected", "mail", None), addresses=["h@y.example"])
        self.assertEqual(self.new(), [])

    def test_folding_comments_quotes_groups_routes(self):
        self.assert_envelope(
            b'From: "Last, First (not a comment)" (a (nested\\) comment))\r\n\t<a@x.example>\r\n'
            b'To: Friends: B <b@y.example>, "c d"@y.example (c; d,);,\r\n'
            b" John Q. Public <@r.example,@s.example:e@y.example>\r\n"
            b"Cc: undisclosed-recipients:;\r\ncc: f . g @ y . example\r\n",
            "a@x.example", ["b@y.example", '"c d"@y.example', "e@y.example", "f.g@y.example"])

    def test_lf_and_cr_line_ends(self):
        for end in (b"\n", b"\r"):
            result = self.from_header(b"From: a@x.example%sBcc: h@y.example%s  ,i@y.example%sTo: b@y.example%s" %
                                      ((end,) * 4), body=end + b"body" + end)
            self.assertEqual(result.code, support.OK, result)
            self.assertEqual(self.new()[-1], (b"From: a@x.example\r\nTo: b@y.example\r\n\r\nbody\r\n", "a@x.example",
                                              ["h@y.example", "i@y.example", "b@y.example"]))

    def test_mixed_line_ends(self):
        """What stands before and behind a Bcc field does not become one line end: the body stays the body."""
        result = self.from_header(b"From: a@x.example\rTo: b@y.example\rBcc: h@y.example\n", body=b"\nno: field\n")
        self.assertEqual(result.code, support.OK, result)
        self.assertEqual(self.new()[-1][0], b"From: a@x.example\r\nTo: b@y.example\r\n\r\nno: field\r\n")

    def test_sender(self):
        """Sender before From before Return-Path."""
        to = b"To: b@y.example\r\n"
        for header, sender in ((b"From: a@x.example, c@x.example\r\nSender: d@x.example\r\n", "d@x.example"),
                               (b"Return-Path: <r@x.example>\r\nFrom: a@x.example\r\n", "a@x.example"),
                               (b"Return-Path: <>\r\n", "")):
            self.assert_envelope(header + to, sender, ["b@y.example"])

    def test_options_add_and_win(self):
        result = self.from_header(b"From: a@x.example\r\nTo: b@y.example\r\n", "--from", "z@x.example",
                                  "--to", "c@y.example")
        self.assertEqual(result.code, support.OK, result)
        self.assertEqual(self.new()[-1][1:], ("z@x.example", ["c@y.example", "b@y.example"]))

    def test_same_address_twice(self):
        self.assert_envelope(b"From: a@x.example\r\nTo: b@y.example\r\nCc: <b@y.example>\r\n", "a@x.example",
                             ["b@y.example"])

    def test_sender_that_is_given_is_not_looked_for(self):
        """An empty or odd From field matters only to whom it has to name the sender."""
        for field in (b"From:\r\n", b"", b"From: a, b\r\n", b"From: <a@x.example\r\n", b"Sender: \"\r\n"):
            header = field + b"To: b@y.example\r\n"
            result = self.from_header(header, "--from", "z@x.example")
            self.assertEqual(result.code, support.OK, result)
            self.assertEqual(self.new()[-1][:2], (header + b"\r\nbody\r\n", "z@x.example"))
            result = self.from_header(header)
            self.assertEqual(result.code, support.DATA_ERROR, result)
            self.assert_one_line(result.err)
            self.assertIn("--from", result.err)

    def test_resent(self):
        """RFC 5322 section 3.6.6: the latest sending tells the envelope, the first one does not."""
        original = b"From: a@x.example\r\nTo: b@y.example\r\nCc: c@y.example\r\n"
        latest = b"Resent-From: r@x.example\r\nResent-To: d@y.example, e@y.example\r\nRESENT-CC: f@y.example\r\n"
        older = b"Resent-To: old@y.example\r\nResent-From: o@x.example\r\nResent-Cc: older@y.example\r\n"
        to = ["d@y.example", "e@y.example", "f@y.example"]
        for header in (latest + original, latest + older + original, latest + b"Received: x\r\n" + older + b"X: y\r\n" + original,
                       b"Received: x\r\n" + latest + original + older):
            with self.subTest(header=header):
                self.assert_envelope(header, "r@x.example", to)
        # A list that parts its block by other fields.
        parted = latest.replace(b"RESENT-CC", b"List-Id: x\r\nResent-Sender: s@x.example\r\nX: y\r\nResent-Cc")
        self.assert_envelope(parted + original + older, "s@x.example", to)
        # Its Bcc fields are served or not, but never shown.
        hidden = b"Resent-Bcc: g@y.example,\r\n h@y.example\r\n"
        self.assert_envelope(hidden + latest + original + b"Bcc: i@y.example\r\n" + older + b"Resent-Bcc: j@y.example\r\n",
                             "r@x.example", ["g@y.example", "h@y.example", *to], sent=latest + original + older)

    def test_resent_and_options(self):
        header = b"Resent-Sender: s@x.example\r\nResent-Date: x\r\nFrom: a@x.example\r\nTo: b@y.example\r\n"
        result = self.from_header(header, "--from", "z@x.example", "--to", "c@y.example")
        self.assertEqual(result.code, support.OK, result)
        self.assertEqual(self.new()[-1][1:], ("z@x.example", ["c@y.example"]))
        result = self.from_header(header)
        self.assertEqual(result.code, support.DATA_ERROR, result)
        self.assertIn("the Resent- fields name no recipients; name them with --to", result.err)
        result = self.from_header(b"Resent-To: c@y.example\r\nFrom: a@x.example\r\nTo: b@y.example\r\n")
        self.assertEqual(result.code, support.DATA_ERROR, result)
        self.assertIn("the Resent- fields name no sender; name one with --from", result.err)

    def test_what_stands_before_the_header(self):
        """A byte order mark, and the first line of a mail in a mailbox file: left out, as they would hide the header."""
        header = b"From: a@x.example\r\nTo: b@y.example\r\n"
        self.assert_envelope(b"From \t: a@x.example\r\nTo : b@y.example\r\n", "a@x.example", ["b@y.example"])  # an old-fashioned field
        for before in (b"\xef\xbb\xbf", b"From a@x.example Mon Sep 17 00:00:00 2001\r\n", b"\xef\xbb\xbfFrom a\n"):
            with self.subTest(before=before):
                self.assert_envelope(before + header, "a@x.example", ["b@y.example"], sent=header)
                self.assert_envelope(before + b"Bcc: c@y.example\r\n" + header, "a@x.example", ["c@y.example", "b@y.example"],
                                     sent=header)
                result = self.from_header(before + header + b"no field\r\n")
                self.assertIn(f"line {4 if b'From' in before else 3} of the message", result.err)

    def test_the_way_out_does_not_show_bcc(self):
        """What is said to do instead of -t must not send the Bcc field to all."""
        for header in (b"From: f@a.test\r\nTo: a@b.test, undisclosed people\r\nBcc: secret@b.test\r\n",
                       b"no field\r\nTo: a@b.test\r\nresent-bcc : secret@b.test\r\n", b"From: a, b\r\nTo: a@b.test\r\nBcc:\r\n"):
            with self.subTest(header=header):
                result = self.from_header(header)
                self.assertEqual(result.code, support.DATA_ERROR, result)
                self.assert_one_line(result.err)
                self.assertIn("take the Bcc field out", result.err)
        self.assertNotIn("Bcc", self.from_header(b"From: f@a.test\r\nTo: a@b.test, undisclosed people\r\n", body=b"\r\nBcc: x\r\n").err)

    def test_refused_headers(self):
        """Never a guess: one clear line, exit 65, nothing sent, also no part of the recipients."""
        usual = b"From: a@x.example\r\n"
        for header in (usual, b"To: b@y.example\r\n", usual + b"To: b@y.example, b c@y.example\r\n",
                       usual + b"To: b@y.example <c@y.example\r\n", usual + b"To: <>\r\n", usual + b"To: b@y\x00.example\r\n",
                       usual + b'To: "b@y.example\r\n', usual + b"To: b@y.example (\r\n", usual + b"To: g: b@y.example\r\n",
                       usual + b"To: b@y.example c@y.example\r\n", usual + b"To: )\r\n", usual + b"To: <b@y.example> x\r\n",
                       usual + b"To: b@y.example\r\nno field\r\nBcc: c@y.example\r\n", usual + b": x\r\nTo: b@y.example\r\n",
                       usual + b"From a@x.example Mon\r\nTo: b@y.example\r\n", usual + b"To: @\r\n",
                       b"From: a@x.example, c@x.example\r\nTo: b@y.example\r\n", usual + b"To: b\\@y.example\r\n",
                       usual + b"Resent-To: c@y.example\r\nTo: b@y.example\r\n", usual + b"To: root\r\n"):
            with self.subTest(header=header):
                result = self.from_header(header)
                self.assertEqual(result.code, support.DATA_ERROR, result)
                self.assert_one_line(result.err)
                self.assertIsNotNone(json.loads(result.out)["error"])
        self.assertEqual(self.new(), [])

    def test_each_message_has_its_own(self):
        files = [self.write(f"{n}.eml", b"From: s%d@x.example\r\nTo: r%d@y.example\r\n\r\nx\r\n" % (n, n)) for n in range(3)]
        files.insert(1, self.write("bad.eml", b"From: s@x.example\r\n\r\nx\r\n"))
        result = self.send("-t", *files, sender=(), to=())
        self.assertEqual(result.code, support.DATA_ERROR, result)
        self.assertEqual([len(json.loads(line)["recipients"]) for line in result.out.splitlines()], [1, 0, 1, 1])
        self.assertEqual([(sender, to) for _, sender, to in self.new()],
                         [(f"s{n}@x.example", [f"r{n}@y.example"]) for n in range(3)])


if __name__ == "__main__":
    support.main()
