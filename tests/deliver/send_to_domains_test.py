#!/usr/bin/env python3
"""`sansmtp send` without a server, and `sansmtp route`: from an address to a verdict, with a signed
DNS of the test's own and sinks on loopback. As root also in a network of its own, with the ports
that mail and the DNS have.
"""

import base64
import contextlib
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))

import dns_server
import support
from support import Sink, run

LETTER = b"Subject: x\r\n\r\nHi.\r\n"
FROM = ("--from", "s@a.test")


def digest_of(certificate):
    """The data of a TLSA record 3 1 1 for a certificate file."""
    key = subprocess.run(["openssl", "x509", "-in", certificate, "-noout", "-pubkey"],
                         capture_output=True, check=True, text=True).stdout
    body = "".join(line for line in key.splitlines() if not line.startswith("-"))
    return hashlib.sha256(base64.b64decode(body)).hexdigest()


def zone(addresses, port, digest=None, more=""):
    """good.test with a host at each address; the last one has a TLSA record."""
    text = "ns A 127.0.0.1\n" + more
    for number, address in enumerate(addresses, 1):
        text += f"@ MX {number}0 mx{number}\nmx{number} A {address}\n"
    if digest:
        text += f"_{port}._tcp.mx{len(addresses)} TLSA 3 1 1 {digest}\n"
    return {"good.test": text}


class ToDomains(unittest.TestCase):
    """On loopback, at ports that are free."""

    ADDRESSES = [f"127.0.0.1{n}" for n in (1, 2, 3)]

    def setUp(self):
        self.stack = contextlib.ExitStack()
        self.addCleanup(self.stack.close)
        self.folder = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".", self.id())
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)

    def sink(self, number, *options, port=0):
        """The N-th host."""
        listen = f"{self.ADDRESSES[number - 1]}:{port}"
        return self.stack.enter_context(Sink(*options, listen=listen))

    def dns(self, zones, port=None):
        server = dns_server.DnsServer(self.folder / "dns", zones, port)
        self.stack.callback(server.close)
        return server

    def options(self, dns, port):
        return ("--dns", f"127.0.0.1:{dns.port}", "--dns-anchor", dns.anchor, "--mx-port",
                str(port), "--private-addresses")

    def three_hosts(self):
        """The last one can be proven, the first one refuses all, nobody is at the second one."""
        certificate = self.folder / "mx3.pem"
        last = self.sink(3, *(("--tls", "starttls", "--tls-cert-out", certificate)
                              if support.has_tls() else ()))
        first = self.sink(1, "--reply", "greeting=554 5.7.1 go away", port=last.port)
        digest = digest_of(certificate) if support.has_tls() else None
        dns = self.dns({**zone(self.ADDRESSES, last.port, digest, "null MX 0 .\n"),
                        "plain.test": "@ MX 10 mx3.good.test.\n"})
        return first, last, dns, self.options(dns, last.port)

    def test_passes_what_refuses_and_what_is_dead(self):
        _, last, _, options = self.three_hosts()
        result = run("send", *options, *FROM, "--to", "u@good.test", stdin=LETTER)
        self.assertEqual(result.code, support.OK, result)
        self.assertEqual(result.err, "")
        self.assertIn("delivered to 1 of 1 recipients", result.out)
        self.assertIn("good.test: 3 hosts tried", result.out)
        self.assertRegex(result.out, r"mx1.good.test .*554 5.7.1 go away")
        self.assertRegex(result.out,
                         r"mx2.good.test .*no connection could be made: Connection refused")
        self.assertRegex(result.out, r"mx3.good.test .*250 2.0.0 accepted")
        self.assertEqual([content for content, _ in last.stored()], [LETTER])
        if support.has_tls():
            self.assertRegex(result.out, "over TLSv1.[23], server verified by DANE")

    def test_each_domain_has_its_way(self):
        _, last, _, options = self.three_hosts()
        report = self.folder / "rows"
        to = [a for name in ("u@good.test", "u@null.good.test", "u@nowhere.test", "v@good.test")
              for a in ("--to", name)]
        result = run("send", "--json", "--tls-report", report, *options, *FROM, *to, stdin=LETTER)
        self.assertEqual(result.code, support.NO_HOST, result)
        mail = json.loads(result.out)
        self.assertEqual([(r["outcome"], r["enhanced"]) for r in mail["recipients"]],
                         [("delivered", "2.0.0"), ("rejected", "5.1.10"), ("rejected", "5.1.2"),
                          ("delivered", "2.0.0")])
        self.assertEqual([(w["domain"], w["conclusion"]) for w in mail["ways"]],
                         [("good.test", "served"), ("null.good.test", "rejected"),
                          ("nowhere.test", "rejected")])
        self.assertEqual([(h["host"], h["obstacle"], h["code"]) for h in mail["ways"][0]["hops"]],
                         [("mx1.good.test", "refused_permanently", 554),
                          ("mx2.good.test", "unreachable", None), ("mx3.good.test", "none", 250)])
        self.assertEqual(len(last.stored()), 1)
        if support.has_tls():
            self.assertEqual(mail["ways"][0]["tls"]["demand"], "records")
            self.assertEqual([json.loads(row) for row in report.read_text().splitlines()],
                             [{"policy-type": "tlsa", "policy-domain": "good.test",
                               "mx-host": "mx3.good.test", "result-type": "success"}])

    @unittest.skipUnless(support.has_tls(), "needs TLS")
    def test_no_mail_goes_to_a_host_that_is_another_one(self):
        last = self.sink(3, "--tls", "starttls")
        dns = self.dns(zone(self.ADDRESSES, last.port, dns_server.DIGEST))
        result = run("send", *self.options(dns, last.port), *FROM, "--to", "u@good.test",
                     stdin=LETTER)
        self.assertEqual(result.code, support.UNAVAILABLE, result)
        self.assertRegex(result.out, r"u@good.test +deferred")
        self.assertRegex(result.out, r"mx3.good.test .*TLS failed: .*record")
        self.assertEqual(last.stored(), [])
        # The same without DANE.
        result = run("send", "--no-dane", *self.options(dns, last.port), *FROM, "--to",
                     "u@good.test", stdin=LETTER)
        self.assertEqual(result.code, support.OK, result)
        self.assertRegex(result.out, "over TLSv1.[23], server not verified")

    def test_says_when_the_dns_proves_nothing(self):
        _, _, dns, options = self.three_hosts()
        other = self.folder / "other.anchor"
        other.write_text(f". DS 1 13 2 {dns_server.DIGEST}\n")
        options = [other if o == dns.anchor else o for o in options]
        result = run("send", *options, *FROM, "--to", "u@plain.test", stdin=LETTER)
        self.assertEqual(result.code, support.TEMPORARY, result)  # all that is below is bogus
        for more in ((), ("--no-dane",)):
            result = run("route", "plain.test", *more, *options)
            self.assertRegex(result.err, r"(?m)^sansmtp route: .*cannot be verified, and mail is "
                             r"deferred: .*--dns")

    def test_keeps_policies(self):
        """A policy that is known holds, also where it cannot be fetched (RTE-22)."""
        last = self.sink(3)
        dns = self.dns(zone(self.ADDRESSES, last.port, None, '_mta-sts TXT "v=STSv1; id=1;"\n'))
        options = (*self.options(dns, last.port), "--sts-cache", self.folder / "policies")
        result = run("route", "good.test", *options, "--json")
        self.assertEqual(result.code, support.OK, result)
        if "without libcurl" not in result.err:
            self.assertIn("could not be had", json.loads(result.out)["sts_problem"])
        self.assertTrue((self.folder / "policies").read_text())  # when to fetch again
        # A line that was spoiled costs what it said, and no mail.
        (self.folder / "policies").write_text("nonsense\n")
        result = run("route", "good.test", *options)
        self.assertEqual(result.code, support.OK, result)
        self.assertIn("lines that no cache has, which count for nothing: 1", result.err)
        self.assertNotIn("nonsense", (self.folder / "policies").read_text())
        self.assertEqual(list(self.folder.glob("policies?*")), [])

        result = run("route", "good.test", *options, "--sts-ca", "/no/file")
        self.assertEqual(result.code, support.NO_INPUT, result)

    def test_says_why_of_the_recipient_that_the_exit_code_is_of(self):
        _, _, _, options = self.three_hosts()
        result = run("send", "--json", *options, *FROM, "--to", "u@[127.0.0.15]", "--to",
                     "u@nowhere.test", stdin=LETTER)
        self.assertEqual(result.code, support.NO_HOST, result)
        self.assertIn("nowhere.test", json.loads(result.out)["error"])

    @unittest.skipUnless(support.has_tls(), "needs TLS")
    def test_verifies_each_host_where_authorities_are_named(self):
        _, last, _, options = self.three_hosts()
        authorities = ("--ca", self.folder / "mx3.pem")
        result = run("send", "--no-dane", *authorities, *options, *FROM, "--to", "u@good.test",
                     stdin=LETTER)
        self.assertEqual(result.code, support.UNAVAILABLE, result)
        self.assertEqual(last.stored(), [])  # its certificate is for another name
        result = run("send", *authorities, *options, *FROM, "--to", "u@good.test", stdin=LETTER)
        self.assertEqual(result.code, support.OK, result)  # by DANE

    def test_route(self):
        _, last, _, options = self.three_hosts()
        found = json.loads(run("route", "--json", "good.test", *options).out)
        self.assertEqual([(h["host"], h["preference"], h["addresses"], h["port"])
                          for h in found["hosts"]],
                         [(f"mx{n}.good.test", n * 10, [self.ADDRESSES[n - 1]], last.port)
                          for n in (1, 2, 3)])
        if support.has_tls():
            self.assertEqual([h["demanded_by"] for h in found["hosts"]],
                             ["nobody", "nobody", "DANE"])
        result = run("route", "good.test", *options)
        self.assertEqual(result.code, support.OK, result)
        self.assertIn("mx2.good.test", result.out)
        self.assertEqual(last.stored(), [])

        result = run("route", "null.good.test", *options)
        self.assertEqual(result.code, support.NO_HOST, result)
        self.assertIn("null MX", result.err)

        local = options[:-1]  # without --private-addresses
        result = run("route", "good.test", *local)
        self.assertIn("mail must not go to its addresses", result.out)

    def test_options_are_about_one_or_the_other(self):
        for arguments in (
            ("--server", "127.0.0.1:1", "--no-dane"),
            ("--lmtp",),
            ("--profile", "submission"),
            ("--record", "x"),
            ("--tls", "implicit"),
            ("--tls", "off", "--ca", "x"),
            ("--tls", "off", "--tls-min", "1.3"),
            ("--user", "me", "--password-env", "HOME"),
            ("--dns", "name.test"),
        ):
            result = run("send", *arguments, *FROM, "--to", "u@good.test", stdin=LETTER)
            self.assertEqual(result.code, support.USAGE, (arguments, result))
        result = run("send", "--dns-anchor", "/no/file", *FROM, "--to", "u@good.test", stdin=LETTER)
        self.assertEqual(result.code, support.NO_INPUT, result)


class WithTheRealPorts(ToDomains):
    """In a network of its own, where nothing says how to get there."""

    ADDRESSES = [f"198.51.100.{n}" for n in (1, 2, 3)]

    @unittest.skipUnless(os.environ.get("SANSMTP_OWN_NETWORK"), "runs in a network of its own")
    def test_passes_what_refuses_and_what_is_dead(self):
        for address in self.ADDRESSES:
            subprocess.run(["ip", "address", "add", f"{address}/32", "dev", "lo"], check=True)
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        resolvers = self.folder / "resolv.conf"
        resolvers.write_text("nameserver 127.0.0.1\n")
        subprocess.run(["mount", "--bind", resolvers, "/etc/resolv.conf"], check=True)
        certificate = self.folder / "mx3.pem"
        last = self.sink(3, "--tls", "starttls", "--tls-cert-out", certificate, port=25)
        self.sink(1, "--reply", "greeting=554 5.7.1 go away", port=25)
        dns = self.dns(zone(self.ADDRESSES, 25, digest_of(certificate)), port=53)
        (self.folder / "letter.eml").write_bytes(LETTER)
        result = run("send", "--dns-anchor", dns.anchor, "--from", "me@here.test", "--to",
                     "someone@good.test", "letter.eml", cwd=self.folder)
        self.assertEqual(result.code, support.OK, result)
        self.assertIn("good.test: 3 hosts tried, over TLSv1.", result.out)
        self.assertIn("server verified by DANE", result.out)
        self.assertRegex(result.out, r"mx1.good.test .*554 5.7.1 go away")
        self.assertRegex(result.out, r"mx2.good.test .*no connection could be made")
        self.assertEqual([content for content, _ in last.stored()], [LETTER])

        example = os.environ.get("SANSMTP_EXAMPLE")
        if not example:
            return
        done = subprocess.run([example, "me@here.test", "someone@good.test", dns.anchor],
                              input=LETTER, capture_output=True, check=False)
        self.assertEqual(done.stdout.decode(), "mx1.good.test: refused_permanently 554\n"
                         "mx2.good.test: unreachable 0\nmx3.good.test: none 250\n"
                         "someone@good.test: delivered 250 2.0.0 accepted\n", done)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        self.assertEqual(len(last.stored()), 2)


class InItsOwnNetwork(unittest.TestCase):
    """Begins the former, if this is root and the system can do it."""

    @unittest.skipUnless(os.geteuid() == 0 and shutil.which("ip") and support.has_tls(),
                         "needs root, iproute2 and TLS")
    def test_in_its_own_network(self):
        if subprocess.run(["unshare", "-n", "-m", "true"], check=False,
                          capture_output=True).returncode != 0:
            self.skipTest("no network of one's own can be made here")
        done = subprocess.run(
            ["unshare", "-n", "-m", sys.executable, "-B", __file__, *sys.argv[1:]],
            env={**os.environ, "SANSMTP_OWN_NETWORK": "1"}, capture_output=True, text=True,
            check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("Ran 1 test", done.stderr)
        self.assertNotIn("skipped", done.stderr)


def main():
    result = run("route", "good.test", "--dns-anchor", "/no/file")
    if result.code == support.CONFIGURATION and "without libunbound" in result.err:
        result = run("send", *FROM, "--to", "u@good.test", stdin=LETTER)
        assert (result.code, result.out) == (support.CONFIGURATION, ""), result
        print("built without libunbound")
        sys.exit(77)
    if dns_server.missing():
        print(f"missing: {dns_server.missing()}")
        sys.exit(77)
    alone = ["WithTheRealPorts.test_passes_what_refuses_and_what_is_dead"]
    inside = os.environ.get("SANSMTP_OWN_NETWORK")
    unittest.main(argv=sys.argv[:1] + (alone if inside else ["ToDomains", "InItsOwnNetwork"]))


if __name__ == "__main__":
    main()
