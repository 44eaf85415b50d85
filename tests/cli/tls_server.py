"""A server for tests of TLS: honest with any certificate, hostile in every way that a test asks
for.
"""

import base64
import pathlib
import socket
import ssl
import subprocess
import tempfile
import threading

import support

USER, PASSWORD = "alice@mail.test", "correct horse"


class Pki:
    """The certificates of tests/support/make_pki.sh, made once for a process."""

    folder_ = None

    @classmethod
    def path(cls, name):
        if cls.folder_ is None:
            cls.folder_ = tempfile.TemporaryDirectory(prefix="sansmtp-pki-")
            script = pathlib.Path(__file__).resolve().parents[1] / "support" / "make_pki.sh"
            subprocess.run(
                ["sh", script, cls.folder_.name], check=True, capture_output=True, timeout=120
            )
        return pathlib.Path(cls.folder_.name, name)

    @classmethod
    def server_context(cls, name, version=None, client_ca=False):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_ciphers("DEFAULT:@SECLEVEL=0")  # weak certificates are to be shown, too
        context.load_cert_chain(cls.path(f"{name}.pem"), cls.path(f"{name}.key"))
        if version is not None:
            context.minimum_version = context.maximum_version = version
        if client_ca:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(cls.path("ca.pem"))
        return context


class Cut(Exception):
    """The server has sent all that it was to send."""


class Link:
    """The server's end: clear text, and TLS over it by hand, so that each octet on the wire is
    known.
    """

    def __init__(self, connection, cut=None):
        self.connection = connection
        self.cut = cut  # close after so many octets
        self.wire = b""  # sent
        self.clear = b""  # received before TLS
        self.records = []  # positions in `wire` behind each write
        self.tls = None
        self.unread = b""

    def put(self, octets):
        if self.cut is not None:
            octets = octets[:max(0, self.cut - len(self.wire))]
        self.wire += octets
        self.records.append(len(self.wire))
        self.connection.sendall(octets)
        if self.cut is not None and len(self.wire) >= self.cut:
            raise Cut

    def get(self):
        octets = self.connection.recv(65536)
        if not octets:
            raise EOFError
        return octets

    def handshake(self, context):
        self.into, self.out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.into.write(self.unread)
        self.unread = b""
        self.tls = context.wrap_bio(self.into, self.out, server_side=True)
        while True:
            try:
                self.tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.flush()
                self.into.write(self.get())
            except ssl.SSLError:
                self.flush()
                raise
        self.flush()

    def flush(self):
        if octets := self.out.read():
            self.put(octets)

    def say(self, text):
        if self.tls is None:
            return self.put(text)
        self.tls.write(text)
        return self.flush()

    def more(self):
        if self.tls is None:
            octets = self.get()
            self.clear += octets
            self.unread += octets
            return
        while True:
            try:
                octets = self.tls.read(65536)
                if not octets:
                    raise EOFError
                self.unread += octets
                return
            except ssl.SSLWantReadError:
                self.flush()
                self.into.write(self.get())
            except ssl.SSLZeroReturnError as error:
                raise EOFError from error

    def line(self):
        while b"\r\n" not in self.unread:
            self.more()
        line, self.unread = self.unread.split(b"\r\n", 1)
        return line.decode(errors="replace")


class TlsServer(threading.Thread):
    """An SMTP server with AUTH PLAIN inside TLS.

    `context` is its TLS; with `implicit` from the first octet. `replies` replaces the reply to a
    verb; `hostile`, a function, gets the link when the client has said STARTTLS (or at once with
    `implicit`) and replaces all that follows.
    """

    def __init__(
        self,
        context=None,
        implicit=False,
        replies=None,
        hostile=None,
        cut=None,
        ehlo=(),
        parallel=False,
    ):
        super().__init__(daemon=True)
        self.context = context
        self.implicit = implicit
        self.replies = replies or {}
        self.hostile = hostile
        self.cut = cut
        self.ehlo = ehlo  # more lines
        self.parallel = parallel  # many connections at a time
        self.links = []
        self.lines = []  # (inside TLS?, line)
        self.contents = []  # complete ones
        self.listener = socket.create_server((support.HOST, 0))
        self.port = self.listener.getsockname()[1]
        self.server = f"{support.HOST}:{self.port}"

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self.listener.fileno() != -1:
            self.listener.shutdown(socket.SHUT_RDWR)
        self.join(support.TIMEOUT)
        self.listener.close()

    @property
    def clear(self):
        """All that came in clear text."""
        return b"".join(link.clear for link in self.links)

    def run(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            link = Link(connection, self.cut)
            self.links.append(link)
            if self.cut is not None:
                self.listener.close()  # what is not accepted now is not sent again elsewhere
            if self.parallel:
                threading.Thread(
                    target=self.serve_connection, args=(connection, link), daemon=True
                ).start()
            else:
                self.serve_connection(connection, link)

    def serve_connection(self, connection, link):
        with connection:
            connection.settimeout(support.TIMEOUT)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                self.serve(link)
            except (OSError, EOFError, Cut):
                pass
            try:
                # What the client still says is read, or it would see a reset.
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
            except OSError:
                pass

    def serve(self, link):
        if self.implicit:
            if self.hostile:
                return self.hostile(link)
            link.handshake(self.context)
        link.say(self.replies.get("GREETING", b"220 mail.test ESMTP\r\n"))
        while True:
            line = link.line()
            self.lines.append((link.tls is not None, line))
            verb = line.split(" ")[0].upper()
            if verb in self.replies:
                link.say(self.replies[verb])
            elif verb == "EHLO":
                offers = ["mail.test", "PIPELINING", *self.ehlo]
                if self.context and link.tls is None:
                    offers.append("STARTTLS")
                if link.tls is not None:
                    offers.append("AUTH PLAIN")
                link.say(
                    "".join(f"250-{offer}\r\n" for offer in offers[:-1]).encode()
                    + f"250 {offers[-1]}\r\n".encode()
                )
            elif verb == "STARTTLS":
                if self.hostile:
                    return self.hostile(link)
                link.say(b"220 go\r\n")
                link.handshake(self.context)
            elif verb == "AUTH":
                right = base64.b64encode(f"\0{USER}\0{PASSWORD}".encode()).decode()
                link.say(
                    b"235 welcome\r\n" if line == f"AUTH PLAIN {right}" else b"535 5.7.8 no\r\n"
                )
            elif verb == "DATA":
                link.say(b"354 go\r\n")
                content = []
                while (line := link.line()) != ".":
                    content.append(line)
                self.contents.append(content)
                link.say(b"250 2.0.0 accepted\r\n")
            elif verb == "QUIT":
                return link.say(b"221 bye\r\n")
            else:
                link.say(b"250 ok\r\n")
