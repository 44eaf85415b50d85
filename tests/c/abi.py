"""CAPI-03: the ABI of the C interface is the one that engine/c/abi.txt records.

Usage: abi.py NM HEADER RECORD SHARED-LIBRARY WORK-DIRECTORY COMPILER [OPTION...] [--update]

What is compared: the functions that the shared library exports, its SONAME, each struct of the header
with the place and size of its members, each number. A line that is gone or has changed breaks
programs that are there; one that came is harmless, and must be recorded too. --update writes the
record anew. Only LP64 is recorded; elsewhere the test is skipped.
"""

import difflib
import pathlib
import re
import subprocess
import sys

SKIPPED = 77


def run(*command):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, check=True).stdout


def exported(nm, library):
    """The names that a shared library defines for others."""
    return sorted(line.split()[-1] for line in run(nm, "-D", "--defined-only", library).splitlines())


def soname(library):
    found = re.search(r"SONAME\s+(\S+)", run("objdump", "-p", library))
    return found[1] if found else "none"


def structs(header):
    """Each struct that is defined, with the names of its members."""
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    for body, name in re.findall(r"typedef struct \w+ \{(.*?)\} (\w+);", text, re.S):
        members = []
        for declaration in body.split(";"):
            function = re.search(r"\(\*(\w+)\)", declaration)
            words = re.findall(r"\w+", declaration)
            if words:
                members.append(function[1] if function else words[-1])
        yield name, members


def numbers(header):
    text = re.sub(r"/\*.*?\*/", "", header, flags=re.S)
    return re.findall(r"\b(SANSMTP_\w+)\s*=\s", text)


def program(header):
    """A program that prints structs and numbers, by a compiler of C."""
    lines = ['#include <sansmtp.h>', '#include <stddef.h>', '#include <stdio.h>', "int main(void) {"]
    for name, members in structs(header):
        lines.append(f'  printf("struct {name} %u\\n", (unsigned)sizeof({name}));')
        for member in members:
            lines.append(f'  printf("  {member} %u %u\\n", (unsigned)offsetof({name}, {member}),'
                         f" (unsigned)sizeof((({name}*)0)->{member}));")
    for number in numbers(header):
        lines.append(f'  printf("number {number} %ld\\n", (long)({number}));')
    return "\n".join(lines + ["  return sizeof(void*) == 8 && sizeof(long) == 8 ? 0 : 77;", "}", ""])


def main():
    arguments = [a for a in sys.argv[1:] if a != "--update"]
    nm, header_file, record, library, work, *compiler = arguments
    header = pathlib.Path(header_file).read_text(encoding="utf-8")
    source = pathlib.Path(work, "abi.c")
    source.write_text(program(header), encoding="utf-8")
    binary = source.with_suffix("")
    run(*compiler, "-I", pathlib.Path(header_file).parent, source, "-o", binary)
    printed = subprocess.run([binary], capture_output=True, text=True, check=False)
    if printed.returncode == SKIPPED:
        print("only LP64 is recorded")
        return SKIPPED
    names = exported(nm, library)
    declared = sorted(set(re.findall(r"\b(sansmtp_\w+)\(", re.sub(r"/\*.*?\*/", "", header, flags=re.S))))
    if names != declared:
        print("exported, but not declared:", sorted(set(names) - set(declared)))
        print("declared, but not exported:", sorted(set(declared) - set(names)))
        return 1
    found = "".join([f"soname {soname(library)}\n", *(f"function {n}\n" for n in names), printed.stdout])
    if "--update" in sys.argv:
        pathlib.Path(record).write_text(found, encoding="utf-8")
        return 0
    known = pathlib.Path(record).read_text(encoding="utf-8")
    difference = list(difflib.unified_diff(known.splitlines(), found.splitlines(), "recorded", "built", lineterm="", n=0))
    print("\n".join(difference))
    return 1 if difference else 0


if __name__ == "__main__":
    sys.exit(main())
