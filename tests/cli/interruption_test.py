"""`sansmtp send` that is told to end, or whose output cannot be written: every recipient of every
mail is reported (SEC-07).
"""

import json
import os
import pathlib
import re
import resource
import signal
import subprocess
import threading
import time
import unittest

import support
from support import CommandTest, ScriptedServer, Server, Sink, run

MESSAGE = b"Subject: hi\r\n\r\nHello!\r\n"
ENVELOPE = ("--ehlo", "me.example", "--from", "a@x.example", "--to", "b@y.example")
HAS_POOL = "--parallel" in run("send", "--help").out
WAYS = ((), ("--pipelining", "messages"), *((("--parallel", "2"),) if HAS_POOL else ()))


class Mute:
    """A script that takes mails, and of one gives no verdict: the mails of all connections are
    counted together.
    """

    def __init__(self, mute_at):
        self.mute_at = mute_at
        self.lock = threading.Lock()
        self.seen = 0
        self.taken = 0
        self.reached = threading.Event()  # the mail without a verdict is there

    def __call__(self, link):
        link.open((b"PIPELINING",))
        while not (line := link.line()).upper().startswith(b"QUIT"):
            if line.upper().startswith(b"DATA"):
                link.send(b"354 go\r\n")
                link.content()
                with self.lock:
                    self.seen += 1
                    mute = self.seen == self.mute_at
                if mute:
                    self.reached.set()
                    link.until_end()
                link.send(b"250 2.0.0 taken\r\n")
                with self.lock:
                    self.taken += 1
            else:
                link.send(b"250 ok\r\n")
        link.send(b"221 bye\r\n")


class InterruptionTest(CommandTest):
    """Signals."""

    def files(self, count):
        return [self.write(f"{n:03}.eml", MESSAGE) for n in range(count)]

    def start(self, server, *arguments, **streams):
        default = {
            "stdin": subprocess.DEVNULL,
            "stdout": subprocess.PIPE,
            "stderr": subprocess.PIPE,
        }
        # A shell may have its children ignore what it would be killed by itself.
        usual = lambda: [
            signal.signal(s, signal.SIG_DFL) for s in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        ]
        process = subprocess.Popen(
            [
                support.command(),
                "send",
                "--json",
                "--server",
                server,
                *ENVELOPE,
                *map(str, arguments),
            ],
            preexec_fn=usual,
            bufsize=0,
            **{**default, **streams}
        )  # or a line read takes more with it
        self.addCleanup(process.kill)
        return process

    def finish(self, process):
        out, err = process.communicate(timeout=support.TIMEOUT)
        return support.Result(process.returncode, out.decode(), err.decode())

    def outcomes(self, result):
        """The outcome of each mail, by its number; each recipient of each mail has one."""
        mails = [json.loads(line) for line in result.out.splitlines()]
        by_number = {mail["mail"]: mail["recipients"][0]["outcome"] for mail in mails}
        self.assertEqual(len(by_number), len(mails), result)
        return by_number

    def test_each_signal_and_each_way(self):
        """What the server took is told, the mail without a verdict is in doubt, the others are
        named.
        """
        for number, ways in (
            (signal.SIGINT, WAYS[:1]),
            (signal.SIGTERM, WAYS),
            (signal.SIGHUP, WAYS[:1]),
        ):
            for way in ways:
                script = Mute(4)
                with self.subTest(signal=number, way=way), ScriptedServer(script) as server:
                    process = self.start(server.server, *way, *self.files(8))
                    self.assertTrue(script.reached.wait(support.TIMEOUT))
                    process.send_signal(number)
                    result = self.finish(process)
                    outcomes = self.outcomes(result)
                    self.assertEqual(sorted(outcomes), list(range(1, 9)), result)
                    counts = {
                        o: list(outcomes.values()).count(o)
                        for o in ("delivered", "in_doubt", "not_attempted", "deferred")
                    }
                    self.assertEqual(
                        (counts["delivered"], counts["in_doubt"]), (script.taken, 1), result
                    )
                    self.assertEqual(result.code, support.IN_DOUBT, result)
                    self.assertIn("interrupted", result.err)

    def test_second_signal(self):
        """Nothing is waited for any more, and the outcomes are as honest."""
        for way in WAYS:
            script = Mute(2)
            with self.subTest(way=way), ScriptedServer(script) as server:
                process = self.start(server.server, *way, *self.files(3))
                self.assertTrue(script.reached.wait(support.TIMEOUT))
                process.send_signal(signal.SIGTERM)
                process.send_signal(signal.SIGINT)
                result = self.finish(process)
                self.assertEqual(result.code, support.IN_DOUBT, result)
                self.assertIn("in_doubt", self.outcomes(result).values())

    def test_verdict_within_the_grace(self):
        """What is under way may still be decided: then nothing is in doubt, and QUIT is said."""
        go_on = threading.Event()
        begun = threading.Event()
        quits = []

        def script(link):
            link.open()
            link.mail(verdict=None)
            begun.set()
            go_on.wait(support.TIMEOUT)
            link.send(b"250 2.0.0 taken\r\n")
            quits.append(link.line())
            link.send(b"221 bye\r\n")

        with ScriptedServer(script) as server:
            process = self.start(server.server, *self.files(5))
            self.assertTrue(begun.wait(support.TIMEOUT))
            process.send_signal(signal.SIGTERM)
            go_on.set()
            result = self.finish(process)
        outcomes = self.outcomes(result)
        if outcomes[1] != "delivered":
            self.skipTest("this machine was too busy for the grace")
        self.assertEqual(
            [outcomes[n] for n in range(1, 6)], ["delivered"] + ["not_attempted"] * 4, result
        )
        self.assertEqual(result.code, support.TEMPORARY, result)
        self.assertEqual(quits, [b"QUIT"])

    def test_before_the_greeting(self):
        """Nothing was begun: everything is named, exit 75."""
        for way in WAYS:
            waits = threading.Event()

            def script(link, waits=waits):
                waits.set()
                link.until_end()

            with self.subTest(way=way), ScriptedServer(script) as server:
                process = self.start(server.server, *way, *self.files(3))
                self.assertTrue(waits.wait(support.TIMEOUT))
                process.send_signal(signal.SIGTERM)
                result = self.finish(process)
                self.assertEqual(set(self.outcomes(result).values()), {"not_attempted"}, result)
                self.assertEqual(len(self.outcomes(result)), 3)
                self.assertEqual(result.code, support.TEMPORARY, result)

    def test_while_standard_input_is_awaited(self):
        reader, writer = os.pipe()
        with Sink() as sink, os.fdopen(reader), os.fdopen(writer, "wb") as to_it:
            process = self.start(sink.server, "-", self.write("m.eml", MESSAGE), stdin=reader)
            # It reads: what is written is gone from the pipe then.
            to_it.write(b"x" * 70000)
            to_it.flush()
            process.send_signal(signal.SIGTERM)
            result = self.finish(process)
            self.assertEqual(self.outcomes(result), {1: "not_attempted", 2: "not_attempted"})
            self.assertEqual(result.code, support.TEMPORARY, result)
            self.assertEqual(sink.stored(), [])

    def test_reader_of_reports_that_does_not_read(self):
        """The pipe is full, so the reports that do not fit are on standard error; a second signal
        ends the wait.
        """
        reader, writer = os.pipe()
        with Sink() as sink, os.fdopen(reader, "rb") as reports:
            os.set_blocking(writer, False)
            try:
                while True:
                    os.write(writer, b"\n" * 4096)
            except BlockingIOError:
                pass
            os.set_blocking(writer, True)
            process = self.start(sink.server, *self.files(3), stdout=writer)
            os.close(writer)
            end = time.monotonic() + support.TIMEOUT
            while not sink.stored() and process.poll() is None and time.monotonic() < end:
                time.sleep(0.01)
            process.send_signal(signal.SIGTERM)
            process.send_signal(signal.SIGINT)
            _, err = process.communicate(timeout=support.TIMEOUT)
            self.assertEqual(process.returncode, support.IO_ERROR, err)
            told = [
                json.loads(line) for line in reports.read().decode().split("\n") if line.strip()
            ]
            delivered = sum(mail["recipients"][0]["outcome"] == "delivered" for mail in told)
            delivered += len(re.findall(r"\d{3}\.eml: b@y\.example delivered", err.decode()))
            self.assertEqual(delivered, len(sink.stored()), err)

    def test_ignored_signals_stay_ignored(self):
        """As under nohup, or in the background of a shell script."""
        script = Mute(1)
        release = threading.Event()

        def hold(link):
            link.open()
            link.mail(verdict=None)
            script.reached.set()
            release.wait(support.TIMEOUT)
            link.send(b"250 ok\r\n")
            link.mails()

        with ScriptedServer(hold) as server:
            process = subprocess.Popen(
                [
                    support.command(),
                    "send",
                    "--json",
                    "--server",
                    server.server,
                    *ENVELOPE,
                    *map(str, self.files(2)),
                ],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_IGN),
            )
            self.assertTrue(script.reached.wait(support.TIMEOUT))
            process.send_signal(signal.SIGHUP)
            release.set()
            result = self.finish(process)
            self.assertEqual(
                (result.code, self.outcomes(result)),
                (support.OK, {1: "delivered", 2: "delivered"}),
                result,
            )

    def test_at_any_moment(self):
        """200 mails, a signal somewhere: what was told as delivered and what the sink has are the
        same, within what is in doubt.
        """
        files = self.files(200)
        for way in WAYS:
            for moment in (1, 30, 90):
                with self.subTest(way=way, moment=moment), Sink() as sink:
                    process = self.start(sink.server, *way, *files)
                    out = b"".join(process.stdout.readline() for _ in range(moment))
                    process.send_signal(signal.SIGTERM)
                    rest, err = process.communicate(timeout=support.TIMEOUT)
                    result = support.Result(process.returncode, (out + rest).decode(), err.decode())
                    outcomes = self.outcomes(result)
                    self.assertEqual(sorted(outcomes), list(range(1, 201)))
                    delivered = list(outcomes.values()).count("delivered")
                    doubt = list(outcomes.values()).count("in_doubt")
                    self.assertTrue(
                        delivered <= len(sink.stored()) <= delivered + doubt,
                        (delivered, doubt, len(sink.stored())),
                    )


class OutputTest(CommandTest):
    """Standard output that ends in the middle of a run."""

    def told(self, out, err):
        """The outcome of each mail that is told, by its number; those on standard error are in one
        line.
        """
        told = {
            mail["mail"]: mail["recipients"][0]["outcome"]
            for mail in map(json.loads, out.splitlines())
        }
        for number, outcome in re.findall(r"(\d{3})\.eml: b@y\.example (\w+)", err):
            self.assertNotIn(int(number) + 1, told)
            told[int(number) + 1] = outcome
        return told

    def run_to(self, output, server, *arguments, **options):
        done = subprocess.run(
            [
                support.command(),
                "send",
                "--json",
                "--server",
                server,
                *ENVELOPE,
                *map(str, arguments),
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.PIPE,
            timeout=support.TIMEOUT,
            check=False,
            **options
        )
        return done.returncode, done.stderr.decode()

    def assert_all_told(self, sink, count, code, err, out=""):
        """Each mail that the sink took is told, on one stream or the other, and what was not begun
        is named.
        """
        self.assertEqual(code, support.IO_ERROR, err)
        self.assert_one_line(err)
        told = self.told(out, err)
        self.assertEqual(
            sum(outcome == "delivered" for outcome in told.values()), len(sink.stored()), err
        )
        self.assertEqual(sorted(told), list(range(1, len(told) + 1)))
        if len(told) < count:
            self.assertIn(
                f"not sent: {count - len(told)}, from {self.folder}/{len(told):03}.eml on", err
            )

    def test_reader_that_went_away(self):
        files = [self.write(f"{n:03}.eml", MESSAGE) for n in range(30)]
        for way in WAYS:
            with self.subTest(way=way), Sink() as sink:
                reader, writer = os.pipe()
                os.close(reader)
                code, err = self.run_to(writer, sink.server, *way, *files)
                os.close(writer)
                self.assertGreater(len(sink.stored()), 0)
                self.assertLess(len(sink.stored()), 30)
                self.assert_all_told(sink, 30, code, err)

    @unittest.skipUnless(pathlib.Path("/dev/full").exists(), "no /dev/full here")
    def test_full_disk(self):
        files = [self.write(f"{n:03}.eml", MESSAGE) for n in range(30)]
        for way in WAYS:
            with self.subTest(way=way), Sink() as sink, open("/dev/full", "wb") as full:
                code, err = self.run_to(full, sink.server, *way, *files)
                self.assert_all_told(sink, 30, code, err)

    def test_limit_in_the_middle_of_a_report(self):
        """A file that may not grow any more holds a torn line; that report is told whole elsewhere.
        """
        files = [self.write(f"{n:03}.eml", MESSAGE) for n in range(30)]
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        with Sink() as sink:
            path = self.folder / "out"
            with path.open("wb") as output:
                code, err = self.run_to(output, sink.server, *files, preexec_fn=limit)
            self.assertEqual(path.stat().st_size, 1000)
            whole = path.read_text()
            self.assert_all_told(sink, 30, code, err, whole[:whole.rindex("\n") + 1])


if __name__ == "__main__":
    support.main()
