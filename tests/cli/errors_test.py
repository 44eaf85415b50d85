"""What the command says and returns when something goes wrong: one clear line and the documented
exit code.
"""

import json
import os
import pathlib
import shutil
import socket
import subprocess
import threading
import unittest

import support
from support import CommandTest, ScriptedServer, Server, Sink, run

MESSAGE = b"Subject: hi\r\n\r\nHello!\r\n"
ENVELOPE = ("--from", "a@x.example", "--to", "b@y.example")
UNSENT = ("not_attempted", "greeting", None)
UNREAD = ("not_attempted", "mail", None)


def send(server, *arguments, envelope=ENVELOPE, stdin=MESSAGE, **options):
    return run("send", "--json", "--server", server, *envelope, *arguments, stdin=stdin, **options)


class UsageTest(CommandTest):
    """Exit 64, nothing done."""

    def test_bad_options(self):
        server = ("send", "--server", "127.0.0.1:1")
        for arguments in (
            (),
            ("fly",),
            ("--fly",),
            ("send",),
            server,
            (*server, "--from", "a@x.example"),
            (*server, "--to", "b@y.example"),
            (*server, *ENVELOPE, "--fly"),
            (*server, *ENVELOPE, "--pipelining", "all"),
            (*server, *ENVELOPE, "--line-ends", "odd"),
            (*server, *ENVELOPE, "--timeout", "data"),
            (*server, *ENVELOPE, "--timeout", "lunch=1h"),
            (*server, *ENVELOPE, "--timeout", "data=1d"),
            (*server, *ENVELOPE, "--timeout", "data=-1s"),
            (*server, *ENVELOPE, "--timeout", "data=99999999h"),
            (*server, *ENVELOPE, "--timeout", "data="),
            (*server, *ENVELOPE, "--connect-timeout", "soon"),
            (*server, *ENVELOPE, "--bind", "here"),
            (*server, *ENVELOPE, "--ehlo", "a b"),
            (*server, *ENVELOPE, "--ehlo", ""),
            (*server, *ENVELOPE, "-", "-"),
            ("send", "--server", "", *ENVELOPE),
            ("send", "--server", "host:0", *ENVELOPE),
            ("send", "--server", "host:65536", *ENVELOPE),
            ("send", "--server", "host:x", *ENVELOPE),
            ("send", "--server", "[::1", *ENVELOPE),
            ("probe",),
            ("replay",),
            ("replay", "a", "b"),
            ("sink", "--fly"),
        ):
            with self.subTest(arguments=arguments):
                result = run(*arguments)
                self.assertEqual((result.code, result.out), (support.USAGE, ""), result)
                self.assert_one_line(result.err)
                self.assertIn("--help", result.err)

    def test_what_is_not_expected_is_named(self):
        """In the order in which it was given, and rather than what is missing because of it."""
        for arguments, named in (
            (("send", "--sever", "127.0.0.1:1", *ENVELOPE), "--sever;"),
            (
                ("send", "--server", "127.0.0.1:1", "--form", "a@x.example", "--to", "b@y.example"),
                "--form;",
            ),
            (("probe", "--server", "127.0.0.1:1", "one", "--two", "three"), "one --two three;"),
            (("probe", "one", "two"), "one two;"),
            (("one", "two"), "one two;"),
        ):
            with self.subTest(arguments=arguments):
                result = run(*arguments)
                self.assertEqual((result.code, result.out), (support.USAGE, ""), result)
                self.assert_one_line(result.err)
                self.assertIn(f": not expected: {named} ", result.err)

    def test_help_and_version(self):
        for arguments in (
            ("--help",),
            ("send", "--help"),
            ("probe", "-h"),
            ("replay", "--help"),
            ("sink", "--help"),
        ):
            result = run(*arguments)
            self.assertEqual((result.code, result.err), (support.OK, ""), arguments)
            self.assertGreater(len(result.out), 100)
        self.assertRegex(
            run("--version").out,
            r"\Asansmtp \d+\.\d+\.\d+\n"
            r"(TLS by (wolfSSL|OpenSSL) \d+\.\S+ \(.+\)|without TLS); .* under the .+\n\Z",
        )

    def test_every_exit_code_is_documented(self):
        text = run("send", "--help").out
        for code in (0, 64, 65, 66, 68, 69, 74, 75, 76, 77, 78, 80):
            self.assertRegex(text, rf"(?m)^ +{code}  \w")


class InputTest(CommandTest):
    """Files that cannot be read: exit 66, an entry for each recipient, and the others are sent."""

    def unreadable(self):
        yield self.folder / "missing.eml", "No such file"
        yield self.folder, "directory"
        yield "", "No such file"
        secret = self.write("secret.eml", MESSAGE)
        secret.chmod(0)
        if not os.access(secret, os.R_OK):
            yield secret, "Permission denied"

    def test_alone(self):
        for path, reason in self.unreadable():
            with self.subTest(path=path):
                # The file is looked at first: nobody listens on this port.
                result = send(f"{support.HOST}:{support.refusing_port()}", path)
                mails = self.assert_report(result, support.NO_INPUT, UNREAD)
                self.assert_one_line(result.err)
                self.assertIn(reason, result.err)
                self.assertIn(reason, mails[0]["error"])

    def test_among_others(self):
        good = self.write("good.eml", MESSAGE)
        with Sink() as sink:
            for path, _ in self.unreadable():
                for level in ("off", "messages"):
                    delivered = ("delivered", "content", 250)
                    result = send(
                        sink.server, "--pipelining", level, path, good, path, path, good, path
                    )
                    self.assert_report(
                        result,
                        support.NO_INPUT,
                        UNREAD,
                        delivered,
                        UNREAD,
                        UNREAD,
                        delivered,
                        UNREAD,
                    )
                    self.assert_one_line(result.err)

    def test_bad_content(self):
        """OUT-05: exit 65, since the message itself is at fault; the others are sent."""
        good = self.write("good.eml", MESSAGE)
        with Sink() as sink:
            for content in (b"", b"nul\0\r\n"):
                delivered = ("delivered", "content", 250)
                result = send(sink.server, good, self.write("bad.eml", content), good)
                self.assert_report(
                    result, support.DATA_ERROR, delivered, ("rejected", "mail", None), delivered
                )
                self.assert_one_line(result.err)

    def test_bad_addresses(self):
        """SEC-01: known before anything is asked of the server."""
        for bad in (
            "",
            "x",
            "x@",
            "a b@y.example",
            "a@y.example>\r\nRCPT TO:<c@y.example",
            "a@y..example",
            b"\xff@y.example",
            "x" * 65 + "@y.example",
            "<<b@y.example>>",
        ):
            for envelope in (("--from", "a@x.example", "--to", "b@y.example", "--to", bad),
                             ("--from", bad, "--to", "b@y.example", "--to", "c@y.example")):
                if envelope[:2] == ("--from", ""):
                    continue  # the null sender
                with self.subTest(envelope=envelope):
                    result = send("127.0.0.1:1", envelope=envelope)
                    self.assertEqual(result.code, support.DATA_ERROR, result)
                    self.assert_one_line(result.err)
                    mail = json.loads(result.out)
                    self.assertEqual(
                        [entry["outcome"] for entry in mail["recipients"]], ["not_attempted"] * 2
                    )

    def test_skip_bad(self):
        """TXN-28: the others get the mail."""
        with Sink() as sink:
            result = send(sink.server, "--skip-bad", envelope=(*ENVELOPE, "--to", "no address"))
            entries = json.loads(result.out)["recipients"]
            self.assertEqual([entry["outcome"] for entry in entries], ["delivered", "rejected"])
            self.assertNotEqual(result.code, support.OK)
            self.assertEqual(len(sink.stored()), 1)


class ConnectionTest(CommandTest):
    """No connection: every recipient of every mail is reported as not attempted."""

    def assert_unsent(self, result, code, reason):
        mails = self.assert_report(result, code, UNSENT, UNSENT)
        self.assert_one_line(result.err)
        self.assertRegex(result.err, reason)
        self.assertRegex(mails[1]["error"], reason)

    def files(self):
        return self.write("1.eml", MESSAGE), self.write("2.eml", MESSAGE)

    def test_refused(self):
        server = f"{support.HOST}:{support.refusing_port()}"
        self.assert_unsent(send(server, *self.files()), support.UNAVAILABLE, "refused")

    def test_unix_socket_that_is_not_there(self):
        self.assert_unsent(
            send(f"unix:{self.folder}/none", *self.files()), support.UNAVAILABLE, "No such file"
        )

    def test_unknown_host(self):
        # A label over 63 octets is refused by the resolver itself: no query leaves this host.
        self.assert_unsent(send("x" * 64 + ".invalid:25", *self.files()), support.NO_HOST, "name")

    def test_bind_of_the_other_family(self):
        """NET-02"""
        server = f"{support.HOST}:{support.refusing_port()}"
        self.assert_unsent(send(server, "--bind", "::1", *self.files()), support.USAGE, "--bind")

    def test_bind_of_another_host(self):
        server = f"{support.HOST}:{support.refusing_port()}"
        self.assert_unsent(
            send(server, "--bind", "192.0.2.1", *self.files()), support.USAGE, "--bind"
        )

    def test_no_route(self):
        """In a network of its own, whose loopback device is down."""
        alone = ("unshare", "--map-root-user", "--net")
        if (
            not shutil.which("unshare")
            or subprocess.run([*alone, "true"], check=False, capture_output=True).returncode
        ):
            self.skipTest("no network namespaces here")
        done = subprocess.run(
            [
                *alone,
                support.command(),
                "send",
                "--json",
                "--server",
                "127.0.0.1:25",
                *ENVELOPE,
                *self.files(),
            ],
            capture_output=True,
            text=True,
            timeout=support.TIMEOUT,
            check=False,
        )
        self.assert_unsent(
            support.Result(done.returncode, done.stdout, done.stderr),
            support.UNAVAILABLE,
            "unreachable",
        )

    def test_header_envelope(self):
        """Who would have got it is known from the message also if there is no connection."""
        message = b"From: a@x.example\r\nTo: b@y.example, c@y.example\r\n\r\n"
        result = send(f"{support.HOST}:{support.refusing_port()}", "-t", envelope=(), stdin=message)
        self.assert_report(
            result, support.UNAVAILABLE, UNSENT, addresses=("b@y.example", "c@y.example")
        )


class ServerTest(CommandTest):
    """A server that hangs up, falls silent or talks nonsense."""

    def test_hang_up_at_each_step(self):
        """OUT-02 to OUT-04: one clear line, the outcome that fits, and the exit code."""
        expected = {
            "GREETING": ("not_attempted", support.TEMPORARY),
            "EHLO": ("not_attempted", support.TEMPORARY),
            "MAIL": ("deferred", support.TEMPORARY),
            "RCPT": ("deferred", support.TEMPORARY),
            "DATA": ("deferred", support.TEMPORARY),
            "354": ("in_doubt", support.IN_DOUBT),
            "CONTENT": ("in_doubt", support.IN_DOUBT),
            "QUIT": ("delivered", support.OK),
        }
        for stage, (outcome, code) in expected.items():
            for level in ("off", "envelope", "messages"):
                with self.subTest(stage=stage, level=level), Server(hang_up=stage) as server:
                    result = send(server.server, "--pipelining", level)
                    self.assertEqual(
                        result.code,
                        code if (stage, level) != ("RCPT", "off") else support.TEMPORARY,
                        result,
                    )
                    mail = json.loads(result.out)
                    got = mail["recipients"][0]
                    if level == "off" and stage == "MAIL":
                        # Its RCPT was never handed out (OUT-04).
                        self.assertEqual(got["outcome"], "not_attempted")
                    else:
                        self.assertEqual(got["outcome"], outcome)
                    if code != support.OK:
                        self.assert_one_line(result.err)
                        self.assertIsNotNone(mail["error"])
                        self.assertTrue(got["text"])
                    else:
                        self.assertEqual(result.err, "")

    def test_the_rest_of_the_session(self):
        """After the end of the link each further mail has its line and its entries, too."""
        files = [self.write(f"{n}.eml", MESSAGE) for n in range(5)]

        def script(link):
            server.listener.shutdown(socket.SHUT_RDWR)  # there is no other connection
            link.open()
            link.mail(verdict=None)
        with ScriptedServer(script) as server:
            result = send(server.server, "--pipelining", "off", *files)
            self.assertEqual(result.code, support.IN_DOUBT, result)
            outcomes = [
                json.loads(line)["recipients"][0]["outcome"] for line in result.out.splitlines()
            ]
            self.assertEqual(outcomes, ["in_doubt"] + ["not_attempted"] * 4)

    def test_replies(self):
        """The exit code for each kind of refusal."""
        for replies, outcome, stage, code, exit_code in (
                ({"GREETING": b"554 no"}, "not_attempted", "greeting", 554, support.UNAVAILABLE),
                ({"GREETING": b"421 later"}, "not_attempted", "greeting", 421, support.TEMPORARY),
                ({"EHLO": b"421 later"}, "not_attempted", "ehlo", 421, support.TEMPORARY),
                ({"MAIL": b"550 5.7.1 not you"}, "rejected", "mail", 550, support.UNAVAILABLE),
                ({"MAIL": b"451 4.3.0 later"}, "deferred", "mail", 451, support.TEMPORARY),
                ({"RCPT": b"550 5.1.1 nobody"}, "rejected", "rcpt", 550, support.UNAVAILABLE),
                ({"RCPT": b"450 4.2.1 full"}, "deferred", "rcpt", 450, support.TEMPORARY),
                ({"DATA": b"554 5.5.1 no"}, "rejected", "data", 554, support.UNAVAILABLE),
                ({"CONTENT": b"554 5.6.0 spam"}, "rejected", "content", 554, support.UNAVAILABLE),
                ({"CONTENT": b"452 4.3.1 full"}, "deferred", "content", 452, support.TEMPORARY)):
            with self.subTest(replies=replies), Server(replies=replies) as server:
                result = send(server.server)
                self.assert_report(result, exit_code, (outcome, stage, code))

    def test_nonsense(self):
        """ERR-03: exit 76 before the message is handed over, 80 afterwards."""
        for stage, code in (
            ("GREETING", support.PROTOCOL),
            ("EHLO", support.PROTOCOL),
            ("MAIL", support.PROTOCOL),
            ("CONTENT", support.IN_DOUBT),
        ):
            with self.subTest(stage=stage), Server(replies={stage: b"nonsense"}) as server:
                result = send(server.server)
                self.assertEqual(result.code, code, result)
                self.assert_one_line(result.err)

    def test_in_doubt_beats_rejected(self):
        """The documented order: a retry of the whole would be a second copy for somebody."""
        sink = Sink("--reject", "nobody@y.example", "--close-after", "content")
        with sink:
            result = send(sink.server, envelope=(*ENVELOPE, "--to", "nobody@y.example"))
            outcomes = [entry["outcome"] for entry in json.loads(result.out)["recipients"]]
            self.assertEqual((result.code, outcomes), (support.IN_DOUBT, ["in_doubt", "rejected"]))

    def test_silence(self):
        """TIME-06: --timeout names the step; what is in doubt then is told so."""
        with socket.create_server(
            (support.HOST, 0)
        ) as listener:  # the kernel accepts, nobody speaks
            server = f"{support.HOST}:{listener.getsockname()[1]}"
            result = send(server, "--timeout", "greeting=200ms")
            self.assert_report(result, support.TEMPORARY, UNSENT)
            self.assert_one_line(result.err)
            self.assertIn("--timeout", result.err)
        with Sink("--stall", "content") as sink:
            result = send(sink.server, "--timeout", "content=200ms", "--timeout", "data=1m")
            self.assert_report(result, support.IN_DOUBT, ("in_doubt", "content", None))

    def test_content_that_nobody_reads(self):
        """TIME-08: --timeout progress ends a mail of which too little is written; nothing of it is
        in doubt.
        """
        told = threading.Event()

        def never_reads(link):
            link.open()
            for verb, reply in ((b"MAIL", b"250 ok"), (b"RCPT", b"250 ok"), (b"DATA", b"354 go")):
                link.expect(verb, reply)
            told.wait(support.TIMEOUT)

        with ScriptedServer(never_reads) as server:
            # More than the kernel keeps for both ends.
            result = send(
                server.server,
                "--timeout",
                "progress=200ms",
                stdin=MESSAGE + 250000 * (75 * b"x" + b"\r\n"),
            )
            told.set()
            self.assert_report(result, support.TEMPORARY, ("deferred", "content", None))
            self.assert_one_line(result.err)

    def test_hostile_text(self):
        """SEC-04: no octet of the server reaches a terminal as it is, and JSON stays UTF-8."""
        hostile = b"550 5.1.1 a\x1b[2Jb\xff\xe2\x80\xaec"
        for options in ((), ("--trace",)):
            with Server(
                replies={"RCPT": hostile, "GREETING": b"220 raw.test \x1b]0;x\x07"}
            ) as server:
                result = send(server.server, *options)
                self.assertEqual(json.loads(result.out)["recipients"][0]["text"], "5.1.1 a?[2Jb??c")
                table = run("send", "--server", server.server, *ENVELOPE, *options, stdin=MESSAGE)
                for text in (result.out, result.err, table.out, table.err):
                    self.assertNotRegex(text, "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")
                probe = run("probe", "--server", server.server, *options)
                self.assertNotRegex(probe.out + probe.err, "[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]")


class OutputTest(CommandTest):
    """Standard output that is closed or full: one line and exit 74, never a report inside the SMTP
    session.
    """

    def run_with(self, output, *arguments, closed=()):
        """Runs with `output` as standard output and the descriptors `closed` not there at all."""
        done = subprocess.run(
            [support.command(), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            timeout=support.TIMEOUT,
            check=False,
            preexec_fn=lambda: [os.close(fd) for fd in closed],
        )
        return done.returncode, done.stderr.decode()

    def assert_io_error(self, outcome):
        code, errors = outcome
        self.assertEqual(code, support.IO_ERROR, errors)
        self.assert_one_line(errors)

    def commands(self, server):
        message = self.write("m.eml", MESSAGE)
        transcript = self.write(
            "t.smtp", b"> open local=me.example\nS: 220 mx.example\nC: EHLO me.example\n"
        )
        return (
            ("send", "--server", server, *ENVELOPE, message),
            ("send", "--json", "--server", server, *ENVELOPE, message),
            ("probe", "--server", server),
            ("replay", transcript),
            ("--help",),
            ("send", "--help"),
            ("--version",),
        )

    def test_closed(self):
        """Nothing is sent, since nobody would know what became of it."""
        with Sink() as sink:
            for arguments in self.commands(sink.server):
                with self.subTest(arguments=arguments):
                    self.assert_io_error(self.run_with(None, *arguments, closed=(1,)))
            self.assertEqual(sink.stored(), [])

    def test_all_closed(self):
        with Sink() as sink:
            code, _ = self.run_with(None, *self.commands(sink.server)[0], closed=(0, 1, 2))
            self.assertEqual((code, sink.stored()), (support.IO_ERROR, []))

    def test_only_output_open(self):
        """No socket becomes standard error."""
        with Sink() as sink:
            path = self.folder / "out"
            with path.open("wb") as output:
                code, _ = self.run_with(
                    output,
                    "send",
                    "--json",
                    "--trace",
                    "--server",
                    sink.server,
                    *ENVELOPE,
                    self.write("m.eml", MESSAGE),
                    closed=(0, 2)
                )
            self.assertEqual(code, support.OK)
            self.assertEqual([content for content, _ in sink.stored()], [MESSAGE])
            self.assertEqual(json.loads(path.read_text())["mail"], 1)

    def test_reader_that_went_away(self):
        """What is under way is finished, the rest is not sent."""
        files = [self.write(f"{n:02}.eml", MESSAGE) for n in range(30)]
        with Sink() as sink:
            for arguments in self.commands(sink.server):
                with self.subTest(arguments=arguments):
                    reader, writer = os.pipe()
                    os.close(reader)
                    self.assert_io_error(self.run_with(writer, *arguments))
                    os.close(writer)
            sent = len(sink.stored())
            reader, writer = os.pipe()
            os.close(reader)
            self.assert_io_error(
                self.run_with(writer, "send", "--server", sink.server, *ENVELOPE, *files)
            )
            os.close(writer)
            self.assertLessEqual(len(sink.stored()) - sent, 2)

    @unittest.skipUnless(pathlib.Path("/dev/full").exists(), "no /dev/full here")
    def test_full(self):
        with Sink() as sink, open("/dev/full", "wb") as full:
            for arguments in self.commands(sink.server):
                with self.subTest(arguments=arguments):
                    self.assert_io_error(self.run_with(full, *arguments))

    def test_closed_input(self):
        """An input that is not there holds no message."""
        with Sink() as sink:
            code, errors = self.run_with(
                subprocess.DEVNULL, "send", "--server", sink.server, *ENVELOPE, closed=(0,)
            )
            self.assertEqual((code, sink.stored()), (support.DATA_ERROR, []))
            self.assert_one_line(errors)


if __name__ == "__main__":
    support.main()
