#!/usr/bin/env python3
"""Makes seeds for the fuzz targets of the transcripts.

    seed.py TRANSCRIPTS FOLDER

FOLDER gets one folder of inputs for each target: what servers said, what was sent as content, addresses and
parameters, and the transcripts themselves. `run.sh --minimise` takes from them what adds coverage.
"""

import hashlib
import pathlib
import re
import sys

ESCAPES = {"r": "\r", "n": "\n", "t": "\t", "0": "\0", "\\": "\\", '"': '"'}
LONGEST = 2048  # octets of a seed: longer ones are slow and show little more


def unescape(text):
    """The octets of a raw line or of the inside of a string."""
    text = re.sub(r"\\(x[0-9A-Fa-f]{2}|.)", lambda m: chr(int(m[1][1:], 16)) if m[1][0] == "x" else ESCAPES.get(m[1], m[1]), text)
    return text.encode("latin-1", "replace")


def strings(text):
    """The octets of strings in quotes, each perhaps repeated: as often as fits."""
    octets = b""
    for string, times in re.findall(r'"((?:[^"\\]|\\.)*)"(?:\*(\d+))?', text):
        part = unescape(string)
        octets += part * min(int(times or 1), LONGEST // max(len(part), 1) + 1)
    return octets


def octets_of(line):
    """The octets of a line of the server; those of a repetition as often as fits."""
    first, last, raw, text = re.fullmatch(r"S(?:\*(?:(\d+)-)?(\d+))?([:|]) ?(.*)", line).groups()
    if raw == ":":
        octets = text.encode() + b"\r\n"
    else:
        octets = strings(text) if text.startswith('"') else unescape(text)
    if last is None:
        return octets
    numbers = range(int(first or 1), min(int(last), int(first or 1) + LONGEST // max(len(octets), 1)) + 1)
    return b"".join(octets.replace(b"#", str(n).encode()) for n in numbers)


def opening_of(line):
    """What the server says where `> ready` stands."""
    words = re.findall(r'"((?:[^"\\]|\\.)*)"|(\S+)', line.removeprefix("> ready"))
    lines = [b"mx.test", *(unescape(string or word) for string, word in words)]
    reply = b"".join(b"250-" + text + b"\r\n" for text in lines[:-1]) + b"250 " + lines[-1] + b"\r\n"
    return b"220 mx.test ESMTP\r\n" + reply


class Seeds:
    """A folder of inputs for each target."""

    def __init__(self, folder):
        self.folder = folder

    def add(self, target, octets):
        if 0 < len(octets) <= LONGEST:
            path = self.folder / target / hashlib.sha1(octets).hexdigest()
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(octets)


def harvest(text, seeds):
    """Adds what one transcript has to give."""
    seeds.add("transcript_fuzz", text.encode())
    server = b""
    for line in text.splitlines():
        if re.match(r"S[:|*]", line):
            server += octets_of(line)
        elif line.startswith("> ready"):
            server += opening_of(line)
        elif line.startswith("> send"):
            envelope, _, content = line.partition(" : ")
            content = strings(content)
            for policy in b"\0\1":
                seeds.add("dot_stuffer_fuzz", bytes([policy, 0, 60]) + content)
                seeds.add("dot_stuffer_fuzz", bytes([policy, 7, 0]) + content)
            for word in re.findall(r'"(?:[^"\\]|\\.)*"|[^\s()\[\]]+', envelope):
                address = strings(word) if word.startswith('"') else word.encode()
                if b"@" in address and len(address) < 64:
                    # Decisions of envelope_fuzz: a mail, this sender; the same as a recipient.
                    seeds.add("envelope_fuzz", b"\0\0\0" + bytes([len(address)]) + address)
        elif re.match(r"> (noop|verify|expand|help|raw)", line):
            seeds.add("envelope_fuzz", b"\2\1" + line.split(" ", 2)[-1].encode())
        elif line.startswith("> lend"):
            seeds.add("dot_stuffer_fuzz", bytes([0, 3, 0]) + strings(line))
    for limits in b"\0\1":
        seeds.add("reply_parser_fuzz", bytes([limits, 2]) + server)
    for reply in re.findall(rb"(?:250-[^\r\n]*\r\n)+250 [^\r\n]*\r\n", server):
        seeds.add("capabilities_fuzz", b"\0" + b"\n".join(line[4:] for line in reply.split(b"\r\n")[:-1]))
    for challenge in re.findall(rb"334 ([^\r\n]+)", server):
        seeds.add("encodings_fuzz", challenge)
        seeds.add("sasl_fuzz", b"\1\1\0\1\1" + bytes([len(challenge) % 60]) + challenge)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    seeds = Seeds(pathlib.Path(sys.argv[2]))
    for path in sorted(pathlib.Path(sys.argv[1]).rglob("*.smtp")):
        harvest(path.read_text(encoding="utf-8", errors="replace"), seeds)


if __name__ == "__main__":
    main()
