"""A small HTTPS server for policies of MTA-STS, which misbehaves by the host that it is asked for.

`main` prints the port and the file of its authority, and ends with the standard input.
"""

import http.server
import pathlib
import ssl
import subprocess
import sys
import threading

POLICY = "version: STSv1\r\nmode: enforce\r\nmx: mx2.good.test\r\nmax_age: 86400\r\n"
# The hosts that the certificate is for; it is not for mta-sts.other.test.
HOSTS = [
    f"mta-sts.{name}.test"
    for name in ("good", "missing", "moved", "endless", "large", "html", "silent", "hidden")
]


def make_certificate(folder):
    """An authority, and a certificate of it for HOSTS."""
    names = ",".join(f"DNS:{host}" for host in HOSTS)
    new = ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
    pathlib.Path(folder, "leaf.ext").write_text(f"subjectAltName={names}\n")
    steps = [
        [*new, "-x509", "-subj", "/CN=Test CA", "-keyout", "ca.key", "-out", "ca.pem", "-days",
         "30", "-addext", "keyUsage=critical,keyCertSign"],
        [*new, "-subj", "/CN=policies", "-keyout", "leaf.key", "-out", "leaf.csr"],
        ["openssl", "x509", "-req", "-in", "leaf.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
         "-CAcreateserial", "-days", "30", "-extfile", "leaf.ext", "-out", "leaf.pem"],
    ]
    for step in steps:
        done = subprocess.run(step, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"FAIL: {done.stderr}")


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers by the name of the host."""

    over = threading.Event()  # when silent hosts may leave

    def do_GET(self):
        case = self.headers["Host"].split(":")[0].split(".")[1]
        if case == "silent":
            self.over.wait()
            return
        if self.path != "/.well-known/mta-sts.txt" or case == "missing":
            self.send_error(404)
            return
        moved = case == "moved"
        self.send_response(301 if moved else 200)
        if moved:
            self.send_header("Location", "https://mta-sts.good.test/.well-known/mta-sts.txt")
        self.send_header("Content-Type", "text/html" if case == "html" else "Text/Plain; charset=x")
        body = POLICY.encode()
        if case == "large":
            self.send_header("Content-Length", str(10**9))
        elif case != "endless":
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        try:
            self.wfile.write(body)
            while case in ("endless", "large"):
                self.wfile.write(b"mx: mx.good.test\r\n" * 100)
        except OSError:
            pass  # the client has had enough

    def log_message(self, *_):
        pass


class PolicyServer:
    """The server on a port of loopback; `authority` is the file to trust."""

    def __init__(self, folder, address=("127.0.0.1", 0)):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        make_certificate(self.folder)
        self.authority = self.folder / "ca.pem"
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "leaf.pem", self.folder / "leaf.key")
        self.server = http.server.ThreadingHTTPServer(address, Handler)
        self.server.daemon_threads = True
        self.server.handle_error = lambda *_: None
        # The handshake is the business of the thread of each connection.
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True,
                                                 do_handshake_on_connect=False)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        Handler.over.set()
        self.server.shutdown()
        self.server.server_close()


def main(folder):
    server = PolicyServer(folder)
    print(server.port, server.authority, flush=True)
    sys.stdin.read()
    server.close()
