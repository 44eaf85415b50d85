// The session's members and the three parts of its work: lifetime and commands (session.cpp), what
// may be written (session_send.cpp), what a reply means (session_reply.cpp).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "auth_mask.hpp"
#include "event_queue.hpp"
#include "expected.hpp"
#include "mail_state.hpp"
#include "output.hpp"
#include "protocol_table.hpp"
#include "ring.hpp"
#include "sansmtp/reply_parser.hpp"
#include "sansmtp/session.hpp"
#include "text_buffer.hpp"

namespace sansmtp {

struct session::impl {
  [[gnu::cold]] explicit impl(session_config c);
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;
  [[gnu::cold]] ~impl();

  using mail_state = detail::mail_state;
  using expected = detail::expected;
  using verdict = detail::verdict;

  /// Octets of a command line with its CRLF (RFC 5321 section 4.5.3.1.4).
  static constexpr std::size_t command_line_limit = 512;
  /// Objects for mails that none of so many mails needed are given back (CORE-09).
  static constexpr std::uint32_t mails_of_period = 256;
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
      wipe(line);
      if (held_back) wipe(*held_back);
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

  // -- session.cpp: lifetime, time, the user's commands -------------------------------------------
  void tell(time_point now) noexcept {
    if (now > now_) now_ = now;
  }
  [[nodiscard]] bool over() const noexcept {
    return quit_asked_ || stage_ == stage::leaving || stage_ == stage::closed;
  }
  [[gnu::cold]] operation_id enqueue(verb what, std::string_view word, std::string_view arg,
                                     bool arg_required);
  [[gnu::cold]] void refuse_command(verb what, operation_id id, errc why);
  mail_state& take_mail();
  [[gnu::cold]] mail_state& make_mail();
  void release_shown();
  [[gnu::cold]] void give_spares_back();
  [[nodiscard]] const event* show_next();
  void show_results(mail_state& m, std::size_t answer_of);

  // Ends of things.
  [[gnu::cold]] void give_up(operation& op);
  void conclude(mail_state& m, outcome if_handed, const verdict& v);
  void finish(mail_state& m, errc why = errc::none, const std::error_code* code = nullptr);
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
  [[gnu::cold]] void fail(const failure& f);  // at once, without an octet
  void fail_handshake(errc why, std::error_code cause = {}, std::string_view excerpt = {});
  [[gnu::cold]] void leave(const failure& f);  // politely: QUIT
  [[gnu::cold]] void server_closes(const reply& r, verb at, std::uint64_t answered);  // 421
  [[gnu::cold]] void close(const failure& f);
  [[gnu::cold]] void report_opening_failure(const failure& f);
  detail::pending_event& tell_event(event::kind what, verb about, const reply& r = {});
  [[gnu::cold]] void fill_failure(detail::pending_event& e, const failure& f);
  [[nodiscard, gnu::cold]] std::string_view command_of(verb v, mail_state* m,
                                                       std::uint32_t recipient);
  [[gnu::cold]] void warn(errc why, std::string_view detail, operation_id id = 0);

  // -- session_send.cpp: what may be written now --------------------------------------------------
  void fill();
  /// What `next_verb` says if there is nothing to do: the one verb that nobody writes.
  static constexpr verb nothing = verb::greeting;
  [[nodiscard]] verb next_verb();
  [[nodiscard, gnu::cold]] verb next_verb_unready() const noexcept;
  [[nodiscard]] bool may_write(verb v) const noexcept;
  [[nodiscard]] bool pipelining() const noexcept {
    return level_ != pipelining_level::off && peer_.has(extension::pipelining);
  }
  [[nodiscard]] bool fits(std::size_t line) const noexcept;
  bool write(verb v);
  [[gnu::cold]] void write_secret_line(verb v, std::string_view line, std::string_view shown);
  void owe(verb v, mail_state* mail, std::uint32_t recipient, operation_id id);
  [[gnu::cold]] void trace_line(verb v, std::string_view shown);
  bool write_content(mail_state& m);
  [[gnu::cold]] void stop_content(mail_state& m, errc why);
  [[nodiscard]] errc check_mail(mail_state& m);
  [[nodiscard]] errc check_content(mail_state& m);
  [[nodiscard]] bool refuse_locally(mail_state& m);
  [[nodiscard]] errc format_mail(mail_state& m, detail::text_buffer& line);
  [[nodiscard, gnu::cold]] errc format_rcpt(mail_state& m, std::uint32_t index,
                                            detail::text_buffer& line);
  [[nodiscard, gnu::cold]] errc append_extras(const mail_state& m, detail::text_buffer& line);
  [[nodiscard, gnu::cold]] errc append_extras(const mail_state& m, const recipient& to,
                                              detail::text_buffer& line);
  [[nodiscard, gnu::cold]] errc append_raw(const std::vector<parameter>& raw,
                                           detail::text_buffer& line);
  void release_chunk();
  void note_progress(std::uint64_t before);

  // -- session_reply.cpp: what a reply means ------------------------------------------------------
  [[gnu::cold]] void hold(bytes octets);
  [[gnu::cold]] void garbled(bool secret, bytes rest);
  [[gnu::cold]] bool prepare_parser(bytes octets);
  [[gnu::cold]] bool parse_by_octets(bytes& octets, reply& r);
  bool next_reply(bytes& octets, reply& r);
  void read(reply held, bytes octets);
  void on_reply(const reply& r);
  [[gnu::cold]] void trace_reply(verb about, const reply& r);
  [[nodiscard, gnu::cold]] std::string masked(std::string_view said) const;
  [[nodiscard, gnu::cold]] reply masked(const reply& r);
  [[gnu::cold]] void note_response(std::string_view raw, std::string_view encoded);
  [[nodiscard]] bool is_timely(const reply& r);
  void react(detail::reaction what, const expected& e, const reply& r);
  [[gnu::cold]] void premature(const expected& e, const reply& r);
  [[gnu::cold]] void fail_unexpected(errc why, verb about, const reply& r);
  [[gnu::cold]] void proceed_opening();
  [[gnu::cold]] void become_ready();
  [[nodiscard, gnu::cold]] errc usable(sasl_mechanism& m);
  [[gnu::cold]] void send_auth_line(verb v);
  [[gnu::cold]] void try_next_mechanism(const reply& last);
  [[gnu::cold]] void answer_challenge(const reply& r);
  [[gnu::cold]] void cancel_login(errc why);
  [[gnu::cold]] void login_failed(errc why, const reply& r);
  [[gnu::cold]] void refuse_sender(mail_state& m, errc why, const reply& r);
  [[gnu::cold]] void fail_command(const expected& e, errc why, const reply& r);
  void settle(mail_state& m);
  void accept_recipient(const expected& e, const reply& r);
  [[gnu::cold]] void refuse_recipient(const expected& e, const reply& r);
  void answer_data(mail_state& m, const reply& r);
  [[gnu::cold]] void read_greeting(const reply& r);

  // What each mail needs stands together, since with thousands of sessions each has left the cache
  // when its next reply comes: a line more of it is a wait more.

  // Where we are.
  stage stage_ = stage::unconnected;
  bool tls_ = false;
  bool quit_asked_ = false;    // nothing more is taken
  bool group_closed_ = false;  // nothing may follow until all replies are there
  bool rset_due_ = false;      // before the next MAIL (TXN-16)
  bool delivered_ = false;     // a mail, at least
  pipelining_level level_ = pipelining_level::envelope;  // as configured, or as the server bears
  bool long_lines_ = false;       // the parser takes lines as long as AUTH needs
  std::optional<verb> pressing_;  // to be written before all else: opening, AUTH, a lone dot
  std::uint32_t rset_owed_ = 0;   // RSETs sent without a reply yet
  int held_reply_ = 0;  // code of a final reply that waits for the end of a write; 0: none
  std::unique_ptr<login> login_;             // in progress
  std::unique_ptr<detail::auth_mask> mask_;  // of what was sent in exchanges of AUTH
  std::string masked_reply_;                 // what may be shown of the reply that is acted upon
  std::uint64_t answered_ = 0;               // output position behind the command answered last
  std::uint64_t group_begin_ = 0;            // output position from which the group's octets count
  time_point now_{};
  time_point base_{};  // when the oldest owed reply began to be waited for
  // Content that is being written: when the last stretch of it that was long enough began
  // (TIME-08), and where in the output.
  time_point stretch_base_{};
  std::uint64_t stretch_begin_ = 0;
  operation_id last_id_ = 0;

  // The machine: what is owed, what is staged, what is told, what is wanted.
  detail::ring<expected> owed_;
  mail_state* sending_ = nullptr;     // the sender's: envelope or content in progress
  mail_state* spare_ = nullptr;       // those that are free: the one used last
  mail_state* shown_ = nullptr;       // whose results the current event shows
  std::uint32_t released_ = 0;        // how many were, in all
  detail::ring<mail_state*> active_;  // begun and not over, oldest first
  detail::ring<operation> wanted_;
  detail::output_stage out_;
  detail::event_queue events_;
  event current_;
  std::vector<recipient_result> results_;
  detail::text_buffer mail_line_;  // of the mail that is next and was looked at
  detail::text_buffer line_;       // scratch
  std::vector<bytes> slices_;      // scratch
  reply_parser parser_;

  // Configuration and what is known of the peer.
  session_config config_;
  capabilities peer_;

  // What few sessions need, or all of them once: `session::prefetch` stops before it.
  std::string hello_name_;
  std::string greeting_;                               // first line of the greeting
  std::vector<std::unique_ptr<mail_state>> mails_;     // all there are
  std::vector<std::unique_ptr<login>> logins_wanted_;  // of authenticate() operations, in order
  operation_id hello_id_ = 0;                          // of hello() in progress
  channel_binding binding_;
  bool tls_verified_ = false;
  bool starttls_refused_ = false;
  bool authenticated_ = false;
  bool told_ready_ = false;
  bool told_opening_failure_ = false;
  bool quit_written_ = false;
  bool farewell_ = false;  // QUIT once more after the end, without awaiting anything (SESS-24)
  bool warned_bare_lf_ = false;
  std::uint32_t warnings_ = 0;
  failure leaving_because_;                  // what `closed` reports after a polite end
  std::string leaving_text_;                 // owns leaving_because_.answer's text
  std::string held_text_;                    // of the held reply,
  std::string held_input_;                   // and what came behind it,
  std::optional<std::error_code> held_end_;  // perhaps with the end of the stream
};

}  // namespace sansmtp
