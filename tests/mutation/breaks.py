"""Faults that lie to a user, each put into the engine on purpose: the oracle of the simulation must
see every one of them, which proves that the simulation can fail."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Fault:
    name: str
    file: str
    old: str  # stands once in the file: an expression, or statements
    new: str

    def code(self, chosen):
        if self.old.endswith(";"):
            return f"if ({chosen}) {{ {self.new} }} else {{ {self.old} }}"
        return f"({chosen} ? ({self.new}) : ({self.old}))"


FAULTS = [
    Fault("delivered, though the terminator was not sent", "session_reply.cpp",
          "owed_.front().end > out_.sent() && !is_timely(r)", "false"),
    Fault("delivered, though the terminator may not have left", "session_reply.cpp",
          "r.first_digit() <= 3", "false"),
    Fault("rejected, though the server may have it", "session.cpp",
          "doubt ? outcome::in_doubt : outcome::deferred",
          "doubt ? outcome::rejected : outcome::deferred"),
    Fault("deferred, though the server may have it", "session.cpp",
          "m.content_end <= out_.handed()", "m.content_end < out_.handed()"),
    Fault("a refused recipient is delivered with the others", "session.cpp",
          "r.result != outcome::pending", "false"),
    Fault("accepted by a server that closes with 421", "session_reply.cpp",
          "r.code() == 421 && e.what != verb::quit", "false"),
    Fault("octets after a violation", "session.cpp",
          "out_.drop();\n  close(had_reason ? leaving_because_ : f);",
          "close(had_reason ? leaving_because_ : f);"),
    Fault("a deadline moves with every octet", "session.cpp",
          "if (s.stage_ != impl::stage::unconnected) s.read({}, octets);",
          "if (s.stage_ != impl::stage::unconnected) { s.base_ = s.now_; s.read({}, octets); }"),
    Fault("a deadline does not begin anew with a reply", "session_reply.cpp",
          "answered_ = e.end;\n  base_ = now_;", "answered_ = e.end;"),
    Fault("a password in clear text", "session_reply.cpp",
          "tls_ ? tls_verified_ || c.allow_auth_unverified_tls : c.allow_auth_cleartext", "true"),
    Fault("what was said before the handshake counts", "session_reply.cpp",
          "owed_.empty() || owed_.front().what != verb::handshake", "true"),
    Fault("mails go without TLS where it is required", "session_reply.cpp",
          "wants_tls && !tls_ && !starttls_refused_ && !authenticated_", "false"),
    Fault("a mail is done twice", "session.cpp",
          "e.category = category_of(told);",
          "e.category = category_of(told); const mail_id twice = e.id; "
          "events_.push(event::kind::mail_done, verb::content, tls_).id = twice;"),
    Fault("a mail is never done", "session_reply.cpp",
          "conclude(m, outcome::deferred, {verb::rcpt, why, hint::none, {}, {}});\n  finish(m);",
          "m.cancelled = true;"),
    Fault("a dot that begins a line is lost", "dot_stuffer.cpp", "  begin = p;", "  begin = p + 1;"),
]
