"""`sansmtp send --record`, and what `sansmtp replay` makes of it: a recorded session is a
regression test.
"""

import os
import pathlib
import re
import subprocess
import time
import unittest
import unittest.mock
import xml.etree.ElementTree

import support
from support import CommandTest, ScriptedServer, Server, Sink, run

MESSAGE = b"Subject: x\r\n\r\n.dot\r\nlast\r\n"


class RecordTest(CommandTest):
    def record(self, server, *options, message=MESSAGE, to=("b@y.example",)):
        """Sends a message, recording the session; returns the result of the run and the path of the
        transcript.
        """
        path = self.folder / "session.smtp"
        recipients = [part for address in to for part in ("--to", address)]
        result = run(
            "send",
            "--record",
            path,
            "--server",
            server.server,
            "--ehlo",
            "me.example",
            "--from",
            "a@x.example",
            *recipients,
            *options,
            self.write("m.eml", message)
        )
        return result, path

    def assert_plays(self, path):
        """Plays the transcript in every mode, by the command and by the player of all transcripts.
        """
        result = run("replay", "--every-mode", path)
        self.assertEqual((result.code, result.err), (support.OK, ""), path.read_text())
        player = os.environ.get("SANSMTP_TRANSCRIPT_TESTS")
        if player:
            played = subprocess.run(
                [player, "--gtest_brief=1"],
                env={**os.environ, "SANSMTP_TRANSCRIPT_DIR": str(path.parent)},
                capture_output=True,
                check=False,
                timeout=support.TIMEOUT,
            )
            self.assertEqual(played.returncode, 0, played.stdout)
        self.assertNotIn("otherwise", path.read_text())
        return result.out

    def test_refused_recipient(self):
        """A failure that was recorded is a test by moving the file."""
        with Sink("--reject", "nobody@y.example") as sink:
            result, path = self.record(sink, to=("b@y.example", "nobody@y.example", "c@y.example"))
        self.assertEqual(result.code, support.UNAVAILABLE, result)
        text = path.read_text()
        for line in (
            "C: EHLO me.example",
            "C: RCPT TO:<nobody@y.example>",
            "C: ..dot",
            "C: QUIT",
            "* closed clean",
        ):
            self.assertIn(f"\n{line}\n", text)
        self.assertRegex(text, r"\n\* recipient_rejected 1\[1\] 550[^\n]*\n")
        self.assertRegex(text, r"\n\* mail_done 1 delivered\S* rejected:[^\n]* delivered\S*\n")
        self.assert_plays(path)
        # It can fail: another decision of the server is another end.
        path.write_text(text.replace("S: 550", "S: 450"))
        self.assertEqual(run("replay", path).code, support.MISMATCH)

    @unittest.skipUnless("SANSMTP_TWO_ADDRESSES" in os.environ, "no name has two addresses here")
    def test_two_addresses(self):
        """The session with the address that greeted is recorded, or that with the last one that
        refused."""
        def refuses(words):
            def script(link):
                link.send(words)
                link.expect(b"QUIT", b"221 bye")
            return script

        def closes(_):
            pass

        def takes(link):
            link.open()
            link.mails()

        def record(*scripts):
            with ScriptedServer(*scripts, host="0.0.0.0") as server, unittest.mock.patch.dict(
                os.environ, LD_PRELOAD=os.environ["SANSMTP_TWO_ADDRESSES"]
            ):
                server.server = server.server.replace("0.0.0.0", "two.test")
                result, path = self.record(server)
                self.assertEqual(len(server.connections), 2, result)
            text = path.read_text()
            self.assertEqual(text.count("> open"), 1, text)
            self.assert_plays(path)
            return result.code, text

        for first in refuses(b"421 4.3.2 one\r\n"), refuses(b"554 5.3.2 one\r\n"), closes:
            code, text = record(first, takes)
            self.assertEqual(code, support.OK)
            self.assertNotIn(" one", text)
            self.assertEqual(text.count("> send"), 1, text)
            self.assertIn("* mail_done 1 delivered", text)
        code, text = record(refuses(b"554 5.3.2 one\r\n"), refuses(b"421 4.3.2 two\r\n"))
        self.assertEqual(code, support.TEMPORARY)
        self.assertNotIn(" one", text)
        self.assertIn("S: 421 4.3.2 two", text)

    def test_two_mails_pipelined(self):
        with Sink() as sink:
            path = self.folder / "two.smtp"
            result = run(
                "send",
                "--record",
                path,
                "--server",
                sink.server,
                "--from",
                "a@x.example",
                "--to",
                "b@y.example",
                "--pipelining",
                "messages",
                self.write("1.eml", b"one\n"),
                self.write("2.eml", b"two\n"),
            )
        self.assertEqual(result.code, support.OK, result)
        self.assertIn("pipelining=messages", path.read_text())
        self.assert_plays(path)

    def test_times(self):
        with Sink("--delay", "60") as sink:
            result, path = self.record(sink)
        self.assertEqual(result.code, support.OK, result)
        said = self.assert_plays(path)
        # Four replies come 60 ms after their commands at least, as both clocks see it (and times
        # are written in milliseconds). Of the greeting's 60 ms some may have passed before the
        # client looks at its clock.
        self.assertGreaterEqual(float(said.splitlines()[-1].split()[0]), 4 * 0.059)

    def test_ends(self):
        """The server hangs up, says 421, nonsense, nothing: the end is recorded and comes again."""
        for options, end in (
            ({"hang_up": "CONTENT"}, "connection_lost(content)"),
            ({"hang_up": "QUIT"}, "clean"),
            ({"hang_up": "GREETING"}, "connection_lost(greeting)"),
            ({"replies": {"RCPT": b"421 4.3.2 bye"}}, "service_closing(rcpt) 421"),
            ({"replies": {"MAIL": b"250-a\r\n550 b"}}, "mixed_reply_codes(mail)"),
            ({"replies": {"MAIL": b"25 what"}}, "malformed_reply(mail)"),
            ({"replies": {"EHLO": b"250 " + b"x" * 5000}}, "reply_line_too_long(ehlo)"),
            ({"replies": {"MAIL": b"354 go"}}, "unexpected_reply(mail)"),
            ({"replies": {"CONTENT": b"250 ok\r\n250 surprise"}}, "unsolicited_reply"),
        ):
            with self.subTest(options=options), Server(**options) as server:
                result, path = self.record(server)
                self.assertIn(f"\n* closed {end}", path.read_text(), result)
                self.assert_plays(path)

    def test_timeout(self):
        with Sink("--stall", "data") as sink:
            result, path = self.record(sink, "--timeout", "data=150ms")
        self.assertEqual(result.code, support.TEMPORARY, result)
        self.assertIn("* closed timed_out(data)", path.read_text())
        self.assert_plays(path)

    def test_long_content_is_replaced(self):
        with Sink() as sink:
            result, path = self.record(sink, message=b"\xc3\xa9 private\r\n" * 20000)
            size = len(sink.stored()[0][0])
        self.assertEqual(result.code, support.OK, result)
        text = path.read_text()
        self.assertLess(len(text), 3000)
        self.assertNotIn("private", text)
        self.assertIn(f"SIZE={size}", text)
        self.assertIn("BODY=8BITMIME", text)
        self.assertEqual(run("replay", path).code, support.OK)

    def test_content_beyond_what_a_transcript_holds(self):
        """It is replaced by less, and the record says so: it can be played."""
        path = self.folder / "large.smtp"
        files = [
            self.write(
                f"{n}.eml",
                b"Subject: large\r\n\r\n" + b"x" * 70 * n + (b"x" * 76 + b"\r\n") * 40000,
            )
            for n in range(4)
        ]
        with Sink() as sink:
            result = run(
                "send",
                "--record",
                path,
                "--server",
                sink.server,
                "--ehlo",
                "me.example",
                "--from",
                "a@x.example",
                "--to",
                "b@y.example",
                *files
            )
        self.assertEqual((result.code, result.err), (support.OK, ""))
        self.assertEqual(path.read_text().count("since a transcript holds no more"), 4)
        self.assertEqual(run("replay", path).code, support.OK)

    def test_unwritable(self):
        with Sink() as sink:
            result = run(
                "send",
                "--record",
                self.folder,
                "--server",
                sink.server,
                "--from",
                "a@x.example",
                "--to",
                "b@y.example",
                self.write("m.eml", MESSAGE),
            )
            self.assertEqual(result.code, support.IO_ERROR, result)
            self.assert_one_line(result.err)
            self.assertEqual(len(sink.stored()), 1)


class DrawTest(CommandTest):
    TRANSCRIPT = b"""> open local=me.example
S: 220 mx.example <ready> & "waiting"
@ +10m
* session_failed timed_out(ehlo)
"""

    def test_svg(self):
        path = self.write("t.smtp", self.TRANSCRIPT)
        drawing = self.folder / "t.svg"
        result = run("replay", "--svg", "-o", drawing, path)
        self.assertEqual(
            (result.code, result.out), (support.MISMATCH, ""), result
        )  # the C line is missing
        root = xml.etree.ElementTree.parse(drawing).getroot()
        texts = ["".join(t.itertext()) for t in root.iter("{http://www.w3.org/2000/svg}text")]
        self.assertIn('220 mx.example <ready> & "waiting"', texts)
        self.assertIn("client", texts)
        self.assertEqual(run("replay", "--svg", path).out, drawing.read_text())

    def test_every_transcript_can_be_drawn(self):
        """Each is well-formed XML; no two texts of a column lie on one another."""
        transcripts = sorted((pathlib.Path(__file__).parent.parent / "transcripts").rglob("*.smtp"))
        for path in transcripts[::25]:
            with self.subTest(path=path.name):
                svg = run("replay", "--svg", path).out
                root = xml.etree.ElementTree.fromstring(svg)
                self.assertNotIn("<script", svg)
                last = {}
                for text in root.iter("{http://www.w3.org/2000/svg}text"):
                    y = float(text.get("y"))
                    if y < 80:
                        continue
                    column = text.get("class") in ("a", "w")
                    self.assertGreaterEqual(
                        y - last.get(column, 0), 0 if text.get("class") == "t" else 10
                    )
                    if text.get("class") != "t":
                        last[column] = y

    def test_speed(self):
        path = self.write(
            "t.smtp",
            b"> open\n@ +2s\n! end\n* session_failed connection_lost(greeting)\n* closed "
            b"connection_lost(greeting)\n",
        )
        for speed, least in ((10, 0.2), (1000, 0)):
            begin = time.monotonic()
            result = run("replay", "--speed", speed, path)
            passed = time.monotonic() - begin
            self.assertEqual(result.code, support.OK, result)
            self.assertEqual(result.out, run("replay", path).out)
            self.assertGreaterEqual(passed, least)
        self.assertEqual(run("replay", "--speed", "0", path).code, support.USAGE)
        self.assertTrue(re.search("(?m)^ *2.000  ! end$", result.out), result.out)


if __name__ == "__main__":
    support.main()
