"""`sansmtp dkim-key` and signatures of `sansmtp send`: dkimpy verifies what arrives at the sink."""

import base64
import os
import pathlib
import re
import stat
import subprocess
import sys
import unittest

import support
from support import CommandTest, Sink, run

try:
    import dkim
    import nacl.signing  # dkimpy needs it for Ed25519
except ImportError:
    dkim = None

DOMAIN = "here.example"
HEADER = b"From: Me <me@here.example>\nTo: you@there.example\nSubject:  two  blanks \n"
BODIES = {
    "LF only": HEADER + b"\nHello\n\nWorld.\n",
    "CRLF": HEADER.replace(b"\n", b"\r\n") + b"\r\nHello\r\n",
    "dots": HEADER + b"\n.\n..\n.dot\nend.\n.",
    "blanks": HEADER + b"\n a  b\t\n\t \n\n \n\n",
    "no body": HEADER,
    "folded": HEADER + b"References: <a@b>\n\t<c@d>  \n  <e@f>\nCc: a@b,\n c@d\n\nx\n",
    "8 bit": HEADER + "X-Name: ü\n\nGrüße, €\n".encode(),
    "two fields": HEADER + b"Subject: again\nList-Unsubscribe: <https://x.example/>\n"
    b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\n\nx\n",
    "long": HEADER + b"\n" + b"".join(b"%d  lines \t of text.\n" % n for n in range(20000)),
}


class DkimTest(CommandTest):
    """A key of each kind, made by the command, and their records."""

    @classmethod
    def setUpClass(cls):
        if not support.has_tls():
            raise unittest.SkipTest("the command cannot sign without a TLS library")
        cls.work = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
        cls.keys = {}
        cls.records = {}
        for kind in ("rsa", "ed25519"):
            key = cls.work / f"{kind}.key"
            key.unlink(missing_ok=True)
            made = run("dkim-key", "--domain", DOMAIN, "--selector", kind, "--type", kind,
                       "--out", key)
            assert made.code == support.OK, made
            cls.keys[kind] = key
            name, text = re.fullmatch(r"(\S+) IN TXT \( (.*) \)\n", made.out).groups()
            strings = re.findall(r'"([^"]*)"', text)
            assert all(len(each) <= 255 for each in strings), strings
            cls.records[name.encode()] = "".join(strings).encode()

    @staticmethod
    def signing(*kinds):
        words = ["--dkim-domain", DOMAIN]
        for kind in kinds:
            words += ["--dkim-selector", kind, "--dkim-key", DkimTest.keys[kind]]
        return words

    def send(self, sink, content, *options):
        return run("send", "--server", sink.server, "--from", "me@here.example",
                   "--to", "you@there.example", *options, stdin=content)

    # -- what arrives -----------------------------------------------------------------------------

    def test_what_arrives_is_right(self):  # DKIM-01 DKIM-02
        if dkim is None:
            lacking = "dkimpy (python3-dkim, python3-nacl) is not installed"
            if os.environ.get("SANSMTP_ALLOW_SKIP") == "1":
                self.skipTest(lacking)
            self.fail(lacking)

        def dns(name, timeout=None):
            return DkimTest.records.get(name)

        def is_right(message, index):
            try:
                return dkim.DKIM(message).verify(index, dnsfunc=dns)
            except dkim.DKIMException:
                return False

        with Sink() as sink:
            seen = 0
            for how in ((), ("--chunking",)):
                for name, content in BODIES.items():
                    with self.subTest(name, how=how):
                        told = self.send(sink, content, "--dkim-8bit", *how,
                                         *self.signing("rsa", "ed25519"))
                        self.assertEqual(told.code, support.OK, told)
                        stored = sink.stored()
                        self.assertEqual(len(stored), seen + 1)
                        seen += 1
                        arrived = stored[-1][0]
                        for index in (0, 1):
                            self.assertTrue(is_right(arrived, index), arrived[:3000])
                        self.assertEqual(arrived.count(b"DKIM-Signature:"), 2)

            # One octet in the body or in a signed field; another From; blanks.
            arrived = stored[0][0]
            for change, right in (
                    ((b"Hello", b"Hallo"), False), ((b"two  blanks", b"two  blinks"), False),
                    ((b"From: Me", b"From: He <he@x.example>\r\nFrom: Me"), False),
                    ((b"World.", b"World.\r\nx"), False), ((b"Hello", b" Hello"), False),
                    ((b"t=", b"t=1"), False), ((b"two  blanks", b"two \t blanks  "), True),
                    ((b"World.", b"World. \r\n \r\n"), True),
                    ((b"Subject:", b"X-Other: x\r\nSUBJECT: "), True)):
                with self.subTest(change):
                    changed = arrived.replace(*change)
                    self.assertNotEqual(changed, arrived)
                    for index in (0, 1):
                        self.assertEqual(is_right(changed, index), right)

    def test_what_is_signed_leaves_as_it_was(self):  # DKIM-02
        path = self.folder / "letter.eml"
        path.write_bytes(HEADER + b"Bcc: secret@there.example\n\nHello\n")
        with Sink() as sink:
            told = run("send", "--server", sink.server, "-t", *self.signing("rsa"), path)
            self.assertEqual(told.code, support.OK, told)
            arrived = sink.stored()[0][0]
        signature, rest = arrived.split(b"From: Me", 1)
        self.assertTrue(signature.startswith(b"DKIM-Signature: v=1; a=rsa-sha256;"), arrived)
        self.assertTrue(all(len(line) <= 78 for line in signature.split(b"\r\n")), signature)
        self.assertNotIn(b"Bcc", rest)
        self.assertTrue(rest.endswith(b"\r\n\r\nHello\r\n"))

    # -- what is refused --------------------------------------------------------------------------

    def test_nothing_is_sent_that_is_not_signed(self):  # DKIM-03
        files = {}
        for name, command in {
                "short": ["genrsa", "1024"],
                "ecdsa": ["ecparam", "-name", "prime256v1", "-genkey", "-noout"],
        }.items():
            files[name] = self.folder / name
            files[name].write_bytes(
                subprocess.run(["openssl", *command], check=True, capture_output=True).stdout)
        files["text"] = self.folder / "text"
        files["text"].write_text("no key\n")

        def by(key, selector="s1", domain=DOMAIN):
            return ["--dkim-domain", domain, "--dkim-selector", selector, "--dkim-key", key]

        rsa = self.keys["rsa"]
        usual = BODIES["LF only"]
        rows = [
            (by(files["short"]), usual, support.DATA_ERROR, "fewer than 2048 bits"),
            (by(files["ecdsa"]), usual, support.DATA_ERROR, "neither RSA nor Ed25519"),
            (by(files["text"]), usual, support.DATA_ERROR, "no private key"),
            (by(self.folder / "absent"), usual, support.NO_INPUT, "cannot read"),
            (by("-"), usual, support.USAGE, "--dkim-key"),
            (by(rsa, selector="a_b"), usual, support.DATA_ERROR, "a selector is made of"),
            (by(rsa, domain="here"), usual, support.DATA_ERROR, "two labels or more"),
            (by(rsa, domain=""), usual, support.DATA_ERROR, "two labels or more"),
            (["--dkim-domain", ""], usual, support.USAGE, "--dkim-selector"),
            (by(rsa)[:4], usual, support.USAGE, "--dkim-key"),
            (by(rsa)[2:], usual, support.USAGE, "--dkim-domain"),
            (by(rsa)[:2], usual, support.USAGE, "--dkim-selector"),
            (by(rsa) + ["--dkim-selector", "s2"], usual, support.USAGE, "of its own"),
            (by(rsa), b"To: a\n\nFrom: b\n", support.DATA_ERROR, "no From field"),
            (by(rsa), b"From: c\n" + usual, support.DATA_ERROR, "more than one From"),
            (by(rsa), b"From me Mon\n" + usual, support.DATA_ERROR, "a line of its header"),
            (by(rsa), BODIES["8 bit"], support.DATA_ERROR, "--dkim-8bit"),
            (by(rsa) + ["--line-ends", "strict"], usual, support.DATA_ERROR, "LF"),
        ]
        with Sink() as sink:
            for options, content, code, words in rows:
                with self.subTest(words):
                    told = self.send(sink, content, *options)
                    self.assertEqual(told.code, code, told)
                    self.assertIn(words, told.err + told.out)
            self.assertEqual(sink.stored(), [])

    # -- keys -------------------------------------------------------------------------------------

    def test_a_key_is_its_owners_and_stays(self):
        for kind, key in self.keys.items():
            self.assertEqual(stat.S_IMODE(os.stat(key).st_mode), 0o600)
            before = key.read_bytes()
            again = run("dkim-key", "--domain", DOMAIN, "--selector", kind, "--out", key)
            self.assertEqual(again.code, support.IO_ERROR, again)
            self.assertIn("is there already", again.err)
            self.assertEqual(again.out, "")
            self.assertEqual(key.read_bytes(), before)
        link = self.folder / "link"
        link.symlink_to(self.folder / "nowhere")
        told = run("dkim-key", "--domain", DOMAIN, "--selector", "s", "--out", link)
        self.assertEqual(told.code, support.IO_ERROR, told)

        told = run("dkim-key", "--domain", DOMAIN, "--selector", "s", "--type", "ed25519",
                   cwd=self.folder)
        self.assertEqual(told.code, support.OK, told)
        self.assertTrue((self.folder / f"s.{DOMAIN}.key").exists())
        told = run("dkim-key", "--domain", DOMAIN, "--selector", "s", "--out",
                   self.folder / "no" / "folder")
        self.assertEqual(told.code, support.IO_ERROR, told)
        for bad in (["--domain", "x", "--selector", "s"], ["--domain", DOMAIN, "--selector", "_"]):
            self.assertEqual(run("dkim-key", *bad).code, support.DATA_ERROR)
        self.assertEqual(run("dkim-key", "--domain", DOMAIN).code, support.USAGE)

    def test_no_key_without_its_record(self):
        key = self.folder / "lost.key"
        with open("/dev/full", "wb") as full:
            told = subprocess.run(
                [support.command(), "dkim-key", "--domain", DOMAIN, "--selector", "s", "--type",
                 "ed25519", "--out", key], stdout=full, stderr=subprocess.PIPE, timeout=60)
        self.assertEqual(told.returncode, support.IO_ERROR, told)
        self.assertFalse(key.exists())

    def test_the_record_is_of_the_key(self):  # RFC 6376 section 3.6.1, RFC 8463 section 4
        for kind, key in self.keys.items():
            der = subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-outform", "DER"],
                                 check=True, capture_output=True).stdout
            raw = der[-32:] if kind == "ed25519" else der
            self.assertEqual(self.records[f"{kind}._domainkey.{DOMAIN}.".encode()].decode(),
                             f"v=DKIM1; k={kind}; p={base64.b64encode(raw).decode()}")


if __name__ == "__main__":
    support.main()
