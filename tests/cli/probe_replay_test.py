"""`sansmtp probe` and `sansmtp replay`."""

import json

import support
from support import CommandTest, Server, Sink, run


class ProbeTest(CommandTest):
    def test_json(self):
        with Sink() as sink:
            result = run("probe", "--json", "--server", sink.server)
            self.assertEqual((result.code, result.err), (support.OK, ""), result)
            found = json.loads(result.out)
            self.assertEqual(
                list(found),
                [
                    "server",
                    "address",
                    "greeting",
                    "esmtp",
                    "capabilities",
                    "tls_offered",
                    "milliseconds",
                    "error",
                    "tls",
                    "login",
                ],
            )
            self.assertEqual((found["server"], found["address"]), (sink.server, sink.server))
            self.assertTrue(found["greeting"])
            self.assertIs(found["esmtp"], True)
            self.assertIs(found["tls_offered"], False)
            for keyword in ("PIPELINING", "8BITMIME", "SIZE", "CHUNKING", "ENHANCEDSTATUSCODES"):
                self.assertIn(keyword, found["capabilities"])
            self.assertTrue(found["capabilities"]["SIZE"].isdigit())
            self.assertEqual(list(found["milliseconds"]), ["connect", "greeting", "ehlo", "quit"])
            for time in found["milliseconds"].values():
                self.assertGreater(time, 0, found)
            self.assertIsNone(found["error"])

    def test_times_are_those_of_the_server(self):
        with Sink("--delay", "80") as sink:
            times = json.loads(run("probe", "--json", "--server", sink.server).out)["milliseconds"]
            # Some of the greeting's time may have passed before the client looks at its clock.
            self.assertGreaterEqual(times["ehlo"], 79)

    def test_table(self):
        with Server(
            replies={"EHLO": b"250-raw.test\r\n250-STARTTLS\r\n250 AUTH PLAIN LOGIN"}
        ) as server:
            result = run("probe", "--server", server.server)
            self.assertEqual((result.code, result.err), (support.OK, ""))
            self.assertRegex(result.out, r"(?m)^greeting +raw\.test ESMTP$")
            self.assertRegex(result.out, r"(?m)^TLS +offered$")
            self.assertRegex(result.out, r"(?m)^ +AUTH PLAIN LOGIN$")
            self.assertRegex(result.out, r"(?m)^time +greeting|^ +greeting +\d+\.\d{3} ms$")

    def test_helo_only(self):
        """SESS-08: a server without EHLO has no capabilities."""
        with Server(replies={"EHLO": b"500 what?"}) as server:
            found = json.loads(run("probe", "--json", "--server", server.server).out)
            self.assertIs(found["esmtp"], False)
            self.assertEqual(found["capabilities"], {})

    def test_lmtp(self):
        """RFC 2033: LHLO is answered as EHLO is."""
        with Sink("--lmtp") as sink:
            result = run("probe", "--lmtp", "--json", "--server", sink.server)
            self.assertEqual((result.code, result.err), (support.OK, ""), result)
            found = json.loads(result.out)
            self.assertIs(found["esmtp"], True)
            self.assertIn("PIPELINING", found["capabilities"])
            table = run("probe", "--lmtp", "--server", sink.server).out
            self.assertRegex(table, r"(?m)^protocol +LMTP$")
            self.assertRegex(table, r"(?m)^offers +\S")

    def test_trace(self):
        with Server() as server:
            result = run("probe", "--trace", "--server", server.server, "--ehlo", "me.example")
            self.assertEqual(
                result.err,
                "S: 220 raw.test ESMTP\nC: EHLO me.example\nS: 250-raw.test\nS: 250 PIPELINING\n"
                "C: QUIT\nS: 221 bye\n",
            )

    def test_failures(self):
        """One clear line, the exit code, and what was learnt until then."""
        for options, code, greeting in (
            ({"hang_up": "GREETING"}, support.TEMPORARY, None),
            ({"hang_up": "EHLO"}, support.TEMPORARY, "raw.test ESMTP"),
            ({"replies": {"GREETING": b"554 no"}}, support.UNAVAILABLE, "no"),
            ({"replies": {"GREETING": b"421 later"}}, support.TEMPORARY, "later"),
            ({"replies": {"EHLO": b"nonsense"}}, support.PROTOCOL, "raw.test ESMTP"),
        ):
            with self.subTest(options=options), Server(**options) as server:
                result = run("probe", "--json", "--server", server.server)
                self.assertEqual(result.code, code, result)
                self.assert_one_line(result.err)
                found = json.loads(result.out)
                self.assertEqual(found["greeting"], greeting)
                self.assertIsNotNone(found["error"])

    def test_refused(self):
        result = run("probe", "--json", "--server", f"{support.HOST}:{support.refusing_port()}")
        self.assertEqual(result.code, support.UNAVAILABLE, result)
        self.assert_one_line(result.err)
        self.assertEqual(json.loads(result.out)["milliseconds"], {})


TRANSCRIPT = b"""# One mail.
> open local=me.example
S: 220 mx.example
C: EHLO me.example
S: 250-mx.example
S: 250 PIPELINING
* ready PIPELINING
> send 1 a@x.example -> b@y.example : "Hi\\r\\n"
C: MAIL FROM:<a@x.example>
C: RCPT TO:<b@y.example>
C: DATA
S: 250 ok
S: 250 ok
S: 354 go
* ready_for_data 1
C| Hi\\r\\n.\\r\\n
@ +90s
S: 250 2.0.0 ok
* mail_done 1 delivered
> quit
C: QUIT
S: 221 bye
* closed clean
"""


class ReplayTest(CommandTest):
    def test_dialogue_with_virtual_times(self):
        path = self.write("t.smtp", TRANSCRIPT)
        for arguments, stdin in (
            ((path,), b""),
            (("-",), TRANSCRIPT),
            (("--every-mode", path), b""),
        ):
            result = run("replay", *arguments, stdin=stdin)
            self.assertEqual((result.code, result.err), (support.OK, ""), result)
            lines = result.out.splitlines()
            for line in lines:
                self.assertRegex(line, r"^ *\d+(\.\d+)?s? ")
            said = [line.split(maxsplit=1) for line in lines]
            self.assertIn("C: MAIL FROM:<a@x.example>", [text for _, text in said])
            times = {text: float(time.rstrip("s")) for time, text in said}
            self.assertEqual(times["S: 220 mx.example"], 0)
            self.assertEqual(times["S: 221 bye"], 90)

    def test_mismatch(self):
        path = self.write(
            "t.smtp", TRANSCRIPT.replace(b"C: RCPT TO:<b@y.example>", b"C: RCPT TO:<c@y.example>")
        )
        result = run("replay", path)
        self.assertEqual(result.code, support.MISMATCH, result)
        self.assertIn(f"{path}:", result.err)
        for address in ("b@y.example", "c@y.example"):
            self.assertIn(f"RCPT TO:<{address}>", result.err)
        self.assertIn("EHLO me.example", result.out)  # what was said until then

    def test_not_a_transcript(self):
        path = self.write("t.smtp", TRANSCRIPT + b"what?\n")
        result = run("replay", path)
        self.assertEqual((result.code, result.out), (support.DATA_ERROR, ""), result)
        self.assert_one_line(result.err)
        self.assertIn(f"{path}:{TRANSCRIPT.count(b'%c' % 10) + 1}:", result.err)

    def test_unreadable(self):
        for path in (self.folder, self.folder / "missing.smtp"):
            result = run("replay", path)
            self.assertEqual((result.code, result.out), (support.NO_INPUT, ""), result)
            self.assert_one_line(result.err)


if __name__ == "__main__":
    support.main()
