"""Counts what mails cost over Asio, under callgrind, and how that grows.

Usage: growth.py PROBE --sink SANSMTP CLIENT_BOUND

The client may need CLIENT_BOUND instructions in user space for a mail of 1 KiB, and the pool 1.3
times as many, however many connections it has. (How octets come together in reads is chance, so the
bound is a good deal above what a quiet machine counts, 6,200.) A destination that waits (POOL-03) and
a mail that is taken back cost the same whether there are few or many. PROBE is asio_probe.
"""

import contextlib
import shutil
import subprocess
import sys
import tempfile

import instructions

RATIO = 1.3   # of the pool to the client
STEADY = 1.3  # of eight times as many to few: what is linear stays below, malloc() included


def main() -> int:
    if len(sys.argv) != 5 or sys.argv[2] != "--sink":
        sys.exit(__doc__)
    probe, command, bound = sys.argv[1], sys.argv[3], float(sys.argv[4])
    if shutil.which("valgrind") is None:
        print("valgrind is not installed")
        return instructions.SKIPPED
    failed = False
    with contextlib.ExitStack() as stack:
        work = stack.enter_context(tempfile.TemporaryDirectory())
        server = [stack.enter_context(instructions.sink(command, work))]

        def each(row: str, n: int) -> float:
            once, twice = (instructions.instructions(probe, row, m, server, work) for m in (n, 2 * n))
            return (twice - once) / n

        def check(row: str, count: float, most: float) -> None:
            nonlocal failed
            failed |= count > most
            print(f"{row:24} {count:8.0f} instructions each"
                  + (f", allowed are {most:.0f}" if count > most else ""))

        check("client", each("client", 500), bound)
        for row, n in ("pool", 500), ("pool-10", 500), ("pool-100", 1000):
            check(row, each(row, n), RATIO * bound)
        for row, few, many in ("destinations", 250, 1000), ("cancel-client", 500, 4000), ("cancel-pool", 500, 4000):
            at_few = each(row, few)
            check(f"{row}, {many}", each(row, many), STEADY * at_few)
        subprocess.run([probe, "destinations", "10000"], check=True, timeout=instructions.SECONDS)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
