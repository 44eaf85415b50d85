"""Two TLS libraries in one process: wolfSSL, where it is built for OpenSSL's API, exports names of
libssl, so that one of the two answers for the other.

two_libraries.py NM TESTS ARCHIVE

None of these names may be needed by ARCHIVE, the layer by OpenSSL, and the tests of TESTS that run
both layers must pass whichever library comes first.
"""

import os
import re
import subprocess
import sys


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def exported(nm, library):
    """The names that a shared library exports, without their versions."""
    rows = (line.split() for line in output_of(nm, "-D", "--defined-only", library).splitlines())
    return {row[-1].split("@")[0] for row in rows if len(row) == 3 and row[1] != "A"}


def main(nm, tests, archive):
    loaded = dict(re.findall(r"lib(\w+)\.so\S* => (\S+)", output_of("ldd", tests)))
    shared = exported(nm, loaded["wolfssl"]) & (
        exported(nm, loaded["ssl"]) | exported(nm, loaded["crypto"])
    )
    print(f"exported by both: {sorted(shared)}")
    needed = set(re.findall(r"(?m)^ +U (\w+)", output_of(nm, archive)))
    if "SSL_CTX_new" not in needed:
        return f"{archive} does not need libssl: this is not what was meant to be looked at"
    if needed & shared:
        return f"the layer by OpenSSL may be answered by wolfSSL: {sorted(needed & shared)}"
    for first in ("ssl", "wolfssl"):
        print(f"first of all: {loaded[first]}", flush=True)
        done = subprocess.run(
            [tests, "--gtest_brief=1", "--gtest_filter=two_libraries.*"],
            env={**os.environ, "LD_PRELOAD": loaded[first]},
            capture_output=True,
            text=True,
            check=False,
        )
        print(done.stdout, done.stderr)
        if done.returncode != 0 or not re.search(r"PASSED  \] [1-9]", done.stdout):
            return f"with {first} first the two do not work beside each other"
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
