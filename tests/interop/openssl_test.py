#!/usr/bin/python3
"""An OpenSSL peer, `openssl s_server`: the record layer against another library, each certificate,
client certificates. The few SMTP replies are fed to its standard input.
"""

import itertools
import shutil
import subprocess
import threading
import unittest

import servers
import support

VERSIONS = {"TLSv1.2": "-tls1_2", "TLSv1.3": "-tls1_3"}

# certificate, the name asked for, what is said of it; nothing if it is verified (TLS-11)
MATRIX = (
    ("server", "mail.test", None),
    ("server", "localhost", None),
    ("server", "127.0.0.1", None),
    ("server", "::1", None),
    ("rsa", "mail.test", None),
    ("wildcard", "a.wild.test", None),
    ("ip_only", "127.0.0.1", None),
    ("server", "mx.test", "was not issued for"),
    ("other", "mail.test", "was not issued for"),
    ("cn_only", "mail.test", "was not issued for"),
    ("wildcard", "wild.test", "was not issued for"),
    ("wildcard", "a.b.wild.test", "was not issued for"),
    ("partial", "foo.part.test", "was not issued for"),
    ("ip_only", "mail.test", "was not issued for"),
    ("ip_as_name", "127.0.0.1", "was not issued for"),
    ("expired", "mail.test", "has expired"),
    ("untrusted", "mail.test", "No trusted authority"),
    ("self_signed", "mail.test", "is self-signed"),
)


class OpensslServer(servers.Server):
    """`openssl s_server` for one connection after another, with SMTP by a thread here."""

    def __init__(self, *options):
        self.options_ = options
        self.process_ = None
        self.thread_ = None
        self.said_ = []

    def start(self):
        openssl = shutil.which("openssl")
        if openssl is None:
            raise servers.Unavailable("openssl is not installed")
        self.port = servers.free_port()
        self.process_ = subprocess.Popen(
            [
                openssl,
                "s_server",
                "-quiet",
                "-accept",
                f"{servers.HOST}:{self.port}",
                *self.options_,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
        )
        # It is sent to the first client when that has come.
        self.process_.stdin.write(b"220 mail.test ESMTP\r\n")
        self.thread_ = threading.Thread(target=self.answer_, args=(self.process_,), daemon=True)
        self.thread_.start()
        servers.wait_until(self.listens_, servers.START_TIMEOUT, "openssl s_server")

    def listens_(self):
        if self.process_.poll() is not None:
            raise servers.ServerError("openssl s_server has ended")
        # Connecting would count as a client.
        hexadecimal = f"0100007F:{self.port:04X}"
        with open("/proc/net/tcp", encoding="ascii") as table:
            return any(f" {hexadecimal} 00000000:0000 0A " in line for line in table)

    def answer_(self, process):
        content = False
        for line in process.stdout:
            line = line.rstrip(b"\r\n")
            self.said_.append(line)
            verb = line.split(b" ")[0].upper()
            if content:
                content = line != b"."
                reply = b"" if content else b"250 2.0.0 accepted"
            else:
                content = verb == b"DATA"
                reply = {b"EHLO": b"250 mail.test", b"MAIL": b"250 ok", b"RCPT": b"250 ok",
                         b"DATA": b"354 go", b"QUIT": b"221 bye"}.get(verb, b"")
            if reply:
                try:
                    process.stdin.write(reply + b"\r\n")
                except OSError:
                    return

    def stop(self):
        if self.process_ is not None:
            process, self.process_ = self.process_, None
            process.kill()
            process.wait()
            self.thread_.join(servers.STOP_TIMEOUT)
            process.stdin.close()
            process.stdout.close()

    def log(self):
        return b"\n".join(self.said_).decode(errors="replace")


class OpensslTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not support.has_tls():
            raise unittest.SkipTest("this build has no TLS")

    def peer(self, certificate, *options):
        folder = support.pki()
        return OpensslServer(
            "-cert", folder / f"{certificate}.pem", "-key", folder / f"{certificate}.key", *options
        )

    @staticmethod
    def options(name):
        return ["--tls", "implicit", "--ca", support.pki() / "ca.pem", "--server-name", name]

    def test_certificates(self):
        for (certificate, name, complaint), version in itertools.product(MATRIX, VERSIONS):
            with self.subTest(certificate=certificate, name=name, version=version), \
                    self.peer(certificate, VERSIONS[version]) as peer:
                found, code = support.probe(f"{servers.HOST}:{peer.port}", *self.options(name))
                self.assertEqual(code, support.EX_OK, found)
                self.assertEqual(found["tls"]["protocol"], version)
                if complaint is None:
                    self.assertEqual(
                        (found["tls"]["verified"], found["tls"]["verdict"]), (True, "verified")
                    )
                else:
                    self.assertIs(found["tls"]["verified"], False)
                    self.assertIn(complaint, found["tls"]["verdict"])

    def test_a_mail(self):
        """Octets in both directions, many records; with each cipher suite that both know."""
        content = support.large_content(200_000)
        suites = [
            ("-tls1_3", "-ciphersuites", suite)
            for suite in (
                "TLS_AES_128_GCM_SHA256",
                "TLS_AES_256_GCM_SHA384",
                "TLS_CHACHA20_POLY1305_SHA256",
            )
        ]
        suites += [("-tls1_2", "-cipher", suite) for suite in
                   ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384",
                    "ECDHE-ECDSA-CHACHA20-POLY1305")]
        for suite in suites:
            with self.subTest(suite=suite), self.peer("server", *suite) as peer:
                result = support.send(peer.port, [content], ["alice@mail.test"],
                                      options=self.options("mail.test"))
                self.assertEqual(result.code, support.EX_OK, result)
                lines = peer.log().split("\n")
                got = "\r\n".join(lines[lines.index("DATA") + 1:lines.index(".") + 1])
                expected = "\r\n" + support.canonical(content).decode()
                self.assertEqual("\r\n" + got, expected.replace("\r\n.", "\r\n..") + ".")

    def test_weak_peers_are_refused(self):
        """No forward secrecy, no authenticated encryption, no old version."""
        for options in (("-tls1_2", "-cipher", "AES128-GCM-SHA256"),
                        ("-tls1_2", "-cipher", "ECDHE-RSA-AES128-SHA"),
                        ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0")):
            with self.subTest(options=options), self.peer("rsa", *options) as peer:
                found, code = support.probe(
                    f"{servers.HOST}:{peer.port}", *self.options("mail.test")
                )
                self.assertEqual((code, found["tls"]), (support.EX_UNAVAILABLE, None), found)

    def test_client_certificates(self):
        folder = support.pki()
        credentials = ["--cert", folder / "client.pem", "--key", folder / "client.key"]
        demand = ("-CAfile", folder / "ca.pem", "-Verify", "2", "-verify_return_error")
        for version in VERSIONS.values():
            with self.subTest(version=version), self.peer("server", version, *demand) as peer:
                server = f"{servers.HOST}:{peer.port}"
                found, code = support.probe(server, *self.options("mail.test"), *credentials)
                self.assertEqual((code, found["tls"]["verified"]), (support.EX_OK, True), found)
            with self.subTest(version=version), self.peer("server", version, *demand) as peer:
                found, code = support.probe(
                    f"{servers.HOST}:{peer.port}", *self.options("mail.test")
                )
                self.assertEqual(code, support.EX_UNAVAILABLE, found)


if __name__ == "__main__":
    support.main(__name__)
