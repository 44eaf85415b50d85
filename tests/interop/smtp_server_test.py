#!/usr/bin/python3
"""smtp-server as the oracle of exact octets behind PIPELINING: it stores just what came over the
wire.
"""

import servers
import support


class SmtpServerTest(support.ExactOctetsTest):
    server_type = servers.SmtpServer

    def check_at_each_level(self, contents, **options):
        contents = list(contents)
        for level in support.LEVELS:
            with self.subTest(level=level):
                self.check(contents, level=level, **options)

    def test_plain_contents(self):
        """DATA-01, DATA-02, DATA-03, DATA-06."""
        self.check_at_each_level(support.plain_contents())

    def test_smuggling_contents(self):
        """DATA-07, SEC-02."""
        self.check_at_each_level(support.smuggling_contents())

    def test_all_short_contents(self):
        """DATA-01, DATA-06, DATA-07: every mixture of dots, CR, LF and letters."""
        self.check_at_each_level(support.short_contents(4))
        self.check(support.short_contents(5), level="messages")

    def test_random_contents(self):
        """Any octets but NUL."""
        self.check_at_each_level(support.random_contents(50))

    def test_sequences_cut_by_buffers(self):
        """DATA-01, DATA-06: line ends and dots that arrive in different pieces."""
        # All smaller buffers of a power of two octets are cut there as well.
        self.check(support.straddling_content(sequences, 262144)
                   for sequences in (support.SMUGGLING, support.CANONICAL_DOTS))

    def test_overlong_line(self):
        """DATA-09: never folded."""
        self.check([b"Subject: long\r\n\r\n" + b"." * 300000 + b"\r\nend\r\n"])

    def test_recipients_of_one_mail_in_order(self):
        recipients = [f"user{number}@mail.test" for number in range(100)]
        self.check_at_each_level(support.numbered_contents(3), recipients=recipients)

    def test_content_refused_before_mail(self):
        """DATA-04, DATA-08, DATA-11."""
        for level in support.LEVELS:
            for refused in (b"", b"Subject: nul\r\n\r\na\0b\r\n"):
                with self.subTest(level=level, refused=refused):
                    self.check_refused_content(refused, level)


if __name__ == "__main__":
    support.main(__name__)
