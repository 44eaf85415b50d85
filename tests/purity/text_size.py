"""Checks the sum of the text of an archive's objects.

text_size.py SIZE-TOOL ARCHIVE LIMIT-IN-KIB
"""

import subprocess
import sys


def main():
    tool, archive, limit = sys.argv[1:]
    table = subprocess.run([tool, archive], capture_output=True, text=True, check=True).stdout
    text = sum(int(row.split()[0]) for row in table.splitlines()[1:])
    print(f"text of the archive: {text} octets, allowed are fewer than {limit} KiB")
    if text == 0:
        return "the archive holds no text at all: this is not what was meant to be measured"
    return 0 if text < int(limit) * 1024 else "too large"


if __name__ == "__main__":
    sys.exit(main())
