"""`sansmtp send` goes on where the reason lay in the session: over another connection, or in
another transaction (POOL-01, TXN-10).
"""

import json
import threading

import support
from support import CommandTest, ScriptedServer, run

ENVELOPE = ("--ehlo", "me.example", "--from", "a@x.example")
HAS_POOL = "--parallel" in run("send", "--help").out
WAYS = ((), *((("--parallel", "2"),) if HAS_POOL else ()))


class ResendTest(CommandTest):
    def send(self, server, count, *arguments, to=("b@y.example",)):
        files = [self.write(f"{n}.eml", b"Subject: %d\r\n\r\nx\r\n" % n) for n in range(count)]
        result = run(
            "send",
            "--json",
            "--server",
            server,
            *ENVELOPE,
            *(word for address in to for word in ("--to", address)),
            *arguments,
            *files
        )
        rows = sorted(
            (json.loads(line) for line in result.out.splitlines()), key=lambda row: row["mail"]
        )
        self.assertEqual([row["mail"] for row in rows], list(range(1, count + 1)), result)
        return result, [[r["outcome"] for r in row["recipients"]] for row in rows]

    def assert_all_delivered(self, *scripts, count=3, options=(), **given):
        for way in WAYS:
            with self.subTest(way=way), ScriptedServer(*scripts) as server:
                result, outcomes = self.send(server.server, count, *way, *options, **given)
                self.assertEqual((result.code, result.err), (support.OK, ""), result)
                self.assertEqual({o for mail in outcomes for o in mail}, {"delivered"})

    def test_closing_after_some_mails(self):
        def closes_with_a_word(link):
            link.open()
            link.mail()
            link.mail()
            link.line()
            link.send(b"421 4.7.0 too many messages in this session\r\n")
        self.assert_all_delivered(closes_with_a_word, count=5)

    def test_one_mail_a_connection(self):
        def closes(link):
            link.open()
            link.mail()
        self.assert_all_delivered(closes, count=4)

    def test_too_many_messages(self):
        """452 to MAIL after a delivery in the same session says nothing of the mail."""
        def limited(link):
            link.open()
            link.mail()
            while not (line := link.line()).upper().startswith(b"QUIT"):
                link.send(
                    b"452 4.4.5 too many messages\r\n"
                    if line.upper().startswith(b"MAIL")
                    else b"250 ok\r\n"
                    if line.upper().startswith(b"RSET")
                    else b"503 5.5.1 no sender\r\n"
                )
            link.send(b"221 bye\r\n")
        self.assert_all_delivered(limited, count=4)

    def test_limits(self):
        """EXT-10: what a server says that it takes in a session and in a mail is kept to, so that it has nothing to refuse."""
        to = tuple(f"r{n}@{domain}.example" for domain in "yz" for n in range(3))
        for offered in ("MAILMAX=1", "MAILMAX=2", "RCPTMAX=1", "RCPTMAX=4", "RCPTDOMAINMAX=1", "MAILMAX=3 RCPTMAX=2 RCPTDOMAINMAX=1"):
            for way in WAYS:
                with self.subTest(offered=offered, way=way), support.Sink("--offer", "LIMITS " + offered) as sink:
                    result, outcomes = self.send(sink.server, 7, *way, to=to)
                    self.assertEqual((result.code, result.err), (support.OK, ""), result)
                    self.assertEqual({o for mail in outcomes for o in mail}, {"delivered"})
                    reached = sorted(path for _, envelope in sink.stored() for path in (r["address"] for r in envelope["recipients"]))
                    self.assertEqual(len(reached), 7 * len(to))
                    most = int(dict(word.split("=") for word in offered.split()).get("RCPTMAX", len(to)))
                    self.assertLessEqual(max(len(envelope["recipients"]) for _, envelope in sink.stored()), most)

    def test_refused_reset(self):
        """5yz to RSET is no refusal of a mail: the one behind it goes over a new connection, exit
        75 for the first.
        """
        def refuses(link):
            link.open()
            link.mail(verdict=b"451 4.3.0 try later")
            while not (line := link.line()).upper().startswith(b"QUIT"):
                link.send(b"503 5.5.1 bad sequence\r\n")
            link.send(b"221 bye\r\n")

        def takes(link):
            link.open()
            link.mails()
        with ScriptedServer(refuses, takes) as server:
            result, outcomes = self.send(server.server, 3)
        self.assertEqual(
            (result.code, outcomes),
            (support.TEMPORARY, [["deferred"], ["delivered"], ["delivered"]]),
            result,
        )

    def test_too_many_recipients(self):
        def limited(link):
            link.open()
            while (line := link.line().upper()) and not line.startswith(b"QUIT"):
                if line.startswith(b"MAIL"):
                    accepted = 0
                if line.startswith(b"RCPT"):
                    accepted += 1
                    link.send(
                        b"250 ok\r\n" if accepted <= 3 else b"452 4.5.3 too many recipients\r\n"
                    )
                    continue
                if line.startswith(b"DATA"):
                    link.send(b"354 go\r\n")
                    link.content()
                link.send(b"250 ok\r\n")
            link.send(b"221 bye\r\n")
        self.assert_all_delivered(limited, count=2, to=[f"r{n}@y.example" for n in range(8)])

    def test_mails_per_connection(self):
        """--mails-per-connection N, for one connection at a time and for several; 0 is no limit,
        and the default 100.
        """
        for way in WAYS:
            for options, count, fewest in (
                (("--mails-per-connection", "2"), 7, 4),
                (("--mails-per-connection", "0"), 3, 1),
                ((), 101, 2),
            ):
                lock = threading.Lock()
                counts = []

                def counting(link, lock=lock, counts=counts):
                    link.open()
                    with lock:
                        at = len(counts)
                        counts.append(0)
                    while not (line := link.line().upper()).startswith(b"QUIT"):
                        if line.startswith(b"DATA"):
                            link.send(b"354 go\r\n")
                            link.content()
                            counts[at] += 1
                        link.send(b"250 ok\r\n")
                    link.send(b"221 bye\r\n")
                with self.subTest(way=way, options=options), ScriptedServer(counting) as server:
                    result, outcomes = self.send(server.server, count, *way, *options)
                    self.assertEqual(
                        (result.code, outcomes), (support.OK, [["delivered"]] * count), result
                    )
                    self.assertEqual(sum(counts), count)
                    self.assertGreaterEqual(len(counts), fewest)
                    most = int(options[1]) if options else 100
                    if most:
                        self.assertLessEqual(max(counts), most)

    def test_login_on_each_connection(self):
        logins = []

        def script(link):
            link.open((b"AUTH PLAIN",))
            logins.append(link.expect(b"AUTH PLAIN", b"235 in"))
            link.mail()
        password = self.write("password", b"secret\n")
        with ScriptedServer(script) as server:
            result, outcomes = self.send(
                server.server,
                3,
                "--user",
                "me",
                "--password-file",
                password,
                "--insecure-auth-cleartext",
            )
        self.assertEqual((result.code, outcomes), (support.OK, [["delivered"]] * 3), result)
        self.assertGreaterEqual(len(logins), 3)
        self.assertEqual(len(set(logins)), 1)

    def test_in_doubt_is_sent_once(self):
        """OUT-03: what may have arrived is never sent again, and the others go on."""
        def silent(link):
            link.open()
            link.mail(verdict=None)

        def takes(link):
            link.open()
            link.mails()
        with ScriptedServer(silent, takes) as server:
            result, outcomes = self.send(server.server, 3)
        self.assertEqual(
            (result.code, outcomes),
            (support.IN_DOUBT, [["in_doubt"], ["delivered"], ["delivered"]]),
            result,
        )

    def test_record_is_of_one_session(self):
        def closes(link):
            link.open()
            link.mail()
        record = self.folder / "session.smtp"
        with ScriptedServer(closes) as server:
            result, outcomes = self.send(server.server, 2, "--record", record)
        self.assertEqual(result.code, support.TEMPORARY, result)
        self.assertEqual(outcomes[0], ["delivered"])
        self.assertNotEqual(outcomes[1], ["delivered"])
        self.assertEqual(run("replay", record).code, support.OK)


if __name__ == "__main__":
    support.main()
