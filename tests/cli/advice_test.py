"""What people are told when a server refuses, falls silent or is none: the reason, and what to do
about it (ERR-01).
"""

import json
import socket
import subprocess
import threading
import unittest

import support
from support import CommandTest, ScriptedServer, run

MESSAGE = b"Subject: hi\r\n\r\nHello!\r\n"
ENVELOPE = ("--ehlo", "me.example", "--from", "a@x.example", "--to", "b@y.example")
HAS_POOL = "--parallel" in run("send", "--help").out
WAYS = ((), *((("--parallel", "2"),) if HAS_POOL else ()))


class AdviceTest(CommandTest):
    def assert_told(self, script, code, *words, options=(), without=(), outcome=None):
        """One line with all `words` and none of `without`, in one session and in the pool alike."""
        for way in WAYS:
            with self.subTest(way=way, words=words), ScriptedServer(script) as server:
                result = run(
                    "send",
                    "--json",
                    "--server",
                    server.server,
                    *ENVELOPE,
                    *way,
                    *options,
                    stdin=MESSAGE
                )
                self.assertEqual(result.code, code, result)
                self.assert_one_line(result.err)
                for word in words:
                    self.assertIn(word, result.err)
                for word in without:
                    self.assertNotIn(word, result.err)
                self.assertNotRegex(result.err, r"\.[;)]")
                mail = json.loads(result.out)
                self.assertEqual(f"sansmtp send: {mail['error']}\n", result.err)
                if outcome:
                    self.assertEqual(mail["recipients"][0]["outcome"], outcome)

    def login(self):
        return (
            "--user",
            "me",
            "--password-file",
            self.write("password", b"secret\n"),
            "--insecure-auth-cleartext",
        )

    def refuse(self, verb, reply, offers=()):
        """A server that refuses one command and all behind it."""
        def script(link):
            link.open(offers)
            while not (line := link.line()).upper().startswith(b"QUIT"):
                link.send(
                    (reply if line.upper().startswith(verb) else b"503 5.5.1 not now") + b"\r\n"
                )
            link.send(b"221 bye\r\n")
        return script

    def test_login_wanted(self):
        """RFC 4954 section 6: 530 to MAIL, with and without a word of authentication."""
        offers = (b"PIPELINING", b"AUTH PLAIN")
        self.assert_told(
            self.refuse(b"MAIL", b"530 5.7.0 Authentication required", offers),
            support.UNAVAILABLE,
            "--user",
            "530 5.7.0",
            without=("password",),
            outcome="rejected",
        )
        self.assert_told(
            self.refuse(b"MAIL", b"530 who are you?", offers), support.UNAVAILABLE, "--user"
        )
        self.assert_told(
            self.refuse(b"MAIL", b"550 5.7.1 relaying denied", offers),
            support.UNAVAILABLE,
            "--user",
            outcome="rejected",
        )

    def test_tls_wanted(self):
        """RFC 3207 section 4: 530 to MAIL and to AUTH, and 538."""
        offers = (b"STARTTLS", b"AUTH PLAIN LOGIN")
        reply = b"530 5.7.0 Must issue a STARTTLS command first"
        self.assert_told(
            self.refuse(b"MAIL", reply, offers),
            support.UNAVAILABLE,
            "--tls required",
            without=("--user",),
        )
        self.assert_told(
            self.refuse(b"AUTH", reply, offers),
            support.NO_PERMISSION,
            "--tls required",
            "530 5.7.0",
            options=self.login(),
            without=("--user", "check"),
        )
        self.assert_told(
            self.refuse(b"AUTH", b"538 5.7.11 Encryption required", offers),
            support.NO_PERMISSION,
            "--tls required",
            options=self.login(),
            without=("check",),
        )

    def test_refused_login(self):
        """All lines of the reply, also by the pool."""
        self.assert_told(
            self.refuse(
                b"AUTH",
                b"535-5.7.8 wrong name\r\n535-5.7.8 or password\r\n535 5.7.8 see the manual",
                (b"AUTH PLAIN",),
            ),
            support.NO_PERMISSION,
            "--user",
            "535 5.7.8 wrong name / 5.7.8 or password / 5.7.8 see the manual",
            options=self.login(),
            outcome="not_attempted",
        )
        self.assert_told(
            self.refuse(b"AUTH", b"454 4.7.0 busy", (b"AUTH PLAIN",)),
            support.TEMPORARY,
            "454 4.7.0 busy",
            "later",
            options=self.login(),
            without=("check",),
        )

    def test_mechanisms(self):
        """What is offered is named if none of it can be used."""
        self.assert_told(
            self.refuse(b"AUTH", b"504 no", (b"AUTH NTLM GSSAPI",)),
            support.NO_PERMISSION,
            "NTLM GSSAPI",
            options=self.login(),
        )
        self.assert_told(
            self.refuse(b"AUTH", b"504 no", (b"AUTH PLAIN",)),
            support.NO_PERMISSION,
            "offers PLAIN",
            "--auth",
            options=(*self.login(), "--auth", "login"),
        )
        self.assert_told(
            self.refuse(b"AUTH", b"504 no", (b"STARTTLS",)),
            support.NO_PERMISSION,
            "--tls required",
            options=self.login(),
        )
        self.assert_told(
            self.refuse(b"AUTH", b"504 no"),
            support.NO_PERMISSION,
            "none",
            "587",
            options=self.login(),
        )

    def test_no_smtp(self):
        """The first line tells what it is."""
        for line, name in (
            (b"HTTP/1.1 400 Bad Request", "HTTP"),
            (b"* OK [CAPABILITY IMAP4rev1] ready", "IMAP"),
            (b"+OK POP3 ready", "POP3"),
            (b"SSH-2.0-OpenSSH_9.2", "SSH"),
        ):
            def script(link, line=line):
                link.send(line + b"\r\n")
                link.until_end()
            self.assert_told(script, support.PROTOCOL, name, line.decode(), "--server")

        def tls_alert(link):
            link.send(b"\x15\x03\x01\x00\x02\x02\x28")
            link.until_end()
        self.assert_told(tls_alert, support.PROTOCOL, "TLS", "--tls implicit")

    def test_time_outs(self):
        """The stage, and what helps there."""
        def mute(link):
            link.until_end()

        def lossy(link):
            link.open((b"PIPELINING",))
            link.expect(b"MAIL", b"250 ok")  # and what came with it is lost
            link.until_end()

        def slow(link):
            link.open()
            link.mail(verdict=None)
            link.until_end()
        self.assert_told(
            mute,
            support.TEMPORARY,
            "greeting",
            "--timeout",
            "--tls implicit",
            options=("--timeout", "greeting=200ms"),
        )
        self.assert_told(
            lossy,
            support.TEMPORARY,
            "rcpt",
            "--pipelining off",
            "--timeout rcpt",
            options=("--timeout", "rcpt=200ms"),
        )
        self.assert_told(lossy, support.TEMPORARY, "rcpt", "--timeout", without=("--pipelining",),
                         options=("--timeout", "rcpt=200ms", "--pipelining", "off"))
        self.assert_told(
            slow,
            support.IN_DOUBT,
            "look before a retry",
            without=("later",),
            options=("--timeout", "content=200ms"),
            outcome="in_doubt",
        )

    @unittest.skipUnless(support.has_tls(), "this build has no TLS")
    def test_time_out_of_the_handshake(self):
        def script(link):
            link.open((b"STARTTLS",))
            link.expect(b"STARTTLS", b"220 go")
            link.connection.recv(1)
            while link.connection.recv(65536):
                pass
        self.assert_told(
            script,
            support.TEMPORARY,
            "TLS",
            options=("--tls", "required", "--timeout", "handshake=300ms"),
        )

    def test_refusal_before_the_end(self):
        """The reason is the 550 to MAIL, not the end of the connection behind it."""
        def script(link):
            link.open((b"PIPELINING",))
            link.expect(b"MAIL", b"550 5.7.1 not from here")
            link.expect(b"RCPT")
            link.expect(b"DATA")
        self.assert_told(
            script,
            support.UNAVAILABLE,
            "refused",
            "550 5.7.1 not from here",
            without=("lost",),
            outcome="rejected",
        )

    def test_no_name_to_say(self):
        """SESS-15: over a Unix socket there is no address to say; both ways tell the same reason.
        """
        path = self.folder / "s"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            # A host name without a dot is none to say. A namespace of its own has one.
            alone = (
                "unshare",
                "--map-root-user",
                "--uts",
                "sh",
                "-c",
                'hostname plain && exec "$@"',
                "sh",
            )
            if subprocess.run([*alone, "true"], check=False, capture_output=True).returncode:
                alone = ()
                if "." in socket.gethostname():
                    self.skipTest("this host has a name to say")

            def greet():
                while True:
                    try:
                        connection, _ = listener.accept()
                    except OSError:
                        return
                    with connection:
                        try:
                            connection.sendall(b"220 unix.test\r\n")
                        except OSError:
                            pass  # it knows already that it has nothing to say
            threading.Thread(target=greet, daemon=True).start()
            for way in WAYS:
                with self.subTest(way=way):
                    done = subprocess.run(
                        [
                            *alone,
                            support.command(),
                            "send",
                            "--json",
                            "--server",
                            f"unix:{path}",
                            "--from",
                            "a@x.example",
                            "--to",
                            "b@y.example",
                            *way,
                            self.write("1", MESSAGE),
                            self.write("2", MESSAGE),
                        ],
                        capture_output=True,
                        text=True,
                        timeout=support.TIMEOUT,
                        check=False,
                    )
                    self.assertEqual(done.returncode, support.CONFIGURATION, done)
                    self.assert_one_line(done.stderr)
                    self.assertIn("--ehlo", done.stderr)
                    self.assertEqual(
                        {json.loads(line)["error"] for line in done.stdout.splitlines()},
                        {done.stderr.strip().removeprefix("sansmtp send: ")},
                    )
            listener.shutdown(socket.SHUT_RDWR)


class ProbeTest(CommandTest):
    def test_login_that_fails(self):
        """The advice of `send` points here: what is offered is shown also if the login fails."""
        password = self.write("password", b"secret\n")
        for offers, shown in (((b"AUTH NTLM GSSAPI",), {"AUTH": "NTLM GSSAPI"}),
                              ((b"SIZE 1000", b"AUTH PLAIN"), {"SIZE": "1000", "AUTH": "PLAIN"})):
            def script(link, offers=offers):
                link.open(offers)
                while line := link.line():
                    link.send(b"221 bye\r\n" if line == b"QUIT" else b"535 5.7.8 no\r\n")
            with self.subTest(offers=offers), ScriptedServer(script) as server:
                arguments = (
                    "probe",
                    "--server",
                    server.server,
                    "--ehlo",
                    "me.example",
                    "--user",
                    "me",
                    "--password-file",
                    password,
                    "--insecure-auth-cleartext",
                )
                result = run(*arguments, "--json")
                self.assertEqual(result.code, support.NO_PERMISSION, result)
                self.assert_one_line(result.err)
                found = json.loads(result.out)
                self.assertEqual(found["capabilities"], shown)
                self.assertTrue(found["esmtp"])
                table = run(*arguments)
                self.assertIn(" AUTH " + shown["AUTH"], table.out)
                self.assertIn("protocol  ESMTP", table.out)


if __name__ == "__main__":
    support.main()
