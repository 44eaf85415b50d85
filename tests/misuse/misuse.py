"""Checks that a misuse does not compile, and that nothing but the misuse is the reason.

misuse.py SOURCE COMPILER [OPTION...]

The source compiles as it stands. With SANSMTP_MISUSE defined it must be refused, and the
compiler's message must match the regular expression of its line `// error: EXPRESSION`.
"""

import re
import subprocess
import sys


def compiles(command):
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    return result.returncode == 0, result.stderr


def main():
    source, *compiler = sys.argv[1:]
    command = [*compiler, "-fsyntax-only", source]
    with open(source, encoding="utf-8") as text:
        expected = re.search(r"^// error: (.+)$", text.read(), re.MULTILINE)
    if not expected:
        return f"{source}: no line `// error: EXPRESSION`"

    accepted, message = compiles(command)
    if not accepted:
        return f"{source} does not compile without its misuse:\n{message}"
    accepted, message = compiles([*command, "-DSANSMTP_MISUSE"])
    if accepted:
        return f"{source} compiles with its misuse"
    if not re.search(expected[1], message):
        return f"{source} is refused, but not with `{expected[1]}`:\n{message}"
    return None


if __name__ == "__main__":
    sys.exit(main())
