"""What the interoperability tests share: running the command, reading its report, contents and what
becomes of them.
"""

import atexit
import collections
import functools
import itertools
import json
import os
import pathlib
import random
import re
import signal
import subprocess
import sys
import tempfile
import unittest

import servers

LEVELS = ("off", "envelope", "messages")
SKIPPED = 77  # the exit code that CTest is told to take for a skipped test
COMMAND_TIMEOUT = 300  # seconds; a bound for what hangs, far beyond what a busy machine needs

# Exit codes of the command, after sysexits.h.
EX_OK = 0
EX_DATAERR = 65  # a message is at fault
EX_NOPERM = 77  # the login was refused
EX_UNAVAILABLE = 69  # the server refused something for good, or does not offer what a message needs

# What one run of the command said. `mails` are the lines of --json; each recipient has FIELDS.
FIELDS = ["address", "outcome", "stage", "code", "enhanced", "text"]
Result = collections.namedtuple("Result", "code mails errors")


def command():
    """The path of the command under test, from the environment."""
    path = os.environ.get("SANSMTP", "")
    if not path:
        raise SystemExit("FAIL: set SANSMTP to the path of the sansmtp command")
    path = os.path.abspath(path)
    if not os.access(path, os.X_OK):
        raise SystemExit(f"FAIL: SANSMTP={path} is not an executable file")
    return path


def send(port, contents, recipients, sender="sender@client.example", level=None, stdin=None,
         options=(), environment=None, server=None):
    """Sends each of `contents` to all `recipients` in one session; None stands for standard input,
    that is `stdin`. `environment` is added to that of the tests. `server` stands in place of the
    port on loopback.
    """
    with tempfile.TemporaryDirectory(prefix="sansmtp-interop-") as folder:
        arguments = [command(), "send", "--json", "--server", server or f"{servers.HOST}:{port}",
                     "--from", sender]
        for recipient in recipients:
            arguments += ["--to", recipient]
        if level is not None:
            arguments += ["--pipelining", level]
        arguments += options
        for number, content in enumerate(contents, 1):
            if content is not None:
                pathlib.Path(folder, f"{number}.eml").write_bytes(content)
            arguments.append("-" if content is None else f"{number}.eml")
        done = subprocess.run(arguments, cwd=folder, capture_output=True, timeout=COMMAND_TIMEOUT,
                              input=b"" if stdin is None else stdin,
                              env={**os.environ, **(environment or {})})
    mails = [json.loads(line) for line in done.stdout.decode().splitlines()]
    return Result(done.returncode, mails, done.stderr.decode(errors="replace"))


@functools.lru_cache(maxsize=None)
def pki():
    """A folder of certificates, made once for a process and removed with it."""
    folder = tempfile.TemporaryDirectory(prefix="sansmtp-pki-")
    atexit.register(folder.cleanup)
    script = pathlib.Path(__file__).resolve().parents[1] / "support" / "make_pki.sh"
    subprocess.run(["sh", script, folder.name], check=True, capture_output=True, timeout=120)
    os.chmod(folder.name, 0o755)  # a server need not be root
    return pathlib.Path(folder.name)


def probe(server, *options):
    """What `sansmtp probe --json` finds, and its exit code."""
    done = subprocess.run([command(), "probe", "--json", "--server", server, *options],
                          capture_output=True, timeout=COMMAND_TIMEOUT, check=False)
    return json.loads(done.stdout), done.returncode


def has_tls():
    """Was the command built with TLS?"""
    done = subprocess.run([command(), "send", "--server", "127.0.0.1:1", "--tls", "required",
                           "--from", "a@b.test", "--to", "a@b.test", os.devnull],
                          capture_output=True, timeout=COMMAND_TIMEOUT, check=False)
    return b"built without TLS" not in done.stderr


def canonical(content):
    """The octets that must arrive (DATA-03, DATA-06): every line end is CRLF, also the last one."""
    lines = re.sub(rb"\r\n|\r|\n", b"\r\n", content)
    return lines if lines.endswith(b"\r\n") else lines + b"\r\n"


# Each may end a message for some server if it reaches the wire as it is (DATA-07).
SMUGGLING = (b"\n.\n", b"\n.\r\n", b"\r\n.\n", b"\r.\r", b"\r.\r\n", b"\r\n.\r", b"\r\n.\r\n",
             b"\n.\r", b"\r.\n", b"\r\r\n.\r\r\n", b"\n\r.\n\r")
SMUGGLED = (b"MAIL FROM:<evil@smuggled.example>\r\nRCPT TO:<bob@mail.test>\r\nDATA\r\n"
            b"smuggled\r\n.\r\nQUIT\r\n")


def smuggling_contents():
    """Every smuggling sequence at the beginning, in the middle and at the end, with commands after
    it.
    """
    for sequence in SMUGGLING:
        yield sequence
        yield sequence + SMUGGLED
        yield b"Subject: a\r\n\r\nb" + sequence + SMUGGLED
        yield b"Subject: a\r\n\r\nb" + sequence + b"c" + sequence + SMUGGLED + b"d"
        yield b"Subject: a\r\n\r\nb" + sequence


def short_contents(longest):
    """Every content of 1 to `longest` octets of a dot, CR, LF and a letter."""
    for length in range(1, longest + 1):
        for octets in itertools.product(b".\r\na", repeat=length):
            yield bytes(octets)


# These keep their length when line ends are normalised, so that what follows them stays where it
# was cut.
CANONICAL_DOTS = (b"\r\n.\r\n", b"\r\n..\r\n", b"\r\n.a\r\n")


def straddling_content(sequences, step):
    """The sequences, cut at every position by multiples of `step`, where a reader may cut a file
    into pieces.
    """
    content = bytearray()
    cuts = ((sequence, cut) for sequence in sequences for cut in range(len(sequence) + 1))
    for boundary, (sequence, cut) in enumerate(cuts, 1):
        lines, rest = divmod(step * boundary - cut - len(content), 64)
        content += (b"x" * 62 + b"\r\n") * (lines - 1) + b"x" * (64 + rest) + sequence
    return bytes(content) + b"\r\n"


LINE_OCTETS = [octet for octet in range(1, 256) if octet not in b"\r\n"]


def random_contents(count):
    """Lines of any octets but NUL, with line ends of every kind, many of the lines beginning with
    dots.
    """
    source = random.Random(2920)
    for _ in range(count):
        lines = []
        for _ in range(source.randrange(1, 60)):
            length = source.choice((0, 1, 2, 10, 78, 990))
            lines.append(source.choice((b"", b".", b"..", b"...")))
            lines.append(bytes(source.choices(LINE_OCTETS, k=length)))
            lines.append(source.choice((b"\r\n", b"\n", b"\r", b"\r\n\r\n")))
        yield b"".join(lines)


def plain_contents():
    """Contents that are lawful but seldom tried."""
    yield b"Subject: dots\r\n\r\n.\r\n..\r\n...\r\n.a\r\n..a\r\n. \r\na.\r\n.\r\n"
    yield b"Subject: longest lines\r\n\r\n" + b"".join(
        line * 998 + b"\r\n" for line in (b"x", b".", b" "))
    yield b"Subject: LF only\n\n.\n..\n\nlast line\n"
    yield b"Subject: bare CR\r\n\r\nover\rwritten\r.\rend\r"
    yield b"Subject: no line end\r\n\r\nthe last line has none"
    yield b"Subject: ends in a dot\r\n\r\n."
    yield b"Subject: blank lines at the end\r\n\r\n\r\na \r\n\t\r\n\r\n\r\n"
    yield b"Subject: 8-bit\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\n" \
          b"Content-Transfer-Encoding: 8bit\r\n\r\n\xc3\xa9\xe2\x82\xac \xff\xfe\r\n.\xff\r\n"
    yield b"Subject: every octet but NUL\r\n\r\n" + bytes(LINE_OCTETS) + b"\r\n"
    yield b"Subject: commands\r\n\r\nQUIT\r\nRSET\r\nDATA\r\nMAIL FROM:<a@b>\r\n250 ok\r\n"


def large_content(size):
    """A content of exactly `size` octets, its lines all different and every fourth with a dot in
    front.
    """
    head = b"Subject: large\r\n\r\n"
    lines = [head]
    length = len(head)
    for number in itertools.count():
        line = b"%s%d %s\r\n" % (b"." if number % 4 == 0 else b"", number, b"z" * (number % 90))
        if length + len(line) > size - 4:
            break
        lines.append(line)
        length += len(line)
    lines.append(b"e" * (size - length - 2) + b"\r\n")
    return b"".join(lines)


def numbered_contents(count):
    """`count` different messages of about 1 KiB, the size that bulk mail is measured with."""
    for number in range(1, count + 1):
        padding = b"w" * (number % 40)
        lines = (b"%smessage %d line %d %s\r\n" % (b"." * (line % 3), number, line, padding)
                 for line in range(20))
        yield b"Subject: %d\r\n\r\n" % number + b"".join(lines)


def identity_in(row):
    """The name under which the server stored a mail: the last word of the reply to it."""
    return row[0]["text"].split()[-1]


class InteropTest(unittest.TestCase):
    """A test against `server_type`, which is started once for the class; its log is printed when a
    test fails.
    """

    server_type = None
    FINAL_STAGE = "content"  # at which a mail is delivered
    maxDiff = 2000

    @classmethod
    def setUpClass(cls):
        cls.server = cls.server_type()
        try:
            cls.server.__enter__()
        except servers.Unavailable as missing:
            if os.environ.get("SANSMTP_ALLOW_SKIP") == "1":
                raise unittest.SkipTest(str(missing)) from missing
            raise
        cls.addClassCleanup(cls.server.__exit__, None, None, None)

    def run(self, result=None):
        failed_before = len(result.failures) + len(result.errors)
        super().run(result)
        if len(result.failures) + len(result.errors) > failed_before:
            print(f"--- log of the server after {self.id()}\n{self.server.log()[-8000:]}\n---",
                  file=sys.stderr)

    def setUp(self):
        self.server.drain()

    def report(self, result, contents, recipients):
        """Checks the shape of the report and returns its entries as rows[mail][recipient] (OUT-01).
        """
        said = f"exit code {result.code}, standard error: {result.errors[-2000:]}"
        numbers = [mail["mail"] for mail in result.mails]
        self.assertEqual(numbers, list(range(1, len(contents) + 1)), said)
        for mail in result.mails:
            addresses = [entry["address"] for entry in mail["recipients"]]
            self.assertEqual(addresses, list(recipients), mail)
            for entry in mail["recipients"]:
                self.assertEqual(list(entry), FIELDS)
        return [mail["recipients"] for mail in result.mails]

    def assert_delivered(self, result, contents, recipients):
        """Checks that the report calls every mail delivered to everyone; returns its rows."""
        rows = self.report(result, contents, recipients)
        for mail, row in zip(result.mails, rows):
            self.assertIsNone(mail["error"], mail)
            for entry in row:
                said = (entry["outcome"], entry["stage"], entry["code"])
                self.assertEqual(said, ("delivered", self.FINAL_STAGE, 250), mail)
        self.assertEqual(result.code, EX_OK, result.errors)
        return rows

    def assert_stored(self, stored, rows, contents, recipients, sender="sender@client.example"):
        """Checks that each content is stored octet for octet, once, under the identity that its own
        reply told.
        """
        self.assertEqual(len(stored), len(contents), "number of messages stored")
        by_id = {message.id: message for message in stored}
        self.assertEqual(len(by_id), len(contents), "number of different messages stored")
        for number, (row, content) in enumerate(zip(rows, contents), 1):
            identity = identity_in(row)
            self.assertIn(identity, by_id, f"mail {number}: {row}")
            message = by_id.pop(identity)
            self.assertEqual(message.sender, sender, f"sender of mail {number}")
            self.assertEqual(message.recipients, tuple(recipients), f"recipients of mail {number}")
            self.assert_same_octets(message.content, content, f"mail {number}")

    def assert_same_octets(self, actual, expected, what):
        """Like assertEqual, but shows only the surroundings of the first difference."""
        if actual == expected:
            return
        at = len(os.path.commonprefix((actual, expected)))
        begin = max(at - 40, 0)
        self.fail(f"{what}: {len(actual)} octets stored, {len(expected)} expected, "
                  f"different from octet {at}\n  stored:   {actual[begin:at + 40]!r}\n"
                  f"  expected: {expected[begin:at + 40]!r}")


class ExactOctetsTest(InteropTest):
    """For servers that store just what came over the wire: the content, and nothing before, after
    or instead of it.
    """

    def check(self, contents, level=None, recipients=("alice@mail.test",)):
        """Sends `contents` in one session and checks that the server has the canonical form of
        each, in order.
        """
        contents = list(contents)
        result = send(self.server.port, contents, recipients, level=level)
        rows = self.assert_delivered(result, contents, recipients)
        stored = self.server.drain()
        self.assert_stored(stored, rows, [canonical(content) for content in contents], recipients)
        self.assertEqual([message.id for message in stored], [identity_in(row) for row in rows],
                         "mails are sent in the order of the command line")
        self.assertNotIn("evil@smuggled.example", self.server.log(), "a message was smuggled in")

    def check_refused_content(self, refused, level):
        """Checks that `refused` is refused before MAIL, and that the mails around it are delivered
        in the same session.
        """
        good = [b"Subject: before\r\n\r\n", b"Subject: after\r\n\r\n"]
        contents = [good[0], refused, good[1]]
        result = send(self.server.port, contents, ["alice@mail.test"], level=level)
        rows = self.report(result, contents, ["alice@mail.test"])
        outcomes = [row[0]["outcome"] for row in rows]
        self.assertEqual(outcomes, ["delivered", "rejected", "delivered"], result)
        self.assertEqual(result.code, EX_DATAERR, result.errors)
        self.assertIsNotNone(result.mails[1]["error"], "the report says why")
        self.assert_stored(self.server.drain(), [rows[0], rows[2]], good, ["alice@mail.test"])


def end_once(number, _frame):
    """Ends the process in good order, undisturbed by the second signal that timeout(1) sends."""
    signal.signal(number, signal.SIG_IGN)
    sys.exit(128 + number)


def main(module):
    """Runs the tests of `module`, or those named on the command line; exit code SKIPPED if that is
    what they did.
    """
    # Ending by sys.exit runs what servers.py registered, so that no server is left behind by a
    # terminated test.
    signal.signal(signal.SIGTERM, end_once)
    command()
    # CTest gives each test a work directory; these have no use for it, since Postfix needs one that
    # others can enter.
    arguments = [argument for argument in sys.argv if not os.path.isdir(argument)]
    result = unittest.main(module=module, argv=arguments, exit=False, verbosity=2).result
    if not result.wasSuccessful():
        sys.exit(1)
    sys.exit(SKIPPED if result.skipped else 0)
