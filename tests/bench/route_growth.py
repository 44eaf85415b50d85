"""Counts what a route costs, under callgrind, and how that grows.

Usage: route_growth.py PROBE ROUTE_BOUND

A route over 10 hosts, with a policy, addresses and TLSA records for each, may cost ROUTE_BOUND
instructions (the copies of its answers included) and 8 KiB. A host of many, and a recipient of many
domains, cost little more than one of few (they are sorted). PROBE is route_probe.
"""

import shutil
import subprocess
import sys
import tempfile

import instructions

TOLERANCE = 1.01  # for another patch level of the compiler
MEMORY = 8 * 1024
ROWS = (("hosts", 100, 1600), ("recipients", 500, 8000))
STEADY = 1.2  # of sixteen times as many to few: sorting is little of it


def main() -> int:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    probe, bound = sys.argv[1], float(sys.argv[2])
    memory = int(subprocess.run([probe, "memory"], check=True, capture_output=True, text=True,
                                timeout=instructions.SECONDS).stdout)
    print(f"a route over 10 hosts takes {memory} octets, allowed are {MEMORY}")
    failed = not 0 < memory <= MEMORY
    if shutil.which("valgrind") is None:
        print("valgrind is not installed")
        return 1 if failed else instructions.SKIPPED
    with tempfile.TemporaryDirectory() as work:
        route = instructions.each(probe, "route", 100, [], work)
        failed |= route > TOLERANCE * bound
        print(f"a route over 10 hosts costs {route:.0f} instructions, allowed are {bound:.0f}")
        for row, few, many in ROWS:
            at_few, at_many = (instructions.each(probe, row, n, [], work) for n in (few, many))
            failed |= at_many > STEADY * at_few
            print(f"{row:12} {at_few:8.0f} instructions each of {few}, {at_many:8.0f} of {many}, "
                  f"allowed are {STEADY * at_few:.0f}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
