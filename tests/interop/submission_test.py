#!/usr/bin/python3
"""Submission to real servers: Postfix with the passwords of Dovecot, and smtp-server, through TLS
1.2 and 1.3, with each mechanism that they offer.
"""

import unittest

import servers
import support

ALICE = f"alice@{servers.DOMAIN}"
BOB = f"bob@{servers.DOMAIN}"
CONTENTS = list(support.numbered_contents(2))


class SubmissionTest(support.InteropTest):
    @classmethod
    def setUpClass(cls):
        if not support.has_tls():
            raise unittest.SkipTest("this build has no TLS")
        super().setUpClass()

    def submit(self, port, *options, user=ALICE, secret="secret", **more):
        """Sends CONTENTS after a login through verified TLS."""
        login = ["--password-env", "SECRET", "--user", user] if secret else []
        return support.send(port, CONTENTS, [ALICE], environment={"SECRET": secret or ""},
                            options=["--ca", support.pki() / "ca.pem", "--server-name",
                                     servers.DOMAIN, *login, *options], **more)

    def assert_refused_login(self, result):
        """Nothing was sent, the reply is told, and the exit code says that it was the login."""
        self.assertEqual(result.code, support.EX_NOPERM, result)
        for row in self.report(result, CONTENTS, [ALICE]):
            self.assertEqual(row[0]["outcome"], "not_attempted", result)
        self.assertIn("535", result.errors)


class PostfixDovecotTest(SubmissionTest):
    @staticmethod
    def server_type():
        return servers.SubmissionPostfix(support.pki())

    MECHANISMS = ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "auto")

    def each(self):
        for (version, implicit), port in self.server.ports.items():
            yield version, "implicit" if implicit else "required", port

    def test_each_mechanism(self):
        """Logged in, delivered, and TLS of the version that the server speaks."""
        for version, mode, port in self.each():
            for mechanism in self.MECHANISMS:
                with self.subTest(version=version, mode=mode, mechanism=mechanism):
                    result = self.submit(port, "--tls", mode, "--auth", mechanism, "--trace")
                    self.assert_delivered(result, CONTENTS, [ALICE])
                    for mail in result.mails:
                        self.assertEqual(
                            mail["tls"], {"protocol": f"TLSv{version}", "verified": True}
                        )
                    name = "SCRAM-SHA-256" if mechanism == "auto" else mechanism
                    self.assertRegex(result.errors, rf"(?m)^C: AUTH {name}( |$)")
                    stored = self.server.drain()
                    self.assertEqual(len(stored), len(CONTENTS))
                    self.assertIn(f"sasl_method={name}, sasl_username={ALICE}", self.server.log())

    def test_tokens(self):
        """SASL-13, SASL-14: a token that is longer than a line may be, and one that nobody vouches
        for.
        """
        port = self.server.ports["1.3", False]
        for mechanism in ("OAUTHBEARER", "XOAUTH2"):
            for key in (None, b"somebody else's"):
                with self.subTest(mechanism=mechanism, key=key):
                    token = self.server.token(ALICE, key)
                    result = support.send(
                        port,
                        CONTENTS,
                        [ALICE],
                        environment={"SECRET": token},
                        options=[
                            "--tls",
                            "required",
                            "--ca",
                            support.pki() / "ca.pem",
                            "--server-name",
                            servers.DOMAIN,
                            "--user",
                            ALICE,
                            "--token-env",
                            "SECRET",
                            "--auth",
                            mechanism,
                            "--trace",
                        ],
                    )
                    self.assertNotIn(token, result.errors)
                    self.assertRegex(result.errors, rf"(?m)^C: AUTH {mechanism}( |$)")
                    if key is None:
                        self.assert_delivered(result, CONTENTS, [ALICE])
                        self.assertEqual(len(self.server.drain()), len(CONTENTS))
                        self.assertIn(f"sasl_method={mechanism}, sasl_username={ALICE}",
                                      self.server.log())
                    else:
                        self.assert_refused_login(result)
                        self.assertEqual(self.server.drain(), [])

    def test_wrong_password_and_user(self):
        """AUTH-11: one try, and nothing of the mail."""
        port = self.server.ports["1.3", False]
        for mechanism in self.MECHANISMS:
            for user, secret in ((ALICE, "wrong"), ("nobody@mail.test", "secret")):
                with self.subTest(mechanism=mechanism, user=user):
                    result = self.submit(port, "--tls", "required", "--auth", mechanism, "--trace",
                                         user=user, secret=secret)
                    self.assert_refused_login(result)
                    self.assertEqual(result.errors.count("C: AUTH "), 1, result.errors)
                    self.assertNotIn("C: MAIL", result.errors)
        self.assertEqual(self.server.drain(), [])

    def test_password_with_spaces_and_commas(self):
        """RFC 5802 section 5.1: these have a meaning in SCRAM's messages, but not in a password."""
        password = servers.Dovecot.USERS["bob"]
        for mechanism in self.MECHANISMS:
            with self.subTest(mechanism=mechanism):
                result = self.submit(self.server.ports["1.3", True], "--tls", "implicit", "--auth",
                                     mechanism, user=BOB, secret=password)
                self.assert_delivered(result, CONTENTS, [ALICE])
                self.server.drain()

    def test_each_level_of_pipelining(self):
        for level in support.LEVELS:
            with self.subTest(level=level):
                result = self.submit(
                    self.server.ports["1.3", False], "--tls", "required", level=level
                )
                self.assert_delivered(result, CONTENTS, [ALICE])
                self.assertEqual(len(self.server.drain()), len(CONTENTS))

    def test_large_content_through_tls(self):
        """Many records in both directions, octet for octet."""
        contents = [support.large_content(3 * 1024 * 1024)]
        for version, mode, port in self.each():
            with self.subTest(version=version, mode=mode):
                result = support.send(
                    port,
                    contents,
                    [ALICE],
                    environment={"SECRET": "secret"},
                    options=[
                        "--tls",
                        mode,
                        "--ca",
                        support.pki() / "ca.pem",
                        "--server-name",
                        servers.DOMAIN,
                        "--user",
                        ALICE,
                        "--password-env",
                        "SECRET",
                    ],
                )
                self.assert_delivered(result, contents, [ALICE])
                stored = self.server.drain()
                self.assertEqual(len(stored), 1)
                self.assert_same_octets(
                    stored[0].content, support.canonical(contents[0]).replace(b"\r\n", b"\n"), mode
                )

    def test_login_is_demanded(self):
        result = self.submit(self.server.ports["1.3", False], "--tls", "required", secret=None)
        for row in self.report(result, CONTENTS, [ALICE]):
            self.assertEqual((row[0]["outcome"], row[0]["stage"]), ("rejected", "rcpt"), result)

    def test_no_login_in_clear(self):
        """SESS-27: without TLS this server offers no AUTH."""
        result = support.send(self.server.ports["1.3", False], CONTENTS, [ALICE],
                              environment={"SECRET": "secret"},
                              options=["--user", ALICE, "--password-env", "SECRET"])
        self.assertEqual(result.code, support.EX_NOPERM, result)
        self.assertEqual(self.server.drain(), [])

    def test_probe(self):
        for version, mode, port in self.each():
            found, code = support.probe(f"localhost:{port}", "--tls", mode, "--ca",
                                        support.pki() / "ca.pem")
            self.assertEqual(code, support.EX_OK, found)
            self.assertEqual(found["tls"]["protocol"], f"TLSv{version}")
            self.assertIs(found["tls"]["verified"], True)
            self.assertIn("mail.test", found["tls"]["names"])
            self.assertIn("SCRAM-SHA-256", found["capabilities"]["AUTH"].split())


class SmtpServerTest(SubmissionTest):
    @staticmethod
    def server_type():
        return servers.SmtpServer(support.pki())

    def test_each_mechanism(self):
        for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5"):
            with self.subTest(mechanism=mechanism):
                result = self.submit(self.server.port, "--tls", "required", "--auth", mechanism)
                self.assert_delivered(result, CONTENTS, [ALICE])
                self.assertEqual(len(self.server.drain()), len(CONTENTS))
                self.assertIn(f"AUTH {mechanism} accepted", self.server.log())
                self.assert_refused_login(
                    self.submit(
                        self.server.port, "--tls", "required", "--auth", mechanism, secret="wrong"
                    )
                )

    def test_xoauth2(self):
        """SASL-14: the right token; a wrong one, whose error comes as a challenge."""
        token = ["--tls", "required", "--user", ALICE, "--token-env", "SECRET"]
        for mechanism in ("XOAUTH2", "auto"):
            result = self.submit(self.server.port, *token, "--auth", mechanism, secret=None)
            self.assertNotEqual(result.code, support.EX_OK, "no token, no login")
        for secret, refused in (("token.secret", False), ("token.wrong", True)):
            result = support.send(
                self.server.port,
                CONTENTS,
                [ALICE],
                environment={"SECRET": secret},
                options=[
                    *token,
                    "--ca",
                    support.pki() / "ca.pem",
                    "--server-name",
                    servers.DOMAIN,
                    "--trace",
                ],
            )
            self.assertNotIn(secret, result.errors)
            if refused:
                self.assertEqual(result.code, support.EX_NOPERM, result)
                self.assertIn("AUTH XOAUTH2 refused", self.server.log())
                self.assertEqual(self.server.drain(), [])
            else:
                self.assert_delivered(result, CONTENTS, [ALICE])
                self.assertEqual(len(self.server.drain()), len(CONTENTS))

    def test_requiretls_is_seen_inside_tls_only(self):
        """TLS-06, TLS-12: what counts is the EHLO behind the handshake."""
        server = f"127.0.0.1:{self.server.port}"
        outside, _ = support.probe(server)
        inside, _ = support.probe(server, "--tls", "required", "--ca", support.pki() / "ca.pem")
        self.assertNotIn("REQUIRETLS", outside["capabilities"])
        self.assertIn("REQUIRETLS", inside["capabilities"])
        self.assertNotIn("STARTTLS", inside["capabilities"])
        self.assertIn("XOAUTH2", inside["capabilities"]["AUTH"].split())


if __name__ == "__main__":
    support.main(__name__)
