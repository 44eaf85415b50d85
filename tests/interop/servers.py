"""Real mail servers on loopback, each a context manager that owns all it starts.

All three show the same face to a test: `port`, `log()` and a way to take what was stored.
`Unavailable` is raised when the machine lacks what a server needs, with the reason; whether that is
a failure or a skip is decided in support.py.
"""

import abc
import atexit
import base64
import collections
import hashlib
import hmac
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HOST = "127.0.0.1"
DOMAIN = "mail.test"
POLL_INTERVAL = 0.02  # seconds
START_TIMEOUT = 60.0  # seconds
STOP_TIMEOUT = 60.0  # seconds


class Unavailable(Exception):
    """The machine lacks something that a server needs; the text says what."""


class ServerError(Exception):
    """A server did not start, stop or deliver."""


def wait_until(condition, timeout, what):
    """Polls `condition` until it is true and returns its value; raises ServerError after `timeout`
    seconds.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise ServerError(f"waited {timeout:g} s in vain for {what}")
        time.sleep(POLL_INTERVAL)


def free_port():
    """A loopback port that nobody has, below those that systems give to outgoing connections."""
    for port in random.sample(range(10000, 32000), 100):
        with socket.socket() as probe:
            # A server sets this as well; without it a port just left by another would not do.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
                return port
            except OSError:
                continue
    raise ServerError("no free port among 100 tried")


def greets(port):
    """True if an SMTP server on `port` says 220."""
    try:
        with socket.create_connection((HOST, port), timeout=1) as connection:
            greeting = connection.recv(512)
            connection.sendall(b"QUIT\r\n")
            return greeting.startswith(b"220")
    except OSError:
        return False


class Server(abc.ABC):
    """Starts on entry and stops on exit, also when the interpreter ends before that."""

    port = 0

    def __enter__(self):
        atexit.register(self.stop)
        try:
            self.start()
        except BaseException as error:
            self.stop()
            if isinstance(error, ServerError):
                raise ServerError(f"{error}\n{self.log()}") from error
            raise
        return self

    def __exit__(self, *_):
        self.stop()
        atexit.unregister(self.stop)

    @abc.abstractmethod
    def start(self):
        """Returns when the server answers; raises Unavailable or ServerError."""

    @abc.abstractmethod
    def stop(self):
        """Ends it and removes its files; harmless when repeated or when nothing was started."""

    @abc.abstractmethod
    def log(self):
        """What the server had to say, for the report of a failed test."""


# One message as a server stored it: `recipients` is a tuple in the order of the envelope, `content`
# holds the octets, and `id` is what the server told the client in its final reply.
Stored = collections.namedtuple("Stored", "id sender recipients content")


class Postfix(Server):
    """A private Postfix that delivers MAILBOXES of DOMAIN to Maildirs and refuses everybody else.
    """

    POSTFIX = "/usr/sbin/postfix"
    MAILBOXES = ("alice", "bob")
    SIZE_LIMIT = 11 * 1024 * 1024
    DRAIN_TIMEOUT = 300.0  # seconds

    # Beyond a plain Postfix: nothing rewrites a header, so that what is stored can be compared, and
    # the server punishes a client that writes before it may (smtpd_forbid_unauth_pipelining) or
    # that sends a bare LF.
    MAIN_CF = """\
compatibility_level = 3.6
queue_directory = {root}/spool
data_directory = {root}/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = {root}/mail.log
maillog_file_prefixes = {root}
myhostname = mx.{domain}
mydestination =
mynetworks = 127.0.0.0/8
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
local_recipient_maps =
local_header_rewrite_clients =
virtual_mailbox_domains = {domain}
virtual_mailbox_base = {root}/mail
virtual_mailbox_maps = inline:{{ {mailboxes} }}
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 1000
virtual_mailbox_limit = 0
default_transport = discard:
message_size_limit = {size_limit}
smtpd_relay_restrictions = reject_unauth_destination
smtpd_recipient_restrictions = reject_unlisted_recipient, permit
smtpd_client_connection_count_limit = 0
smtpd_error_sleep_time = 0
smtpd_forbid_unauth_pipelining = yes
smtpd_forbid_bare_newline = yes
smtpd_forbid_bare_newline_exclusions =
smtpd_authorized_xclient_hosts = 127.0.0.1
smtpd_authorized_xforward_hosts = 127.0.0.1
in_flow_delay = 0
enable_long_queue_ids = yes
"""
    MASTER_CF = """\
127.0.0.1:{port} inet n - n - 250 smtpd
pickup   unix n - n 60 1 pickup
cleanup  unix n - n - 0 cleanup
qmgr     unix n - n 300 1 qmgr
rewrite  unix - - n - - trivial-rewrite
bounce   unix - - n - 0 bounce
defer    unix - - n - 0 bounce
trace    unix - - n - 0 bounce
proxymap unix - - n - - proxymap
showq    unix n - n - - showq
error    unix - - n - - error
retry    unix - - n - - error
discard  unix - - n - - discard
virtual  unix - n n - - virtual
anvil    unix - - n - 1 anvil
postlog  unix-dgram n - n - 1 postlogd
"""
    # What Postfix puts before the message, in this order; Received is folded over several lines.
    ADDED_HEADERS = re.compile(
        rb"Return-Path: <(?P<sender>[^\n]*)>\n"
        rb"X-Original-To: (?P<original>[^\n]*)\n"
        rb"Delivered-To: (?P<recipient>[^\n]*)\n"
        rb"Received: [^\n]*\n(?:[ \t][^\n]*\n)*?"
        rb"[ \t][^\n]*\bid (?P<id>\w+)\b[^\n]*\n(?:[ \t][^\n]*\n)*")
    COMPLAINT = re.compile(r"(warning|error|fatal|panic): |status=(?!sent)\w+"
                           r"|too many errors|bare newline")
    # What this machine's clock does to file systems is nobody's fault here.
    CLOCK = re.compile(r"warning: .*(file system clock is|resetting file time stamps)")

    def __init__(self):
        self.root_ = None
        self.log_ = ""

    def start(self):
        if not os.access(self.POSTFIX, os.X_OK):
            raise Unavailable("postfix is not installed")
        if os.geteuid() != 0:
            raise Unavailable("postfix can only be started by root")
        self.root_ = pathlib.Path(tempfile.mkdtemp(prefix="sansmtp-postfix-"))
        self.root_.chmod(0o711)  # The delivery agents are not root and must pass through.
        for name in ("etc", "spool", "data", "mail"):
            (self.root_ / name).mkdir()
        shutil.chown(self.root_ / "data", "postfix")
        os.chown(self.root_ / "mail", 65534, 65534)
        self.port = free_port()
        mailboxes = " ".join(f"{{{name}@{DOMAIN}={name}/}}" for name in self.MAILBOXES)
        self.write_("main.cf", self.MAIN_CF.format(
            root=self.root_, domain=DOMAIN, mailboxes=mailboxes, size_limit=self.SIZE_LIMIT))
        self.write_("master.cf", self.MASTER_CF.format(port=self.port))
        self.postfix_("start")
        wait_until(lambda: greets(self.port), START_TIMEOUT, "the greeting of postfix")
        # That session is told in the log a moment later, and is none of the tests'.
        wait_until(self.sessions, START_TIMEOUT, "the end of the first session of postfix")

    def stop(self):
        if self.root_ is None:
            return
        self.log_ = self.log()
        master = self.master_()
        if master is not None:
            self.postfix_("stop", check=False)
            try:
                wait_until(lambda: not group_alive(master), STOP_TIMEOUT, "the end of postfix")
            except ServerError:
                os.killpg(master, signal.SIGKILL)
                raise
            finally:
                self.remove_()
        else:
            self.remove_()

    def log(self):
        if self.root_ is None:
            return self.log_
        try:
            return (self.root_ / "mail.log").read_text(errors="replace")
        except OSError:
            return ""

    def drain(self):
        """Waits until the queue is empty and takes all messages out of the mailboxes, one for each
        recipient.
        """
        wait_until(lambda: not self.queued(), self.DRAIN_TIMEOUT, "an empty queue")
        return [message for mailbox in self.MAILBOXES for message in self.take_(mailbox)]

    def queued(self):
        """The paths of all queue files, whatever their state."""
        states = ("maildrop", "incoming", "active", "deferred", "defer", "bounce", "hold",
                  "corrupt", "trace")
        return [os.path.join(folder, name) for state in states
                for folder, _, names in os.walk(self.root_ / "spool" / state) for name in names]

    def complaints(self):
        """The lines of the log that tell of trouble with the client, the queue or the
        configuration; not with the machine's clock.
        """
        return [line for line in self.log().splitlines()
                if self.COMPLAINT.search(line) and not self.CLOCK.search(line)]

    def sessions(self):
        """One dictionary for each session ended so far: command -> number of commands, "mail":
        "2/3" if one failed.
        """
        ended = re.findall(r" disconnect from \S+ (.*)", self.log())
        return [dict(field.split("=", 1) for field in line.split()) for line in ended]

    def wait_for_sessions(self, count):
        """sessions(), as soon as there are `count`: the line is logged after the client has gone.
        """
        wait_until(lambda: len(self.sessions()) >= count, STOP_TIMEOUT,
                   f"the end of {count} sessions")
        return self.sessions()

    def take_(self, mailbox):
        folder = self.root_ / "mail" / mailbox / "new"
        paths = sorted(folder.iterdir()) if folder.exists() else []
        for path in paths:
            raw = path.read_bytes()
            path.unlink()
            added = self.ADDED_HEADERS.match(raw)
            if added is None or added["original"] != added["recipient"]:
                raise ServerError(f"{path} lacks the headers that postfix adds: {raw[:400]!r}")
            yield Stored(added["id"].decode(), added["sender"].decode(),
                         (added["recipient"].decode(),), raw[added.end():])

    def write_(self, name, text):
        (self.root_ / "etc" / name).write_text(text)

    def postfix_(self, verb, check=True):
        done = subprocess.run([self.POSTFIX, "-c", self.root_ / "etc", verb],
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=60)
        if check and done.returncode != 0:
            raise ServerError(f"postfix {verb} returned {done.returncode}\n{done.stdout}")

    def master_(self):
        try:
            return int((self.root_ / "spool" / "pid" / "master.pid").read_text())
        except (OSError, ValueError):
            return None

    def remove_(self):
        shutil.rmtree(self.root_, ignore_errors=True)
        self.root_ = None


def group_alive(leader):
    """True while any process of the group that `leader` founded lives."""
    try:
        os.killpg(leader, 0)
        return True
    except ProcessLookupError:
        return False


class Dovecot(Server):
    """Dovecot as the password checker of a Postfix: a socket that speaks its authentication
    protocol.
    """

    DOVECOT = "/usr/sbin/dovecot"
    USERS = {"alice": "secret", "bob": "correct horse, battery = staple"}
    MECHANISMS = ("plain", "login", "cram-md5", "scram-sha-1", "scram-sha-256", "oauthbearer",
                  "xoauth2")
    # A wrong password costs seconds by default, and more each time; here it does not.
    COMMON_CONF = """\
base_dir = {root}/run
state_dir = {root}/run
instance_name = sansmtp
log_path = {root}/dovecot.log
listen = 127.0.0.1
ssl = no
first_valid_uid = 1
"""
    CONF = COMMON_CONF + """\
protocols =
disable_plaintext_auth = no
auth_mechanisms = {mechanisms}
auth_failure_delay = 0
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {root}/users
}}
passdb {{
  driver = oauth2
  mechanisms = oauthbearer xoauth2
  args = {root}/oauth2.conf
}}
userdb {{
  driver = static
  args = uid=65534 gid=65534 home={root}
}}
service auth {{
  unix_listener auth-client {{
    mode = 0666
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
"""

    # Tokens are JWTs (RFC 7519) that are checked here, with a key of this server's own.
    OAUTH2 = """\
introspection_mode = local
local_validation_key_dict = fs:posix:prefix={root}/keys/
username_attribute = sub
"""

    def __init__(self):
        self.root_ = None
        self.log_ = ""
        self.key_ = os.urandom(32)

    def token(self, user, key=None):
        """A token for `user` that is good for an hour; one with another key is good for nobody."""
        def part(octets):
            return base64.urlsafe_b64encode(octets).rstrip(b"=")
        now = int(time.time())
        claims = {"sub": user, "iat": now, "exp": now + 3600}
        text = b".".join(part(json.dumps(value).encode())
                         for value in ({"alg": "HS256", "typ": "JWT"}, claims))
        signature = hmac.new(key or self.key_, text, hashlib.sha256).digest()
        return (text + b"." + part(signature)).decode()

    @property
    def socket(self):
        return self.root_ / "run" / "auth-client"

    def start(self):
        if not os.access(self.DOVECOT, os.X_OK):
            raise Unavailable("dovecot is not installed")
        if os.geteuid() != 0:
            raise Unavailable("dovecot can only be started by root")
        self.root_ = pathlib.Path(tempfile.mkdtemp(prefix="sansmtp-dovecot-"))
        self.root_.chmod(0o711)
        (self.root_ / "run").mkdir()
        conf = self.root_ / "dovecot.conf"
        conf.write_text(self.configure_())
        # The master keeps these open, so a pipe would never end.
        with open(self.root_ / "start.log", "w+", encoding="utf-8") as said:
            done = subprocess.run([self.DOVECOT, "-c", conf], stdin=subprocess.DEVNULL, stdout=said,
                                  stderr=subprocess.STDOUT, timeout=60)
            if done.returncode != 0:
                said.seek(0)
                raise ServerError(f"dovecot returned {done.returncode}\n{said.read()}")
        wait_until(self.socket.exists, START_TIMEOUT, "the socket of dovecot")

    def configure_(self):
        """Writes what the configuration names, and returns it."""
        (self.root_ / "users").write_text(
            "".join(
                f"{name}@{DOMAIN}:{{PLAIN}}{password}::::::\n"
                for name, password in self.USERS.items()
            )
        )
        keys = self.root_ / "keys" / "default" / "HS256"
        keys.mkdir(parents=True)
        (keys / "default").write_bytes(base64.b64encode(self.key_))
        (self.root_ / "oauth2.conf").write_text(self.OAUTH2.format(root=self.root_))
        return self.CONF.format(root=self.root_, mechanisms=" ".join(self.MECHANISMS))

    def stop(self):
        if self.root_ is None:
            return
        self.log_ = self.log()
        try:
            master = int((self.root_ / "run" / "master.pid").read_text())
            os.kill(master, signal.SIGTERM)
            wait_until(lambda: not os.path.exists(f"/proc/{master}"), STOP_TIMEOUT,
                       "the end of dovecot")
        except (OSError, ValueError):
            pass
        finally:
            shutil.rmtree(self.root_, ignore_errors=True)
            self.root_ = None

    def log(self):
        if self.root_ is None:
            return self.log_
        try:
            return (self.root_ / "dovecot.log").read_text(errors="replace")
        except OSError:
            return ""


class DovecotLmtp(Dovecot):
    """Dovecot as a store that takes mail by LMTP, on `port` and on `socket`, for MAILBOXES, the
    last of which is full as soon as a mail comes.
    """

    LMTP = "/usr/lib/dovecot/lmtp"
    MAILBOXES = ("alice", "bob", "full")
    CONF = Dovecot.COMMON_CONF + """\
protocols = lmtp
hostname = dove.{domain}
postmaster_address = postmaster@{domain}
mail_location = maildir:~/Maildir
protocol lmtp {{
  mail_plugins = quota
}}
plugin {{
  quota = maildir:User quota
  quota_grace = 0
}}
passdb {{
  driver = passwd-file
  args = scheme=PLAIN username_format=%u {root}/users
}}
userdb {{
  driver = passwd-file
  args = username_format=%u {root}/users
  default_fields = uid=65534 gid=65534 home={root}/mail/%u
}}
service lmtp {{
  inet_listener lmtp {{
    port = {port}
  }}
  unix_listener lmtp {{
    mode = 0666
  }}
}}
"""
    # What Dovecot puts before the message; Received is folded over several lines.
    ADDED_HEADERS = re.compile(
        rb"Return-Path: <(?P<sender>[^\n]*)>\n(?:Delivered-To: [^\n]*\n)?"
        rb"Received: [^\n]*\n\tby [^\n]*\n\tid (?P<id>\S+)\n"
        rb"\t\(envelope-from [^\n]*\)(?:\n\tfor <[^\n]*>)?; [^\n]*\n")

    @property
    def socket(self):
        return self.root_ / "run" / "lmtp"

    def start(self):
        if not os.access(self.LMTP, os.X_OK):
            raise Unavailable("dovecot's lmtpd is not installed")
        super().start()

    def configure_(self):
        mail = self.root_ / "mail"
        mail.mkdir()
        os.chown(mail, 65534, 65534)
        (self.root_ / "users").write_text("".join(
            f"{name}@{DOMAIN}:{{PLAIN}}x::::::"
            + ("userdb_quota_rule=*:bytes=100\n" if name == self.MAILBOXES[-1] else "\n")
            for name in self.MAILBOXES))
        self.port = free_port()
        return self.CONF.format(root=self.root_, domain=DOMAIN, port=self.port)

    def drain(self):
        """Takes all messages out of the mailboxes. A reply says that they are there."""
        return [message for name in self.MAILBOXES for message in self.take_(f"{name}@{DOMAIN}")]

    def take_(self, recipient):
        folder = self.root_ / "mail" / recipient / "Maildir" / "new"
        paths = sorted(folder.iterdir()) if folder.exists() else []
        for path in paths:
            raw = path.read_bytes()
            path.unlink()
            added = self.ADDED_HEADERS.match(raw)
            if added is None:
                raise ServerError(f"{path} lacks the headers that dovecot adds: {raw[:400]!r}")
            yield Stored(added["id"].decode(), added["sender"].decode(), (recipient,),
                         raw[added.end():])


class SubmissionPostfix(Postfix):
    """A Postfix that takes mail from who has logged in, through TLS of `ports[version, implicit]`.
    Certificates come from `pki`, a folder; Dovecot checks the passwords.
    """

    TLS_CF = """\
smtpd_tls_cert_file = {pki}/server.pem
smtpd_tls_key_file = {pki}/server.key
smtpd_tls_CAfile = {pki}/ca.pem
smtpd_tls_security_level = may
smtpd_tls_auth_only = yes
smtpd_tls_loglevel = 1
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = dovecot
smtpd_sasl_path = {socket}
smtpd_sasl_security_options = noanonymous
"""
    SERVICES = (("1.2", False), ("1.2", True), ("1.3", False), ("1.3", True))
    RANGES = {"1.2": ">=TLSv1.2,<=TLSv1.2", "1.3": ">=TLSv1.3"}

    def __init__(self, pki):
        super().__init__()
        self.pki_ = pki
        self.dovecot_ = Dovecot()
        self.ports = {}

    def token(self, user, key=None):
        return self.dovecot_.token(user, key)

    def start(self):
        self.dovecot_.start()
        self.ports = {service: free_port() for service in self.SERVICES}
        super().start()
        started = 1
        for (_, implicit), port in self.ports.items():
            if not implicit:
                wait_until(lambda port=port: greets(port), START_TIMEOUT, "the greeting of postfix")
                started += 1
        self.wait_for_sessions(started)

    def stop(self):
        super().stop()
        self.dovecot_.stop()

    def log(self):
        return super().log() + self.dovecot_.log()

    def write_(self, name, text):
        if name == "main.cf":
            text = text.replace(
                "smtpd_recipient_restrictions = ",
                "smtpd_recipient_restrictions = permit_sasl_authenticated, reject, ",
            )
            text += self.TLS_CF.format(pki=self.pki_, socket=self.dovecot_.socket)
        else:
            tlsmgr = "tlsmgr   unix - - n 1000? 1 tlsmgr\n"
            text += tlsmgr + "".join(
                f"127.0.0.1:{port} inet n - n - 100 smtpd"
                f" -o smtpd_tls_wrappermode={'yes' if implicit else 'no'}"
                f" -o smtpd_tls_protocols={self.RANGES[version]}"
                f" -o smtpd_tls_mandatory_protocols={self.RANGES[version]}\n"
                for (version, implicit), port in self.ports.items())
        super().write_(name, text)


class Aiosmtpd(Server):
    """aiosmtpd in a thread: stores the octets of the content exactly, offers no PIPELINING, ends
    lines at LF.
    """

    SIZE_LIMIT = 32 * 1024 * 1024

    def __init__(self):
        self.stored_ = []
        self.commands_ = []
        self.controller_ = None

    def start(self):
        try:
            from aiosmtpd.controller import Controller
        except ImportError as error:
            raise Unavailable(f"aiosmtpd is not installed for this Python: {error}") from error
        self.port = free_port()
        self.controller_ = Controller(
            self, hostname=HOST, port=self.port, server_hostname=f"aio.{DOMAIN}",
            data_size_limit=self.SIZE_LIMIT, decode_data=False)
        self.controller_.start()

    def stop(self):
        if self.controller_ is not None:
            controller, self.controller_ = self.controller_, None
            controller.stop()

    def log(self):
        return "\n".join(self.commands_)

    def drain(self):
        """Takes all messages, in the order in which they arrived."""
        stored, self.stored_ = self.stored_, []
        return stored

    # What aiosmtpd calls for each command, by these names.
    async def handle_MAIL(self, _server, _session, envelope, address, options):
        self.commands_.append(f"MAIL {address} {options}")
        envelope.mail_from = address
        return "250 2.1.0 OK"

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        self.commands_.append(f"RCPT {address}")
        if address.startswith("nobody@"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server, _session, envelope):
        identity = str(len(self.commands_))
        self.commands_.append(f"DATA {len(envelope.original_content)} octets, {identity}")
        self.stored_.append(Stored(identity, envelope.mail_from, tuple(envelope.rcpt_tos),
                                   envelope.original_content))
        return f"250 2.0.0 saved as {identity}"


class SmtpServer(Server):
    """smtp-server for Node: stores the octets of the content exactly, offers PIPELINING, wants
    CRLF.
    """

    SCRIPT = pathlib.Path(__file__).with_name("smtp_server.js")

    def __init__(self, pki=None):
        self.pki_ = pki  # a folder: with TLS and logins
        self.root_ = None
        self.process_ = None
        self.log_ = ""

    def start(self):
        node = shutil.which("node")
        if node is None:
            raise Unavailable("node is not installed")
        environment = dict(os.environ, NODE_PATH=os.pathsep.join(node_modules()))
        trial = subprocess.run([node, "-e", "require('smtp-server')"], env=environment, timeout=60,
                               stdin=subprocess.DEVNULL, capture_output=True)
        if trial.returncode != 0:
            raise Unavailable("node finds no module smtp-server in " + environment["NODE_PATH"])
        self.root_ = pathlib.Path(tempfile.mkdtemp(prefix="sansmtp-smtp-server-"))
        with open(self.root_ / "log", "wb") as log:
            # The server ends when its standard input does, so it never outlives this process.
            arguments = [self.root_, self.pki_] if self.pki_ else [self.root_]
            self.process_ = subprocess.Popen([node, self.SCRIPT, *arguments], env=environment,
                                             stdin=subprocess.PIPE, stdout=log,
                                             stderr=subprocess.STDOUT)
        wait_until(self.listening_, START_TIMEOUT, "the port of smtp-server")

    def stop(self):
        if self.root_ is None:
            return
        if self.process_ is not None:
            self.process_.stdin.close()
            try:
                self.process_.wait(STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.process_.kill()
                self.process_.wait()
        self.log_ = self.log()
        shutil.rmtree(self.root_, ignore_errors=True)
        self.root_ = None

    def log(self):
        if self.root_ is None:
            return self.log_
        return (self.root_ / "log").read_text(errors="replace")

    def drain(self):
        """Takes all messages, in the order in which they arrived."""
        return [self.take_(path) for path in sorted(self.root_.glob("*.json"))]

    def take_(self, path):
        envelope = json.loads(path.read_text())
        content = path.with_suffix(".eml")
        stored = Stored(path.stem, envelope["sender"], tuple(envelope["recipients"]),
                        content.read_bytes())
        path.unlink()
        content.unlink()
        return stored

    def listening_(self):
        if self.process_.poll() is not None:
            raise ServerError(f"smtp-server ended with {self.process_.returncode}")
        found = re.search(r"^listening on (\d+)$", self.log(), re.MULTILINE)
        self.port = int(found[1]) if found else 0
        return self.port


def node_modules():
    """The folders in which smtp-server is looked for, in the order of preference."""
    repository = pathlib.Path(__file__).resolve().parents[2]
    given = (os.environ.get(name, "") for name in ("SANSMTP_NODE_MODULES", "NODE_PATH"))
    installed = str(repository / "build" / "npm" / "node_modules")
    return [folder for folder in given if folder] + [installed]
