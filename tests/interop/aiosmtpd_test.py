#!/usr/bin/python3
"""aiosmtpd as the oracle of exact octets without PIPELINING; it takes a bare LF for a line end, as
lenient servers do.
"""

import servers
import support


class AiosmtpdTest(support.ExactOctetsTest):
    server_type = servers.Aiosmtpd

    def test_plain_contents(self):
        """DATA-01, DATA-02, DATA-03, DATA-06; every level falls back to one command at a time."""
        for level in support.LEVELS:
            with self.subTest(level=level):
                self.check(support.plain_contents(), level=level)

    def test_smuggling_contents(self):
        """DATA-07, SEC-02."""
        for level in support.LEVELS:
            with self.subTest(level=level):
                self.check(support.smuggling_contents(), level=level)

    def test_all_short_contents(self):
        """DATA-01, DATA-06, DATA-07: every mixture of dots, CR, LF and letters."""
        self.check(support.short_contents(4))

    def test_random_contents(self):
        """Any octets but NUL."""
        self.check(support.random_contents(50))

    def test_sequences_cut_by_buffers(self):
        """DATA-01, DATA-06: line ends and dots that arrive in different pieces."""
        self.check(support.straddling_content(sequences, 4096)
                   for sequences in (support.SMUGGLING, support.CANONICAL_DOTS))

    def test_content_refused_before_mail(self):
        """DATA-04, DATA-08, DATA-11."""
        for refused in (b"", b"Subject: nul\r\n\r\na\0b\r\n"):
            with self.subTest(refused=refused):
                self.check_refused_content(refused, None)


if __name__ == "__main__":
    support.main(__name__)
