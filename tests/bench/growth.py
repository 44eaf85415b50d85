"""Counts what mails cost over Asio, under callgrind, and how that grows.

Usage: growth.py PROBE CLIENT_BOUND

A mail of 1 KiB may cost the client CLIENT_BOUND instructions in user space, and the pool 1.3 times
what the client was just counted to need, however many connections it has. A destination that waits
(POOL-03) and a mail that is taken back cost the same whether there are few or many.

PROBE is asio_probe. It plays the server itself, which answers as soon as the client has written and
is not counted: what a read finds does not depend on what else the machine does.
"""

import shutil
import subprocess
import sys
import tempfile

import instructions

TOLERANCE = 1.01  # for another patch level of the compiler
RATIO = 1.3       # of the pool to the client
STEADY = 1.3      # of eight times as many to few: what is linear stays below, malloc() included
TURNS = ("--toggle-collect=client_turn*", "--toggle-collect=server_turn*")


def main() -> int:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    probe, bound = sys.argv[1], float(sys.argv[2])
    if shutil.which("valgrind") is None:
        print("valgrind is not installed")
        return instructions.SKIPPED
    failed = False
    with tempfile.TemporaryDirectory() as work:

        def each(row: str, n: int, options: tuple[str, ...] = ()) -> float:
            return instructions.each(probe, row, n, [], work, options)

        def check(row: str, count: float, most: float) -> None:
            nonlocal failed
            failed |= not 0 < count <= most
            print(f"{row:24} {count:8.0f} instructions each"
                  + (f", allowed are {most:.0f}" if count > most else ""))

        client = each("client", 500, TURNS)
        check("client", client, TOLERANCE * bound)
        for row, n in ("pool", 500), ("pool-10", 500), ("pool-100", 1000):
            check(row, each(row, n, TURNS), RATIO * client)
        for row, few, many in (("destinations", 250, 1000), ("cancel-client", 500, 4000),
                               ("cancel-pool", 500, 4000)):
            check(f"{row}, {many}", each(row, many), STEADY * each(row, few))
        subprocess.run([probe, "destinations", "10000"], check=True, timeout=instructions.SECONDS)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
