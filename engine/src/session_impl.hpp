// The session's members and the rooms of its work: lifetime, time and the user's commands
// (session.cpp), what may be written (session_send.cpp, session_chunks.cpp), whether a mail may be
// sent (session_check.cpp, session_limits.cpp), what a reply means (session_reply.cpp), how a
// session opens (session_opening.cpp, session_login.cpp), what is told (session_events.cpp), how
// mails and sessions end (session_end.cpp).
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "ascii.hpp"
#include "auth_mask.hpp"
#include "chunk_framer.hpp"
#include "content_source.hpp"
#include "dot_framer.hpp"
#include "event_queue.hpp"
#include "expected.hpp"
#include "line_scan.hpp"
#include "mail_state.hpp"
#include "output.hpp"
#include "protocol_table.hpp"
#include "ring.hpp"
#include "sansmtp/reply_parser.hpp"
#include "sansmtp/session.hpp"
#include "text_buffer.hpp"
#include "window.hpp"

namespace sansmtp {

namespace detail {

/// What a refusal means by its class.
[[nodiscard]] inline errc refusal(const reply& r) noexcept {
  return r.first_digit() == 5 ? errc::refused_permanently : errc::refused_transiently;
}

/// What becomes of whom a refusal is about.
[[nodiscard]] inline outcome outcome_of(const reply& r) noexcept {
  return r.first_digit() == 5 ? outcome::rejected : outcome::deferred;
}

/// What a reply says beyond its class (TXN-24, AUTH-11).
[[nodiscard]] inline hint hint_of(const reply& r, verb about) noexcept {
  return hint_of(about, r.code());
}

/// The verdict that a refusal is.
[[nodiscard]] inline verdict refusal_by(mail_state& m, verb about, const reply& r) {
  return {about, refusal(r), hint_of(r, about), m.keep(r), {}};
}

/// What each mail needs of a session. It stands together, since with thousands of sessions each has
/// left the cache when its next reply comes: every line more is a miss more. `session::prefetch`
/// fetches all of it, and nothing else.
struct session_hot {
  explicit session_hot(session_config c)
      : level_(c.protocol == mail_protocol::lmtp
                   ? std::min(c.pipelining, pipelining_level::envelope)  // LMTP-03
                   : c.pipelining),
        outstanding_(level_ == pipelining_level::stream ? c.limits.stream_outstanding
                                                        : c.limits.outstanding),
        parser_(c.limits.reply),
        config_(std::move(c)) {}

  /// Octets of the peer's that a failure shows at most (ERR-01).
  static constexpr std::size_t excerpt_octets = 256;

  /// Where the session stands. Only the opening has steps of its own; all else is in the queues.
  enum class stage : std::uint8_t {
    unconnected,
    opening,
    ready,
    leaving,  // QUIT is to be written, or was
    closed,
  };

  /// Something the user asked for that has not begun.
  struct operation {
    verb what = verb::mail;
    operation_id id = 0;
    mail_state* mail = nullptr;
    std::string text;  // the whole line, checked

    [[nodiscard]] bool is_mail() const noexcept {
      return detail::line_of(what) == detail::line_form::sender;
    }
  };

  /// A command that is about to be written.
  struct command {
    std::string_view line;  // without CRLF
    mail_state* mail = nullptr;
    std::uint32_t recipient = 0;
    operation_id id = 0;
  };

  /// Why the session, or a part of it, ends.
  struct failure {
    errc why = errc::none;
    verb stage = verb::greeting;
    std::error_code code;  // the caller's or the transport's own, if there is one
    reply answer;
    hint advice = hint::none;
    std::string_view excerpt;  // of a failed AUTH: the detail
  };

  /// One AUTH exchange, and those that may follow it.
  struct login {
    login() = default;
    login(const login&) = delete;
    login& operator=(const login&) = delete;
    ~login() {  // SEC-03
      sansmtp::wipe(line);
      if (held_back) sansmtp::wipe(*held_back);
    }

    std::vector<std::unique_ptr<sasl_mechanism>> mechanisms;
    std::size_t next = 0;  // first mechanism not tried
    std::unique_ptr<sasl_mechanism> current;
    std::optional<std::string> held_back;  // initial response that did not go into the AUTH line
    std::string line;                      // to be written next; secret
    errc cancelled = errc::none;           // why "*" was sent
    operation_id id = 0;                   // of authenticate()
    bool opening = false;                  // it is part of the opening
    unsigned rounds = 0;                   // challenges answered
  };

  /// What the event that was taken last shows.
  struct shown_mail {
    mail_state* mail = nullptr;  // whose results these are
    event what;
    std::vector<recipient_result> results;
  };

  /// How the session ends.
  struct ending {
    failure because;        // what `closed` reports after a polite end
    std::string text;       // owns because.answer's text
    bool farewell = false;  // QUIT once more after the end, without awaiting anything (SESS-24)
    bool told_opening_failure = false;
  };

  /// How far the opening is, beyond what other members say.
  struct opening {
    bool hello_done = false;   // EHLO or HELO was accepted, and no step since then made that void
    bool tls_refused = false;  // STARTTLS was, and is not said again
    bool introduced = false;   // XCLIENT was accepted
    bool forward_due = false;  // capabilities came, and lines of XFORWARD were not made of them yet
  };

  /// A final reply that waits for the end of a write, and what came behind it.
  struct held_reply {
    std::string text;
    std::string input;
    std::optional<std::error_code> end;  // of the stream
  };

  // Where we are.
  stage stage_ = stage::unconnected;
  bool tls_ = false;
  bool quit_asked_ = false;                              // nothing more is taken
  bool rset_due_ = false;                                // before the next MAIL (TXN-16)
  bool delivered_ = false;                               // a mail, at least
  pipelining_level level_ = pipelining_level::envelope;  // as configured, or as the server bears
  bool long_lines_ = false;         // the parser takes lines as long as AUTH needs
  std::optional<verb> pressing_;    // to be written before all else: opening, AUTH, a lone dot
  std::uint32_t rset_owed_ = 0;     // RSETs sent without a reply yet
  std::uint32_t mails_begun_ = 0;   // MAILs written
  std::uint32_t outstanding_ = 0;   // replies that may be owed (PIPE-16)
  std::uint32_t forwards_ = 0;      // client_lines_: of XCLIENT, then of XFORWARD before each MAIL
  std::uint32_t forwards_due_ = 0;  // those that were not written yet
  int held_reply_ = 0;  // code of a final reply that waits for the end of a write; 0: none
  std::unique_ptr<login> login_;             // in progress
  std::unique_ptr<detail::auth_mask> mask_;  // of what was sent in exchanges of AUTH
  std::string masked_reply_;                 // what may be shown of the reply that is acted upon
  time_point now_{};
  operation_id last_id_ = 0;

  // The machine: what is owed, what is staged, what is told, what is wanted.
  detail::window window_;
  mail_state* newest_ = nullptr;      // the one whose MAIL was written last, until it is over
  mail_state* sending_ = nullptr;     // the sender's: envelope or content in progress
  detail::mail_pool mails_;           // all there are
  detail::ring<mail_state*> active_;  // begun and not over, oldest first
  detail::ring<operation> wanted_;
  detail::output_stage out_;
  detail::event_queue events_;
  shown_mail shown_;
  detail::text_buffer line_;     // scratch
  detail::dot_places dots_;      // in the content of the mail that was looked at last
  detail::dot_framer dotted_;    // of the content that goes by DATA
  detail::chunk_framer chunks_;  // of the content that goes by BDAT
  reply_parser parser_;

  // Configuration and what is known of the peer.
  session_config config_;
  capabilities peer_;
};

}  // namespace detail

struct session::impl : detail::session_hot {
  /// Stands behind an argument beyond ASCII of VRFY or EXPN (UTF8-05).
  static constexpr std::string_view utf8_suffix = " SMTPUTF8";
  using mail_state = detail::mail_state;
  using expected = detail::expected;
  using verdict = detail::verdict;
  using domain_set = std::set<std::string, ascii::iless>;

  [[gnu::cold]] explicit impl(session_config c);
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;
  [[gnu::cold]] ~impl();

  // -- session.cpp: lifetime, time, the user's commands -------------------------------------------
  void tell(time_point now) noexcept {
    if (now > now_) now_ = now;
  }
  [[nodiscard]] bool over() const noexcept {
    return quit_asked_ || stage_ == stage::leaving || stage_ == stage::closed;
  }
  [[gnu::cold]] operation_id enqueue(verb what, std::string_view arg);
  [[nodiscard, gnu::cold]] errc out_of_place(verb what) const noexcept;
  [[gnu::cold]] void refuse_command(verb what, operation_id id, errc why);
  void release_shown();
  [[gnu::cold]] void trim_queues();
  [[nodiscard]] const event* show_next();
  void show_results(mail_state& m, std::size_t answer_of);

  // Ends of things.
  [[gnu::cold]] void give_up(operation& op);
  void conclude(mail_state& m, outcome if_handed, const verdict& v);
  [[gnu::cold]] void decide_accepted(mail_state& m, outcome o, const verdict& v);
  void finish(mail_state& m, const std::error_code* code);
  /// To be called when an entry of the mail was answered, or it was decided without: finishes a
  /// mail that is decided and owes nothing. `code` is a foreign reason, if there is one.
  void settle(mail_state& m, const std::error_code* code = nullptr) {
    if (m.owed != 0) return;
    if (m.pending != 0) {
      // Behind DATA its reply decides.
      const bool dubious = m.accepted == 0 || m.rcpt_refused || m.sender_refused || m.cancelled;
      if (m.step <= detail::mail_step::chunks && dubious) end_envelope(m);
      if (m.pending != 0) return;
    }
    if (m.step != detail::mail_step::over) finish(m, code);
  }
  /// Why the mail was given up before its content, or none if it was not. This stays the reason
  /// whatever comes later: a link that breaks must not make it a mail that may be sent again
  /// (POOL-01).
  [[nodiscard]] errc given_up(const mail_state& m) const noexcept {
    if (m.cancelled) return errc::aborted;  // TXN-20
    return config_.require_all_recipients && m.rcpt_refused ? errc::recipient_refused
                                                            : errc::none;  // TXN-08
  }
  [[nodiscard, gnu::cold]] static failure as_shared(const failure& f);
  [[gnu::cold]] void lose_mails(const failure& f);
  [[gnu::cold]] void complete_commands(const failure& f);
  [[gnu::cold]] void fail(const failure& f);   // at once, without an octet
  [[gnu::cold]] void leave(const failure& f);  // politely: QUIT
  [[gnu::cold]] void server_closes(const reply& r, verb at, std::uint64_t answered);  // 421
  [[gnu::cold]] void close(const failure& f);
  [[gnu::cold]] void finish_leaving();
  [[gnu::cold]] void report_opening_failure(const failure& f);
  detail::pending_event& tell_event(event::kind what, verb about, const reply& r = {});
  [[gnu::cold]] void fill_failure(detail::pending_event& e, const failure& f);
  [[nodiscard, gnu::cold]] std::string_view command_of(verb v, mail_state* m,
                                                       std::uint32_t recipient);
  [[gnu::cold]] void warn(errc why, std::string_view detail, operation_id id = 0);
  [[gnu::cold]] void warn(errc why, std::string_view detail, operation_id id, verb about);

  // -- session_send.cpp: what may be written now --------------------------------------------------
  void fill();
  /// What `next_verb` says if there is nothing to do: the one verb that nobody writes.
  static constexpr verb nothing = verb::greeting;
  [[nodiscard]] verb next_verb();
  [[nodiscard, gnu::cold]] verb next_verb_unready() const noexcept;
  [[nodiscard]] bool lmtp() const noexcept { return config_.protocol == mail_protocol::lmtp; }
  /// What the session says hello with (LMTP-01).
  [[nodiscard]] verb hello_verb() const noexcept { return lmtp() ? verb::lhlo : verb::ehlo; }
  [[nodiscard]] bool pipelining() const noexcept {
    return level_ != pipelining_level::off && peer_.has(extension::pipelining);
  }
  /// Are whole mails written one behind the other (BDAT-14)?
  [[nodiscard]] bool streaming() const noexcept {
    return level_ == pipelining_level::stream && pipelining() && peer_.has(extension::chunking) &&
           !config_.require_all_recipients;
  }
  /// May this be written although replies are outstanding (RFC 2920 section 3.1)?
  [[nodiscard, gnu::always_inline]] bool may_write(verb v) const noexcept {
    if (window_.empty()) return true;
    if (!pipelining() || !window_.admits(v, outstanding_)) return false;
    return !detail::is(v, detail::trait::final) || !config_.quit_no_wait;  // SESS-20
  }
  /// Has the group room for a line of so many octets without its CRLF?
  [[nodiscard, gnu::always_inline]] bool fits(std::size_t line) const noexcept {
    return window_.fits(line + detail::crlf.size(), out_, config_.limits.group_octets);
  }
  bool write(verb v);
  [[nodiscard, gnu::cold]] command prepare(verb v);
  [[nodiscard, gnu::cold]] bool complete_text(verb v);
  [[gnu::cold]] void format_hello(verb v);
  /// Owes the reply to the line that was staged last, or to what is no line.
  [[gnu::always_inline]] void owe(verb v, mail_state* mail, std::uint32_t recipient,
                                  operation_id id) {
    window_.owe(v, mail, recipient, id, out_.staged(), now_);
  }
  [[gnu::cold]] void trace_line(verb v, const command& c);
  bool write_body(mail_state& m);
  bool write_content(mail_state& m);

  void release_chunk();
  void begin_ahead(mail_state& m) noexcept;
  /// Is content on its way?
  [[nodiscard]] static constexpr bool is_body(detail::mail_step step) noexcept {
    return step == detail::mail_step::content || step == detail::mail_step::chunks;
  }
  /// Is the content, or a chunk of it, partly staged? It can only be ended, or the link cut.
  [[nodiscard]] bool in_body(const mail_state& m) const noexcept {
    return m.step == detail::mail_step::content ||
           (m.step == detail::mail_step::chunks && !chunks_.chunk_written());
  }
  [[nodiscard, gnu::cold]] bool waits_for_chunk(const mail_state& m) const noexcept;
  bool write_chunks(mail_state& m);
  [[nodiscard]] bool begin_chunk(mail_state& m);
  [[nodiscard, gnu::cold]] errc check_chunk(mail_state& m);
  [[gnu::cold]] void trace_content(std::uint64_t before);
  void note_progress(std::uint64_t before);

  // -- session_check.cpp: whether a mail may be sent ---------------------------------------------
  [[nodiscard]] bool refuse_locally(mail_state& m);
  [[nodiscard]] errc check_mail(mail_state& m, detail::line_facts& facts);
  [[nodiscard]] detail::line_facts facts_of(const mail_state& m) const noexcept;
  void ask_for_verdicts(mail_state& m, detail::line_facts& facts) const noexcept;
  [[nodiscard]] errc format_mail(mail_state& m, detail::line_facts facts);
  [[nodiscard, gnu::cold]] errc format_rcpt(mail_state& m, detail::rcpt_state& to);
  [[nodiscard, gnu::cold]] errc warn_of(const detail::written& parameters);
  [[nodiscard, gnu::cold]] errc check_streamed(mail_state& m, const detail::content_source& read,
                                               bool ended);
  [[gnu::cold]] void stop_content(mail_state& m, errc why);
  [[gnu::cold]] void reject_content(mail_state& m, verb at, errc why);

  // -- session_limits.cpp: what the server bounds by LIMITS ---------------------------------------
  /// May one more mail begin in this session?
  [[nodiscard]] bool has_mails_left() const noexcept {
    const std::uint32_t most = peer_.limits().mails;
    return most == 0 || mails_begun_ < most;
  }
  [[nodiscard, gnu::cold]] verb leave_exhausted();
  [[nodiscard, gnu::cold]] errc keep_to_limits(mail_state& m);
  [[gnu::cold]] void count_domains(const mail_state& m);

  // -- session_reply.cpp: what a reply means ------------------------------------------------------
  [[gnu::cold]] void hold(bytes octets);
  [[gnu::cold]] void garbled(bool secret, bytes rest);
  [[gnu::cold]] bool prepare_parser(bytes octets);
  [[gnu::cold]] bool parse_by_octets(bytes& octets, reply& r);
  bool next_reply(bytes& octets, reply& r);
  void read(const reply* held, bytes octets);
  void on_reply(const reply& r);
  [[gnu::cold]] void trace_reply(verb about, const reply& r);
  [[nodiscard, gnu::cold]] std::string masked(std::string_view said) const;
  [[nodiscard, gnu::cold]] reply masked(const reply& r);
  [[gnu::cold]] void untimely(detail::window::timing how, const reply& r);
  void react(detail::reaction what, const expected& e, const reply& r);
  [[gnu::cold]] void premature(const expected& e, const reply& r);
  [[gnu::cold]] void fail_unexpected(errc why, verb about, const reply& r);
  [[gnu::cold]] void refuse_sender(mail_state& m, errc why, const reply& r);
  [[gnu::cold]] void fail_command(const expected& e, errc why, const reply& r);
  [[gnu::cold]] void end_envelope(mail_state& m);
  void accept_sender(const expected& e, const reply& r);
  void accept_recipient(const expected& e, const reply& r);
  void decide_content(const expected& e, outcome o, const verdict& v);
  void answer_content(const expected& e, detail::reaction what, const reply& r);
  [[gnu::cold]] void refuse_content(const expected& e, const reply& r);
  [[gnu::cold]] void answer_last_chunk(const expected& e, detail::reaction what, const reply& r);
  [[gnu::cold]] void announce_verdicts(const expected& e, const reply& r);
  [[gnu::cold]] void note_verdict(const expected& e, const reply& r);
  [[gnu::cold]] void take_verdicts(mail_state& m);
  [[gnu::cold]] void answer_unwanted(const expected& e, detail::reaction what, const reply& r);
  [[gnu::cold]] void answer_chunk(const expected& e, detail::reaction what, const reply& r);
  [[gnu::cold]] void refuse_chunk(mail_state& m, verb at, const reply& r);
  [[gnu::cold]] void refuse_mail(const expected& e, detail::reaction what, const reply& r);
  [[gnu::cold]] void answer_reset(const expected& e, detail::reaction what, const reply& r);
  [[gnu::cold]] void complete_command(const expected& e, const reply& r);
  [[gnu::cold]] void answer_closing(const expected& e, detail::reaction what, const reply& r);
  [[gnu::cold]] void violated(const expected& e, const reply& r);
  [[nodiscard, gnu::cold]] bool ignores(detail::reaction what, const expected& e, const reply& r);
  [[gnu::cold]] void refuse_recipient(const expected& e, detail::reaction what, const reply& r);
  void answer_data(const expected& e, const reply& r);

  // -- session_opening.cpp: the steps by which a session opens ------------------------------------
  struct opening_row;
  static const std::array<opening_row, 4> opening_plan;
  [[gnu::cold]] void proceed_opening();
  [[gnu::cold]] void become_ready();
  [[nodiscard, gnu::cold]] bool wants_hello() const;
  [[gnu::cold]] void begin_hello();
  [[nodiscard, gnu::cold]] bool wants_tls() const;
  [[gnu::cold]] void begin_tls();
  [[nodiscard, gnu::cold]] bool wants_xclient() const;
  [[gnu::cold]] void begin_xclient();
  [[gnu::cold]] void start_over(const reply& r);
  [[gnu::cold]] void prepare_forward();
  [[gnu::cold]] void refuse_forward(const reply& r);
  [[gnu::cold]] void prepare_lines(verb v, const std::vector<client_attribute>& all);
  [[nodiscard, gnu::cold]] std::string_view client_line() const;
  [[nodiscard, gnu::cold]] bool wants_login() const;
  [[gnu::cold]] void begin_opening_login();
  [[gnu::cold]] void read_greeting(const reply& r);
  [[gnu::cold]] void greeted(const reply& r);
  [[gnu::cold]] void take_capabilities(const reply& r);
  [[gnu::cold]] void go_without_extensions();
  [[gnu::cold]] void start_handshake();
  [[gnu::cold]] void refuse_tls(const reply& r);
  [[gnu::cold]] void refuse_opening(const expected& e, detail::reaction what, const reply& r);
  [[nodiscard, gnu::cold]] bool may_try_helo(detail::reaction what, const reply& r) const;
  [[gnu::cold]] void fail_handshake(errc why, std::error_code cause = {},
                                    std::string_view excerpt = {});

  // -- session_login.cpp: AUTH --------------------------------------------------------------------
  [[gnu::cold]] void begin_login();
  [[gnu::cold]] void write_login(verb v);
  [[gnu::cold]] void write_secret_line(verb v, std::string_view line, std::string_view shown);
  [[nodiscard, gnu::cold]] errc usable(sasl_mechanism& m);
  [[gnu::cold]] void try_next_mechanism(const reply& last);
  [[gnu::cold]] void note_response(std::string_view raw, std::string_view encoded);
  [[gnu::cold]] void send_auth_line(verb v);
  [[gnu::cold]] void answer_challenge(const reply& r);
  [[gnu::cold]] void accept_login(const reply& r);
  [[gnu::cold]] void refuse_mechanism(const reply& r);
  [[gnu::cold]] void cancel_login(errc why);
  [[gnu::cold]] void login_failed(errc why, const reply& r);

  // What few sessions need, or all of them once.
  std::string hello_name_;
  std::string greeting_;                               // first line of the greeting
  std::vector<std::unique_ptr<login>> logins_wanted_;  // of authenticate() operations, in order
  operation_id hello_id_ = 0;                          // of hello() in progress
  std::string client_lines_;                           // of XCLIENT or XFORWARD, LF between two
  domain_set domains_;  // of recipients, where the server bounds them
  channel_binding binding_;
  bool tls_verified_ = false;
  bool authenticated_ = false;
  bool told_ready_ = false;
  bool quit_written_ = false;
  bool warned_bare_lf_ = false;
  std::uint32_t warnings_ = 0;
  opening opening_;
  ending ending_;
  held_reply held_;
};

}  // namespace sansmtp
