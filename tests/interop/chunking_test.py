#!/usr/bin/python3
"""Real Postfix on loopback, which offers CHUNKING: all that it is tested with by DATA, by BDAT, and
as whole transactions that nobody waits for (BDAT-01 ... BDAT-14).
"""

import collections

import postfix_test
import support

CHUNK = 256 * 1024  # octets; BDAT-05


class ByChunks:
    """In place of DATA."""

    FINAL_STAGE = "bdat_last"

    WAYS = {
        "off": ("--chunking", "--pipelining", "off"),
        "envelope": ("--chunking",),
        "messages": ("--chunking", "--pipelining", "messages"),
        "stream": ("--pipelining", "stream"),
    }

    def commands_for(self, content):
        return {"bdat": max(1, -(-len(support.canonical(content)) // CHUNK))}

    def assert_session(self, contents, **commands):
        """At level `stream` RSET stands between mails, of which one may yet fail."""
        session, = self.server.wait_for_sessions(self.sessions_before + 1)[self.sessions_before:]
        if session.pop("rset", None) is None:
            super().assert_session(contents, **commands)
            return
        counts = collections.Counter()
        for content in contents:
            counts.update(self.commands_for(content))
        self.assertEqual(session["bdat"].split("/")[-1], str(counts["bdat"]))
        self.assertEqual(session["mail"].split("/")[-1], str(commands["mail"]))


class ChunkingTest(ByChunks, postfix_test.PostfixTest):
    pass


class ChunkingErrorLimitTest(ByChunks, postfix_test.ErrorLimitTest):
    pass


if __name__ == "__main__":
    support.main(__name__)
