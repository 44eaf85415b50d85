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
    Fault("delivered, though the terminator was not sent", "window.hpp",
          "owed_.front().end <= out.sent()", "true"),
    Fault("delivered, though the terminator may not have left", "window.cpp",
          "code < 400 || e.mail->each ? timing::waits : timing::premature", "timing::counts"),
    Fault("rejected, though the server may have it", "session_end.cpp",
          "doubt ? outcome::in_doubt : outcome::deferred",
          "doubt ? outcome::rejected : outcome::deferred"),
    Fault("deferred, though the server may have it", "session_end.cpp",
          "m.content_end <= out_.handed()", "m.content_end < out_.handed()"),
    Fault("a refused recipient is delivered with the others", "session_reply.cpp",
          "crowded ? outcome::deferred : outcome_of(r)",
          "outcome::delivered"),
    Fault("accepted by a server that closes with 421", "protocol_table.hpp",
          "code == closing_code", "false"),
    Fault("octets after a violation", "session_end.cpp",
          "out_.drop();\n  close(had_reason ? ending_.because : f);",
          "close(had_reason ? ending_.because : f);"),
    Fault("a deadline moves with every octet", "session.cpp",
          "if (s.stage_ != impl::stage::unconnected) s.read(nullptr, octets);",
          "if (s.stage_ != impl::stage::unconnected) { s.window_.resume(s.now_); s.read(nullptr, octets); }"),
    Fault("a deadline does not begin anew with a reply", "window.hpp",
          "answered_ = e.end;\n    base_ = now;", "answered_ = e.end;"),
    Fault("a password in clear text", "session_login.cpp",
          "tls_ ? tls_verified_ || c.allow_auth_unverified_tls : c.allow_auth_cleartext", "true"),
    Fault("what was said before the handshake counts", "session_opening.cpp",
          "s.opening_.hello_done = false", "s.opening_.hello_done = true"),
    Fault("mails go without TLS where it is required", "session_opening.cpp",
          "if (tls_ || opening_.tls_refused || authenticated_) return false;", "return false;"),
    Fault("a mail is done twice", "session_end.cpp",
          "e.category = category_of(told);",
          "e.category = category_of(told); const mail_id twice = e.id; "
          "events_.push(event::kind::mail_done, verb::content, tls_).id = twice;"),
    Fault("a mail is never done", "session_reply.cpp",
          "conclude(m, outcome::deferred, {verb::rcpt, why, hint::none, {}, {}});",
          "m.cancelled = true;"),
    Fault("a dot that begins a line is lost", "dot_stuffer.cpp", "(doubled_ ? 1 : 0)", "0"),
]
