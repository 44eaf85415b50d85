"""`sansmtp send --parallel`: over many connections, with TLS and a login, and what is said where
there is no connection.
"""

import json
import os
import threading
import unittest

import support
from support import CommandTest, ScriptedServer, Server, Sink, run
from tls_server import PASSWORD, USER, Pki, TlsServer

ENVELOPE = ("--from", "a@x.example", "--to", "b@y.example")
COUNT = 40


@unittest.skipUnless("--parallel" in run("send", "--help").out, "this build has no pool")
class ParallelTest(CommandTest):
    @classmethod
    def setUpClass(cls):
        os.environ["TEST_PASSWORD"] = PASSWORD

    def send(self, server, *options, count=COUNT):
        """Sends `count` messages; returns the result and a row for each, in the order of the
        command line.
        """
        files = []
        for number in range(count):
            files.append(self.folder / f"{number}.eml")
            files[-1].write_bytes(f"Subject: {number}\r\n\r\nHello!\r\n".encode())
        result = run(
            "send", "--json", "--parallel", "4", "--server", server, *ENVELOPE, *options, *files
        )
        # Each is told when it is known, so their order is that of their outcomes.
        rows = sorted(
            (json.loads(line) for line in result.out.splitlines()), key=lambda row: row["mail"]
        )
        self.assertEqual([row["file"] for row in rows], [str(file) for file in files], result)
        self.assertEqual([row["mail"] for row in rows], list(range(1, count + 1)), result)
        return result, rows

    def outcomes(self, rows):
        return {row["recipients"][0]["outcome"] for row in rows}

    def test_each_message_once(self):
        for level in ("off", "envelope", "messages"):
            with self.subTest(level=level), Sink() as sink:
                result, rows = self.send(sink.server, "--pipelining", level)
                self.assertEqual(
                    (result.code, self.outcomes(rows)), (support.OK, {"delivered"}), result
                )
                subjects = sorted(
                    int(content.split(b"\r\n")[0].split()[1]) for content, _ in sink.stored()
                )
                self.assertEqual(subjects, list(range(COUNT)))

    @unittest.skipUnless(support.has_tls(), "this build has no TLS")
    def test_tls_and_login(self):
        with Sink(
            "--tls",
            "starttls",
            "--tls-cert",
            Pki.path("server.pem"),
            "--tls-key",
            Pki.path("server.key"),
            "--user",
            USER,
            "--password-env",
            "TEST_PASSWORD",
            "--require-auth",
        ) as sink:
            trust = ("--ca", Pki.path("ca.pem"), "--server-name", "mail.test", "--tls", "required")
            result, rows = self.send(
                sink.server, *trust, "--user", USER, "--password-env", "TEST_PASSWORD"
            )
            self.assertEqual(
                (result.code, self.outcomes(rows)), (support.OK, {"delivered"}), result
            )
            self.assertTrue(all(row["tls"]["verified"] for row in rows))
            self.assertEqual(
                {(letter["user"], letter["tls"]) for _, letter in sink.stored()}, {(USER, True)}
            )

            result, rows = self.send(
                sink.server,
                "--ca",
                Pki.path("ca.pem"),
                "--server-name",
                "other.test",
                "--tls",
                "required",
                count=3,
            )
            self.assertEqual(
                (result.code, self.outcomes(rows)), (support.UNAVAILABLE, {"not_attempted"}), result
            )
            self.assert_one_line(result.err)

    @unittest.skipUnless(support.has_tls(), "this build has no TLS")
    def test_without_tls_where_it_fails(self):
        """TLS-08: each mail once, in clear text, and that is said once."""
        with TlsServer(Pki.server_context("server"), parallel=True,
                       hostile=lambda link: link.put(b"220 go\r\n")) as server:
            result, rows = self.send(server.server, "--tls", "opportunistic", count=5)
            self.assertEqual(
                (result.code, self.outcomes(rows)), (support.OK, {"delivered"}), result
            )
            self.assertEqual({row["tls"] for row in rows}, {None})
            self.assertEqual(len(server.contents), 5)
            self.assert_one_line(result.err)
            self.assertIn("without TLS", result.err)

    def test_no_connection(self):
        """The same words and codes as without --parallel."""
        for server in (
            f"127.0.0.1:{support.refusing_port()}",
            "no-such-host.invalid",
            "unix:/no/such/socket",
        ):
            with self.subTest(server=server):
                result, rows = self.send(server, count=3)
                alone = run("send", "--json", "--server", server, *ENVELOPE, self.folder / "0.eml")
                self.assertEqual(self.outcomes(rows), {"not_attempted"})
                self.assertEqual((result.code, result.err), (alone.code, alone.err))

    def test_bad_moments_of_a_server(self):
        """Every second connection is reset before its greeting: what works is used, and all is
        delivered.
        """
        lock = threading.Lock()
        links = []

        def script(link):
            with lock:
                links.append(link)
                bad = len(links) % 2 == 0
            if not bad:
                link.open()
                link.mail()
        with ScriptedServer(script) as server:
            result, rows = self.send(server.server, count=20)
        self.assertEqual((result.code, self.outcomes(rows)), (support.OK, {"delivered"}), result)

    def test_rejections_are_of_their_mail(self):
        with Sink("--reject", "bad@y.example") as sink:
            result, rows = self.send(sink.server, "--to", "bad@y.example")
            self.assertNotEqual(result.code, support.OK)
            for row in rows:
                self.assertEqual(
                    [r["outcome"] for r in row["recipients"]], ["delivered", "rejected"]
                )

    def test_in_doubt_is_not_sent_again(self):
        with Server(hang_up="CONTENT") as server:
            result, rows = self.send(server.server, count=5)
            self.assertEqual(
                (result.code, self.outcomes(rows)), (support.IN_DOUBT, {"in_doubt"}), result
            )
            self.assertEqual(server.lines.count(b"DATA\r\n"), 5)

    # What links showed when they failed counts only as long as all of them showed the same.

    def test_what_two_links_said(self):
        for greetings, named in (((b"HTTP/1.1 400 Bad\r\n", b"HTTP/1.1 400 Bad\r\n"), True),
                                 ((b"HTTP/1.1 400 Bad\r\n", b"* OK IMAP4rev1\r\n"), False)):
            both = threading.Barrier(2, timeout=support.TIMEOUT)

            def speaker(words, both=both):
                def script(link):
                    both.wait()
                    link.send(words)
                    link.until_end()
                return script
            with self.subTest(greetings=greetings), \
                    ScriptedServer(*(speaker(words) for words in greetings)) as server:
                result, rows = self.send(server.server, count=2)
            self.assertEqual((result.code, self.outcomes(rows)),
                             (support.PROTOCOL, {"not_attempted"}), result)
            self.assertEqual("it speaks HTTP" in result.err, named, result)
            self.assertEqual("it said 'HTTP/1.1 400 Bad'" in result.err, named, result)
            self.assertNotIn("IMAP", result.err)

    @unittest.skipUnless(support.has_tls(), "this build has no TLS")
    def test_whose_certificates_two_links_showed(self):
        for certificates, named in ((("server", "server"), True), (("server", "other"), False)):
            both = threading.Barrier(2, timeout=support.TIMEOUT)

            def shower(certificate, both=both):
                def script(link):
                    both.wait()
                    try:
                        Pki.server_context(certificate).wrap_socket(
                            link.connection, server_side=True
                        )
                    except OSError as why:
                        raise support.Gone from why
                return script
            with self.subTest(certificates=certificates), \
                    ScriptedServer(*(shower(c) for c in certificates)) as server:
                result, rows = self.send(server.server, "--tls", "implicit", "--ca",
                                         Pki.path("ca.pem"), "--server-name", "mx.test", count=2)
            self.assertEqual((result.code, self.outcomes(rows)),
                             (support.UNAVAILABLE, {"not_attempted"}), result)
            self.assertEqual("its certificate is for" in result.err, named, result)
            self.assertNotIn("other.test", result.err)

    def test_bad_options(self):
        for options in (
            ("--parallel", "0"),
            ("--parallel", "x"),
            ("--parallel", "2", "--record", "r.smtp"),
        ):
            result = run(
                "send", "--server", "127.0.0.1:1", *ENVELOPE, *options, "-", stdin=b"x\r\n"
            )
            self.assertEqual(result.code, support.USAGE, result)
            self.assert_one_line(result.err)


if __name__ == "__main__":
    support.main()
