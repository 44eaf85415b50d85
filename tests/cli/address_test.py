"""Addresses as people write them: taken, or told what is wrong and what to do; one line, and
nothing is sent.
"""

import json
import pathlib
import re
import unittest

import support
from support import CommandTest, Server, Sink, run

MESSAGE = b"Subject: hi\r\n\r\nHello!\r\n"
LONG = (
    "bounce+aaaaaaaaaaaaaaaaaa==a==rrrrrrrrrrrrrrrrrrrrrrrrrrr==list-divers==5288513@lists.example"
)


def send(server, *options, sender="a@x.example", to=("b@y.example",), stdin=MESSAGE):
    recipients = [word for address in to for word in ("--to", address)]
    return run(
        "send", "--json", "--server", server, "--from", sender, *recipients, *options, stdin=stdin
    )


class RefusedTest(CommandTest):
    """Known before anything is asked of the server: nobody listens on this port."""

    def assert_told(self, result, *words, sender=False):
        self.assertEqual(result.code, support.DATA_ERROR, result)
        self.assert_one_line(result.err)
        self.assertIn("bad sender address" if sender else "bad recipient address", result.err)
        for word in words:
            self.assertIn(word, result.err)
        self.assertEqual(
            {entry["outcome"] for entry in json.loads(result.out)["recipients"]}, {"not_attempted"}
        )

    def test_each_fault_has_its_words(self):
        """CMD-05 CMD-08 CMD-09 CMD-10"""
        for address, words in (
            ("", ["it is empty"]),
            (" ", ["it is blank"]),
            ("root", ["it has no domain", "NAME@DOMAIN", "--default-domain"]),
            ("Bob <bob@b.test>", ["a name stands before it", "only the address, 'bob@b.test'"]),
            ('"Bob, Jr." <bob@b.test>', ["only the address, 'bob@b.test'"]),
            ("Bob <bob>", ["a name stands before it; give only the address"]),
            ("a@b.test,c@b.test", ["a list", "commas", "each address takes a --to"]),
            ("a@b.test; c@b.test", ["a list", "semicolons"]),
            ("Bob <a@b.test>, Eve <c@b.test>", ["a list"]),
            ("<b@b.test", ["'<' (octet 1)", "no counterpart"]),
            ("b@b.test>", ["'>' (octet 9) may not stand in a domain"]),
            ("mailto:bob@b.test", ["'mailto:' is no part"]),
            ("a@b.test.", ["no dot may stand behind the domain", "write 'a@b.test'"]),
            ("try..this@mobile.example", ["dots in a row", "'\"try..this\"@mobile.example'"]),
            ("a.@b.test", ["'\"a.\"@b.test'"]),
            (".a@b.test", ["'\".a\"@b.test'"]),
            ("a..b", ["dots in a row"]),
            ("a b@b.test", ["' ' (octet 2)", "'\"a b\"@b.test'"]),
            ("a(b@b.test", ["'(' (octet 2)", "'\"a(b\"@b.test'"]),
            ("@b.test", ["nothing stands before the '@'"]),
            ("a@", ["nothing stands behind the '@'"]),
            ("broken@@b.test", ["'@' (octet 8) may not stand in a domain"]),
            ("a@b..test", ["empty before the dot at octet 5"]),
            ("a@-b.test", ["begin or end with '-' (octet 3)"]),
            ("a@b test", ["' ' (octet 4) may not stand in a domain"]),
            ("ops@web_team.example", ["underscore", "--allow-underscore"]),
            (LONG, ["before the '@' has 79 octets, and 64", "--allow-long-address"]),
            (
                "a@" + "d." * 130 + "test",
                ["the domain has 264 octets, and 255", "--allow-long-address"],
            ),
            ("a@" + "d." * 125 + "test", ["it has 256 octets, and 254", "--allow-long-address"]),
            ("a@192.0.2.1", ["brackets", "'a@[192.0.2.1]'"]),
            ("a@127", ["not of digits alone"]),
            ("a@[2001:db8::1]", ["with a tag", "'a@[IPv6:2001:db8::1]'"]),
            ("a@[300.1.1.1]", ["like [192.0.2.1]"]),
            ("a@b.test\n", ["a line end stands behind it"]),
            ("a@b.test\r", ["a line end stands behind it"]),
            ("a@b.test ", ["a blank stands behind it"]),
            ("\ta@b.test", ["a blank stands before it"]),
            ("a@b.te\nst", ["the control character 0x0a (octet 7)"]),
            ("a@b\x1b.test", ["the control character 0x1b (octet 4)"]),
            (b"a@b\xff.test", ["the octet 0xff (octet 4)", "UTF-8"]),
            ('"a@b.test', ["quotes do not end"]),
            ('"a"b@b.test', ["behind the quotes an '@'", "'b' (octet 4)"]),
        ):
            with self.subTest(address=address):
                self.assert_told(send("127.0.0.1:1", to=[address]), *words)
                if address != "":  # the null sender
                    self.assert_told(send("127.0.0.1:1", sender=address), *words, sender=True)

    def test_one_of_many(self):
        """TXN-28: whoever has other recipients is told how they get the mail."""
        result = send("127.0.0.1:1", to=["a@b.test", "broken@@b.test", "c@b.test"])
        self.assert_told(result, "'broken@@b.test'", "--skip-bad")
        self.assertNotIn("--skip-bad", send("127.0.0.1:1", to=["broken@@b.test"]).err)
        self.assertNotIn(
            "--skip-bad", send("127.0.0.1:1", sender="x", to=["a@b.test", "c@b.test"]).err
        )

    def test_the_readme(self):
        """What README.md shows is what is printed."""
        text = (pathlib.Path(__file__).resolve().parents[2] / "README.md").read_text(
            encoding="utf-8"
        )
        shown = text[text.index("### Addresses"):]
        line, expected = re.search(r"```\n\$ sansmtp (.*?)\n(.*?)```", shown, re.DOTALL).groups()
        self.write("letter.eml", MESSAGE)
        result = run(*line.split(), cwd=self.folder)
        self.assertEqual(result.out + result.err, expected)

    def test_default_domain_that_is_none(self):
        for domain in ("b..test", "x_y.test", "a b", "@b.test"):
            result = send("127.0.0.1:1", "--default-domain", domain)
            self.assertEqual((result.code, result.out), (support.USAGE, ""), result)
            self.assert_one_line(result.err)
            self.assertIn(f"'{domain}' is no domain", result.err)


class TakenTest(CommandTest):
    def assert_sent(self, result, sender, recipients):
        self.assertEqual((result.code, result.err), (support.OK, ""), result)
        self.assertEqual(
            [entry["address"] for entry in json.loads(result.out)["recipients"]], recipients
        )
        _, envelope = self.sink.stored()[-1]
        self.assertEqual(
            (envelope["sender"]["address"], [r["address"] for r in envelope["recipients"]]),
            (sender, recipients),
        )
        return envelope

    def setUp(self):
        super().setUp()
        self.sink = Sink()
        self.addCleanup(self.sink.__exit__)

    def test_brackets(self):
        result = send(
            self.sink.server, sender="<a@x.example>", to=["<b@y.example>", '<"c d"@y.example>']
        )
        self.assert_sent(result, "a@x.example", ["b@y.example", '"c d"@y.example'])
        self.assert_sent(send(self.sink.server, sender="<>"), "", ["b@y.example"])

    def test_rules_that_are_loosened(self):
        """CMD-09 CMD-10: on request, also for what the header says."""
        self.assert_sent(
            send(self.sink.server, "--allow-underscore", to=["ops@web_team.example"]),
            "a@x.example",
            ["ops@web_team.example"],
        )
        self.assert_sent(
            send(self.sink.server, "--allow-long-address", sender=LONG), LONG, ["b@y.example"]
        )
        message = b"From: App <app@web_1.internal.test>\r\nTo: b@y.example\r\n\r\nx\r\n"
        arguments = ("send", "--json", "--server", self.sink.server, "-t")
        self.assert_sent(
            run(*arguments, "--allow-underscore", stdin=message),
            "app@web_1.internal.test",
            ["b@y.example"],
        )
        refused = run(*arguments, stdin=message)
        self.assertEqual(refused.code, support.DATA_ERROR)
        self.assertIn("underscore", refused.err)

    def test_default_domain(self):
        result = send(self.sink.server, "--default-domain", "here.example", sender="me",
                      to=["root", "<www-data>", "b@y.example", "postmaster"])
        self.assert_sent(
            result,
            "me@here.example",
            ["root@here.example", "www-data@here.example", "b@y.example", "postmaster"],
        )
        self.assert_sent(
            run(
                "send",
                "--json",
                "--server",
                self.sink.server,
                "-t",
                "--default-domain",
                "here.example",
                stdin=b"From: me\r\nTo: root\r\n\r\nx\r\n",
            ),
            "me@here.example",
            ["root@here.example"],
        )

    def test_skipped(self):
        """TXN-28: whoever is left out is told why, with one connection and with many."""
        for options in ((), ("--parallel", "2")):
            with self.subTest(options=options):
                result = send(
                    self.sink.server,
                    "--skip-bad",
                    *options,
                    to=["a@y.example", "root", "c@y.example"]
                )
                entries = json.loads(result.out)["recipients"]
                self.assertEqual(
                    [entry["outcome"] for entry in entries], ["delivered", "rejected", "delivered"]
                )
                self.assertIn("it has no domain", entries[1]["text"])
                self.assertEqual(result.code, support.DATA_ERROR)
                self.assertEqual(
                    [r["address"] for r in self.sink.stored()[-1][1]["recipients"]],
                    ["a@y.example", "c@y.example"],
                )


class DomainsBeyondAsciiTest(CommandTest):
    """UTF8-01, UTF8-03: where only the domain is beyond ASCII, each server can have the mail."""

    @unittest.skipUnless(support.has_a_labels(), "this build has no libidn2")
    def test_a_labels(self):
        for hidden in ((), ("--hide", "SMTPUTF8")):
            with self.subTest(hidden=hidden), Sink(*hidden) as sink:
                result = send(
                    sink.server,
                    sender="info@b\u00fccher.example",
                    to=[
                        "<a@BU\u0308CHER.example>",
                        "b@stra\u00dfe.example",
                        '"c d"@\u4f8b\u3048.example',
                        "d@y.example",
                    ],
                )
                self.assertEqual((result.code, result.err), (support.OK, ""), result)
                _, envelope = sink.stored()[0]
                self.assertEqual(envelope["sender"]["address"], "info@xn--bcher-kva.example")
                self.assertNotIn("SMTPUTF8", envelope["sender"]["parameters"])
                self.assertEqual(
                    [r["address"] for r in envelope["recipients"]],
                    [
                        "a@xn--bcher-kva.example",
                        "b@xn--strae-oqa.example",
                        '"c d"@xn--r8jz45g.example',
                        "d@y.example",
                    ],
                )

    def test_header_and_default_domain(self):
        with Sink("--hide", "SMTPUTF8") as sink:
            result = run(
                "send",
                "--json",
                "--server",
                sink.server,
                "-t",
                "--default-domain",
                "b\u00fccher.example",
                stdin="From: a@b\u00fccher.example\r\nTo: root\r\n\r\nx\r\n".encode(),
            )
            if support.has_a_labels():
                self.assertEqual(result.code, support.OK, result)
                _, envelope = sink.stored()[0]
                self.assertEqual(
                    [envelope["sender"]["address"], envelope["recipients"][0]["address"]],
                    ["a@xn--bcher-kva.example", "root@xn--bcher-kva.example"],
                )
            else:
                self.assertEqual(result.code, support.UNAVAILABLE, result)
                self.assertIn("xn--", result.err)

    def test_local_part_beyond_ascii(self):
        """It needs SMTPUTF8 in any case, and then the domain stays as it is."""
        with Sink() as sink:
            self.assertEqual(send(sink.server, to=["\u00e9@b\u00fccher.example"]).code, support.OK)
            (_, envelope), = sink.stored()
            self.assertIn("SMTPUTF8", envelope["sender"]["parameters"])
            self.assertEqual(envelope["recipients"][0]["address"], "\u00e9@b\u00fccher.example")
        with Server() as server:
            result = send(server.server, to=["\u00e9@b\u00fccher.example"])
            self.assertEqual(result.code, support.UNAVAILABLE, result)
            self.assert_one_line(result.err)
            self.assertIn("A-labels (xn--...)", result.err)
            self.assertFalse([line for line in server.lines if line.startswith(b"MAIL")])

    def test_no_such_domain(self):
        """What no registry would take is not repaired: it needs SMTPUTF8, and the words say how to
        write it.
        """
        with Server() as server:
            result = send(server.server, to=["a@b\u00fc" + "x" * 70 + ".example"])
            self.assertEqual(result.code, support.UNAVAILABLE, result)
            self.assertIn("A-labels (xn--...)", result.err)


if __name__ == "__main__":
    support.main()
