"""What `sansmtp send` holds in memory: what is on its way, and nothing that is over or has not
begun (POOL-06).
"""

import json
import os
import subprocess
import tempfile
import threading
import unittest

import support
from support import CommandTest, Gone, ScriptedServer, run

ENVELOPE = ("--ehlo", "me.example", "--from", "a@x.example")
HAS_POOL = "--parallel" in run("send", "--help").out
MIB = 1024 * 1024


class MemoryTest(CommandTest):
    """Each peak is compared with that of a run that has little to hold, so that a sanitizer's own
    needs weigh on both.
    """

    def send(self, server, *arguments):
        """Runs `send`; returns the result and the peak of its memory in MiB, as `wait4` tells it of
        this child alone.
        """
        # AddressSanitizer would keep what is freed.
        environment = {
            **os.environ,
            "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") + ":quarantine_size_mb=1",
        }
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
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
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                env=environment,
            )
            watchdog = threading.Timer(support.TIMEOUT * 3, process.kill)
            watchdog.start()
            _, status, usage = os.wait4(process.pid, 0)
            watchdog.cancel()
            process.returncode = os.waitstatus_to_exitcode(status)
            out.seek(0)
            err.seek(0)
            return (
                support.Result(process.returncode, out.read().decode(), err.read().decode()),
                usage.ru_maxrss / 1024,
            )

    def files(self, count, octets):
        """`count` names of one file with so many octets."""
        path = self.write(
            "large.eml", b"Subject: large\r\n\r\n" + (b"z" * 76 + b"\r\n") * (octets // 78)
        )
        return [path] * count

    @unittest.skipUnless(HAS_POOL, "this build has no pool")
    def test_behind_a_slow_one(self):
        """One of two connections stalls until all others are through: 40 mails of 4 MiB, of which
        no more than 4 are held.
        """
        others = threading.Semaphore(0)
        stall = threading.Event()
        lock = threading.Lock()
        first = []

        def script(link):
            link.open()
            while not (line := link.line()).upper().startswith(b"QUIT"):
                if line.upper().startswith(b"DATA"):
                    link.send(b"354 go\r\n")
                    tail = b""
                    while not tail.endswith(b"\r\n.\r\n"):
                        octets = link.octets.read1(MIB)
                        if not octets:
                            raise Gone
                        tail = (tail + octets)[-5:]
                    with lock:
                        stalls = stall.is_set() and not first
                        first.append(link)
                    if stalls:
                        for _ in range(36):
                            others.acquire(timeout=support.TIMEOUT)
                    else:
                        others.release()
                link.send(b"250 ok\r\n")
            link.send(b"221 bye\r\n")

        with ScriptedServer(script) as server:
            arguments = (server.server, "--parallel", "2", "--to", "b@y.example")
            _, usual = self.send(*arguments, *self.files(4, 4 * MIB))
            first.clear()
            stall.set()
            result, peak = self.send(*arguments, *self.files(40, 4 * MIB))
        self.assertEqual(result.code, support.OK, result.err)
        self.assertLess(peak, 2 * usual + 20)  # of 160 for all of them
        # Those behind it were told before it.
        mails = [json.loads(line)["mail"] for line in result.out.splitlines()]
        self.assertEqual(sorted(mails), list(range(1, 41)))
        self.assertGreater(max(mails.index(n) for n in (1, 2, 3)), 30)

    def test_without_a_server(self):
        server = f"{support.HOST}:{support.refusing_port()}"
        for way in ((), *((("--parallel", "2"),) if HAS_POOL else ())):
            with self.subTest(way=way):
                _, usual = self.send(server, *way, "--to", "b@y.example", *self.files(3, 10 * MIB))
                result, peak = self.send(
                    server, *way, "--to", "b@y.example", *self.files(30, 10 * MIB)
                )
                self.assertEqual(
                    (result.code, len(result.out.splitlines())),
                    (support.UNAVAILABLE, 30),
                    result.err,
                )
                self.assertLess(peak, 2 * usual + 20)  # of 300 for all of them

    def test_long_refusals(self):
        """1,000 recipients, each refused by 40 kB of text: some kB of each are kept, in whole
        lines.
        """
        refusal = (
            b"".join(b"550-5.1.1 %03d %s\r\n" % (n, b"x" * 480) for n in range(80))
            + b"550 5.1.1 no such user"
        )

        def script(link):
            link.open((b"PIPELINING",))
            while not (line := link.line()).upper().startswith(b"QUIT"):
                link.send(
                    refusal + b"\r\n"
                    if line.upper().startswith(b"RCPT")
                    else b"503 no recipients\r\n"
                    if line.upper().startswith(b"DATA")
                    else b"250 ok\r\n"
                )
            link.send(b"221 bye\r\n")

        to = [word for n in range(1000) for word in ("--to", f"r{n}@y.example")]
        with ScriptedServer(script) as server:
            _, usual = self.send(
                server.server, *to[:2], self.write("m.eml", b"Subject: x\r\n\r\nx\r\n")
            )
            result, peak = self.send(
                server.server, *to, self.write("m.eml", b"Subject: x\r\n\r\nx\r\n")
            )
        self.assertEqual(result.code, support.UNAVAILABLE, result.err)
        recipients = json.loads(result.out)["recipients"]
        self.assertEqual(
            {(r["outcome"], r["code"], r["enhanced"]) for r in recipients},
            {("rejected", 550, "5.1.1")},
        )
        for r in recipients:
            self.assertTrue(
                r["text"].startswith("5.1.1 000 xxx") and r["text"].endswith("x"), r["text"][-100:]
            )
            self.assertLess(len(r["text"]), 5000)
        self.assertLess(peak, 2 * usual + 60)  # of 390 for all of it


if __name__ == "__main__":
    support.main()
