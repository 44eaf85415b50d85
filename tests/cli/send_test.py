"""`sansmtp send` where all goes well, and where some recipients are refused."""

import itertools
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

    def send(
        self,
        *arguments,
        stdin=b"",
        sender=("--from", "a@x.example"),
        to=("b@y.example",),
        json_report=True
    ):
        recipients = [word for address in to for word in ("--to", address)]
        return run(
            "send",
            *(["--json"] if json_report else []),
            "--server",
            self.sink.server,
            *sender,
            *recipients,
            *arguments,
            stdin=stdin,
            cwd=self.folder
        )

    def new(self):
        """What the sink has stored since the test began: (content, sender, recipients) of each
        message.
        """
        stored = self.sink.stored()[self.seen:]
        return [
            (content, envelope["sender"]["address"], [r["address"] for r in envelope["recipients"]])
            for content, envelope in stored
        ]


class ParameterTest(CommandTest):
    """What a mail asks of servers beyond its addresses."""

    OFFERS = ("DELIVERBY 60", "MT-PRIORITY MIXER", "FUTURERELEASE 100000 2030-01-01T00:00:00Z")

    def send(self, sink, *arguments, to=("b@y.example",)):
        return run("send", "--server", sink.server, "--from", "a@x.example", *(word for a in to for word in ("--to", a)), *arguments,
                   stdin=MESSAGE)

    def test_options(self):
        """DSN-02 to DSN-05, EXT-12, EXT-13: as they were given, over one link and over several."""
        every = ("--notify", "delay,success", "--ret", "hdrs", "--envid", "q+1", "--orcpt", "same", "--deliver-by", "2h:return",
                 "--priority=-3", "--hold-for", "90s")
        with Sink(*(word for offer in self.OFFERS for word in ("--offer", offer))) as sink:
            ways = ((), ("--parallel", "2")) if "--parallel" in run("send", "--help").out else ((),)
            for way in ways:
                result = self.send(sink, *every, *way, to=("b+c@y.example", "d@y.example"))
                self.assertEqual(result.code, support.OK, result)
                envelope = sink.stored()[-1][1]
                sender = [p for p in envelope["sender"]["parameters"] if not p.startswith(("SIZE=", "BODY="))]
                self.assertEqual(sender, ["RET=HDRS", "ENVID=q+2B1", "BY=7200;R", "MT-PRIORITY=-3", "HOLDFOR=90"])
                self.assertEqual([r["parameters"] for r in envelope["recipients"]],
                                 [["NOTIFY=SUCCESS,DELAY", f"ORCPT=rfc822;{a}"] for a in ("b+2Bc@y.example", "d@y.example")])
            for options, expected in (
                    (("--deliver-by", "90s"), "BY=90;N"), (("--deliver-by", "90s:notify"), "BY=90;N"),
                    (("--hold-until", "2029-12-31T23:00:00Z"), "HOLDUNTIL=2029-12-31T23:00:00Z"), (("--priority", "9"), "MT-PRIORITY=9")):
                with self.subTest(options=options):
                    self.assertEqual(self.send(sink, *options).code, support.OK)
                    self.assertIn(expected, sink.stored()[-1][1]["sender"]["parameters"])
            for original, expected in (("rfc822;o@x.example", "rfc822;o@x.example"), ("o@x.example", "rfc822;o@x.example"),
                                       ("\u00e9@x.example", "utf-8;\\x{E9}@x.example")):
                with self.subTest(original=original):
                    self.assertEqual(self.send(sink, "--orcpt", original).code, support.OK)
                    self.assertEqual(sink.stored()[-1][1]["recipients"][0]["parameters"], [f"ORCPT={expected}"])

    def test_bounds_of_the_server(self):
        """EXT-12, EXT-13: what the server does not promise is not asked for."""
        with Sink(*(word for offer in self.OFFERS for word in ("--offer", offer))) as sink:
            for options in (("--deliver-by", "59s:return"), ("--hold-for", "100001s"), ("--hold-until", "2030-01-01T00:00:01Z")):
                with self.subTest(options=options):
                    result = self.send(sink, *options)
                    self.assertEqual(result.code, support.UNAVAILABLE, result)
                    self.assertIn("bounds", result.out + result.err)
            self.assertEqual(sink.stored(), [])

    def test_what_is_not_offered(self):
        """DSN-01, CMD-14: options of DSN are left out unless they are required; no other is."""
        with Sink("--hide", "DSN") as sink:
            result = self.send(sink, "--notify", "never", "--ret", "full")
            self.assertEqual(result.code, support.OK, result)
            self.assertEqual(sink.stored()[-1][1]["recipients"][0]["parameters"], [])
            for options in (("--notify", "never", "--dsn-required"), ("--deliver-by", "2h"), ("--priority", "1"), ("--hold-for", "90s"),
                            ("--require-tls",)):
                with self.subTest(options=options):
                    self.assertEqual(self.send(sink, *options).code, support.UNAVAILABLE)
            self.assertEqual(len(sink.stored()), 1)

    def test_values_that_no_server_takes(self):
        """Told before there is a server, and each by its option."""
        for options in (("--notify", "always"), ("--notify", "never,delay"), ("--notify", ""), ("--ret", "none"), ("--envid", "\n"),
                        ("--envid", "x" * 101), ("--envid", ""), ("--orcpt", "nobody"), ("--orcpt", ""), ("--deliver-by", "soon"),
                        ("--deliver-by", "0"), ("--deliver-by", "250ms"), ("--deliver-by", "2h:bounce"), ("--priority", "10"),
                        ("--priority", "high"), ("--priority", ""), ("--hold-for", "0"), ("--hold-for", "x"), ("--hold-until", "tomorrow")):
            with self.subTest(options=options):
                result = run("send", "--server", "127.0.0.1:1", "--from", "a@x.example", "--to", "b@y.example", *options)
                self.assertEqual((result.code, result.out), (support.USAGE, ""), result)
                self.assert_one_line(result.err)
                self.assertIn(options[0], result.err)
        for options in (("--hold-for", "1h", "--hold-until", "2030-01-01T00:00:00Z"), ("--orcpt", "o@x.example", "--to", "c@y.example")):
            with self.subTest(options=options):
                result = run("send", "--server", "127.0.0.1:1", "--from", "a@x.example", "--to", "b@y.example", *options)
                self.assertEqual(result.code, support.USAGE, result)


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
            self.assert_report(
                self.send(stdin=MESSAGE, sender=("--from", sender)), support.OK, DELIVERED
            )
        self.assertEqual([sender for _, sender, _ in self.new()], ["", ""])

    def test_many_messages_at_each_level(self):
        """PIPE-20: all in one session, in order, one line of JSON each."""
        contents = [b"Subject: %d\r\n\r\n%s" % (n, b"line %d\r\n" % n * n) for n in range(60)]
        files = [self.write(f"{n:02}.eml", content) for n, content in enumerate(contents)]
        for level in ("off", "envelope", "messages"):
            with self.subTest(level=level):
                self.seen = len(self.sink.stored())
                self.assert_report(
                    self.send("--pipelining", level, *files), support.OK, *[DELIVERED] * 60
                )
                self.assertEqual([content for content, _, _ in self.new()], contents)

    def test_standard_input_between_files(self):
        files = [self.write("1", b"one\r\n"), "-", self.write("3", b"three\r\n")]
        self.assert_report(self.send(*files, stdin=b"two\r\n"), support.OK, *[DELIVERED] * 3)
        self.assertEqual(
            [content for content, _, _ in self.new()], [b"one\r\n", b"two\r\n", b"three\r\n"]
        )

    def test_refused_recipient(self):
        """OUT-01: one entry for each recipient given, in order; the others get the mail."""
        to = ("b@y.example", "nobody@y.example", "c@y.example")
        result = self.send(stdin=MESSAGE, to=to)
        self.assertEqual(result.code, support.UNAVAILABLE, result)
        entries = json.loads(result.out)["recipients"]
        self.assertEqual([e["address"] for e in entries], list(to))
        self.assertEqual(
            [(e["outcome"], e["stage"], e["code"], e["enhanced"]) for e in entries],
            [(*DELIVERED, "2.0.0"), ("rejected", "rcpt", 550, "5.1.1"), (*DELIVERED, "2.0.0")],
        )
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
        self.assertRegex(
            lines[2], r"^  nobody@y\.example  rejected       rcpt      550 5\.1\.1 no such user$"
        )

    def test_many_recipients(self):
        """TXN-26: any number of them, since the user named each one."""
        to = [f"u{n}@y.example" for n in range(400)]
        self.assert_report(self.send(stdin=MESSAGE, to=to), support.OK, DELIVERED, addresses=to)
        self.assertEqual(self.new()[0][2], to)

    def test_line_ends(self):
        """DATA-05, DATA-06: normalized by default, refused on request; exit 65 since it is the
        message's fault.
        """
        self.assert_report(self.send(stdin=b"a\n.\n\rb"), support.OK, DELIVERED)
        self.assertEqual(self.new()[0][0], b"a\r\n.\r\n\r\nb\r\n")
        result = self.send("--line-ends", "strict", stdin=b"a\nb\r\n")
        self.assert_report(result, support.DATA_ERROR, ("rejected", "mail", None))
        self.assert_one_line(result.err)
        self.assertIn("--line-ends", result.err)

    def test_trace(self):
        """ERR-01: prefixes, and content as a count of octets."""
        result = self.send("--trace", stdin=MESSAGE)
        for line in (
            "S: 220 ",
            "C: MAIL FROM:<a@x.example>",
            "C: RCPT TO:<b@y.example>",
            "S: 354 ",
            "C: QUIT",
            "S: 221 ",
        ):
            self.assertIn("\n" + line, "\n" + result.err)
        self.assertRegex(result.err, r"C: \[\d+ octets of content\]\n")
        self.assertNotIn("Hello", result.err)
        self.assertRegex(result.err, r"(?m)\A([CS]: .*\n)+\Z")

    def test_long_lines(self):
        """RFC 5322 section 2.1.1, DATA-09: sent, and told; or refused on request, and told once."""
        for content, number, size in (
            (b"a: b\r\n\r\n" + b"x" * 999 + b"\r\n", 3, 999),
            (b"x" * 998 + b"\r" + b"x" * 5000, 2, 5000),
            (b"\n\r\n\r" + b"x" * 1000 + b"\ny", 4, 1000),
        ):
            with self.subTest(number=number):
                result = self.send(self.write("long.eml", content))
                self.assert_report(result, support.OK, DELIVERED)
                self.assertRegex(
                    result.err,
                    rf"\Asansmtp send: warning: [^\n]*long\.eml: line {number} has {size} "
                    rf"octets[^\n]*\n\Z",
                )
                result = self.send("--reject-long-lines", self.write("long.eml", content))
                self.assert_report(result, support.DATA_ERROR, ("rejected", "mail", None))
                self.assert_one_line(result.err)
                self.assertNotIn("warning", result.err)
        for content in (
            b"x" * 998,
            b"x" * 998 + b"\r\n",
            (b"x" * 998 + b"\r") * 3,
            (b"x" * 998 + b"\n") * 3,
        ):
            result = self.send(stdin=content)
            self.assertEqual((result.code, result.err), (support.OK, ""), content)

    def test_doubts_about_a_header_that_is_not_read(self):
        """Without -t a message goes out as it is; what its sender may not want is told."""
        for content, word in (
            (b"Bcc: h@y.example\r\nSubject: x\r\n\r\nx\r\n", "Bcc"),
            (b"From: a\r\nresent-BCC : h\r\n\r\n", "Bcc"),
            (b"From a@x.example Mon\r\nSubject: x\r\n\r\nx\r\n", "'From ' line"),
            (b"\xef\xbb\xbfSubject: x\r\n\r\nx\r\n", "byte order mark"),
        ):
            result = self.send(stdin=content)
            self.assert_report(result, support.OK, DELIVERED)
            self.assertRegex(
                result.err,
                rf"\Asansmtp send: warning: standard input: [^\n]*{word}[^\n]*-t leaves it out\n\Z",
            )
            self.assertEqual(self.new()[-1][0], content)
        for content in (
            MESSAGE,
            b"Subject: x\r\n\r\nBcc: h@y.example\r\n",
            b"\r\nBcc: x\r\n",
            b"Subject: x\r\n Bcc: folded\r\n\r\n",
        ):
            self.assertEqual(self.send(stdin=content).err, "", content)

    def test_bind_and_ehlo(self):
        """NET-02, SESS-14: the server sees the address and the name."""
        with Server() as server:
            result = run(
                "send",
                "--server",
                server.server,
                "--bind",
                "127.0.0.2",
                "--ehlo",
                "me.example",
                "--from",
                "a@x.example",
                "--to",
                "b@y.example",
                stdin=MESSAGE,
            )
            self.assertEqual(result.code, support.OK, result)
            self.assertEqual(server.peers, ["127.0.0.2"])
            self.assertEqual(server.lines[0], b"EHLO me.example\r\n")

    def test_progress_only_on_a_terminal(self):
        large = self.write("large.eml", b"Subject: large\r\n\r\n" + (b"x" * 76 + b"\r\n") * 200000)
        self.assertEqual(self.send(large).err, "")
        ours, theirs = pty.openpty()
        with os.fdopen(ours, "rb", buffering=0) as terminal:
            with subprocess.Popen(
                [
                    support.command(),
                    "send",
                    "--server",
                    self.sink.server,
                    "--from",
                    "a@x.example",
                    "--to",
                    "b@y.example",
                    large,
                ],
                stdout=subprocess.DEVNULL,
                stderr=theirs,
            ) as process:
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
        self.assert_envelope(
            b"From: a@x.example\r\nTo: b@y.example\r\nCc: c@y.example, d@y.example\r\n",
            "a@x.example",
            ["b@y.example", "c@y.example", "d@y.example"],
        )

    def test_bcc_is_removed_and_served(self):
        self.assert_envelope(
            b"From: a@x.example\r\nBCC : h@y.example,\r\n i@y.example\r\nTo: b@y.example\r\n"
            b"Bcc:\r\n",
            "a@x.example",
            ["h@y.example", "i@y.example", "b@y.example"],
            sent=b"From: a@x.example\r\nTo: b@y.example\r\n",
        )

    def test_bcc_alone(self):
        """A message of nothing else is empty then, and does not go out as it was."""
        result = self.from_header(b"Bcc: h@y.example", "--from", "a@x.example", body=b"")
        self.assert_report(
            result, support.DATA_ERROR, ("rejected", "mail", None), addresses=["h@y.example"]
        )
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
            result = self.from_header(
                b"From: a@x.example%sBcc: h@y.example%s  ,i@y.example%sTo: b@y.example%s"
                % ((end,) * 4),
                body=end + b"body" + end,
            )
            self.assertEqual(result.code, support.OK, result)
            self.assertEqual(
                self.new()[-1],
                (
                    b"From: a@x.example\r\nTo: b@y.example\r\n\r\nbody\r\n",
                    "a@x.example",
                    ["h@y.example", "i@y.example", "b@y.example"],
                ),
            )

    def test_mixed_line_ends(self):
        """What stands before and behind a Bcc field does not become one line end: the body stays
        the body.
        """
        result = self.from_header(
            b"From: a@x.example\rTo: b@y.example\rBcc: h@y.example\n", body=b"\nno: field\n"
        )
        self.assertEqual(result.code, support.OK, result)
        self.assertEqual(
            self.new()[-1][0], b"From: a@x.example\r\nTo: b@y.example\r\n\r\nno: field\r\n"
        )

    def test_sender(self):
        """Sender before From before Return-Path."""
        to = b"To: b@y.example\r\n"
        for header, sender in (
            (b"From: a@x.example, c@x.example\r\nSender: d@x.example\r\n", "d@x.example"),
            (b"Return-Path: <r@x.example>\r\nFrom: a@x.example\r\n", "a@x.example"),
            (b"Return-Path: <>\r\n", ""),
        ):
            self.assert_envelope(header + to, sender, ["b@y.example"])

    def test_options_add_and_win(self):
        result = self.from_header(
            b"From: a@x.example\r\nTo: b@y.example\r\n",
            "--from",
            "z@x.example",
            "--to",
            "c@y.example",
        )
        self.assertEqual(result.code, support.OK, result)
        self.assertEqual(self.new()[-1][1:], ("z@x.example", ["c@y.example", "b@y.example"]))

    def test_same_address_twice(self):
        self.assert_envelope(
            b"From: a@x.example\r\nTo: b@y.example\r\nCc: <b@y.example>\r\n",
            "a@x.example",
            ["b@y.example"],
        )

    def test_sender_that_is_given_is_not_looked_for(self):
        """An empty or odd From field matters only to whom it has to name the sender."""
        for field in (
            b"From:\r\n",
            b"",
            b"From: a, b\r\n",
            b"From: <a@x.example\r\n",
            b"Sender: \"\r\n",
        ):
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
        latest = (
            b"Resent-From: r@x.example\r\nResent-To: d@y.example, e@y.example\r\nRESENT-CC: "
            b"f@y.example\r\n"
        )
        older = (
            b"Resent-To: old@y.example\r\nResent-From: o@x.example\r\nResent-Cc: "
            b"older@y.example\r\n"
        )
        to = ["d@y.example", "e@y.example", "f@y.example"]
        for header in (
            latest + original,
            latest + older + original,
            latest + b"Received: x\r\n" + older + b"X: y\r\n" + original,
            b"Received: x\r\n" + latest + original + older,
        ):
            with self.subTest(header=header):
                self.assert_envelope(header, "r@x.example", to)
        # A list that parts its block by other fields.
        parted = latest.replace(
            b"RESENT-CC", b"List-Id: x\r\nResent-Sender: s@x.example\r\nX: y\r\nResent-Cc"
        )
        self.assert_envelope(parted + original + older, "s@x.example", to)
        # Its Bcc fields are served or not, but never shown.
        hidden = b"Resent-Bcc: g@y.example,\r\n h@y.example\r\n"
        self.assert_envelope(
            hidden
            + latest
            + original
            + b"Bcc: i@y.example\r\n"
            + older
            + b"Resent-Bcc: j@y.example\r\n",
            "r@x.example",
            ["g@y.example", "h@y.example", *to],
            sent=latest + original + older,
        )

    def test_resent_and_options(self):
        header = (
            b"Resent-Sender: s@x.example\r\nResent-Date: x\r\nFrom: a@x.example\r\nTo: "
            b"b@y.example\r\n"
        )
        result = self.from_header(header, "--from", "z@x.example", "--to", "c@y.example")
        self.assertEqual(result.code, support.OK, result)
        self.assertEqual(self.new()[-1][1:], ("z@x.example", ["c@y.example"]))
        result = self.from_header(header)
        self.assertEqual(result.code, support.DATA_ERROR, result)
        self.assertIn("the Resent- fields name no recipients; name them with --to", result.err)
        result = self.from_header(
            b"Resent-To: c@y.example\r\nFrom: a@x.example\r\nTo: b@y.example\r\n"
        )
        self.assertEqual(result.code, support.DATA_ERROR, result)
        self.assertIn("the Resent- fields name no sender; name one with --from", result.err)

    def test_what_stands_before_the_header(self):
        """A byte order mark, and the first line of a mail in a mailbox file: left out, as they
        would hide the header.
        """
        header = b"From: a@x.example\r\nTo: b@y.example\r\n"
        self.assert_envelope(
            b"From \t: a@x.example\r\nTo : b@y.example\r\n", "a@x.example", ["b@y.example"]
        )  # an old-fashioned field
        for before in (
            b"\xef\xbb\xbf",
            b"From a@x.example Mon Sep 17 00:00:00 2001\r\n",
            b"\xef\xbb\xbfFrom a\n",
        ):
            with self.subTest(before=before):
                self.assert_envelope(before + header, "a@x.example", ["b@y.example"], sent=header)
                self.assert_envelope(
                    before + b"Bcc: c@y.example\r\n" + header,
                    "a@x.example",
                    ["c@y.example", "b@y.example"],
                    sent=header,
                )
                result = self.from_header(before + header + b"no field\r\n")
                self.assertIn(f"line {4 if b'From' in before else 3} of the message", result.err)

    def test_the_way_out_does_not_show_bcc(self):
        """What is said to do instead of -t must not send the Bcc field to all."""
        for header in (
            b"From: f@a.test\r\nTo: a@b.test, undisclosed people\r\nBcc: secret@b.test\r\n",
            b"no field\r\nTo: a@b.test\r\nresent-bcc : secret@b.test\r\n",
            b"From: a, b\r\nTo: a@b.test\r\nBcc:\r\n",
        ):
            with self.subTest(header=header):
                result = self.from_header(header)
                self.assertEqual(result.code, support.DATA_ERROR, result)
                self.assert_one_line(result.err)
                self.assertIn("take the Bcc field out", result.err)
        self.assertNotIn(
            "Bcc",
            self.from_header(
                b"From: f@a.test\r\nTo: a@b.test, undisclosed people\r\n", body=b"\r\nBcc: x\r\n"
            ).err,
        )

    def test_refused_headers(self):
        """Never a guess: one clear line, exit 65, nothing sent, also no part of the recipients."""
        usual = b"From: a@x.example\r\n"
        for header in (
            usual,
            b"To: b@y.example\r\n",
            usual + b"To: b@y.example, b c@y.example\r\n",
            usual + b"To: b@y.example <c@y.example\r\n",
            usual + b"To: <>\r\n",
            usual + b"To: b@y\x00.example\r\n",
            usual + b'To: "b@y.example\r\n',
            usual + b"To: b@y.example (\r\n",
            usual + b"To: g: b@y.example\r\n",
            usual + b"To: b@y.example c@y.example\r\n",
            usual + b"To: )\r\n",
            usual + b"To: <b@y.example> x\r\n",
            usual + b"To: b@y.example\r\nno field\r\nBcc: c@y.example\r\n",
            usual + b": x\r\nTo: b@y.example\r\n",
            usual + b"From a@x.example Mon\r\nTo: b@y.example\r\n",
            usual + b"To: @\r\n",
            b"From: a@x.example, c@x.example\r\nTo: b@y.example\r\n",
            usual + b"To: b\\@y.example\r\n",
            usual + b"Resent-To: c@y.example\r\nTo: b@y.example\r\n",
            usual + b"To: root\r\n",
        ):
            with self.subTest(header=header):
                result = self.from_header(header)
                self.assertEqual(result.code, support.DATA_ERROR, result)
                self.assert_one_line(result.err)
                self.assertIsNotNone(json.loads(result.out)["error"])
        self.assertEqual(self.new(), [])

    def test_each_message_has_its_own(self):
        files = [
            self.write(
                f"{n}.eml", b"From: s%d@x.example\r\nTo: r%d@y.example\r\n\r\nx\r\n" % (n, n)
            )
            for n in range(3)
        ]
        files.insert(1, self.write("bad.eml", b"From: s@x.example\r\n\r\nx\r\n"))
        result = self.send("-t", *files, sender=(), to=())
        self.assertEqual(result.code, support.DATA_ERROR, result)
        self.assertEqual(
            [len(json.loads(line)["recipients"]) for line in result.out.splitlines()], [1, 0, 1, 1]
        )
        self.assertEqual([(sender, to) for _, sender, to in self.new()],
                         [(f"s{n}@x.example", [f"r{n}@y.example"]) for n in range(3)])


class PrdrTest(CommandTest):
    def test_each_recipient_has_its_own_reply(self):
        """PRDR-01 to 03: `--prdr`, to the sink, and what it has stored for whom."""
        mail = self.write("0.eml", b"Subject: x\r\n\r\nx\r\n")
        refusal = ("--reject-content", "c@y.example=550 5.7.1 not here")
        for more, final, code in (
            (("--offer", "PRDR", *refusal), "delivered", support.UNAVAILABLE),
            (("--offer", "PRDR", *refusal, "--reply", "final=452 4.3.1 full"), "deferred", None),
        ):
            with self.subTest(more=more), Sink(*more) as sink:
                result = run(
                    "send", "--json", "--server", sink.server, "--from", "a@x.example",
                    "--to", "b@y.example", "--to", "c@y.example", "--prdr", mail,
                )
                if code is not None:
                    self.assertEqual(result.code, code, result)
                found = {
                    r["address"]: r["outcome"]
                    for r in json.loads(result.out.splitlines()[0])["recipients"]
                }
                other = "rejected" if final == "delivered" else final
                self.assertEqual(found, {"b@y.example": final, "c@y.example": other}, result)
                stored = [[r["address"] for r in e["recipients"]] for _, e in sink.stored()]
                self.assertEqual(stored, [["b@y.example"]] if final == "delivered" else [])


class ClientAttributeTest(CommandTest):
    """`--xclient` and `--xforward`: a proxy says whose mail it passes on (EXT-14, EXT-15)."""

    OFFERS = ("--offer", "XCLIENT NAME ADDR LOGIN", "--offer", "XFORWARD NAME HELO SOURCE")
    SAID = ("--xclient", "NAME=a+b.example", "--xclient", "addr=IPV6:2001:db8::1", "--xclient", "LOGIN=",
            "--xforward", "NAME=origin.example", "--xforward", "HELO=", "--xforward", "SOURCE=REMOTE")

    def send(self, sink, *arguments, count=1):
        files = [self.write(f"{n}.eml", b"Subject: x\r\n\r\nx\r\n") for n in range(count)]
        return run("send", "--server", sink.server, "--from", "a@x.example", "--to", "b@y.example", *arguments, *files)

    def test_each_mail_has_what_was_told(self):
        for level in ("off", "envelope", "messages", "stream"):
            with self.subTest(level=level), Sink(*self.OFFERS) as sink:
                result = self.send(sink, *self.SAID, "--pipelining", level, count=3)
                self.assertEqual(result.code, support.OK, result)
                told = [(e["xclient"], e["xforward"]) for _, e in sink.stored()]
                self.assertEqual(told, 3 * [(
                    {"NAME": "a+2Bb.example", "ADDR": "IPV6:2001:db8::1", "LOGIN": "[UNAVAILABLE]"},
                    {"NAME": "origin.example", "HELO": "[UNAVAILABLE]", "SOURCE": "REMOTE"})])

    def test_nothing_is_sent_where_xclient_is_not_taken(self):
        for offers in ((), ("--offer", "XCLIENT PORT"), ("--offer", "XCLIENT NAME", "--reply", "xclient=550 5.7.0 not you")):
            with self.subTest(offers=offers), Sink(*offers) as sink:
                result = self.send(sink, "--xclient", "NAME=a.example")
                self.assertEqual(result.code, support.UNAVAILABLE, result)
                self.assertRegex(result.out + result.err, "not you" if "--reply" in offers else "--xclient")
                self.assertEqual(sink.stored(), [])

    def test_the_mail_goes_where_xforward_is_not_taken(self):
        for offers, warning in (((), "XFORWARD"), (("--offer", "XFORWARD NAME", "--reply", "xforward=550 5.7.0 not you"), "XFORWARD was refused")):
            with self.subTest(offers=offers), Sink(*offers) as sink:
                result = self.send(sink, "--xforward", "NAME=a.example", count=2)
                self.assertEqual(result.code, support.OK, result)
                self.assertIn(warning, result.err)
                self.assertEqual([e.get("xforward", {}) for _, e in sink.stored()], [{}, {}])

    def test_what_cannot_be_said_is_an_error_of_usage(self):
        for option, value in (("--xclient", "NAME"), ("--xclient", "FOO=x"), ("--xclient", "ADDR=2001:db8::1"), ("--xclient", "SOURCE=LOCAL"),
                              ("--xclient", "NAME=" + 256 * "a"), ("--xforward", "LOGIN=x"), ("--xforward", "NAME=a\nb"), ("--xforward", "PORT=0")):
            with self.subTest(option=option, value=value):
                result = run("send", "--server", "127.0.0.1:1", "--from", "a@x.example", "--to", "b@y.example", option, value)
                self.assertEqual(result.code, support.USAGE, result)
                self.assertIn(option, result.err)
        result = run("send", "--server", "127.0.0.1:1", "--from", "a@x.example", "--to", "b@y.example", "--xclient", "NAME=a", "--xclient", "name=b")
        self.assertEqual(result.code, support.USAGE, result)


class ChunkingTest(CommandTest):
    """`--chunking` and `--pipelining stream`, to the sink."""

    def send(self, sink, *options, count=30):
        """Sends mails, every third of which nobody takes; returns their outcomes."""
        files = []
        for n in range(count):
            to = "nobody@y.example" if n % 3 == 0 else "b@y.example"
            text = f"From: a@x.example\r\nTo: {to}\r\n\r\n.{n}\r\n.\r\n" + "x" * n + "\r\n"
            files.append(self.write(f"{n}.eml", text.encode()))
        result = run("send", "--json", "--server", sink.server, "-t", *options, *files)
        self.assertEqual(result.code, support.UNAVAILABLE, result)
        outcomes = [
            (mail["recipients"][0]["outcome"], mail["recipients"][0]["code"])
            for mail in map(json.loads, result.out.splitlines())
        ]
        self.assertEqual(
            outcomes, [("delivered", 250) if n % 3 else ("rejected", 550) for n in range(count)]
        )
        wanted = [file.read_bytes() for n, file in enumerate(files) if n % 3]
        self.assertEqual([content for content, _ in sink.stored()], wanted)
        return {envelope["via"] for _, envelope in sink.stored()}

    def test_each_mail_octet_for_octet(self):
        for options in (
            ("--chunking", "--pipelining", "off"),
            ("--chunking",),
            ("--chunking", "--pipelining", "messages"),
            ("--pipelining", "stream"),
        ):
            with self.subTest(options=options), Sink("--reject", "nobody@y.example") as sink:
                self.assertEqual(self.send(sink, *options), {"BDAT"})

    def test_where_it_is_not_offered(self):
        """BDAT-01, BDAT-14: DATA, at the level below."""
        for options in (("--chunking",), ("--pipelining", "stream")):
            with self.subTest(options=options), Sink(
                "--reject", "nobody@y.example", "--hide", "CHUNKING"
            ) as sink:
                self.assertEqual(self.send(sink, *options), {"DATA"})

    def test_a_chunk_refused(self):
        """BDAT-08: the mail has that reply, and the next one its own verdict."""
        long = self.write("long.eml", b"Subject: long\r\n\r\n" + (b"x" * 76 + b"\r\n") * 8000)
        short = self.write("short.eml", b"Subject: short\r\n\r\nHi!\r\n")
        for level in ("off", "messages", "stream"):
            with self.subTest(level=level), Sink("--reply", "chunk=452 4.3.1 full") as sink:
                result = run(
                    "send", "--json", "--server", sink.server, "--from", "a@x.example",
                    "--to", "b@y.example", "--chunking", "--pipelining", level, long, short,
                )
                outcomes = [
                    (mail["recipients"][0]["outcome"], mail["recipients"][0]["code"])
                    for mail in map(json.loads, result.out.splitlines())
                ]
                self.assertEqual(outcomes, [("deferred", 452), ("delivered", 250)], result)
                self.assertEqual(len(sink.stored()), 1)


class LmtpTest(CommandTest):
    """`--lmtp`: a store with a verdict for each recipient (RFC 2033)."""

    def send(self, server, *options, to=("b@y.example", "full@y.example", "c@y.example")):
        recipients = [part for address in to for part in ("--to", address)]
        return run(
            "send", "--json", "--lmtp", "--server", server, "--ehlo", "me.example",
            "--from", "a@x.example", *recipients, *options, self.write("m.eml", b"Hello!\r\n"),
        )

    def outcomes(self, result):
        return [
            (entry["outcome"], entry["stage"], entry["code"])
            for entry in json.loads(result.out)["recipients"]
        ]

    def test_each_recipient_has_a_verdict(self):
        ways = [((), "content"), (("--chunking",), "bdat_last")]
        for level, (way, stage) in itertools.product(("off", "envelope", "messages"), ways):
            with self.subTest(level=level, way=way), Sink(
                "--lmtp", "--reject-content", "full@y.example=552 5.2.2 over quota"
            ) as sink:
                result = self.send(sink.server, "--pipelining", level, *way)
                self.assertEqual(result.code, support.UNAVAILABLE, result)
                delivered = ("delivered", stage, 250)
                self.assertEqual(
                    self.outcomes(result), [delivered, ("rejected", stage, 552), delivered]
                )
                ((content, envelope),) = sink.stored()
                self.assertEqual(content, b"Hello!\r\n")
                self.assertEqual(
                    [recipient["address"] for recipient in envelope["recipients"]],
                    ["b@y.example", "c@y.example"],
                )

    def test_the_end_between_verdicts(self):
        """LMTP-05: who has a verdict keeps it, whatever becomes of the others."""
        with Sink("--lmtp", "--reject-content", "full@y.example=421 4.3.2 bye") as sink:
            result = self.send(sink.server)
        self.assertEqual(result.code, support.TEMPORARY, result)
        self.assertEqual(
            [entry[0] for entry in self.outcomes(result)], ["delivered", "deferred", "deferred"]
        )

    def test_server_of_smtp(self):
        """LMTP-01: LHLO or nothing."""
        with Sink() as sink:
            result = self.send(sink.server)
        self.assertEqual(result.code, support.UNAVAILABLE, result)
        self.assertEqual({entry[0] for entry in self.outcomes(result)}, {"not_attempted"})
        self.assert_one_line(result.err)

    def test_port(self):
        """LMTP-02: there is no usual one, and that of SMTP is refused before anybody is asked."""
        for server in ("localhost", "127.0.0.1:25", "[::1]:25"):
            result = self.send(server)
            self.assertEqual((result.code, result.out), (support.USAGE, ""), result)
            self.assert_one_line(result.err)
            self.assertIn("LMTP has no port of its own", result.err)


if __name__ == "__main__":
    support.main()
