#!/usr/bin/python3
"""Channel binding over real TLS (SASL-11, SASL-12): a server by OpenSSL and Python that offers
SCRAM-SHA-256-PLUS, which no mail server at hand does. It takes the binding from its own end of the
link, so that a login proves that both ends mean the same link, and one with other octets fails.
"""

import base64
import hashlib
import hmac
import os
import socket
import threading
import unittest

import servers
import support

try:
    from OpenSSL import SSL
except ImportError:
    SSL = None

USER, PASSWORD = f"alice@{servers.DOMAIN}", "pencil"
VERSIONS = {"TLSv1.2": "TLS1_2_VERSION", "TLSv1.3": "TLS1_3_VERSION"}


def hmac_of(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


class BindingServer(servers.Server):
    """Implicit TLS, one client; RFC 5802 on the server's side."""

    def __init__(self, version, plus=True, tampered=False):
        self.version_, self.plus_, self.tampered_ = version, plus, tampered
        self.said_ = []
        self.stored = None

    def start(self):
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        number = getattr(SSL, VERSIONS[self.version_])
        context.set_min_proto_version(number)
        context.set_max_proto_version(number)
        context.use_certificate_chain_file(str(support.pki() / "server.pem"))
        context.use_privatekey_file(str(support.pki() / "server.key"))
        self.context_ = context
        self.listener_ = socket.create_server((servers.HOST, 0))
        self.listener_.settimeout(servers.START_TIMEOUT)
        self.port = self.listener_.getsockname()[1]
        self.thread_ = threading.Thread(target=self.serve_, daemon=True)
        self.thread_.start()

    def stop(self):
        self.listener_.close()
        self.thread_.join(servers.STOP_TIMEOUT)

    def log(self):
        return "\n".join(self.said_)

    def serve_(self):
        try:
            client, _ = self.listener_.accept()
        except OSError:
            return
        client.settimeout(None)
        self.link_ = SSL.Connection(self.context_, client)
        self.link_.set_accept_state()
        self.rest_ = b""
        try:
            self.link_.do_handshake()
            self.talk_()
        except (SSL.Error, OSError) as error:
            self.said_.append(f"[{type(error).__name__}]")
        finally:
            client.close()

    def say_(self, text):
        self.link_.sendall(text.encode() + b"\r\n")

    def line_(self):
        while b"\r\n" not in self.rest_:
            self.rest_ += self.link_.recv(65536)
        line, self.rest_ = self.rest_.split(b"\r\n", 1)
        self.said_.append(line.decode())
        return line.decode()

    def talk_(self):
        self.say_("220 mail.test ESMTP")
        plus = " SCRAM-SHA-256-PLUS" if self.plus_ else ""
        while True:
            line = self.line_()
            verb = line.split(" ")[0].upper()
            if verb == "EHLO":
                self.say_(f"250-mail.test\r\n250 AUTH SCRAM-SHA-256{plus}")
            elif verb == "AUTH":
                self.login_(line)
            elif verb == "DATA":
                self.say_("354 go")
                content = []
                while (text := self.line_()) != ".":
                    content.append(text)
                self.stored = content
                self.say_("250 2.0.0 stored")
            elif verb == "QUIT":
                self.say_("221 bye")
                return
            else:
                self.say_("250 ok")

    def binding_(self, kind):
        """This end's knowledge of the link."""
        if kind == "tls-exporter":
            octets = self.link_.export_keying_material(b"EXPORTER-Channel-Binding", 32, b"")
        elif kind == "tls-unique":
            octets = self.link_.get_peer_finished()  # the client's came first
        else:
            raise AssertionError(kind)
        return bytes(octet ^ 1 for octet in octets) if self.tampered_ else octets

    def login_(self, line):
        _, mechanism, initial = line.split(" ")
        first = base64.b64decode(initial).decode()
        flag, _, bare = first.split(",", 2)
        header = first[:-len(bare)]
        expected = header.encode()
        if mechanism.endswith("-PLUS"):
            expected += self.binding_(flag.removeprefix("p="))
        attributes = dict(part.split("=", 1) for part in bare.split(","))
        salt = os.urandom(16)
        nonce = attributes["r"] + base64.b64encode(os.urandom(9)).decode()
        server_first = f"r={nonce},s={base64.b64encode(salt).decode()},i=4096"
        self.say_("334 " + base64.b64encode(server_first.encode()).decode())
        final = base64.b64decode(self.line_()).decode()
        without_proof, proof = final.rsplit(",p=", 1)
        wanted = f"c={base64.b64encode(expected).decode()},r={nonce}"
        salted = hashlib.pbkdf2_hmac("sha256", PASSWORD.encode(), salt, 4096)
        client_key = hmac_of(salted, b"Client Key")
        text = f"{bare},{server_first},{without_proof}".encode()
        signature = hmac_of(hashlib.sha256(client_key).digest(), text)
        right = bytes(a ^ b for a, b in zip(client_key, signature))
        # A client that could bind, and saw no offer, says so: an offer that was stripped is seen
        # here.
        stripped = flag == "y" and self.plus_
        if without_proof != wanted or base64.b64decode(proof) != right or stripped:
            self.say_("535 5.7.8 no")
            return
        verifier = hmac_of(hmac_of(salted, b"Server Key"), text)
        self.say_("334 " + base64.b64encode(b"v=" + base64.b64encode(verifier)).decode())
        self.line_()
        self.say_("235 2.7.0 ok")


class BindingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if SSL is None or not support.has_tls():
            raise unittest.SkipTest("no pyOpenSSL, or this build has no TLS")

    def submit(self, peer, *options):
        return support.send(
            peer.port,
            [b"Subject: x\r\n\r\nbound\r\n"],
            ["bob@mail.test"],
            environment={"SECRET": PASSWORD},
            options=[
                "--tls",
                "implicit",
                "--ca",
                support.pki() / "ca.pem",
                "--server-name",
                "mail.test",
                "--user",
                USER,
                "--password-env",
                "SECRET",
                *options,
            ],
        )

    def flag(self, peer):
        """The GS2 header of the client's first message."""
        auth = next(line for line in peer.said_ if line.startswith("AUTH "))
        _, mechanism, initial = auth.split(" ")
        return mechanism, base64.b64decode(initial).decode().split(",")[0]

    def test_each_version(self):
        for version, kind in (("TLSv1.2", "tls-unique"), ("TLSv1.3", "tls-exporter")):
            with self.subTest(version=version), BindingServer(version) as peer:
                result = self.submit(peer)
                self.assertEqual(result.code, support.EX_OK, f"{result}\n{peer.log()}")
                self.assertEqual(self.flag(peer), ("SCRAM-SHA-256-PLUS", f"p={kind}"))
                self.assertEqual(peer.stored[-1], "bound")

    def test_another_link_is_found_out(self):
        """What somebody in the middle would do: the octets of his own link to the server."""
        for version in VERSIONS:
            with self.subTest(version=version), BindingServer(version, tampered=True) as peer:
                result = self.submit(peer)
                self.assertEqual(result.code, support.EX_NOPERM, f"{result}\n{peer.log()}")
                self.assertIsNone(peer.stored)
                self.assertEqual(sum(line.startswith("AUTH ") for line in peer.said_), 1)

    def test_without_the_offer_the_client_says_that_it_could(self):
        """SASL-11: "y", which a server that did offer it would take for an attack."""
        for version in VERSIONS:
            with self.subTest(version=version), BindingServer(version, plus=False) as peer:
                result = self.submit(peer)
                self.assertEqual(result.code, support.EX_OK, f"{result}\n{peer.log()}")
                self.assertEqual(self.flag(peer), ("SCRAM-SHA-256", "y"))


if __name__ == "__main__":
    support.main(__name__)
