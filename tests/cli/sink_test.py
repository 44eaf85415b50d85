"""TLS and AUTH of `sansmtp sink`, against Python's own client: OpenSSL and other code than the
project's.
"""

import base64
import hashlib
import hmac
import os
import resource
import smtplib
import socket
import ssl
import unittest

import support
from support import CommandTest, Sink, run

USER, PASSWORD = "alice", "secret"
MESSAGE = b"Subject: hi\r\n\r\nHello!\r\n"


def scram(client, user, password):
    """One SCRAM-SHA-256 exchange (RFC 5802) by hand; returns the last reply, (code, text)."""
    def ask(line):
        client.putcmd(line)
        code, text = client.getreply()
        return code, base64.b64decode(text).decode() if code == 334 else text

    first = f"n={user},r=fyko+d2lbbFgONRv9qkxdawL"
    code, server_first = ask(
        "AUTH SCRAM-SHA-256 " + base64.b64encode(b"n,," + first.encode()).decode()
    )
    if code != 334:
        return code, server_first
    fields = dict(field.split("=", 1) for field in server_first.split(","))
    salted = hashlib.pbkdf2_hmac(
        "sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"])
    )
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    final = f"c=biws,r={fields['r']}"
    text = f"{first},{server_first},{final}".encode()
    signature = hmac.digest(hashlib.sha256(client_key).digest(), text, "sha256")
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(client_key, signature))).decode()
    code, server_final = ask(base64.b64encode(f"{final},p={proof}".encode()).decode())
    if code != 334:
        return code, server_final
    expected = hmac.digest(hmac.digest(salted, b"Server Key", "sha256"), text, "sha256")
    assert server_final == "v=" + base64.b64encode(expected).decode(), server_final
    return ask("")


class SinkTest(CommandTest):
    """What the tests of the sink share."""

    def sink(self, *options):
        """A sink with TLS, and a context that trusts its certificate."""
        certificate = self.folder / "sink.pem"
        os.environ["SINK_PASSWORD"] = PASSWORD
        self.addCleanup(os.environ.pop, "SINK_PASSWORD", None)
        tls = "--tls" in options
        sink = Sink(*(("--tls-cert-out", certificate) if tls else ()), *options)
        self.addCleanup(sink.__exit__)
        return sink, ssl.create_default_context(cafile=certificate) if tls else None

    def client(self, sink, context=None):
        host, port = sink.server.rsplit(":", 1)
        client = (
            smtplib.SMTP
            if context is None
            else lambda *a, **k: smtplib.SMTP_SSL(*a, context=context, **k)
        )(host, int(port), local_hostname="client.test", timeout=support.TIMEOUT)
        self.addCleanup(client.close)
        client.ehlo()
        return client


@unittest.skipUnless(support.has_tls(), "this build has no TLS")
class TlsTest(SinkTest):
    def test_starttls_and_login(self):
        sink, context = self.sink(
            "--tls", "starttls", "--user", USER, "--password-env", "SINK_PASSWORD", "--require-auth"
        )
        client = self.client(sink)
        self.assertIn("starttls", client.esmtp_features)
        self.assertNotIn("auth", client.esmtp_features)
        self.assertEqual(client.docmd("AUTH PLAIN")[0], 538)
        client.starttls(context=context)  # verifies 127.0.0.1
        client.ehlo()
        self.assertNotIn("starttls", client.esmtp_features)
        self.assertEqual(
            client.esmtp_features["auth"].split(), ["PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"]
        )
        self.assertEqual(client.docmd("MAIL FROM:<a@x.example>")[0], 530)
        self.assertEqual(client.login(USER, PASSWORD)[0], 235)
        client.sendmail("a@x.example", ["b@y.example"], MESSAGE)
        self.assertEqual(client.quit()[0], 221)
        (content, envelope), = sink.stored()
        self.assertEqual((content, envelope["user"], envelope["tls"]), (MESSAGE, USER, True))

    def test_each_mechanism(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            sink, context = self.sink(
                "--tls", "implicit", "--user", USER, "--password-env", "SINK_PASSWORD"
            )
            context.minimum_version = context.maximum_version = version
            for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256"):
                for user, password, code in (
                    (USER, PASSWORD, 235),
                    (USER, "wrong", 535),
                    ("bob", PASSWORD, 535),
                ):
                    with self.subTest(version=version, mechanism=mechanism, code=code):
                        client = self.client(sink, context)
                        self.assertEqual(client.sock.version(), version.name.replace("_", "."))
                        self.assertEqual(self.log_in(client, mechanism, user, password), code)

    def log_in(self, client, mechanism, user, password):
        if mechanism == "SCRAM-SHA-256":
            return scram(client, user, password)[0]
        client.user, client.password = user, password
        try:
            how = getattr(client, "auth_" + mechanism.lower().replace("-", "_"))
            return client.auth(mechanism, how, initial_response_ok=mechanism == "PLAIN")[0]
        except smtplib.SMTPAuthenticationError as error:
            return error.smtp_code

    def test_malformed_logins(self):
        sink, _ = self.sink("--user", USER, "--password-env", "SINK_PASSWORD")
        for lines, code in (
            (["AUTH PLAIN !!!!"], 501),
            (["AUTH PLAIN", "*"], 501),
            (["AUTH LOGIN", "YQ=="], 334),
            (["AUTH CRAM-MD5 YQ=="], 501),
            (["AUTH SCRAM-SHA-256 YQ=="], 501),
            (["AUTH SCRAM-SHA-256 cD10bHMtdW5pcXVlLCxuPWEscj1i"], 501),
        ):
            client = self.client(sink)  # without TLS a login in clear text is what is wanted
            self.assertEqual(client.docmd("AUTH DIGEST-MD5")[0], 504)
            for line in lines:
                answer = client.docmd(line)[0]
            self.assertEqual(answer, code, lines)
            self.assertEqual(
                client.docmd("*" if code == 334 else "NOOP")[0], 501 if code == 334 else 250
            )

    def test_rules(self):
        """What tests ask for: refuse STARTTLS, hide it, drop in the handshake, another verdict than
        the true one.
        """
        sink, context = self.sink("--tls", "starttls", "--reply", "starttls=454 4.7.0 not now")
        self.assertEqual(self.client(sink).docmd("STARTTLS")[0], 454)
        sink, _ = self.sink("--tls", "starttls", "--hide", "STARTTLS")
        client = self.client(sink)
        self.assertNotIn("starttls", client.esmtp_features)
        self.assertEqual(client.docmd("STARTTLS")[0], 500)
        sink, context = self.sink("--tls", "starttls", "--close-after", "handshake")
        with self.assertRaises(OSError):
            self.client(sink).starttls(context=context)
        sink, context = self.sink(
            "--user", USER, "--password-env", "SINK_PASSWORD", "--reply", "auth=454 4.7.0 later"
        )
        self.assertEqual(self.log_in(self.client(sink), "PLAIN", USER, PASSWORD), 454)

    def test_clear_text_behind_starttls(self):
        """What is sent behind STARTTLS without waiting is no handshake and no command."""
        sink, _ = self.sink("--tls", "starttls")
        host, port = sink.server.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=support.TIMEOUT) as raw:
            raw.sendall(b"EHLO a.test\r\nSTARTTLS\r\nNOOP\r\n")
            said = b""
            while piece := raw.recv(4096):
                said += piece
        self.assertIn(b"220 2.0.0 go ahead\r\n", said)
        self.assertNotIn(b"250 2.0.0 ok", said)

    def test_options(self):
        for arguments, code in (
            (["--tls", "maybe"], support.USAGE),
            (["--tls-cert", "a.pem"], support.USAGE),
            (["--tls-cert-out", "a.pem"], support.USAGE),
            (["--auth", "PLAIN"], support.USAGE),
            (
                ["--tls", "starttls", "--tls-cert", "no.pem", "--tls-key", "no.key"],
                support.NO_INPUT,
            ),
            (["--user", USER, "--password-env", "NOT_SET_ANYWHERE"], support.NO_INPUT),
        ):
            result = run("sink", *arguments, cwd=self.folder)
            self.assertEqual(result.code, code, result)
            self.assert_one_line(result.err)


class PlainTest(SinkTest):
    """What needs no TLS."""

    def test_auth_parameter(self):
        """RFC 4954 section 5: relays send AUTH= wherever AUTH is offered, logged in or not;
        elsewhere it is unknown.
        """
        with_login, _ = self.sink(
            "--user", USER, "--password-env", "SINK_PASSWORD", "--auth", "PLAIN", "--auth", "LOGIN"
        )
        for parameters, code in (
            ("AUTH=<>", 250),
            ("SIZE=10 AUTH=<>", 250),
            ("AUTH=e+3Dmc2@x.example", 250),
            ("AUTH=", 501),
            ("AUTH", 501),
            ("AUTH=a+3", 501),
            ("AUTH=<> AUTH=<>", 501),
        ):
            with self.subTest(parameters=parameters):
                self.assertEqual(
                    self.client(with_login).docmd(f"MAIL FROM:<a@x.example> {parameters}")[0], code
                )
        client = self.client(with_login)
        client.login(USER, PASSWORD)
        self.assertEqual(client.docmd("MAIL FROM:<a@x.example> AUTH=a@x.example")[0], 250)
        self.assertEqual(client.docmd("RCPT TO:<a@x.example> AUTH=<>")[0], 555)
        hidden, _ = self.sink(
            "--user", USER, "--password-env", "SINK_PASSWORD", "--auth", "PLAIN", "--hide", "AUTH"
        )
        for sink in (self.sink()[0], hidden):
            self.assertEqual(self.client(sink).docmd("MAIL FROM:<a@x.example> AUTH=<>")[0], 555)

    def test_login_prompts(self):
        """Some clients compare them; a challenge of nothing is "334 " with its blank (RFC 4954
        section 4).
        """
        sink, _ = self.sink(
            "--user", USER, "--password-env", "SINK_PASSWORD", "--auth", "PLAIN", "--auth", "LOGIN"
        )
        client = self.client(sink)
        user, password = (base64.b64encode(text.encode()).decode() for text in (USER, PASSWORD))
        self.assertEqual(client.docmd("AUTH LOGIN"), (334, base64.b64encode(b"Username:")))
        self.assertEqual(client.docmd(user), (334, base64.b64encode(b"Password:")))
        self.assertEqual(client.docmd(password)[0], 235)
        client = self.client(sink)
        self.assertEqual(client.docmd(f"AUTH LOGIN {user}"), (334, base64.b64encode(b"Password:")))
        self.assertEqual(client.docmd(password)[0], 235)
        client = self.client(sink)
        client.putcmd("AUTH PLAIN")
        self.assertEqual(client.file.readline(), b"334 \r\n")

    def test_failed_logins_are_bounded(self):
        """Whoever guesses gets three tries a connection, whatever becomes of them; a good login
        begins anew.
        """
        sink, _ = self.sink("--user", USER, "--password-env", "SINK_PASSWORD", "--auth", "PLAIN")
        wrong = "AUTH PLAIN " + base64.b64encode(b"\0alice\0guess").decode()
        right = "AUTH PLAIN " + base64.b64encode(b"\0alice\0secret").decode()
        for tries in ((wrong, wrong, wrong), ("AUTH PLAIN !!!!", "AUTH PLAIN =", wrong)):
            with self.subTest(tries=tries):
                client = self.client(sink)
                for line in tries:
                    self.assertIn(client.docmd(line)[0], (535, 501))
                self.assertEqual(client.docmd("NOOP")[0], 250)
                self.assertEqual(client.docmd(right)[0], 421)
                self.assertEqual(client.file.readline(), b"")
        client = self.client(sink)
        for line, code in ((wrong, 535), (wrong, 535), (right, 235)):
            self.assertEqual(client.docmd(line)[0], code)

    def test_full_disk(self):
        """What cannot be stored as a whole is refused, and nothing of it is left; what can be is
        stored afterwards.
        """
        sink = Sink()
        self.addCleanup(sink.__exit__)
        client = self.client(sink)

        def send(size):
            try:
                return client.sendmail("a@x.example", ["b@y.example"], b"x" * size + b"\r\n") == {}
            except smtplib.SMTPDataError as error:
                self.assertEqual(error.smtp_code, 452, error)
                return False

        # No file may grow beyond this, which the kernel tells a writer as it tells of a full disk.
        _, hard = resource.prlimit(sink.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(sink.process.pid, resource.RLIMIT_FSIZE, (5000, hard))
        self.assertFalse(send(20000))
        self.assertEqual(list(sink.store.iterdir()), [])
        self.assertTrue(send(900))
        # The content fits, what is said of the envelope does not.
        resource.prlimit(sink.process.pid, resource.RLIMIT_FSIZE, (100, hard))
        self.assertFalse(send(50))
        resource.prlimit(sink.process.pid, resource.RLIMIT_FSIZE, (hard, hard))
        self.assertTrue(send(20000))
        self.assertEqual(sorted(path.name for path in sink.store.iterdir()),
                         ["000001.eml", "000001.json", "000002.eml", "000002.json"])
        self.assertEqual([len(content) for content, _ in sink.stored()], [902, 20002])


class OnRequestTest(SinkTest):
    """LMTP, and the extensions that are offered only where they are asked for."""

    OPEN = ("EHLO client.test", "MAIL FROM:<a@x.example>")

    def said(self, sink, *lines):
        """All that the sink says to these lines, which come at once, QUIT behind them; without the
        greeting and the answer to QUIT."""
        host, port = sink.server.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=support.TIMEOUT) as link:
            link.sendall(b"".join(line.encode() + b"\r\n" for line in (*lines, "QUIT")))
            octets = b""
            while piece := link.recv(65536):
                octets += piece
        replies = octets.decode().split("\r\n")[1:-1]
        return replies[:-1] if replies[-1].startswith("221") else replies

    def codes(self, sink, *lines):
        """The same without the reply to EHLO or LHLO, and codes only."""
        replies = self.said(sink, *lines)
        while replies[0].startswith("250-"):
            replies.pop(0)
        return [int(reply[:3]) for reply in replies[1:]]

    def test_lmtp_has_a_verdict_for_each_recipient(self):
        sink, _ = self.sink(
            "--lmtp",
            "--reject",
            "nobody@y.example",
            "--reject-content",
            "full@y.example=452 4.2.2 over quota",
            "--reject-content",
            "no@y.example",
        )
        self.assertEqual(self.said(sink, "EHLO client.test", "HELO client.test"),
                         ["500 5.5.1 this is LMTP, say LHLO"] * 2)
        to = [f"RCPT TO:<{name}@y.example>" for name in ("one", "full", "nobody", "no", "one")]
        for content, via in (
            (["DATA", "hello", "."], "DATA"),
            (["BDAT 4", "ab", "BDAT 3 LAST", "c"], "BDAT"),
        ):
            with self.subTest(via=via):
                first = len(sink.stored())
                replies = self.said(
                    sink, "LHLO client.test", "MAIL FROM:<a@x.example>", *to, *content, "NOOP"
                )
                self.assertEqual(replies[0], "250-localhost")
                replies = replies[-12:]  # behind those to LHLO
                self.assertEqual(
                    [reply[:3] for reply in replies[:6]], ["250", "250", "250", "550", "250", "250"]
                )
                self.assertEqual(replies[6][:3], "354" if via == "DATA" else "250")
                self.assertEqual(replies[7:], ["250 2.0.0 accepted", "452 4.2.2 over quota",
                                               "550 5.7.1 content refused", "250 2.0.0 accepted",
                                               "250 2.0.0 ok"])
                (content, envelope), = sink.stored()[first:]
                self.assertEqual(content, b"hello\r\n" if via == "DATA" else b"ab\r\nc\r\n")
                self.assertEqual(envelope["via"], via)
                self.assertEqual(
                    [r["address"] for r in envelope["recipients"]], ["one@y.example"] * 2
                )

    def test_lmtp_refuses_all(self):
        """Too much content, a fixed verdict, and a 421 between the verdicts."""
        to = (
            "LHLO client.test",
            "MAIL FROM:<a@x.example>",
            "RCPT TO:<b@y.example>",
            "RCPT TO:<c@y.example>",
            "RCPT TO:<d@y.example>",
            "DATA",
            "x" * 100,
            ".",
            "NOOP",
        )
        start = [250, 250, 250, 250, 354]
        for options, verdicts in ((("--max-size", "50"), [552, 552, 552, 250]),
                                  (("--reply", "content=451 4.3.0 later"), [451, 451, 451, 250]),
                                  (("--reject-content", "c@y.example=421 4.3.2 bye"), [250, 421])):
            with self.subTest(options=options):
                sink, _ = self.sink("--lmtp", *options)
                self.assertEqual(self.codes(sink, *to), start + verdicts)

    def test_smtp_knows_no_lhlo(self):
        sink, _ = self.sink()
        self.assertEqual(self.said(sink, "LHLO client.test"), ["500 5.5.2 unknown command"])

    def test_prdr(self):
        sink, _ = self.sink("--offer", "PRDR", "--reject-content", "c@y.example=550 5.7.1 not here")
        with_prdr = ("EHLO client.test", "MAIL FROM:<a@x.example> PRDR")
        content = ("DATA", "hello", ".", "NOOP")
        to_both = ("RCPT TO:<b@y.example>", "RCPT TO:<c@y.example>")
        self.assertIn("250 PRDR", self.said(sink, "EHLO client.test"))
        self.assertEqual(
            self.codes(sink, *with_prdr, *to_both, *content),
            [250, 250, 250, 354, 353, 250, 550, 250, 250],
        )
        self.assertEqual(
            self.codes(sink, *with_prdr, to_both[1], *content), [250, 250, 354, 353, 550, 550, 250]
        )
        self.assertEqual(
            self.codes(sink, *self.OPEN, *to_both, *content), [250, 250, 250, 354, 250, 250]
        )  # not asked for
        self.assertEqual(
            [[r["address"] for r in envelope["recipients"]] for _, envelope in sink.stored()],
            [["b@y.example"], ["b@y.example", "c@y.example"]],
        )
        # One reply for all, and a last one that refuses.
        sink, _ = self.sink("--offer", "PRDR", "--reply", "content=451 4.3.0 later")
        self.assertEqual(
            self.codes(sink, *with_prdr, *to_both, *content), [250, 250, 250, 354, 451, 250]
        )
        sink, _ = self.sink("--offer", "PRDR", "--reply", "final=550 5.6.0 no")
        self.assertEqual(
            self.codes(sink, *with_prdr, *to_both, *content),
            [250, 250, 250, 354, 353, 250, 250, 550, 250],
        )
        self.assertEqual(sink.stored(), [])
        sink, _ = self.sink()
        self.assertEqual(self.codes(sink, *with_prdr), [555])

    def test_limits(self):
        to = [
            f"RCPT TO:<{name}>"
            for name in ("b@y.example", "c@Y.example", "d@z.example", "e@w.example")
        ]
        for offered, replies in (("LIMITS RCPTMAX=2", [250, 250, 250, 452, 452]),
                                 ("LIMITS RCPTDOMAINMAX=2", [250, 250, 250, 250, 452]),
                                 ("LIMITS RCPTMAX=0 RCPTDOMAINMAX=x", [250] * 5)):
            with self.subTest(offered=offered):
                sink, _ = self.sink("--offer", offered)
                self.assertIn("250 " + offered, self.said(sink, "EHLO client.test"))
                self.assertEqual(self.codes(sink, *self.OPEN, *to), replies)
        sink, _ = self.sink("--offer", "LIMITS MAILMAX=2")
        again = ("RSET", "MAIL FROM:<a@x.example>")
        self.assertEqual(self.codes(sink, *self.OPEN, *again, *again), [250, 250, 250, 250, 452])

    def test_xclient_and_xforward(self):
        sink, _ = self.sink("--offer", "XCLIENT NAME ADDR", "--offer", "XFORWARD NAME HELO")
        mail = ("MAIL FROM:<a@x.example>", "RCPT TO:<b@y.example>", "DATA", "hello", ".")
        replies = self.said(
            sink,
            "EHLO client.test",
            "XCLIENT NAME=a+2Bb addr=192.0.2.1",
            *mail[:1],
            "EHLO client.test",
            "XFORWARD NAME=[UNAVAILABLE] HELO=there.test",
            *mail,
            *mail,
            "XFORWARD NAME=other.test",
            "RSET",
            *mail
        )
        self.assertIn("250-XCLIENT NAME ADDR", replies)
        self.assertIn("220 localhost ESMTP sansmtp sink", replies)
        self.assertEqual(
            replies[replies.index("220 localhost ESMTP sansmtp sink") + 1],
            "503 5.5.1 say EHLO first",
        )
        self.assertEqual(replies[-1], "250 2.0.0 accepted")
        envelopes = [envelope for _, envelope in sink.stored()]
        for envelope in envelopes:
            self.assertEqual(envelope["xclient"], {"NAME": "a+2Bb", "ADDR": "192.0.2.1"})
        # It is said of one mail, as with Postfix, and forgotten behind it and at RSET.
        self.assertEqual([e.get("xforward", {}) for e in envelopes],
                         [{"NAME": "[UNAVAILABLE]", "HELO": "there.test"}, {}, {}])
        for line, code in (
            ("XCLIENT", 501),
            ("XCLIENT NAME", 501),
            ("XCLIENT NAME=", 501),
            ("XCLIENT PORT=1", 501),
            ("XCLIENT NAME=a=b", 501),
            ("XCLIENT NAME=" + "x" * 500, 501),
        ):
            self.assertEqual(self.codes(sink, "EHLO client.test", line), [code], line)
        self.assertEqual(self.codes(sink, *self.OPEN, "XCLIENT NAME=x"), [250, 503])
        self.assertEqual(self.said(sink, "XFORWARD NAME=x"), ["503 5.5.1 say EHLO first"])
        refusing, _ = self.sink("--offer", "XCLIENT", "--reply", "xclient=550 5.7.0 not you")
        self.assertEqual(
            self.codes(refusing, "EHLO client.test", "XCLIENT ANY=x", mail[0]), [550, 250]
        )
        self.assertEqual(self.said(self.sink()[0], "XCLIENT NAME=x"), ["500 5.5.2 unknown command"])

    def test_binary_content(self):
        sink, _ = self.sink("--offer", "BINARYMIME")
        begin = (
            "EHLO client.test",
            "MAIL FROM:<a@x.example> BODY=BINARYMIME",
            "RCPT TO:<b@y.example>",
        )
        self.assertEqual(
            self.codes(sink, *begin, "DATA", "BDAT 3 LAST", "\n", "NOOP"), [250, 250, 503, 250, 250]
        )
        self.assertEqual(sink.stored()[0][0], b"\n\r\n")
        self.assertEqual(self.codes(self.sink()[0], *begin[:2]), [501])

    def test_chunks_that_are_refused(self):
        """Its octets are read, and only RSET helps behind it."""
        sink, _ = self.sink("--reply", "chunk=452 4.3.1 full")
        self.assertEqual(
            self.codes(
                sink,
                *self.OPEN,
                "RCPT TO:<b@y.example>",
                "BDAT 6",
                "QUIT",
                "BDAT 3 LAST",
                "x",
                "RSET",
                "NOOP"
            ),
            [250, 250, 452, 503, 250, 250],
        )
        sink, _ = self.sink("--close-after", "chunk")
        self.assertEqual(
            self.codes(sink, *self.OPEN, "RCPT TO:<b@y.example>", "BDAT 3", "x", "NOOP"),
            [250, 250, 250],
        )

    def test_parameters(self):
        offers = ("DELIVERBY 60", "MT-PRIORITY MIXER", "FUTURERELEASE 100 2030-01-01T00:00:00Z")
        sink, _ = self.sink(*(part for offer in offers for part in ("--offer", offer)))
        said = self.said(sink, "EHLO client.test")
        for offer in offers:
            self.assertIn(offer, [line[4:] for line in said])
        for parameter, code in (
            ("BY=120;R", 250),
            ("BY=-1;NT", 250),
            ("BY=1234567890;R", 501),
            ("BY=1;X", 501),
            ("MT-PRIORITY=-9", 250),
            ("MT-PRIORITY=10", 501),
            ("HOLDFOR=5", 250),
            ("HOLDFOR=x", 501),
            ("HOLDUNTIL=2029-01-01T00:00:00Z", 250),
            ("REQUIRETLS", 555),
        ):
            self.assertEqual(
                self.codes(sink, "EHLO client.test", f"MAIL FROM:<a@x.example> {parameter}"),
                [code],
                parameter,
            )

    def test_what_cannot_be_offered(self):
        for word in ("NONSENSE", "SIZE 10", ""):
            result = run("sink", "--listen", "127.0.0.1:0", "--max-seconds", "1", "--offer", word)
            self.assertEqual(result.code, support.USAGE, result)
            self.assert_one_line(result.err)


if __name__ == "__main__":
    support.main()
