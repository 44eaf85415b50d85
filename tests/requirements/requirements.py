#!/usr/bin/env python3
"""What is cited stands in the catalogue, engine/requirements.md.

  tests/requirements/requirements.py [FOLDER] [--phase P1] [--where]
  tests/requirements/requirements.py --self-check

Reads all text below FOLDER (the project's root, if none is given). It fails if the catalogue holds
an id twice, or if anything cites an id, or an attack of Appendix F (`attacks B5`), that is not
there. Then it prints which requirements no test cites, by phase; that is no failure, since phases
come one after the other, and since a citation proves nothing: a test must fail when the
requirement is broken. --where prints in which files each id is cited.
"""

import argparse
import collections
import pathlib
import re
import sys
import tempfile

CATALOGUE = "engine/requirements.md"
FOLDERS = ["engine", "transports", "tests", "fuzz", "examples"]
TESTS = ["tests", "fuzz"]
# Inputs of fuzz targets are copies of transcripts, and what this file holds are examples.
NOT_READ = ["fuzz/corpus/", "tests/requirements/"]

ID = r"(?<![\w+-])([A-Z][A-Z0-9]{1,4})-(\d{2})(?![\w-])"
RANGE = re.compile(ID + r"\s*(?:…|\.\.\.?)\s*(?:\1-)?(\d{2})(?!\w)")
ID = re.compile(ID)
# Names that look like ids: UTF-16, SHA-1 in two digits, and so on.
NO_GROUPS = {"UTF", "SHA", "ISO", "RFC", "CVE", "RSA", "AES"}
ATTACKS = re.compile(r"\battacks ((?:B\d+[a-z]?(?:,? (?:and )?)?)+)")


class Catalogue:
    """The requirements in order, each with its phase, and the attacks of Appendix F."""

    def __init__(self, text):
        self.phases, self.twice = {}, []
        phase_of = None
        for line in text.splitlines():
            if line.startswith("## "):
                phase_of = self.phases_of_group(line)
            entry = re.match(r"- \*\*([A-Z][A-Z0-9]{1,4})-(\d{2})\*\* — \[\w+\]", line)
            if entry:
                name = "-".join(entry.groups())
                if name in self.phases:
                    self.twice.append(name)
                self.phases[name] = phase_of(int(entry.group(2)))
        self.attacks = set(re.findall(r"^\| (B\d+) \|", text, re.M))

    @staticmethod
    def phases_of_group(heading):
        """A function from number to phase: "(P1)", "(P1: 01–09; P2: rest)" or "(P1; P2: 12)"."""
        first = re.search(r"\((P\d): 01–(\d+); (P\d): rest\)", heading)
        if first:
            return lambda n: first[1] if n <= int(first[2]) else first[3]
        one = re.search(r"\((P\d); (P\d): (\d+)\)", heading)
        if one:
            return lambda n: one[2] if n == int(one[3]) else one[1]
        whole = re.search(r"\((P\d)\b", heading)
        return lambda n: whole[1] if whole else "no phase"


def citations(text):
    """The ids that a text cites, those within a range too."""
    found = {"-".join(match) for match in ID.findall(text) if match[0] not in NO_GROUPS}
    for group, first, last in RANGE.findall(text):
        found |= {f"{group}-{n:02}" for n in range(int(first), int(last) + 1)}
    return found


def attacks(text):
    return {name for some in ATTACKS.findall(text) for name in re.findall(r"B\d+", some)}


def texts(root):
    """Each text file of the project: its name, seen from the root, and its text."""
    paths = sorted(root.glob("*.md"))
    for folder in FOLDERS:
        paths += sorted((root / folder).rglob("*"))
    for path in paths:
        name = path.relative_to(root).as_posix()
        if not path.is_file() or name.startswith(tuple(NOT_READ)):
            continue
        try:
            yield name, path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            pass


def check(root, phase=None, where=False):
    """Prints what is wrong, and what no test cites. Returns the number of faults."""
    catalogue = Catalogue((root / CATALOGUE).read_text(encoding="utf-8"))
    if not catalogue.phases:
        print(f"{CATALOGUE} holds no requirement")
        return 1
    faults = 0
    for name in catalogue.twice:
        print(f"{CATALOGUE} holds {name} twice")
        faults += 1
    cited = collections.defaultdict(list)
    for file, text in texts(root):
        for name in sorted(citations(text)):
            cited[name].append(file)
            if name not in catalogue.phases:
                # The catalogue itself names what was withdrawn, and speaks of it no more.
                if file == CATALOGUE and re.search(rf"^\*Withdrawn\b.*\b{name}\b", text, re.M):
                    continue
                print(f"{file} cites {name}, which {CATALOGUE} does not hold")
                faults += 1
        for name in sorted(attacks(text) - catalogue.attacks):
            print(f"{file} cites attacks {name}, which {CATALOGUE} does not hold")
            faults += 1

    for wanted in [phase] if phase else sorted(set(catalogue.phases.values())):
        names = [name for name, of in catalogue.phases.items() if of == wanted]
        if where:
            for name in names:
                print(f"{name}: {', '.join(cited[name])}")
        missing = collections.defaultdict(list)
        for name in names:
            if not any(file.startswith(tuple(TESTS)) for file in cited[name]):
                group, number = name.split("-")
                missing[group].append(number)
        for group, numbers in missing.items():
            print(f"{wanted}: no test cites {group}-{', '.join(numbers)}")
        count = len(names) - sum(map(len, missing.values()))
        print(f"{wanted}: tests cite {count} of {len(names)} requirements")
    return faults


def self_check():
    """Sees that the check fails when it must, and only then."""
    good = ("## 1. CORE (P1)\n- **CORE-01** — [MUST] a\n- **CORE-02** — [MUST] b\n"
            "- **CORE-03** — [MUST] c\n## 2. UTF8 (P1: 01–01; P2: rest)\n"
            "- **UTF8-01** — [MUST] d\n- **UTF8-02** — [MUST] e\n\n"
            "*Withdrawn:* CORE-09.\n\n| B1 | x |\n| B2 | y |\n")
    cases = [  # what a test file holds, or the catalogue has more; the number of faults
        ("# CORE-01 … CORE-03, UTF8-01…UTF8-02 (attacks B1c, B2 and B1)", "", 0),
        (
            "UTF-8 UTF-16 SHA-25 SHA-256 RFC-53 RFC 5321 ISO-8859-1 ISO-88 A1B2C-01-02 a+X030-01 "
            "XCORE-011",
            "",
            0,
        ),
        ("CORE-04", "", 1),
        ("COR-01", "", 1),
        ("CORE-02 … CORE-05", "", 2),
        ("CORE-09", "", 1),
        ("attacks B1 and B7", "", 1),
        ("", "- **CORE-01** — [MUST] again\n", 1),
        ("", "see CORE-07\n", 1),
    ]
    wrong = 0
    for text, more, faults in cases:
        with tempfile.TemporaryDirectory() as folder:
            root = pathlib.Path(folder)
            for name in FOLDERS:
                (root / name).mkdir()
            (root / CATALOGUE).write_text(good + more, encoding="utf-8")
            (root / "tests" / "x.smtp").write_text(text, encoding="utf-8")
            found = check(root)
            if found != faults:
                print(f"WRONG: {found} faults, not {faults}: {text}{more}")
                wrong += 1
    if citations("CORE-01 ... 03") != {"CORE-01", "CORE-02", "CORE-03"}:
        print("WRONG: a range")
        wrong += 1
    phases = Catalogue(good).phases
    if (phases["CORE-01"], phases["UTF8-01"], phases["UTF8-02"]) != ("P1", "P1", "P2"):
        print("WRONG: the phases", phases)
        wrong += 1
    return wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("root", nargs="?", type=pathlib.Path,
                        default=pathlib.Path(__file__).resolve().parent.parent.parent)
    parser.add_argument("--phase", help="only those of this phase")
    parser.add_argument("--where", action="store_true", help="say where each id is cited")
    parser.add_argument("--self-check", action="store_true")
    arguments = parser.parse_args()
    if arguments.self_check:
        return 1 if self_check() else 0
    return 1 if check(arguments.root, arguments.phase, arguments.where) else 0


if __name__ == "__main__":
    sys.exit(main())
