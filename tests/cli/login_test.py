"""Names and passwords beyond ASCII (SASL-02, RFC 4013), and files that hold them in another
encoding than UTF-8.
"""

import base64
import os
import unittest

import support
from support import CommandTest, Server, Sink, run

MESSAGE = b"Subject: hi\r\n\r\nHello!\r\n"
CLEARTEXT = ("--insecure-auth-cleartext",)
HAS_SASLPREP = support.has_saslprep()


class LoginTest(CommandTest):
    def send(self, server, user, password, *options):
        """Sends with a password file of these octets."""
        return run(
            "send",
            "--server",
            server,
            "--from",
            "a@x.example",
            "--to",
            "b@y.example",
            "--user",
            user,
            "--password-file",
            self.write("password", password),
            *CLEARTEXT,
            *options,
            stdin=MESSAGE
        )

    def plain_response(self, user, password, *options):
        """What a server gets by PLAIN; nothing if no login was tried."""
        with Server(
            replies={"EHLO": b"250-raw.test\r\n250 AUTH PLAIN", "AUTH": b"235 welcome"}
        ) as server:
            result = self.send(server.server, user, password, *options)
            logins = [line.split()[2] for line in server.lines if line.startswith(b"AUTH PLAIN ")]
            self.assertEqual(result.code, support.OK if logins else result.code, result)
            return result, base64.b64decode(logins[0]).decode() if logins else None

    def assert_refused(self, user, password, code, *words, options=()):
        """The login is at fault, not the mail; nothing is sent, and no secret is shown."""
        result, response = self.plain_response(user, password, *options)
        self.assertIsNone(response)
        self.assertEqual((result.code, result.out), (code, ""), result)
        self.assert_one_line(result.err)
        for word in words:
            self.assertIn(word, result.err)
        self.assertNotIn("standard input", result.err)
        self.assertNotIn("secret", result.err)


@unittest.skipUnless(HAS_SASLPREP, "this build has no libidn")
class SaslprepTest(LoginTest):
    def test_vectors(self):
        """RFC 4013 section 3, and that each way to write a letter gives the same octets."""
        for given, prepared in (
            ("k\u00e4tchen", "k\u00e4tchen"),
            ("ka\u0308tchen", "k\u00e4tchen"),
            ("I\u00adX", "IX"),
            ("user", "user"),
            ("USER", "USER"),
            ("\u00aa", "a"),
            ("\u2168", "IX"),
            ("gr\u00fcn\u00a77\u20ac", "gr\u00fcn\u00a77\u20ac"),
            ("a\u00a0b", "a b"),
            ("\ufb01", "fi"),
            ("\u0627\u0628", "\u0627\u0628"),
            (
                "\ufdfa" * 4,
                "\u0635\u0644\u0649 \u0627\u0644\u0644\u0647 \u0639\u0644\u064a\u0647 "
                "\u0648\u0633\u0644\u0645" * 4,
            ),  # it grows much
            ("\u0221", "\u0221"),
        ):  # not assigned in Unicode 3.2: a query may hold it (section 2.5)
            with self.subTest(given=given):
                _, response = self.plain_response(given, given.encode() + b"\n")
                self.assertEqual(response, f"\0{prepared}\0{prepared}")

    def test_prohibited(self):
        """RFC 4013 sections 2.3 and 2.4: told whose it is."""
        for text, why in (
            ("a\ue000", "prohibits"),
            ("a\u200e", "prohibits"),
            ("\u0627\u0031", "from right to left"),
            ("\u0627a\u0627", "from right to left"),
            ("\u00ad", "is empty"),
        ):
            with self.subTest(text=text):
                self.assert_refused("me", text.encode(), support.DATA_ERROR, "the password", why)
                self.assert_refused(text, b"secret", support.DATA_ERROR, "the name of --user", why)

    @unittest.skipUnless(support.has_tls(), "this build has no hash functions")
    def test_each_mechanism(self):
        """The sink knows the composed form only, and compares octets."""
        os.environ["SINK_PASSWORD"] = "p\u00e4\u00a7"
        self.addCleanup(os.environ.pop, "SINK_PASSWORD", None)
        with Sink("--user", "k\u00e4the", "--password-env", "SINK_PASSWORD") as sink:
            for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"):
                for user, password in (
                    ("k\u00e4the", "p\u00e4\u00a7"),
                    ("ka\u0308the", "pa\u0308\u00a7"),
                ):
                    with self.subTest(mechanism=mechanism, user=ascii(user)):
                        result = self.send(
                            sink.server, user, password.encode(), "--auth", mechanism
                        )
                        self.assertEqual(result.code, support.OK, result)
                        self.assertEqual(sink.stored()[-1][1]["user"], "k\u00e4the")
                result = self.send(
                    sink.server,
                    "ka\u0308the",
                    "pa\u0308\u00a7".encode(),
                    "--auth",
                    mechanism,
                    "--sasl-prepared",
                )
                self.assertEqual(result.code, support.NO_PERMISSION, result)


class OctetsTest(LoginTest):
    """What needs no SASLprep."""

    def test_prepared_by_the_caller(self):
        _, response = self.plain_response("ka\u0308the", "\u2168\n".encode(), "--sasl-prepared")
        self.assertEqual(response, "\0ka\u0308the\0\u2168")

    @unittest.skipIf(HAS_SASLPREP, "this build has libidn")
    def test_without_saslprep(self):
        for user, password in (("k\u00e4the", "secret"), ("me", "\u00e4")):
            self.assert_refused(
                user, password.encode(), support.CONFIGURATION, "is not ASCII", "--sasl-prepared"
            )

    def test_marks(self):
        """A byte order mark before UTF-8 is no part of a password; UTF-16 is named."""
        for octets in (b"\xef\xbb\xbfsecret", b"\xef\xbb\xbfsecret\r\n"):
            _, response = self.plain_response("me", octets)
            self.assertEqual(response, "\0me\0secret")
        for encoding in ("utf-16", "utf-16-be", "utf-16-le", "utf-32"):
            self.assert_refused(
                "me",
                "secret\r\n".encode(encoding),
                support.DATA_ERROR,
                "the password",
                "UTF-16",
                "in UTF-8",
            )
        self.assert_refused("me", b"\xef\xbb\xbf\r\n", support.NO_INPUT, "the password", "is empty")

    def test_octets_that_no_login_has(self):
        """SASL-01: controls and what is no UTF-8, also if it is said to be prepared."""
        for options in ((), ("--sasl-prepared",)):
            for octets in (b"secret\x01", b"secret\x7f", b"secret\xe4", b"secret\xc2\x85"):
                self.assert_refused(
                    "me",
                    octets,
                    support.DATA_ERROR,
                    "the password",
                    "control character",
                    "UTF-8",
                    options=options,
                )
                self.assert_refused(
                    octets, b"secret", support.DATA_ERROR, "the name of --user", options=options
                )

    def test_tokens(self):
        """SASL-15: a token is ASCII; the name beside it may be more, and is the server's to
        prepare.
        """
        for octets, words in ((b"to\xc3\xa4", "beyond ASCII"), (b"to\x01", "control character")):
            result = run(
                "probe",
                "--server",
                "127.0.0.1:1",
                "--user",
                "me",
                "--auth",
                "XOAUTH2",
                "--token-file",
                self.write("token", octets),
            )
            self.assertEqual(result.code, support.DATA_ERROR, result)
            self.assertIn("the OAuth token", result.err)
            self.assertIn(words, result.err)


if __name__ == "__main__":
    support.main()
