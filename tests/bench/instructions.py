"""Counts the engine's instructions for a mail of 1 KiB, at each level, under callgrind.

Usage: instructions.py PROBE [BOUND]

The difference between 2 N and N mails is N mails in steady state: start, opening and end cancel out.
The server of the probe costs nothing worth speaking of, so the count is the engine's and that of the
loop which drives it. With BOUND, more than so many instructions for a mail at any level is a failure.
The count is the same on each run; it changes with the compiler and its options.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile

MAILS = 500
LEVELS = ("off", "envelope", "messages")
SKIPPED = 77


def instructions(probe: str, level: str, mails: int, work: str) -> int:
    """The instructions of a whole run."""
    result = subprocess.run(
        ["valgrind", "--tool=callgrind",
         "--callgrind-out-file=" + os.path.join(work, "callgrind.out"),
         probe, level, str(mails)],
        capture_output=True, text=True, check=False)
    if result.returncode != 0:
        sys.exit(f"{probe} {level} {mails} ended with {result.returncode}:\n{result.stderr}")
    collected = re.search(r"Collected : (\d+)", result.stderr)
    if collected is None:
        sys.exit("callgrind says nothing of instructions:\n" + result.stderr)
    return int(collected.group(1))


def main() -> int:
    if len(sys.argv) not in (2, 3):
        sys.exit(__doc__)
    probe = sys.argv[1]
    bound = float(sys.argv[2]) if len(sys.argv) == 3 else None
    if shutil.which("valgrind") is None:
        print("valgrind is not installed")
        return SKIPPED
    failed = False
    with tempfile.TemporaryDirectory() as work:
        for level in LEVELS:
            once = instructions(probe, level, MAILS, work)
            twice = instructions(probe, level, 2 * MAILS, work)
            each = (twice - once) / MAILS
            verdict = ""
            if bound is not None and each > bound:
                verdict = f"  more than {bound:g}"
                failed = True
            print(f"{level:10} {each:8.1f} instructions a mail{verdict}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
