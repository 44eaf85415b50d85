"""`sansmtp serve`: clients of others against transcripts. Python's smtplib is here wherever this
runs; curl if it is.
"""

import contextlib
import shutil
import smtplib
import subprocess
import time
import unittest

import support
from support import CommandTest, HOST, command, run

DIALOGUE = b"""> open
S: 220 mx.test ESMTP
C: EHLO client.test
S: 250-mx.test
S: 250 8BITMIME
* ready 8BITMIME
> send 1 s@a.test -> r1@b.test r2@b.test : "Subject: x\\r\\n\\r\\n.dot\\r\\n"
C: MAIL FROM:<s@a.test>
S: 250 2.1.0 ok
C: RCPT TO:<r1@b.test>
S: 250 2.1.5 ok
C: RCPT TO:<r2@b.test>
S: 550-5.1.1 no such
S: 550 5.1.1 user
* recipient_rejected 1[1] 550 5.1.1
C: DATA
S: 354 go
* ready_for_data 1
C: Subject: x
C:
C: ..dot
C: .
S: 250 2.0.0 queued
* mail_done 1 delivered rejected
> quit
C: QUIT
S: 221 bye
* closed clean
"""


class ServeTest(CommandTest):
    @contextlib.contextmanager
    def serving(self, transcript, *options):
        """Yields the port; afterwards `self.served` is (exit code, dialogue, errors)."""
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        process = subprocess.Popen(
            [
                command(),
                "serve",
                "--port-file",
                port_file,
                "--patience",
                "15s",
                *options,
                self.write("t.smtp", transcript),
            ],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        try:
            end = time.monotonic() + support.TIMEOUT
            while not (port_file.exists() and port_file.read_text()):
                self.assertTrue(process.poll() is None and time.monotonic() < end, process.args)
                time.sleep(0.005)
            yield int(port_file.read_text())
            out, err = process.communicate(timeout=support.TIMEOUT)
            self.served = (process.returncode, out.decode(), err.decode())
        finally:
            process.kill()
            process.communicate()

    def smtplib_sends(self, port, to=("r1@b.test", "r2@b.test")):
        with smtplib.SMTP(HOST, port, local_hostname="me.test", timeout=support.TIMEOUT) as client:
            return client.sendmail("s@a.test", to, "Subject: x\n\n.dot\n")

    def test_smtplib(self):
        """It writes verbs in small letters, one command at a time, and reports the refused
        recipient.
        """
        with self.serving(DIALOGUE) as port:
            refused = self.smtplib_sends(port)
        self.assertEqual(self.served[0], support.OK, self.served)
        self.assertEqual(refused["r2@b.test"][0], 550)
        self.assertIn("C: ..dot\n", self.served[1])
        self.assertIn("S: 221 bye\n", self.served[1])

    def curl(self, url, content):
        """Sends a mail to two recipients by curl."""
        return subprocess.run(
            ["curl", "-sS", url, "--mail-from", "s@a.test", "--mail-rcpt", "r1@b.test", "--mail-rcpt", "r2@b.test",
             "-T", self.write("m", content)],
            capture_output=True, check=False, timeout=support.TIMEOUT)

    @unittest.skipUnless(shutil.which("curl"), "there is no curl")
    def test_curl(self):
        with self.serving(
            DIALOGUE.replace(b"550-5.1.1 no such\nS: 550 5.1.1 user", b"250 ok")
        ) as port:
            done = self.curl(f"smtp://{HOST}:{port}/client.test", b"Subject: x\r\n\r\n.dot\r\n")
        self.assertEqual(done.returncode, 0, done)
        self.assertEqual(self.served[0], support.OK, self.served)

    @unittest.skipUnless(shutil.which("curl"), "there is no curl")
    def test_curl_hears_of_a_lost_link(self):
        transcript = DIALOGUE[:DIALOGUE.index(b"C: DATA")] + b"! end\n"
        with self.serving(transcript) as port:
            done = self.curl(f"smtp://{HOST}:{port}", b"x\r\n")
        self.assertNotEqual(done.returncode, 0)

    def test_sansmtp_itself(self):
        """The engine is a client too, and pipelines where it may: the same transcript, in other
        groups.
        """
        transcript = DIALOGUE.replace(b"250 8BITMIME", b"250 PIPELINING")
        with self.serving(transcript, "--exact") as port:
            result = run(
                "send",
                "--json",
                "--server",
                f"{HOST}:{port}",
                "--ehlo",
                "client.test",
                "--from",
                "s@a.test",
                "--to",
                "r1@b.test",
                "--to",
                "r2@b.test",
                self.write("m.eml", b"Subject: x\r\n\r\n.dot\r\n"),
            )
        self.assertEqual(self.served[0], support.OK, self.served)
        self.assertIn('"delivered"', result.out)

    def test_mismatch(self):
        """The first line that differs is shown with the transcript's own beside it."""
        with self.serving(DIALOGUE) as port:
            with self.assertRaises(smtplib.SMTPException):
                self.smtplib_sends(port, to=("other@b.test",))
        code, _, err = self.served
        self.assertEqual(code, support.MISMATCH)
        self.assertRegex(
            err,
            r"t\.smtp:10: the client says something else\n +script  RCPT TO:<r1@b\.test>\\r\\n\n"
            r" +client  rcpt TO:<other@b\.test>\\r\\n\n",
        )

    def test_what_is_missing_or_too_much(self):
        with self.serving(DIALOGUE) as port:
            with contextlib.suppress(smtplib.SMTPException):
                self.smtplib_sends(port, to=("r1@b.test",))
        self.assertEqual(self.served[0], support.MISMATCH)  # DATA where the second RCPT is
        with self.serving(b"> open\nS: 220 mx.test\n") as port:
            with contextlib.suppress(smtplib.SMTPException):
                self.smtplib_sends(port)
        self.assertEqual(self.served[0], support.MISMATCH)
        self.assertIn("more than the transcript has", self.served[2])

    def test_pauses(self):
        transcript = b"> open\n@ +10s\nS: 220 mx.test\nC: QUIT\n@ +20s\nS: 221 bye\n"
        begin = time.monotonic()
        with self.serving(transcript, "--speed", "100") as port:
            with smtplib.SMTP(HOST, port, timeout=support.TIMEOUT) as client:
                client.quit()
        self.assertEqual(self.served[0], support.OK, self.served)
        self.assertGreaterEqual(time.monotonic() - begin, 0.3)

    def test_usage(self):
        result = run("serve", self.write("tls.smtp", b"> open tls=implicit\n! tls up\n"))
        self.assertEqual(result.code, support.DATA_ERROR, result)
        self.assert_one_line(result.err)
        result = run(
            "serve",
            "--patience",
            "50ms",
            "--port-file",
            self.folder / "port",
            self.write("t.smtp", DIALOGUE),
        )
        self.assertEqual(result.code, support.MISMATCH, result)
        self.assert_one_line(result.err)


if __name__ == "__main__":
    support.main()
