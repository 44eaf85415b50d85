"""Counts the instructions in user space that a recipient of `send -t` costs, under callgrind.

Usage: recipients.py SANSMTP

Twice as many recipients may cost twice as much, and a little more for sorting, but not four times: who
writes a header decides how many there are. Nobody listens where the mails are sent.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

RECIPIENTS = 1000
MOST = 2.5  # for twice as many; 2 is linear, 4 is quadratic
SKIPPED = 77
SECONDS = 120  # no run takes as long, unless it hangs


def instructions(command: str, recipients: int, work: str) -> int:
    """The instructions of a whole run."""
    header = b"From: a@x.example\r\n" + b"".join(b"To: recipient%07d@y.example\r\n" % n for n in range(recipients))
    result = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=" + os.path.join(work, "callgrind.out"),
         command, "send", "--server", "unix:" + os.path.join(work, "nobody"), "-t"],
        input=header + b"\r\nbody\r\n", capture_output=True, check=False, timeout=SECONDS)
    errors = result.stderr.decode()
    collected = re.search(r"Collected : (\d+)", errors)
    if result.returncode != 69 or collected is None or result.stdout.count(b"not_attempted") != recipients:
        sys.exit(f"{command} ended with {result.returncode}:\n{errors}")
    return int(collected.group(1))


def main() -> int:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    if shutil.which("valgrind") is None:
        print("valgrind is not installed")
        return SKIPPED
    with tempfile.TemporaryDirectory() as work:
        once, twice, four = (instructions(sys.argv[1], n * RECIPIENTS, work) for n in (1, 2, 4))
    growth = (four - twice) / (twice - once)
    print(f"{(four - twice) / (2 * RECIPIENTS):.0f} instructions a recipient, {growth:.2f} times for twice as many")
    return 1 if growth > MOST else 0


if __name__ == "__main__":
    sys.exit(main())
