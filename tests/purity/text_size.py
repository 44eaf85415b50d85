"""Checks how much text a program gets that links all of an archive.

text_size.py SIZE-TOOL LINKER ARCHIVE LIMIT-IN-KIB

The objects are put together first: an inline function that several of them hold is in a program
once.
"""

import pathlib
import subprocess
import sys
import tempfile


def main():
    size, linker, archive, limit = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        whole = pathlib.Path(folder, "whole.o")
        subprocess.run([linker, "-r", "--whole-archive", archive, "-o", whole], check=True)
        table = subprocess.run([size, whole], capture_output=True, text=True, check=True).stdout
    text = sum(int(row.split()[0]) for row in table.splitlines()[1:])
    print(f"text of the archive: {text} octets, allowed are fewer than {limit} KiB")
    if text == 0:
        return "the archive holds no text at all: this is not what was meant to be measured"
    return 0 if text < int(limit) * 1024 else "too large"


if __name__ == "__main__":
    sys.exit(main())
