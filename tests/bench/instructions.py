"""Counts the instructions in user space that a mail of 1 KiB costs at each level, under callgrind.

Usage: instructions.py PROBE [--sink SANSMTP] [LEVEL=BOUND ...]

The difference between 2 N and N mails is N mails in steady state: start, opening and end cancel out.
The probe is all that is counted: it either plays the server itself, at next to no cost, or with
--sink sends to a sink of this command in a process of its own. More instructions for a mail than the
BOUND of its level are a failure. The count is the same on each run; it changes with the compiler, its
options and what the processor has.
"""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time

MAILS = 500
LEVELS = ("off", "envelope", "messages")
SKIPPED = 77
SECONDS = 60  # no run takes as long, unless it hangs


@contextlib.contextmanager
def sink(command: str, work: str):
    """A sink, as long as it is needed; gives its address."""
    port_file = os.path.join(work, "port")
    process = subprocess.Popen([command, "sink", "--listen", "127.0.0.1:0", "--port-file", port_file],
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + SECONDS
        while not os.path.exists(port_file):
            if process.poll() is not None or time.monotonic() > end:
                sys.exit("the sink did not start")
            time.sleep(0.01)
        with open(port_file, encoding="ascii") as text:
            yield "127.0.0.1:" + text.read().strip()
    finally:
        process.terminate()
        process.wait()


def instructions(probe: str, level: str, mails: int, server: list[str], work: str,
                 options: tuple[str, ...] = ()) -> int:
    """The instructions of a whole run, or of what callgrind's options select."""
    result = subprocess.run(
        ["valgrind", "--tool=callgrind", *options,
         "--callgrind-out-file=" + os.path.join(work, "callgrind.out"),
         probe, level, str(mails), *server],
        capture_output=True, text=True, check=False, timeout=SECONDS)
    if result.returncode != 0:
        sys.exit(f"{probe} {level} {mails} ended with {result.returncode}:\n{result.stderr}")
    collected = re.search(r"Collected : (\d+)", result.stderr)
    if collected is None:
        sys.exit("callgrind says nothing of instructions:\n" + result.stderr)
    return int(collected.group(1))


def each(probe: str, row: str, n: int, server: list[str], work: str,
         options: tuple[str, ...] = ()) -> float:
    """The instructions for one thing of N in steady state."""
    once, twice = (instructions(probe, row, m, server, work, options) for m in (n, 2 * n))
    return (twice - once) / n


def main() -> int:
    arguments = sys.argv[1:]
    bounds = dict(a.split("=") for a in arguments if "=" in a)
    arguments = [a for a in arguments if "=" not in a]
    if len(arguments) not in (1, 3) or arguments[1:2] not in ([], ["--sink"]) \
            or not set(bounds) <= set(LEVELS):
        sys.exit(__doc__)
    if shutil.which("valgrind") is None:
        print("valgrind is not installed")
        return SKIPPED
    failed = False
    with contextlib.ExitStack() as stack:
        work = stack.enter_context(tempfile.TemporaryDirectory())
        server = [stack.enter_context(sink(arguments[2], work))] if len(arguments) == 3 else []
        for level in LEVELS:
            count = each(arguments[0], level, MAILS, server, work)
            too_many = level in bounds and count > float(bounds[level])
            failed |= too_many
            print(f"{level:10} {count:8.1f} instructions a mail"
                  + (f", allowed are {bounds[level]}" if too_many else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
