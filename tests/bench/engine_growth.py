"""Counts what the engine does for one thing of many, under callgrind, and how that grows.

Usage: engine_growth.py PROBE

Whether there are few or many, a mail that waits, a mail that is taken back and a parameter cost the
same, and a line of a reply to EHLO little more (they are sorted). PROBE is engine_probe.
"""

import shutil
import sys
import tempfile

import instructions

ROWS = (  # name, few, many, how much more each of the many may cost
    ("queue", 500, 8000, 1.1),
    ("withdraw", 500, 20000, 1.3),  # malloc() included, and a search by halving
    ("parameters", 1000, 16000, 1.3),
    ("ehlo", 100, 6400, 2.5),  # the number of halvings is 1.9 times as great
)


def main() -> int:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    probe = sys.argv[1]
    if shutil.which("valgrind") is None:
        print("valgrind is not installed")
        return instructions.SKIPPED
    failed = False
    with tempfile.TemporaryDirectory() as work:
        for row, few, many, ratio in ROWS:
            at_few, at_many = (instructions.each(probe, row, n, [], work) for n in (few, many))
            too_many = at_many > ratio * at_few
            failed |= too_many
            print(f"{row:12} {at_few:8.0f} instructions each of {few}, {at_many:8.0f} of {many}"
                  + (f", allowed are {ratio * at_few:.0f}" if too_many else ""))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
