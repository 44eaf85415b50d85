"""What the tests of the command share: running it, its own sink, and a small server that misbehaves
on request.
"""

import collections
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HOST = "127.0.0.1"
# Seconds. No run comes near it, however busy the machine is, unless it hangs; and what waits for
# the shortest of the command's own timeouts that the tests set (the handshake's minute) does not
# end before it.
TIMEOUT = 50

# The exit codes of `sansmtp --help`.
OK, MISMATCH, USAGE, DATA_ERROR, NO_INPUT, NO_HOST = 0, 1, 64, 65, 66, 68
UNAVAILABLE, IO_ERROR, TEMPORARY, PROTOCOL, NO_PERMISSION, CONFIGURATION, IN_DOUBT = (
    69,
    74,
    75,
    76,
    77,
    78,
    80,
)

# What one run said; `out` and `err` are text.
Result = collections.namedtuple("Result", "code out err")


def command():
    """The path of the command under test, from the environment."""
    path = os.path.abspath(os.environ.get("SANSMTP", ""))
    if not os.path.isfile(path):
        raise SystemExit("FAIL: set SANSMTP to the path of the sansmtp command")
    return path


def run(*arguments, stdin=b"", cwd=None):
    """Runs the command with `arguments`."""
    done = subprocess.run(
        [command(), *(a if isinstance(a, bytes) else str(a) for a in arguments)],
        input=stdin,
        cwd=cwd,
        timeout=TIMEOUT,
        check=False,
        capture_output=True,
    )
    return Result(done.returncode, done.stdout.decode(), done.stderr.decode())


def has_tls():
    """Was the command built with TLS? If not, it says so when TLS is asked for, before it looks at
    files.
    """
    return (
        "built without TLS" not in run("sink", "--listen", "no/such/place", "--tls", "starttls").err
    )


def has_a_labels():
    """Was the command built with libidn2? Without it a domain stays as it was given."""
    return (
        "xn--"
        in run(
            "send",
            "--json",
            "--server",
            f"{HOST}:{refusing_port()}",
            "--from",
            "a@x.example",
            "--to",
            "b@b\u00fccher.example",
            stdin=b"x",
        ).out
    )


def has_saslprep():
    """Was the command built with libidn? If not, it says so before it connects."""
    os.environ["SANSMTP_TEST_PASSWORD"] = "x"
    return (
        "without SASLprep"
        not in run(
            "probe",
            "--server",
            f"{HOST}:{refusing_port()}",
            "--user",
            "\u00e4",
            "--password-env",
            "SANSMTP_TEST_PASSWORD",
        ).err
    )


def refusing_port():
    """A loopback port on which nobody listens."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return probe.getsockname()[1]


class Sink:
    """`sansmtp sink` with `options`; `stored()` is what it has accepted."""

    def __init__(self, *options, listen=f"{HOST}:0"):
        self.folder = tempfile.TemporaryDirectory(prefix="sansmtp-cli-")
        self.store = pathlib.Path(self.folder.name, "store")
        port_file = pathlib.Path(self.folder.name, "port")
        self.process = subprocess.Popen(
            [
                command(),
                "sink",
                "--listen",
                listen,
                "--port-file",
                port_file,
                "--store",
                self.store,
                "--max-seconds",
                "600",
                *options,
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        end = time.monotonic() + TIMEOUT
        while not port_file.exists():
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                raise AssertionError(
                    f"the sink did not start: {self.process.communicate()[1].decode()}"
                )
            time.sleep(0.005)
        self.port = int(port_file.read_text())
        self.server = f"{listen.rsplit(':', 1)[0]}:{self.port}"

    def stored(self):
        """The contents and envelopes of the messages so far, in order."""
        return [(path.read_bytes(), json.loads(path.with_suffix(".json").read_text()))
                for path in sorted(self.store.glob("*.eml"))]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.communicate(timeout=TIMEOUT)
        self.folder.cleanup()


class Server(threading.Thread):
    """An SMTP server that understands just enough to misbehave.

    `replies` replaces the reply to a verb (or to "GREETING" and "CONTENT", the final dot); at
    `hang_up`, one of these, it closes instead of replying. It serves one connection after another
    until the test ends.
    """

    USUAL = {
        "GREETING": b"220 raw.test ESMTP",
        "EHLO": b"250-raw.test\r\n250 PIPELINING",
        "DATA": b"354 go",
        "CONTENT": b"250 2.0.0 ok",
        "QUIT": b"221 bye",
    }

    def __init__(self, hang_up=None, replies=None):
        super().__init__(daemon=True)
        self.hang_up = hang_up
        self.replies = {**self.USUAL, **(replies or {})}
        self.listener = socket.create_server((HOST, 0))
        self.server = f"{HOST}:{self.listener.getsockname()[1]}"
        self.peers = []
        self.lines = []  # commands received

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        # Closing alone would not wake up the thread that accepts.
        self.listener.shutdown(socket.SHUT_RDWR)
        self.join(TIMEOUT)
        self.listener.close()

    def run(self):
        while True:
            try:
                connection, peer = self.listener.accept()
            except OSError:
                return
            self.peers.append(peer[0])
            with connection, connection.makefile("rb") as lines:
                connection.settimeout(TIMEOUT)
                try:
                    self.serve(connection, lines)
                    # A clean end: what the client still says is read, or it would see a reset.
                    connection.shutdown(socket.SHUT_WR)
                    while connection.recv(65536):
                        pass
                except OSError:
                    pass

    def serve(self, connection, lines):
        stage = "GREETING"
        while True:
            if stage == self.hang_up:
                return
            connection.sendall(self.replies.get(stage, b"250 ok") + b"\r\n")
            if stage == "QUIT":
                return
            if stage == "DATA" and self.replies["DATA"].startswith(b"354"):
                if self.hang_up == "354":
                    return
                while (line := lines.readline()) != b".\r\n":
                    if not line:
                        return
                stage = "CONTENT"
                continue
            line = lines.readline()
            if not line:
                return
            self.lines.append(line)
            stage = line.split()[0].decode(errors="replace").upper() if line.strip() else "?"


class Gone(Exception):
    """The client went away, or the test is over."""


class Link:
    """A connection as a script of `ScriptedServer` sees it."""

    def __init__(self, connection):
        self.connection = connection
        self.octets = connection.makefile("rb")

    def send(self, octets):
        try:
            self.connection.sendall(octets)
        except OSError as why:
            raise Gone from why

    def line(self):
        """The next line without its end."""
        try:
            line = self.octets.readline()
        except OSError as why:
            raise Gone from why
        if not line.endswith(b"\n"):
            raise Gone
        return line.rstrip(b"\r\n")

    def expect(self, verb, *replies):
        """Reads a command, which must be `verb`, and replies."""
        line = self.line()
        if not line.upper().startswith(verb):
            self.send(b"503 5.5.1 expected %s\r\n" % verb)
            raise Gone
        for reply in replies:
            self.send(reply + b"\r\n")
        return line

    def open(self, offers=()):
        """Greeting and EHLO."""
        self.send(b"220 scripted.test ESMTP\r\n")
        lines = [b"scripted.test", *offers]
        self.expect(
            b"EHLO",
            *(
                b"250%c%s" % (b" " if at + 1 == len(lines) else b"-", text)
                for at, text in enumerate(lines)
            )
        )

    def content(self):
        """Reads up to the final dot."""
        while self.line() != b".":
            pass

    def mail(self, verdict=b"250 2.0.0 taken"):
        """A mail to any number of recipients. Without a `verdict` all of it is read and nothing is
        said.
        """
        self.expect(b"MAIL", b"250 ok")
        while not (line := self.line()).upper().startswith(b"DATA"):
            self.send(b"250 ok\r\n" if line.upper().startswith(b"RCPT") else b"500 what?\r\n")
        self.send(b"354 go\r\n")
        self.content()
        if verdict:
            self.send(verdict + b"\r\n")

    def mails(self):
        """Takes mails until QUIT."""
        while not (line := self.line()).upper().startswith(b"QUIT"):
            if line.upper().startswith(b"DATA"):
                self.send(b"354 go\r\n")
                self.content()
            self.send(b"250 ok\r\n")
        self.send(b"221 bye\r\n")

    def until_end(self):
        """Says nothing any more until the client goes."""
        while True:
            self.line()


class ScriptedServer:
    """A server each of whose connections follows a script, a function of its `Link`: the n-th
    connection the n-th one, those behind the last one that. Connections live side by side.
    """

    def __init__(self, *scripts, host=HOST):
        self.scripts = scripts
        self.listener = socket.create_server((host, 0))
        self.server = f"{host}:{self.listener.getsockname()[1]}"
        self.lock = threading.Lock()
        self.connections = []
        self.threads = [threading.Thread(target=self.accept, daemon=True)]

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            connection.settimeout(TIMEOUT)
            with self.lock:
                script = self.scripts[min(len(self.connections), len(self.scripts) - 1)]
                self.connections.append(connection)
                self.threads.append(
                    threading.Thread(target=self.follow, args=(script, connection), daemon=True)
                )
                self.threads[-1].start()

    @staticmethod
    def follow(script, connection):
        try:
            script(Link(connection))
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass
        except (Gone, OSError):
            pass
        finally:
            connection.close()

    def __enter__(self):
        self.threads[0].start()
        return self

    def __exit__(self, *_):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # a script did
        self.listener.close()
        with self.lock:
            for connection in self.connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        for thread in self.threads:
            thread.join(TIMEOUT)


class CommandTest(unittest.TestCase):
    """A test of the command, in a folder of its own."""

    maxDiff = 4000

    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sansmtp-cli-")
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)

    def write(self, name, content):
        """Writes a file into the test's folder and returns its path."""
        path = self.folder / name
        path.write_bytes(content)
        return path

    def assert_one_line(self, text):
        """Checks that standard error holds exactly one line for a person."""
        self.assertRegex(text, r"\Asansmtp( \w+)?: [^\n]{8,}\n\Z")

    def assert_report(self, result, code, *outcomes, addresses=("b@y.example",)):
        """Checks exit code and JSON of a run with --json: `outcomes` has one (outcome, stage, code)
        for each mail.
        """
        self.assertEqual(result.code, code, result)
        mails = [json.loads(line) for line in result.out.splitlines()]
        self.assertEqual(
            [mail["mail"] for mail in mails], list(range(1, len(outcomes) + 1)), result
        )
        for mail, outcome in zip(mails, outcomes):
            self.assertEqual(list(mail), ["mail", "file", "recipients", "error", "tls"])
            self.assertEqual([entry["address"] for entry in mail["recipients"]], list(addresses))
            for entry in mail["recipients"]:
                self.assertEqual(
                    list(entry), ["address", "outcome", "stage", "code", "enhanced", "text"]
                )
                self.assertEqual((entry["outcome"], entry["stage"], entry["code"]), outcome, mail)
        return mails


def main():
    """Runs the tests of the calling script; CTest's argument, a work folder, is not needed."""
    unittest.main(argv=sys.argv[:1])
