"""A root of the DNS on loopback with zones below it that are signed as a test needs them, by NSD
and the tools of ldns.

`main` serves ZONES, prints the port and the file of the root's trust anchor, and ends with the
standard input.
"""

import pathlib
import shutil
import socket
import subprocess
import sys
import time

NSD = shutil.which("nsd") or "/usr/sbin/nsd"
TOOLS = ("ldns-keygen", "ldns-signzone", "ldns-key2ds", NSD)
START = "$TTL 300\n@ SOA ns.good.test. root.good.test. 1 3600 600 86400 300\n@ NS ns.good.test.\n"

DIGEST = "ab" * 32
ZONES = {
    "good.test": f"""ns A 127.0.0.1
@ MX 10 mx1
@ MX 10 mx2
@ MX 20 mx3
@ A 127.0.0.10
mx1 A 127.0.0.11
mx1 AAAA ::1
mx2 A 127.0.0.12
mx3 A 127.0.0.13
_25._tcp.mx1 TLSA 3 1 1 {DIGEST}
_25._tcp.mx1 TLSA 2 0 2 {DIGEST * 2}
null MX 0 .
alias CNAME good.test.
_mta-sts TXT "v=STSv1;" " id=1;"
""",
    "bogus.test": "@ MX 10 mx1\nmx1 A 127.0.0.11\n",
    "plain.test": "@ MX 10 mx1\nmx1 A 127.0.0.11\n",
    "home.arpa": "@ MX 10 mx1\nmx1 A 127.0.0.11\n",
}


def missing():
    """The tools that are not here."""
    return [tool for tool in TOOLS if not shutil.which(tool)]


def run(folder, *command):
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"FAIL: {' '.join(command)}: {done.stdout}{done.stderr}")
    return done.stdout


def sign(folder, name, zone, signed):
    """Signs a zone file; returns its DS record."""
    key = run(folder, "ldns-keygen", "-a", "ECDSAP256SHA256", "-k", name).strip()
    run(folder, "ldns-signzone", "-n", "-o", name, "-f", signed, zone, key)
    return run(folder, "ldns-key2ds", "-n", "-2", f"{key}.key")


def free_port():
    """A loopback port that is free for both protocols."""
    while True:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", 0))
            try:
                udp.bind(tcp.getsockname())
            except OSError:
                continue
            return tcp.getsockname()[1]


class DnsServer:
    """NSD with `zones`: those that begin with plain are not signed, those that begin with bogus are
    changed after they were. `anchor` is the file of the root's key.
    """

    def __init__(self, folder, zones=None, port=None):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.anchor = self.folder / "root.anchor"
        root = START + "ns.good.test. A 127.0.0.1\n"
        files = {".": "root.signed"}
        for name, text in (zones or ZONES).items():
            zone, signed = self.folder / f"{name}.zone", self.folder / f"{name}.signed"
            zone.write_text(f"$ORIGIN {name}.\n{START}{text}")
            root += f"{name}. NS ns.good.test.\n"
            files[name] = zone.name if name.startswith("plain") else signed.name
            if not name.startswith("plain"):
                root += sign(self.folder, f"{name}.", zone.name, signed.name)
            if name.startswith("bogus"):
                signed.write_text(signed.read_text().replace("127.0.0.11", "127.0.0.99"))
        (self.folder / "root.zone").write_text("$ORIGIN .\n" + root)
        self.anchor.write_text(sign(self.folder, ".", "root.zone", "root.signed"))
        # Somebody else may take a port between the look for it and its use.
        for _ in range(1 if port else 5):
            self.port = port or free_port()
            self.write_config(files)
            self.process = subprocess.Popen(
                [NSD, "-d", "-c", str(self.folder / "nsd.conf")],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            if self.is_there():
                return
            self.close()
        raise SystemExit(f"FAIL: NSD: {(self.folder / 'nsd.log').read_text()}")

    def write_config(self, files):
        config = f"""server:
  ip-address: 127.0.0.1@{self.port}
  username: ""
  chroot: ""
  zonesdir: "{self.folder}"
  database: ""
  pidfile: "{self.folder}/nsd.pid"
  xfrdfile: "{self.folder}/xfrd.state"
  xfrdir: "{self.folder}"
  zonelistfile: "{self.folder}/zone.list"
  logfile: "{self.folder}/nsd.log"
  server-count: 1
remote-control:
  control-enable: no
"""
        for name, file in files.items():
            config += f'zone:\n  name: "{name}"\n  zonefile: "{file}"\n'
        (self.folder / "nsd.conf").write_text(config)

    def is_there(self):
        """Waits until it listens."""
        for _ in range(600):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return True
            if self.process.poll() is not None:
                return False
            time.sleep(0.05)
        return False

    def close(self):
        self.process.terminate()
        self.process.wait()


def main(folder):
    server = DnsServer(folder)
    try:
        print(server.port, server.anchor, flush=True)
        sys.stdin.read()
    finally:
        server.close()
