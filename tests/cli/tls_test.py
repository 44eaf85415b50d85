"""TLS and login of `sansmtp send` and `probe`: certificates, hostile servers, truncation, secrets,
exit codes.
"""

import base64
import contextlib
import itertools
import json
import os
import pathlib
import pty
import re
import select
import ssl
import subprocess
import time
import unittest

import support
from support import CommandTest, Server, Sink, run
from tls_server import PASSWORD, USER, Pki, TlsServer

MESSAGE = b"Subject: hi\r\n\r\nHello!\r\n"
ENVELOPE = ("--from", "a@x.example", "--to", "b@y.example")
LOGIN = ("--user", USER, "--password-env", "TEST_PASSWORD")
VERSIONS = (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)


def send(server, *arguments):
    return run("send", "--json", "--server", server, *ENVELOPE, *arguments, stdin=MESSAGE)


def outcome(result):
    """The outcome of the one recipient of the one mail."""
    return json.loads(result.out)["recipients"][0]["outcome"]


@unittest.skipUnless(support.has_tls(), "this build has no TLS")
class TlsTest(CommandTest):
    @classmethod
    def setUpClass(cls):
        os.environ["TEST_PASSWORD"] = PASSWORD
        cls.verify = ("--ca", Pki.path("ca.pem"), "--server-name", "mail.test")

    def assert_no_secret(self, *texts):
        """Neither the password nor anything that holds it."""
        secrets = [PASSWORD.encode(), base64.b64encode(PASSWORD.encode()),
                   base64.b64encode(f"\0{USER}\0{PASSWORD}".encode())]
        for text in texts:
            for secret in secrets:
                self.assertNotIn(secret, text.encode() if isinstance(text, str) else text)

    # What works

    def test_modes_and_versions(self):
        """TLS-01: STARTTLS and implicit TLS, 1.2 and 1.3, with a login inside."""
        for version in VERSIONS:
            for mode in ("required", "opportunistic", "implicit"):
                with self.subTest(version=version, mode=mode), TlsServer(
                    Pki.server_context("server", version), implicit=mode == "implicit"
                ) as server:
                    result = send(server.server, "--trace", "--tls", mode, *self.verify, *LOGIN)
                    self.assertEqual(result.code, support.OK, result)
                    self.assertEqual(json.loads(result.out)["tls"],
                                     {"protocol": version.name.replace("_", "."), "verified": True})
                    self.assertEqual(server.contents, [MESSAGE.decode().split("\r\n")[:-1]])
                    clear = [line for tls, line in server.lines if not tls]
                    self.assertEqual(len(clear), 0 if mode == "implicit" else 2, clear)
                    self.assert_no_secret(result.err, result.out, server.clear)
                    self.assertIn("AUTH PLAIN", result.err)  # masked

    def test_tls_min(self):
        with TlsServer(Pki.server_context("server", ssl.TLSVersion.TLSv1_2)) as server:
            result = send(server.server, "--tls", "required", "--tls-min", "1.3", *self.verify)
            self.assertEqual(result.code, support.UNAVAILABLE, result)
            self.assert_one_line(result.err)

    def test_profiles(self):
        """Both verify the host of --server, and need no other option."""
        for profile, implicit in (("submission", False), ("submissions", True)):
            for certificate, code in (("server", support.OK), ("other", support.UNAVAILABLE)):
                with self.subTest(profile=profile, certificate=certificate), TlsServer(
                        Pki.server_context(certificate), implicit=implicit) as server:
                    result = send(
                        f"localhost:{server.port}",
                        "--profile",
                        profile,
                        "--ca",
                        Pki.path("ca.pem"),
                        *LOGIN,
                    )
                    self.assertEqual(result.code, code, result)
        # Their ports, told by who cannot be reached there.
        for profile, port in (("submission", 587), ("submissions", 465)):
            result = send("127.0.0.2", "--profile", profile, "--connect-timeout", "5s")
            self.assertIn(f"127.0.0.2:{port}", result.err)

    def test_table(self):
        with TlsServer(Pki.server_context("server")) as server:
            result = run(
                "send", "--server", server.server, *ENVELOPE, "--tls", "required", stdin=MESSAGE
            )
            self.assertIn(
                "delivered to 1 of 1 recipients over TLSv1.3, server not verified", result.out
            )

    def test_client_certificate(self):
        context = Pki.server_context("server", client_ca=True)
        credentials = ("--cert", Pki.path("client.pem"), "--key", Pki.path("client.key"))
        for version in VERSIONS:
            context.minimum_version = context.maximum_version = version
            with self.subTest(version=version), TlsServer(context) as server:
                self.assertEqual(
                    send(server.server, "--tls", "required", *self.verify, *credentials).code,
                    support.OK,
                )
                result = send(server.server, "--tls", "required", *self.verify)
                self.assertEqual(
                    (result.code, outcome(result)), (support.UNAVAILABLE, "not_attempted"), result
                )
                self.assert_one_line(result.err)
                self.assertIn("--cert", result.err)

    def test_the_readme(self):
        """The commands that README.md shows, with what they print."""
        text = (pathlib.Path(__file__).resolve().parents[2] / "README.md").read_text(
            encoding="utf-8"
        )
        shown = text[text.index("### Submission, in one command"):].split("\n## ")[0]
        self.write("secret", b"correct horse\n")
        self.write("letter.eml", MESSAGE)
        sink_line = re.search(r"`sansmtp (sink --listen [^`]*)`", shown)[1]
        options = re.sub(r"\s+", " ", sink_line).split(" ")[3:]
        with contextlib.chdir(self.folder), Sink(*options) as sink:
            port = sink.server.split(":")[1]
            for block in re.findall(r"```\n\$ sansmtp (.*?)```", shown, re.DOTALL):
                line, expected = block.split("\n", 1)
                result = run(*line.replace("localhost:2587", f"localhost:{port}").split(" "))
                self.assertEqual((result.code, result.err), (support.OK, ""), result)
                # Ports, times and the day differ from run to run.
                masks = (
                    (r":\d{4,5}\b", ":2587"),
                    (r" +\d+\.\d{3} ms", " 0.000 ms"),
                    (r"\d{4}-\d\d-\d\d \S+ UTC", "DAY"),
                    (r"sha256/\S+", "PIN"),
                    # The libraries have names of their own for a suite, and each its favourite.
                    (r"TLS_AES_128_GCM_SHA256|TLS13-\S+", "SUITE"),
                )
                for pattern, mask in masks:
                    result = result._replace(out=re.sub(pattern, mask, result.out))
                    expected = re.sub(pattern, mask, expected)
                self.assertEqual(result.out, expected)

    # Who the server is (TLS-10, TLS-11, B10)

    def test_a_pinned_key_is_proof_enough(self):
        """Without an authority, a name, or a date that is right; and no other key is."""
        pins = {
            name: "sha256/" + Pki.path(name + ".pin").read_text().strip()
            for name in ("self_signed", "expired", "server")
        }
        wrong = ("--pin", pins["server"])
        for certificate, mode in itertools.product(
            ("self_signed", "expired"), ("required", "implicit")
        ):
            context = Pki.server_context(certificate)
            with (
                self.subTest(certificate=certificate, mode=mode),
                TlsServer(context, implicit=mode == "implicit") as server,
            ):
                look = ("probe", "--json", "--server", server.server, "--tls", mode)
                found = json.loads(run(*look).out)["tls"]
                self.assertEqual((found["key"], found["verified"]), (pins[certificate], False))
                right = ("--pin", found["key"])
                for pin in (right, (*wrong, *right)):
                    result = send(server.server, "--tls", mode, *pin, *LOGIN)
                    self.assertEqual(
                        (result.code, outcome(result)), (support.OK, "delivered"), result
                    )
                    self.assertIs(json.loads(result.out)["tls"]["verified"], True)
                    self.assertIs(json.loads(run(*look, *pin).out)["tls"]["verified"], True)
                result = send(server.server, "--tls", mode, *wrong, *LOGIN)
                self.assertEqual(
                    (result.code, outcome(result)), (support.UNAVAILABLE, "not_attempted"), result
                )
                self.assert_one_line(result.err)
                self.assertIn("--pin", result.err)
        server = f"127.0.0.1:{support.refusing_port()}"
        for arguments in (
            ("--tls", "required", "--pin", "sha256/qqqq"),
            wrong,
            ("--tls", "required", *wrong, "--ca", "x"),
            ("--tls", "required", *wrong, "--server-name", "x"),
        ):
            result = send(server, *arguments)
            self.assertEqual(result.code, support.USAGE, result)
            self.assert_one_line(result.err)

    MATRIX = (  # certificate, name that is asked for, what is said; nothing for success
        ("server", "mail.test", None),
        ("server", "MAIL.TEST.", None),
        ("server", "localhost", None),
        ("server", "127.0.0.1", None),
        ("server", "::1", None),
        ("rsa", "mail.test", None),
        ("wildcard", "a.wild.test", None),
        ("ip_only", "127.0.0.1", None),
        ("server", "other.test", "not issued for"),
        ("server", "127.0.0.2", "not issued for"),
        ("other", "mail.test", "other.test"),
        ("cn_only", "mail.test", "not issued for"),
        ("wildcard", "wild.test", "not issued for"),
        ("wildcard", "a.b.wild.test", "not issued for"),
        ("partial", "foo.part.test", "not issued for"),
        ("ip_only", "mail.test", "not issued for"),
        ("ip_as_name", "127.0.0.1", "not issued for"),
        ("expired", "mail.test", "expired"),
        ("untrusted", "mail.test", "No trusted authority"),
        ("self_signed", "mail.test", "self-signed"),
        # What proves nothing whoever it is for (TLS-15).
        ("sha1", "mail.test", "SHA-1"),
        ("weak_key", "mail.test", "2048 bits"),
        ("client_only", "mail.test", "not issued for what"),
        ("no_usage", "mail.test", None),
        ("ed25519", "mail.test", None),
        ("self_signed_ed25519", "mail.test", "self-signed"),
        ("chain_between", "mail.test", None),
        ("chain_missing", "mail.test", "No trusted authority"),
        ("chain_editions", "mail.test", None),
        ("chain_expired_root", "mail.test", None),
        (
            "chain_expired",
            "mail.test",
            "authority between the server and the trusted ones has expired",
        ),
        ("chain_sha1", "mail.test", "SHA-1"),
        ("chain_between_weak", "mail.test", "2048 bits"),
    )

    def test_certificates(self):
        """The same verdict for each version and mode; nothing but TLS is said to who does not prove
        itself.
        """
        for certificate, name, complaint in self.MATRIX:
            for version in VERSIONS:
                for mode in ("required", "implicit"):
                    with self.subTest(
                        certificate=certificate, name=name, version=version, mode=mode
                    ), TlsServer(
                        Pki.server_context(certificate, version), implicit=mode == "implicit"
                    ) as server:
                        result = send(
                            server.server,
                            "--tls",
                            mode,
                            "--ca",
                            Pki.path("ca.pem"),
                            "--server-name",
                            name,
                            *LOGIN
                        )
                        if complaint is None:
                            self.assertEqual(result.code, support.OK, result)
                            continue
                        self.assertEqual(
                            (result.code, outcome(result)),
                            (support.UNAVAILABLE, "not_attempted"),
                            result,
                        )
                        self.assert_one_line(result.err)
                        self.assertIn(complaint, result.err)
                        self.assertEqual([line for tls, line in server.lines if tls], [])
                        self.assertEqual(server.contents, [])

    def test_name_mismatch_shows_the_names(self):
        with TlsServer(Pki.server_context("server")) as server:
            result = send(
                server.server,
                "--tls",
                "required",
                "--ca",
                Pki.path("ca.pem"),
                "--server-name",
                "mx.test",
            )
            for name in ("localhost", "mail.test", "127.0.0.1", "--server-name"):
                self.assertIn(name, result.err)

    def test_probe_tells_the_verdict(self):
        for certificate, name, complaint in self.MATRIX:
            with self.subTest(certificate=certificate, name=name), TlsServer(
                Pki.server_context(certificate)
            ) as server:
                arguments = (
                    "--server",
                    server.server,
                    "--tls",
                    "required",
                    "--ca",
                    Pki.path("ca.pem"),
                    "--server-name",
                    name,
                )
                result = run("probe", "--json", *arguments)
                self.assertEqual((result.code, result.err), (support.OK, ""), result)
                tls = json.loads(result.out)["tls"]
                self.assertEqual(
                    list(tls),
                    ["protocol", "cipher", "names", "expires", "key", "verified", "verdict"],
                )
                self.assertIs(tls["verified"], complaint is None)
                self.assertTrue(
                    tls["verdict"].startswith("verified" if complaint is None else "not verified: ")
                )
        with TlsServer(Pki.server_context("expired")) as server:
            result = run(
                "probe", "--server", server.server, "--tls", "required", "--ca", Pki.path("ca.pem")
            )
            self.assertRegex(result.out, r"(?m)^TLS +TLSv1\.3, \S+$")
            names = re.search(r"(?m)^names ((?: +\S+\n)+)", result.out)[1].split()
            self.assertEqual(sorted(names), ["127.0.0.1", "localhost", "mail.test"])
            self.assertRegex(result.out, r"(?m)^expires +20\d\d-\d\d-\d\d \d\d:\d\d:\d\d UTC$")
            self.assertRegex(result.out, r"(?m)^server +not verified: .*expired")

    # Passwords (AUTH-13, B3)

    def test_no_password_without_proof(self):
        with TlsServer(Pki.server_context("untrusted")) as server:
            result = send(server.server, "--tls", "required", *LOGIN)
            self.assertEqual(
                (result.code, outcome(result)), (support.NO_PERMISSION, "not_attempted"), result
            )
            self.assert_one_line(result.err)
            self.assertEqual([line for _, line in server.lines if line.startswith("AUTH")], [])
            self.assertEqual(
                send(
                    server.server, "--tls", "required", "--insecure-auth-unverified-tls", *LOGIN
                ).code,
                support.OK,
            )

    def test_no_password_in_clear(self):
        plain = {"EHLO": b"250-mail.test\r\n250 AUTH PLAIN LOGIN CRAM-MD5\r\n"}
        with TlsServer(replies=plain) as server:
            result = send(server.server, *LOGIN)
            self.assertEqual(
                (result.code, outcome(result)), (support.NO_PERMISSION, "not_attempted"), result
            )
            self.assert_no_secret(server.clear, result.err, result.out)
            self.assertNotIn(b"AUTH", server.clear)
            self.assertEqual(
                send(server.server, "--insecure-auth-cleartext", "--auth", "PLAIN", *LOGIN).code,
                support.OK,
            )

    def test_wrong_password(self):
        with TlsServer(Pki.server_context("server")) as server:
            os.environ["WRONG"] = "wrong"
            result = send(
                server.server,
                "--tls",
                "required",
                *self.verify,
                "--user",
                USER,
                "--password-env",
                "WRONG"
            )
            self.assertEqual(
                (result.code, outcome(result)), (support.NO_PERMISSION, "not_attempted"), result
            )
            self.assert_one_line(result.err)
            self.assertIn("535", result.err)
            # A 4yz is not about the password (AUTH-11).
            server.replies["AUTH"] = b"454 4.7.0 later\r\n"
            self.assertEqual(
                send(server.server, "--tls", "required", *self.verify, *LOGIN).code,
                support.TEMPORARY,
            )

    def test_where_the_password_comes_from(self):
        secret = self.write("password", PASSWORD.encode() + b"\nsecond line\n")
        with TlsServer(Pki.server_context("server")) as server:
            common = ("--tls", "required", *self.verify, "--user", USER)
            self.assertEqual(
                send(server.server, *common, "--password-file", secret).code, support.OK
            )
            for source, code in (
                (("--password-file", self.folder / "none"), support.NO_INPUT),
                (("--password-file", self.write("empty", b"\n")), support.NO_INPUT),
                (("--password-env", "NOT_SET_ANYWHERE"), support.NO_INPUT),
                (("--password-env", "A", "--password-file", secret), support.USAGE),
            ):
                result = send(server.server, *common, *source)
                self.assertEqual(result.code, code, result)
                self.assert_one_line(result.err)

    def test_prompt(self):
        """Asked for on the terminal, which does not show it; without one that is said."""
        with TlsServer(Pki.server_context("server")) as server:
            arguments = [
                support.command(),
                "send",
                "--server",
                server.server,
                *ENVELOPE,
                "--tls",
                "required",
                *(str(v) for v in self.verify),
                "--user",
                USER,
                str(self.write("m.eml", MESSAGE)),
            ]
            child, terminal = pty.fork()
            if child == 0:
                os.execv(arguments[0], arguments)
            shown = b""
            answered = False
            end = time.monotonic() + support.TIMEOUT
            while time.monotonic() < end:
                if not select.select([terminal], [], [], 1)[0]:
                    continue
                try:
                    octets = os.read(terminal, 4096)
                except OSError:
                    break
                shown += octets
                if not answered and b"password:" in shown:
                    os.write(terminal, PASSWORD.encode() + b"\n")
                    answered = True
            os.close(terminal)
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), support.OK, shown)
            self.assertTrue(answered)
            self.assert_no_secret(shown)
            done = subprocess.run(
                arguments,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                start_new_session=True,
                check=False,
                timeout=support.TIMEOUT,
            )
            self.assertEqual(done.returncode, support.USAGE, done)
            self.assertIn(b"--password-file", done.stderr)

    # Stripping and injection (B1, B2)

    def assert_stopped(self, result, server, code=None):
        """The mail is not sent, the password not shown, and one line says why."""
        self.assertEqual(outcome(result), "not_attempted", result)
        self.assertEqual(server.contents, [])
        self.assertNotIn(result.code, (support.OK, support.IN_DOUBT))
        if code is not None:
            self.assertEqual(result.code, code, result)
        self.assert_one_line(result.err)
        self.assert_no_secret(result.err, result.out, server.clear)
        for word in (b"AUTH", b"MAIL", b"RCPT", b"DATA"):
            self.assertNotIn(word, server.clear)

    def test_stripped_starttls(self):
        """TLS-03, TLS-07: nothing is said in clear but EHLO, STARTTLS and QUIT."""
        for replies in (
            {"EHLO": b"250-mail.test\r\n250 AUTH PLAIN\r\n"},
            {"EHLO": b"502 no\r\n"},
            {"EHLO": b"250-mail.test\r\n250-XSTARTTLS\r\n250 NO STARTTLS\r\n"},
            {"STARTTLS": b"454 no\r\n"},
            {"STARTTLS": b"502 no\r\n"},
            {"STARTTLS": b"354 go\r\n"},
            {"STARTTLS": b"421 bye\r\n"},
            {"GREETING": b"554 no\r\n"},
        ):
            with self.subTest(replies=replies), TlsServer(
                Pki.server_context("server"), replies=replies
            ) as server:
                self.assert_stopped(
                    send(server.server, "--tls", "required", *self.verify, *LOGIN), server
                )
                verbs = {line.split(" ")[0] for _, line in server.lines}
                self.assertLessEqual(verbs, {"EHLO", "STARTTLS", "QUIT"})

    def test_opportunistic_goes_on_in_clear(self):
        for replies in ({"EHLO": b"250 mail.test\r\n"}, {"STARTTLS": b"454 no\r\n"}):
            with self.subTest(replies=replies), TlsServer(
                Pki.server_context("server"), replies=replies
            ) as server:
                result = send(server.server, "--tls", "opportunistic")
                self.assertEqual(
                    (result.code, json.loads(result.out)["tls"]), (support.OK, None), result
                )

    def test_opportunistic_connects_again(self):
        """TLS-08: after a failed handshake, without TLS, and it is said."""
        for hostile in (
            lambda link: link.put(b"220 go\r\n"),
            self.alert,
            self.garbage,
            self.plain_text,
        ):
            with self.subTest(hostile=hostile), TlsServer(
                Pki.server_context("server"), hostile=hostile
            ) as server:
                result = send(server.server, "--tls", "opportunistic")
                self.assertEqual((result.code, outcome(result)), (support.OK, "delivered"), result)
                self.assertEqual((len(server.links), len(server.contents)), (2, 1))
                self.assert_one_line(result.err)
                self.assertIn("without TLS", result.err)
                parallel = send(server.server, "--tls", "opportunistic", "--parallel", "2")
                self.assertEqual(
                    (parallel.code, outcome(parallel)), (support.OK, "delivered"), parallel
                )
                for said in (result.err, parallel.err):
                    self.assert_one_line(said)
                    self.assertRegex(said, r"TLS.*[^.]; going on without TLS\n")
                # A password does not go that way.
                result = send(server.server, "--tls", "opportunistic", *LOGIN)
                self.assertEqual(
                    (result.code, outcome(result)), (support.NO_PERMISSION, "not_attempted"), result
                )
                self.assert_no_secret(server.clear)

    def test_opportunistic_goes_back_to_tls(self):
        """POOL-02, TLS-08: a handshake that failed once costs one connection its TLS, and not all
        that follow.
        """
        files = [self.write(f"{n}.eml", b"Subject: %d\r\n\r\nx\r\n" % n) for n in range(6)]
        for way in ((), ("--mails-per-connection", "1"), ("--parallel", "2")):
            def cut_once(link):
                server.hostile = None  # from now on
                link.put(b"220 go\r\n")
            with self.subTest(way=way), TlsServer(
                Pki.server_context("server"), hostile=cut_once, parallel=True
            ) as server:
                result = run(
                    "send",
                    "--json",
                    "--server",
                    server.server,
                    *ENVELOPE,
                    "--tls",
                    "opportunistic",
                    *way,
                    *files
                )
                rows = [json.loads(line) for line in result.out.splitlines()]
                self.assertEqual(
                    (result.code, [r["recipients"][0]["outcome"] for r in rows]),
                    (support.OK, ["delivered"] * 6),
                    result,
                )
                self.assert_one_line(result.err)
                self.assertRegex(result.err, r"TLS.*[^.]; going on without TLS\n")
                clear = [
                    line for secure, line in server.lines if line.startswith("MAIL") and not secure
                ]
                self.assertLessEqual(len(clear), 2)
                if "--parallel" not in way:  # else the other connection may take all
                    self.assertGreaterEqual(len(clear), 1)
                self.assertEqual(len(server.contents), 6)
                self.assertEqual([row["tls"] for row in rows].count(None), len(clear))

    @staticmethod
    def alert(link):
        link.put(b"220 go\r\n")
        link.get()
        link.put(b"\x15\x03\x03\x00\x02\x02\x28")

    @staticmethod
    def plain_text(link):
        link.put(b"220 go\r\n")
        link.get()
        link.put(b"500 5.5.1 Command unrecognized\r\n")

    @staticmethod
    def garbage(link):
        link.put(b"220 go\r\n")
        link.get()
        link.put(b"\x80\x7f nothing that anybody knows\r\n" * 20)

    def test_octets_behind_the_220(self):
        """TLS-05: whole replies, half ones and single octets, in the same segment and in the next.
        """
        for rest in (b"250-evil\r\n250 AUTH PLAIN\r\n", b"250-AUTH LOGIN", b"2"):
            for split in (False, True):
                def hostile(link, rest=rest, split=split):
                    if split:
                        link.put(b"220 go\r\n")
                        link.put(rest)
                    else:
                        link.put(b"220 go\r\n" + rest)
                    link.handshake(Pki.server_context("server"))

                with self.subTest(rest=rest, split=split), TlsServer(
                    Pki.server_context("server"), hostile=hostile
                ) as server:
                    result = send(server.server, "--tls", "required", *self.verify, *LOGIN)
                    self.assert_stopped(result, server, None if split else support.PROTOCOL)

    def test_nothing_from_before_tls_counts(self):
        """TLS-06: what was offered in clear is forgotten; a second STARTTLS is not asked for."""
        with TlsServer(Pki.server_context("server"), ehlo=("STARTTLS", "SIZE 1")) as server:
            def honest(link):
                link.put(b"220 go\r\n")
                link.handshake(server.context)
                server.ehlo = ("STARTTLS",)
                server.hostile = None
                server.replies = {"GREETING": b""}
                server.implicit = False
                server.serve(link)
            server.hostile = honest
            result = send(server.server, "--tls", "required", *self.verify, *LOGIN)
            self.assertEqual(result.code, support.OK, result)
            self.assertEqual([line for _, line in server.lines].count("STARTTLS"), 1)

    # Handshakes that fail (B18)

    def test_refused_handshake(self):
        for hostile in (lambda link: link.put(b"220 go\r\n"), self.alert, self.garbage):
            with self.subTest(hostile=hostile), TlsServer(
                Pki.server_context("server"), hostile=hostile
            ) as server:
                self.assert_stopped(
                    send(server.server, "--tls", "required", *self.verify, *LOGIN), server
                )
        for hostile in (lambda link: None, lambda link: link.put(b"\x15\x03\x03\x00\x02\x02\x28"),
                        lambda link: (link.get(), link.put(b"\0" * 100))):
            with self.subTest(hostile=hostile), TlsServer(
                Pki.server_context("server"), implicit=True, hostile=hostile
            ) as server:
                self.assert_stopped(
                    send(server.server, "--tls", "implicit", *self.verify, *LOGIN), server
                )

    def test_words_for_a_failed_handshake(self):
        """Whatever happens in it, the word is TLS, and what to do is said; over one connection or
        several.
        """
        def alert(number):
            def hostile(link):
                link.put(b"220 go\r\n")
                link.get()
                link.put(b"\x15\x03\x03\x00\x02\x02" + bytes([number]))
            return hostile

        def close(link):
            link.put(b"220 go\r\n")

        def silence(link):
            link.put(b"220 go\r\n")
            while True:
                link.get()

        for hostile, words, code in (
            (alert(40), ("handshake_failure", "forward secrecy", "--cert"), support.UNAVAILABLE),
            (alert(70), ("protocol_version", "1.2 and 1.3", "--tls-min"), support.UNAVAILABLE),
            (alert(116), ("certificate_required", "--cert and --key"), support.UNAVAILABLE),
            (alert(48), ("unknown_ca", "--cert"), support.UNAVAILABLE),
            (self.plain_text, ("answered the TLS handshake in clear text",), support.UNAVAILABLE),
            (close, ("connection was lost in the TLS handshake",), support.TEMPORARY),
            (silence, ("in time in the TLS handshake", "--timeout handshake="), support.TEMPORARY),
        ):
            patience = ("--timeout", "handshake=300ms") if hostile is silence else ()
            for parallel in ((), ("--parallel", "2")):
                with self.subTest(words=words, parallel=parallel), TlsServer(
                        Pki.server_context("server"), hostile=hostile, parallel=True) as server:
                    result = send(
                        server.server, "--tls", "required", *patience, *self.verify, *parallel
                    )
                    self.assert_stopped(result, server, code)
                    for word in words:
                        self.assertIn(word, result.err)

    def test_a_server_without_forward_secrecy(self):
        context = Pki.server_context("rsa", ssl.TLSVersion.TLSv1_2)
        context.set_ciphers("AES256-GCM-SHA384:AES128-SHA")
        with TlsServer(context) as server:
            result = send(server.server, "--tls", "required", *self.verify)
            self.assertEqual(
                (result.code, outcome(result)), (support.UNAVAILABLE, "not_attempted"), result
            )
            self.assertIn("forward secrecy", result.err)

    def test_a_kind_of_key_that_cannot_be_verified(self):
        if "OpenSSL" in run("--version").out:
            self.skipTest("OpenSSL can")
        for version in VERSIONS:
            with self.subTest(version=version), TlsServer(
                Pki.server_context("pss", version)
            ) as server:
                for demand in (self.verify, ()):
                    result = send(server.server, "--tls", "required", *demand)
                    self.assertEqual(
                        (result.code, outcome(result)),
                        (support.UNAVAILABLE, "not_attempted"),
                        result,
                    )
                    self.assert_one_line(result.err)
                    self.assertIn(
                        "kind of key that cannot be verified here, such as RSASSA-PSS", result.err
                    )

    def test_a_self_signed_ed25519_certificate_that_is_trusted(self):
        for version in VERSIONS:
            with self.subTest(version=version), TlsServer(
                Pki.server_context("self_signed_ed25519", version)
            ) as server:
                result = send(
                    f"localhost:{server.port}",
                    "--tls",
                    "required",
                    "--ca",
                    Pki.path("self_signed_ed25519.pem"),
                )
                self.assertEqual(result.code, support.OK, result)
                self.assertIs(json.loads(result.out)["tls"]["verified"], True)

    def test_a_unix_socket_needs_a_name_to_be_verified(self):
        """TLS-13: its path is no name, and that is said before anything happens."""
        for demand in (
            ("--profile", "submission"),
            ("--profile", "submissions"),
            ("--tls", "required", "--ca", Pki.path("ca.pem")),
        ):
            for parallel in ((), ("--parallel", "2")):
                with self.subTest(demand=demand, parallel=parallel):
                    result = send("unix:" + str(self.folder / "none"), *demand, *parallel)
                    self.assertEqual((result.code, result.out), (support.USAGE, ""), result)
                    self.assert_one_line(result.err)
                    self.assertIn("--server-name", result.err)
                    named = send(
                        "unix:" + str(self.folder / "none"),
                        *demand,
                        "--server-name",
                        "mail.test",
                        *parallel
                    )
                    self.assertNotEqual(named.code, support.USAGE, named)
                    self.assertNotIn("--server-name", named.err)

    def test_silence_in_the_handshake(self):
        """TIME-01: the handshake has a deadline of its own."""
        def hostile(link):
            link.put(b"220 go\r\n")
            while True:
                link.get()
        with TlsServer(Pki.server_context("server"), hostile=hostile) as server:
            # Without the option this would take a minute, and end in the TIMEOUT of a run.
            result = send(
                server.server, "--tls", "required", "--timeout", "handshake=300ms", *LOGIN
            )
            self.assert_stopped(result, server, support.TEMPORARY)

    def test_plaintext_on_a_tls_port(self):
        with Server() as server:
            result = send(server.server, "--tls", "implicit", *self.verify, *LOGIN)
            self.assertEqual(
                (result.code, outcome(result)), (support.UNAVAILABLE, "not_attempted"), result
            )
            self.assert_one_line(result.err)
            self.assertIn("--tls required", result.err)

    def test_tls_on_a_plaintext_port(self):
        with TlsServer(Pki.server_context("server"), implicit=True) as server:
            result = send(server.server, "--timeout", "greeting=500ms")
            self.assertEqual(
                (result.code, outcome(result)), (support.TEMPORARY, "not_attempted"), result
            )
            self.assertIn("--tls implicit", result.err)
        with TlsServer(
            implicit=True, hostile=lambda link: link.put(b"\x15\x03\x01\x00\x02\x02\x46")
        ) as server:
            result = send(server.server)
            self.assertEqual(outcome(result), "not_attempted", result)
            self.assert_one_line(result.err)
            self.assertIn("--tls implicit", result.err)

    # Truncation (B15, B18)

    def test_truncation(self):
        """The stream ends at each record and inside each: never a wrong outcome, and in doubt only
        where it is.
        """
        for version in VERSIONS:
            for implicit in (False, True):
                options = (
                    "--tls",
                    "implicit" if implicit else "required",
                    *self.verify,
                    *LOGIN,
                    "--pipelining",
                    "off",
                )
                with TlsServer(Pki.server_context("server", version), implicit=implicit) as server:
                    self.assertEqual(send(server.server, *options).code, support.OK)
                    ends = server.links[0].records
                begins = [0, *ends[:-1]]
                # The last writes are 354, the reply to the content and the one to QUIT: in between
                # is the doubt.
                decided, accepted = ends[-3], ends[-2]
                cuts = sorted({*ends[:-1], *((a + b) // 2 for a, b in zip(begins, ends))} - {0})
                for cut in cuts:
                    with self.subTest(version=version, implicit=implicit, cut=cut), TlsServer(
                        Pki.server_context("server", version), implicit=implicit, cut=cut
                    ) as server:
                        result = send(server.server, *options)
                        # Signatures differ in length by an octet or two, so the wire does, too.
                        safe = ("not_attempted", "deferred")
                        if cut < decided - 8:
                            self.assertIn(outcome(result), safe, result)
                        elif cut <= decided + 8:
                            self.assertIn(outcome(result), (*safe, "in_doubt"), result)
                        elif cut < accepted - 8:
                            self.assertEqual(
                                (result.code, outcome(result)),
                                (support.IN_DOUBT, "in_doubt"),
                                result,
                            )
                        elif cut <= accepted + 8:
                            self.assertIn(outcome(result), ("in_doubt", "delivered"), result)
                        else:
                            self.assertEqual(
                                (result.code, outcome(result)), (support.OK, "delivered"), result
                            )
                        self.assertLessEqual(len(server.links), 1)
                        self.assert_no_secret(server.clear, result.err)
                self.assertLess(decided, accepted)

    # Options

    def test_bad_options(self):
        for arguments, code in (
            (("--tls", "maybe"), support.USAGE),
            (("--ca", "ca.pem"), support.USAGE),
            (("--server-name", "a.test"), support.USAGE),
            (("--tls-min", "1.3"), support.USAGE),
            (("--tls", "required", "--cert", "a.pem"), support.USAGE),
            (("--tls", "required", "--profile", "submission"), support.USAGE),
            (("--tls", "required", "--tls-min", "1.1"), support.USAGE),
            (("--tls", "required", "--server-name", "a b"), support.USAGE),
            (("--tls", "required", "--ca", self.folder / "none.pem"), support.NO_INPUT),
            (
                ("--tls", "required", "--ca", self.write("bad.pem", b"no certificate")),
                support.NO_INPUT,
            ),
            (("--tls", "required", "--cert", "no.pem", "--key", "no.key"), support.NO_INPUT),
            (("--password-env", "PATH"), support.USAGE),
            (("--auth", "PLAIN"), support.USAGE),
            (("--auth", "auto"), support.USAGE),
            (("--user", "a", "--auth", "MAGIC"), support.USAGE),
            (("--user", "a", "--auth", "PLAIN,XOAUTH2", "--password-env", "PATH"), support.USAGE),
            (("--password", "secret"), support.USAGE),
        ):
            with self.subTest(arguments=arguments):
                result = send(f"{support.HOST}:{support.refusing_port()}", *arguments)
                self.assertEqual((result.code, result.out), (code, ""), result)
                self.assert_one_line(result.err)

    def test_each_mechanism_with_the_sink(self):
        for mechanism in ("PLAIN", "LOGIN", "CRAM-MD5", "SCRAM-SHA-256", "auto"):
            for password, code in (("TEST_PASSWORD", support.OK), ("WRONG", support.NO_PERMISSION)):
                os.environ["WRONG"] = "wrong"
                certificate = self.folder / "sink.pem"
                with self.subTest(mechanism=mechanism, code=code), Sink(
                    "--tls",
                    "starttls",
                    "--tls-cert-out",
                    certificate,
                    "--user",
                    USER,
                    "--password-env",
                    "TEST_PASSWORD",
                    "--require-auth",
                ) as sink:
                    result = send(
                        sink.server,
                        "--trace",
                        "--profile",
                        "submission",
                        "--ca",
                        certificate,
                        "--auth",
                        mechanism,
                        "--user",
                        USER,
                        "--password-env",
                        password,
                    )
                    self.assertEqual(result.code, code, result)
                    name = "SCRAM-SHA-256" if mechanism == "auto" else mechanism
                    self.assertIn(f"AUTH {name}", result.err)
                    self.assertEqual(len(sink.stored()), 1 if code == support.OK else 0)


if __name__ == "__main__":
    support.main()
