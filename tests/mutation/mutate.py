#!/usr/bin/env python3
"""Mutation check: which small faults of the engine do the tests not see?

  tests/mutation/mutate.py BUILD [--sample N] [--only TEXT] [--again FILE] [--list]

BUILD is a build folder with the tests in it (build/gcc). A fault is a comparison that is another,
a condition or an operand negated, a constant that is one more, a statement left out, a flag, an
outcome, an error or a hint that is another, a cell of the protocol table that is its neighbour.
All of them are in one binary, where each asks whether it is the one that the environment chose
(mutant.hpp): so a mutant costs a run of the tests, and no build.

Any test that fails, crashes, hangs or eats the memory has seen the mutant. Of the protocol table
none may survive; of all else MOST_SURVIVORS in a hundred at most. With --sample all of the table is
checked, and N other places, always the same ones while their lines do not change; with --again only
those that an earlier run, whose output is in FILE, named as survivors.
Mutants that change nothing stand in equivalent.txt, each with the reason, and do not count. A place
that does not compile is left out. First each fault of breaks.py must be seen by the simulation.
"""

import argparse
import collections
import concurrent.futures
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import breaks

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TABLE = "protocol_table.hpp"
FILES = [TABLE, "window.hpp", "window.cpp", "session.cpp", "session_send.cpp", "session_check.cpp",
         "session_limits.cpp",
         "session_login.cpp", "session_opening.cpp", "session_reply.cpp", "session_chunks.cpp",
         "chunk_framer.cpp", "session_events.cpp", "session_end.cpp", "mail_state.hpp",
         "mail_state.cpp", "parameters.cpp", "client_attributes.cpp", "reply_parser.cpp",
         "reply_parser_inline.hpp", "reply.cpp", "capabilities.cpp", "content_source.cpp",
         "delivery.cpp", "dot_framer.cpp", "dot_stuffer.cpp", "output.cpp", "output.hpp"]
FLAGS = ["-std=c++20", "-O1", "-fno-exceptions", "-w"]
MOST_SURVIVORS = 5.0  # percent, outside of the protocol table

COMPARISONS = {"<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal",
               "==": "equal", "!=": "unequal"}


def enumerators(header, name):
    """The enumerators of a public enum, in order."""
    text = (ROOT / "engine/include/sansmtp" / header).read_text()
    body = re.search(rf"enum class {name}\b[^{{]*{{(.*?)}};", text, re.S).group(1)
    body = re.sub(r"//.*", "", body)
    return re.findall(r"^\s*(\w+)", body, re.M)


ENUMS = {"outcome": enumerators("outcome.hpp", "outcome"), "hint": enumerators("outcome.hpp", "hint"),
         "errc": enumerators("error.hpp", "errc")}


class Place:
    def __init__(self, number, file, line, text, what):
        self.number, self.file, self.line, self.text, self.what = number, file, line, text, what
        self.compiles = True
        self.key = f"{file}: {text} [{what}]"


class Mutator:
    """Numbers the places of the engine's sources, and writes sources in which they ask."""

    def __init__(self):
        self.places = []
        self.by_key = {}  # a place keeps its number when the sources are written again

    def place(self, file, line, text, what):
        """The number of a place, or 0 if it does not compile."""
        key = (file, line, what if line else text)
        if key not in self.by_key:
            self.by_key[key] = Place(len(self.places) + 1, file, line, text.strip(), what)
            self.places.append(self.by_key[key])
        place = self.by_key[key]
        return place.number if place.compiles else 0

    def name_places(self):
        """A line that stands twice in a file: the second one is told by its number."""
        seen = collections.Counter()
        for place in self.places:
            seen[place.key] += 1
            if seen[place.key] > 1:
                place.key += f" #{seen[place.key]}"

    # -- the protocol table ---------------------------------------------------------------------

    def table(self, text):
        """Each column of each row of the protocol table, and the codes beside it."""
        # A row whose traits need a line of their own is one of two lines as the others are.
        text = re.sub(r"(&t::\w+,)\n +", r"\1 ", text)
        lines = text.split("\n")
        rows = {}  # first line -> what stands on it, and the reactions of the second
        for at, line in enumerate(lines[:-1]):
            first = re.match(r'^ +\{(verb::\w+), ("\w+"), ("[^"]*"), form::(\w+), &t::(\w+), ([^,]+),$', line)
            second = re.match(r"^ +\{(\w+), (\w+), (\w+), (\w+)\}\},$", lines[at + 1])
            if first and second:
                rows[at] = (first.groups(), second.groups())
        verbs = enumerators("verb.hpp", "verb")
        if len(rows) != len(verbs):
            sys.exit(f"{TABLE}: {len(rows)} rows are seen, and there are {len(verbs)} verbs")
        traits = re.findall(r"^  (\w+) = 1U << ", text, re.M)
        order = sorted(rows)
        for i, at in enumerate(order):
            (verb, name, wire, form, wait, some), reactions = rows[at]
            before, behind = rows[order[i - 1]], rows[order[(i + 1) % len(order)]]

            def choose(what, other, code, at=at):
                n = self.place(TABLE, at + 1, lines[at], what)
                return f"(mutant::on({n}) ? {other} : {code})" if n else code

            cells = []
            for digit, cell in enumerate(reactions):
                others = ["ignore" if cell == "violation" else "violation"]
                for neighbour in (before[1][digit], behind[1][digit], reactions[(digit + 1) % 4]):
                    if neighbour != cell and neighbour not in others:
                        others.append(neighbour)
                code = cell
                for other in others:
                    code = choose(f"{digit + 2}yz becomes {other}", other, code)
                cells.append(code)
            if before[0][3] != form:
                form_code = choose(f"form becomes {before[0][3]}", f"form::{before[0][3]}", f"form::{form}")
            else:
                form_code = f"form::{form}"
            other = next(r[0][4] for r in [before, behind] + list(rows.values()) if r[0][4] != wait)
            wait_code = choose(f"timeout becomes {other}", f"&t::{other}", f"&t::{wait}")
            wire_code = choose("another word", f'std::string_view("X{wire[1:]})', f"std::string_view({wire})")
            name_code = choose("another name", 'std::string_view("x")', f"std::string_view({name})")
            # Each trait that a row has is left out once, and the one after its last is put in.
            own = [] if some == "{}" else some.split(" | ")
            absent = traits[(traits.index(own[-1]) + 1) % len(traits)] if own else traits[0]
            trait_code = "traits{}"
            for trait in own:
                n = self.place(TABLE, at + 1, lines[at], f"not {trait}")
                trait_code += f" | (mutant::on({n}) ? trait{{}} : {trait})" if n else f" | {trait}"
            if absent not in own:
                n = self.place(TABLE, at + 1, lines[at], f"also {absent}")
                trait_code += f" | (mutant::on({n}) ? {absent} : trait{{}})" if n else ""
            indent = re.match(r"^ +", lines[at]).group(0)
            lines[at] = f"{indent}{{{verb}, {name_code}, {wire_code}, {form_code}, {wait_code}, {trait_code},"
            lines[at + 1] = f"{indent} {{{', '.join(cells)}}}}},"
        named = list(re.finditer(r"^    \{verb::(\w+), (\d+), reaction::(\w+)\}", text, re.M))
        for i, found in enumerate(named):
            at = text[:found.start()].count("\n")
            other = next(n.group(3) for n in named[i - 1:] + named if n.group(3) != found.group(3))
            for what, old, new in (("another code", found.group(2), str(int(found.group(2)) + 1)),
                                   ("another reaction", f"reaction::{found.group(3)}", f"reaction::{other}")):
                n = self.place(TABLE, at + 1, lines[at], what)
                if n and what == "another code":
                    lines[at] = lines[at].replace(f" {old},", f" std::uint16_t(mutant::on({n}) ? {new} : {old}),")
                elif n:
                    lines[at] = lines[at].replace(old, f"(mutant::on({n}) ? {new} : {old})")
        for at, line in enumerate(lines):
            found = re.match(r"^    \{verb::\w+, (true|false), (\d+), hint::\w+\}", line)
            if found:
                n = self.place(TABLE, at + 1, line, "another code of a hint")
                code = found.group(2)
                line = line.replace(f" {code},", f" std::uint16_t(mutant::on({n}) ? {int(code) + 1} : {code}),")
                n = self.place(TABLE, at + 1, lines[at], "of another verb")
                lines[at] = line.replace(f"{found.group(1)},", f"mutant::turned({n}, {found.group(1)}),", 1)
            found = re.match(r"^(.*closing_code = )(\d+);$", line)
            if found:
                n = self.place(TABLE, at + 1, line, "another code")
                code = int(found.group(2))
                lines[at] = f"{found.group(1)}std::uint16_t(mutant::on({n}) ? {code + 1} : {code});"
        text = "\n".join(lines)
        # What the environment changes is no constant.
        text = text.replace("inline constexpr ", "inline const ")
        text = text.replace("[[nodiscard]] constexpr ", "[[nodiscard]] inline ")
        return re.sub(r"static_assert\(\[\] \{.*?\}\(\)\);", "", text, flags=re.S)

    # -- all else ---------------------------------------------------------------------------------

    def source(self, file, text):
        lines = text.split("\n")
        done = []
        at = 0
        while at < len(lines):
            count = self.statement_lines(lines, at)
            done += self.statement(file, at + 1, lines[at:at + max(count, 1)], count != 0)
            at += max(count, 1)
        return "\n".join(done)

    @staticmethod
    def code_of(line):
        return line.split("//")[0].rstrip()

    def statement_lines(self, lines, at):
        """How many lines the statement that begins here has; 0 if it is not one that can be left out."""
        first = self.code_of(lines[at])
        before = next((self.code_of(l) for l in reversed(lines[:at]) if self.code_of(l)), "")
        if before[-1:] not in (";", "{", "}", ":"):
            return 0
        if re.match(r"^ +(return|break|continue);$", first):
            return 1
        word = r"(?!(?:if|for|while|switch|return|do|else|case|delete|using|default|public|private)\b)"
        if not re.match(rf"^ +{word}(?:[a-z_][\w.:>\-\[\]*]*(?:\(| [-+|&]?= |\+\+;)|(?:\+\+|--)[a-z])",
                        first):
            return 0
        for count in range(1, min(12, len(lines) - at) + 1):
            text = "\n".join(self.code_of(l) for l in lines[at:at + count])
            if text.endswith("{"):
                return 0
            if text.endswith(";"):
                return count if text.count("(") == text.count(")") else 0
        return 0

    def statement(self, file, at, lines, removable):
        n = self.place(file, at, lines[0], "removed") if removable else 0
        changed = [self.line(file, at + i, line) for i, line in enumerate(lines)]
        if n:
            changed[0] = re.sub(r"^(\s+)", rf"\1{{ if (!mutant::on({n})) ", changed[0])
            last = changed[-1]
            end = len(self.code_of(last))
            changed[-1] = last[:end] + " }" + last[end:]
        return changed

    def line(self, file, at, original):
        code = self.code_of(original)
        comment = original[len(code):]
        if not code or re.match(r"^\s*(#|case |template|static_assert|default:)", code):
            return original
        strings = []

        def hide(match):
            strings.append(match.group(0))
            return f"@{chr(ord('a') + len(strings) - 1)}@"
        code = re.sub(r'"(?:[^"\\]|\\.)*"|\'(?:[^\'\\]|\\.)*\'', hide, code)

        def place(what):
            return self.place(file, at, original, what)
        seen = collections.Counter()

        def named(what):
            seen[what] += 1
            return what if seen[what] == 1 else f"{what}, {seen[what]}"

        condition = re.match(r"^(\s*(?:\} else )?(?:if|while) \()([^;]*)(\).*)$", code)
        if condition and not re.match(r"(const |auto |\w+\* )", condition.group(2)):
            inner, rest = self.split_condition(condition.group(2) + condition.group(3))
            n = inner is not None and place("negated")
            if n:
                code = f"{condition.group(1)}mutant::turned({n}, bool({inner})){rest}"

        def operand(match):
            n = place(named(f"not {match.group(2)}"))
            return (f"{match.group(1)}mutant::turned({n}, bool({match.group(2)}))" if n
                    else match.group(0))
        term = r"(!?[a-z_][\w.:>-]*(?:\([\w.:>, -]*\)(?:[.>-]+\w+\([\w.:>, -]*\))*)?)"
        code = re.sub(rf"((?:&&|\|\|) ){term}(?=$|;|\)| &&| \|\|| \?)", operand, code)
        code = re.sub(rf"((?:\(|return |(?<![=!<>])= |^ +)){term}(?= (?:&&|\|\|)(?: |$))", operand, code)
        code = re.sub(rf"((?:return|(?<![=!<>])=) ){term}(?= \? )", operand, code)

        def boolean(match):
            n = place(named(f"not {match.group(2)}"))
            if not n:
                return match.group(0)
            return f"{match.group(1)}mutant::turned({n}, {match.group(2)}){match.group(3)}"
        code = re.sub(r"((?:return|(?<![=!<>])=) )(true|false)(;)", boolean, code)

        def compare(match):
            op = match.group(1)
            n = place(named(f"not {op}" if op in ("==", "!=") else
                            f"{op} becomes {op[0] if op[1:] else op + '='}"))
            return f" {op} mutant::{COMPARISONS[op]}{{{n}}} {op} " if n else match.group(0)
        code = re.sub(r" (<=|>=|==|!=|<|>) (?=[^=])", compare, code)

        def number(match):
            value = match.group(1)
            other = {"1": "0"}.get(value) or str(int(value, 0) + 1)
            n = place(named(f"{value} becomes {other}"))
            return f"(mutant::on({n}) ? {other} : {value})" if n else match.group(0)
        if not re.match(r"^\s*(static |inline |constexpr )*constexpr .*\[\]", code):
            code = re.sub(r"(?<![\w.'\[{])(?<!on\()(?<!turned\()(0x[0-9A-Fa-f]+|\d+)(?:U|u)?(?![\w.'}])(?!\]? *[;=] *//)",
                          number, code)

        def enumerator(match):
            kind, value = match.groups()
            names = [name for name in ENUMS[kind] if name not in ("pending",)]
            other = names[(names.index(value) + 1) % len(names)] if value in names else names[0]
            n = place(named(f"{value} becomes {other}"))
            return f"(mutant::on({n}) ? {kind}::{other} : {kind}::{value})" if n else match.group(0)
        code = re.sub(r"(?<![=!]= )\b(errc|hint|outcome)::(\w+)\b(?!\()", enumerator, code)

        code = re.sub(r"@([a-z])@", lambda m: strings[ord(m.group(1)) - ord("a")], code)
        if "mutant::" in code:
            code = re.sub(r"(?<!if )\bconstexpr\b", "const", code)
        return code + comment

    @staticmethod
    def split_condition(text):
        depth = 0
        for i, c in enumerate(text):
            depth += (c == "(") - (c == ")")
            if depth < 0:
                return text[:i], text[i:]
        return None, None

    # -- the named faults -------------------------------------------------------------------------

    def break_on_purpose(self, file, text):
        """Puts a word in the place of each fault that breaks.py names in this file."""
        for i, fault in enumerate(breaks.FAULTS):
            if fault.file == file:
                if text.count(fault.old) != 1:
                    sys.exit(f"breaks.py: {fault.name}: {file} holds this not once: {fault.old}")
                text = text.replace(fault.old, f"FAULT_{i}_" + "\n" * fault.old.count("\n"))
        return text

    def put_faults(self, file, text):
        for i, fault in enumerate(breaks.FAULTS):
            if fault.file == file:
                n = self.place(file, 0, fault.name, "on purpose")
                chosen = fault.code(f"mutant::on({n})")
                text = re.sub(rf"FAULT_{i}_\n*", lambda _: chosen, text)
        return text


class Build:
    def __init__(self, folder, work, jobs):
        self.folder, self.work, self.jobs = folder, work, jobs
        cache = (folder / "CMakeCache.txt").read_text()
        self.compiler = re.search(r"^CMAKE_CXX_COMPILER:\w+=(.*)$", cache, re.M).group(1)
        self.cached = [path for path in [shutil.which("ccache")] if path]
        self.source = work / "src"
        self.mutator = Mutator()

    def write(self):
        """Writes the sources; the names of those that are not as they were."""
        changed = set()
        for path in sorted((ROOT / "engine/src").iterdir()):
            text = path.read_text()
            if path.name in FILES:
                text = self.mutator.break_on_purpose(path.name, text)
                text = (self.mutator.table(text) if path.name == TABLE
                        else self.mutator.source(path.name, text))
                text = self.mutator.put_faults(path.name, text)
                include = '#include "mutant.hpp"\n#line 1\n'
                text = (text.replace("#pragma once\n", "#pragma once\n" + include, 1)
                        if "#pragma once" in text else include + text)
            copy = self.source / path.name
            if not copy.exists() or copy.read_text() != text:
                copy.write_text(text)
                changed.add(path.name)
        return changed

    def compile(self, unit):
        done = subprocess.run(
            [*self.cached, self.compiler, *FLAGS, "-I", str(HERE), "-I", str(ROOT / "engine/include"), "-c",
             str(self.source / unit), "-o", str(self.work / (unit + ".o"))],
            stderr=subprocess.PIPE, text=True)
        return done.returncode == 0, done.stderr

    def compile_all(self):
        shutil.rmtree(self.source, ignore_errors=True)
        self.source.mkdir(parents=True)
        self.write()
        self.mutator.name_places()
        units = sorted(path.name for path in self.source.glob("*.cpp"))
        waiting = units
        with concurrent.futures.ThreadPoolExecutor(self.jobs) as pool:
            for _ in range(10):
                results = list(pool.map(self.compile, waiting))
                if all(good for good, _ in results):
                    return [str(self.work / (unit + ".o")) for unit in units]
                errors = "".join(text for _, text in results)
                self.drop(errors)
                changed = self.write()
                if not changed:
                    sys.exit("the mutants do not compile:\n" + errors[:4000])
                # A unit that compiled may ask for a place of a header that is left out now: nobody chooses it.
                failed = {unit for unit, (good, _) in zip(waiting, results) if not good}
                waiting = sorted(failed | {name for name in changed if name in units})
        sys.exit("the mutants do not compile:\n" + errors[:4000])

    def drop(self, errors):
        """Leaves out the places that the compiler complains of."""
        lines = set()
        for file, line in re.findall(r"/src/([\w.]+):(\d+):\d+: (?:error|  required)", errors):
            # Of what the preprocessor counts a line behind the header is the line itself.
            lines.add((file, int(line) + self.first_line(file)))
        for place in self.mutator.places:
            if (place.file, place.line) in lines:
                place.compiles = False

    def first_line(self, file):
        """`#line 1` stands where the file's own next line is this one, less one."""
        text = (ROOT / "engine/src" / file).read_text()
        return text[:text.index("#pragma once\n")].count("\n") + 1 if "#pragma once" in text else 0

    def link(self, objects):
        def own(folder, target):
            base = self.folder / "tests" / folder / "CMakeFiles" / f"{target}.dir"
            return [str(path) for path in sorted(base.rglob("*.o"))]
        script = str(self.folder / "transports/script/libsansmtp_script.a")
        binaries = {"transcripts": own("transcripts", "transcript_tests") + [script, "-lgtest_main", "-lgtest"],
                    "unit": own("unit", "unit_tests") + [script, "-lgtest_main", "-lgtest"],
                    "simulation": own("simulation", "simulation") + [script]}
        for name, parts in binaries.items():
            # The mutants come first: of an inline function the linker keeps the first one.
            subprocess.run([self.compiler, "-pthread", "-o", str(self.work / name), *objects, *parts],
                           check=True)


GTEST = ["--gtest_brief=1", "--gtest_fail_fast"]
# Of the unit tests these take nearly all the time, and see few mutants that no other test sees.
SLOW = ("*.is_right_*:*.agrees_with_a_slow_one_*:session.streams_*:session.survives_partial_writes:"
        "channel.content_arrives_whole*:dot_stuffer.lets_no_sequence_*:line_scan.*:content_framers.*:auth_mask.*:"
        "output.does_not_pile_up_*:session_writes.that_are_always_short_*:session.does_not_grow_*")
# The quickest first, since most mutants do not survive that. What else there is takes longer and
# would see some of the survivors too: the figures are those of these tests.
STAGES = [
    ["simulation", "random", "1000"],
    ["transcripts", *GTEST, "--gtest_filter=*.whole"],
    ["unit", *GTEST, f"--gtest_filter=-{SLOW}:pipelining_levels.*"],
    ["transcripts", *GTEST, "--gtest_filter=*.octets:*.writes"],
    ["simulation", "random", "20000", "1001"],
    ["unit", *GTEST, f"--gtest_filter={SLOW}"],
    ["transcripts", *GTEST, "--gtest_filter=*.splits"],
]
ORACLE = [["simulation", "random", "100000"]]


class Runner:
    def __init__(self, work, stages):
        self.work, self.stages = work, stages
        self.seconds = []  # of processor time that a stage may take
        for stage in stages:
            before = os.times()
            seen, said = self.run(0, stage, 600)
            if seen:
                sys.exit("the tests fail without any mutant: " + " ".join(stage) + "\n" + said)
            after = os.times()
            used = (after.children_user + after.children_system - before.children_user
                    - before.children_system)
            self.seconds.append(2 + round(5 * used))

    def run(self, number, stage, seconds):
        """How a stage saw the mutant, or None; and what it said."""
        with tempfile.TemporaryDirectory(dir=self.work) as folder:
            try:
                done = subprocess.run(
                    ["/bin/sh", "-c", 'ulimit -c 0 && ulimit -v 4000000 && ulimit -t "$0" && exec "$@"', str(seconds),
                     str(self.work / stage[0]), *stage[1:]],
                    env=dict(os.environ, SANSMTP_MUTANT=str(number)), cwd=folder, errors="replace",
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                    timeout=20 * seconds)
            except subprocess.TimeoutExpired:
                return "hangs", ""
        if done.returncode == 0:
            return None, done.stdout
        how = {-24: "hangs", -9: "hangs"}.get(done.returncode,
                                              "crashes" if done.returncode < 0 else "fails")
        return how, done.stdout

    def killer_of(self, place):
        """Which stage sees the mutant and how, or None; and what it said."""
        said = ""
        for stage, seconds in zip(self.stages, self.seconds):
            how, said = self.run(place.number, stage, seconds)
            if how:
                return f"{stage[0]} {how}", said
        return None, said


def equivalent_mutants():
    text = (HERE / "equivalent.txt").read_text()
    return [line.strip() for line in text.split("\n") if line and not line.startswith("#")]


def chosen_places(places, arguments):
    table = [p for p in places if p.file == TABLE]
    others = [p for p in places if p.file != TABLE]
    if arguments.sample is not None:
        # By a hash of what they are, so that a change of other lines changes nothing.
        others.sort(key=lambda p: hashlib.sha256(p.key.encode()).hexdigest())
        others = sorted(others[:arguments.sample], key=lambda p: p.number)
    chosen = [p for p in table + others if arguments.only in p.key]
    if arguments.again:
        lived = set(re.findall(r"^survives: (.*) \(line \d+\)$", arguments.again.read_text(), re.M))
        chosen = [p for p in chosen if p.key in lived]
    return chosen


def check(runner, places, pool, known):
    start = time.monotonic()
    counts = collections.Counter()
    survivors = []
    asked = [p for p in places if p.key not in known]
    for place, (killer, _) in zip(asked, pool.map(runner.killer_of, asked)):
        counts[killer] += 1
        if killer is None:
            survivors.append(place)
            print(f"survives: {place.key} (line {place.line})", flush=True)
    print(f"{len(asked)} mutants in {time.monotonic() - start:.0f} s, "
          f"{len(places) - len(asked)} more are known to change nothing")
    for killer, count in counts.most_common():
        print(f"{count:6} {killer or 'survive'}")
    in_table = sum(p.file == TABLE for p in asked)
    lived_in_table = sum(p.file == TABLE for p in survivors)
    rest, lived = len(asked) - in_table, len(survivors) - lived_in_table
    share = 100 * lived / max(rest, 1)
    print(f"protocol table: {lived_in_table} of {in_table} survive; elsewhere {lived} of {rest}, "
          f"{share:.1f} %")
    return 1 if lived_in_table or share > MOST_SURVIVORS else 0


def check_breaks(runner, places, pool):
    """Each fault that breaks.py names must be seen by the oracle of the simulation."""
    missed = 0
    for place, (killer, said) in zip(places, pool.map(runner.killer_of, places)):
        rule = re.search(r"# Broken: (.*)", said)
        print(f"{place.text}: {rule.group(1) if rule else killer or 'NOT SEEN'}", flush=True)
        missed += killer != "simulation fails"
    print(f"{len(places) - missed} of {len(places)} faults are seen by the oracle")
    return 1 if missed else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("build", type=pathlib.Path)
    parser.add_argument("--sample", type=int, help="so many places outside of the protocol table")
    parser.add_argument("--only", default="", help="places whose file, line or fault holds this")
    parser.add_argument("--again", type=pathlib.Path, help="the survivors of an earlier run's output")
    parser.add_argument("--list", action="store_true", help="print the places and stop")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 2)
    arguments = parser.parse_args()

    work = arguments.build.resolve() / "mutation"
    work.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    build = Build(arguments.build.resolve(), work, arguments.jobs)
    build.link(build.compile_all())
    all_places = build.mutator.places
    on_purpose = [p for p in all_places if p.line == 0]
    places = [p for p in all_places if p.line != 0 and p.compiles]
    print(f"{len(places)} places, {len(all_places) - len(places) - len(on_purpose)} more do not "
          f"compile; built in {time.monotonic() - start:.0f} s", flush=True)
    known = equivalent_mutants()
    for line in set(known) - {p.key for p in places}:
        print("equivalent.txt names what is not there:", line)

    with concurrent.futures.ThreadPoolExecutor(arguments.jobs) as pool:
        places = chosen_places(places, arguments)
        if arguments.list:
            for place in places:
                print(place.number, place.line, place.key)
            return 0
        on_purpose = [p for p in on_purpose if arguments.only in p.key]
        unseen = check_breaks(Runner(work, ORACLE), on_purpose, pool)
        return check(Runner(work, STAGES), places, pool, set(known)) or unseen


if __name__ == "__main__":
    sys.exit(main())
