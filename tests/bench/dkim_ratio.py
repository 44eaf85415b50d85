"""Counts what signing costs besides its crypto, under callgrind.

Usage: dkim_ratio.py PROBE BOUND

Signing may cost at most BOUND times the instructions of hashing alone, for each octet of a body.
PROBE is dkim_probe. (Valgrind knows no SHA instructions of a processor: the hash is dearer here
than in real life, so the bound is below the aim of 1.5, which is one of time.)
"""

import shutil
import sys
import tempfile

import instructions

TIMES = 8  # of 64 KiB


def main() -> int:
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    probe, bound = sys.argv[1], float(sys.argv[2])
    if shutil.which("valgrind") is None:
        print("valgrind is not installed")
        return instructions.SKIPPED
    with tempfile.TemporaryDirectory() as work:
        sign, crypto = (instructions.each(probe, row, TIMES, [], work) for row in ("sign", "hash"))
    print(f"64 KiB cost {sign:.0f} instructions to sign and {crypto:.0f} to hash: "
          f"{sign / crypto:.3f}, allowed are {bound}")
    return 0 if 0 < sign <= bound * crypto else 1


if __name__ == "__main__":
    sys.exit(main())
