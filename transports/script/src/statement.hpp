// What the lines of a transcript say, once understood.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "sansmtp/sansmtp.hpp"

namespace sansmtp::script {

/// One way to authenticate: a mechanism, or all that are made for these credentials.
struct authentication {
  credentials who;
  std::string_view mechanism;  // as the EHLO reply spells it, in any case; empty: AUTH-12's choice
  auth_strength minimum = auth_strength::any;
};

/// `> open`
struct open_session {
  session_config config;
  std::string host;
  std::string address;
  bool manual = false;  // the link comes up by `! connected`
  std::vector<authentication> auth;
};

/// `> send`
struct send_mail {
  enum class source : std::uint8_t { borrowed, owned, streamed };

  std::uint32_t number = 0;
  envelope env;
  source from = source::borrowed;
  std::string content;
  std::optional<std::uint64_t> size;
  bool eight_bit = false;
  bool binary = false;
  bool utf8_headers = false;
};

/// `> lend`
struct lend_chunk {
  std::string octets;
  bool last = false;
};

/// `> cancel`
struct cancel_mail {
  std::uint32_t number = 0;
};

/// `> auth`
struct authenticate_now {
  std::vector<authentication> auth;
};

/// The other commands.
struct simple_command {
  enum class what : std::uint8_t {
    hello,
    noop,
    reset,
    verify,
    expand,
    help,
    raw,
    quit,
    quit_now,
    abort,
  };

  what command = what::noop;
  std::string argument;
};

/// `S:` and `S|`
struct server_says {
  std::string octets;
};

/// `C:` and `C|`; no octets: nothing may be written.
struct client_writes {
  std::string octets;
  bool ahead = false;  // `C+`: only where it may run ahead of replies, so not at level `off`
};

/// `@`
struct time_passes {
  std::chrono::milliseconds by{0};
};

/// `!`
struct link_changes {
  enum class what : std::uint8_t {
    end,
    reset,
    connected,
    tls_up,
    tls_unverified,
    tls_failed,
    tls_rejected,
    write_stuck,
    write_failed,
    sent,
  };

  what how = what::end;
  std::string host;
  std::string address;
  std::string binding_type;  // for `tls up`
  std::string binding;
  std::size_t octets = 0;  // for `sent` and `write failed`
};

/// An error as a transcript names it: a condition or a category, and perhaps a stage.
struct expected_error {
  std::string name;
  std::optional<verb> stage;
};

/// What must have become of one recipient; what is not given may be anything.
struct expected_result {
  outcome result = outcome::pending;
  std::optional<expected_error> why;
  std::optional<int> code;
  std::optional<enhanced_status> enhanced;
  std::optional<hint> advice;
};

/// `*`; what is not given may be anything.
struct expected_event {
  event::kind what = event::kind::closed;
  std::optional<std::uint32_t> number;  // the transcript's, of the mail or command
  std::optional<std::uint32_t> recipient;
  std::optional<int> code;
  std::optional<enhanced_status> enhanced;
  std::optional<hint> advice;
  std::optional<std::string> detail;
  std::optional<expected_error> error;
  bool clean = false;                    // for `closed`
  std::optional<std::string> text;       // mechanism, reply, warning or command line
  std::optional<verb> answers;           // for `reply_parsed`
  std::optional<std::uint64_t> octets;   // for `content_sent`
  std::vector<std::string> keywords;     // for `ready`
  bool nothing_offered = false;          // for `ready`
  std::vector<expected_result> results;  // for `mail_done`
  bool refused = false;                  // for `mail_done`: a usage error
};

/// `=`
struct getter_check {
  enum class what : std::uint8_t {
    deadline,
    no_deadline,
    idle,
    not_idle,
    closed,
    not_closed,
    phase_is,
    in_flight,
    server_name,
    banner,
    offers,
    not_offers,
    size_limit,
    mechanisms,
    parameters,
    lend_error,
    finished,
    not_finished,
    wants_read,
    not_wants_read,
    cancel_write,
    not_cancel_write,
  };

  what getter = what::idle;
  std::string text;    // keyword, name, phase or error
  std::string second;  // for `parameters`
  std::uint64_t number = 0;
  std::chrono::milliseconds in{0};  // for `deadline`
  std::optional<verb> stage;        // for `deadline`
};

/// One statement and where it stands.
struct statement {
  // There is one `> open` in a file, and it is far larger than all others.
  std::variant<std::shared_ptr<const open_session>, send_mail, lend_chunk, cancel_mail,
               authenticate_now, simple_command, server_says, client_writes, time_passes,
               link_changes, expected_event, getter_check>
      what;
  std::uint32_t line = 0;
  std::string spelt;  // as a line of its own, where its line stands for more than this statement

  /// Getter: the body if it is a `T`, else nullptr.
  template <class T>
  [[nodiscard]] const T* get() const noexcept {
    if constexpr (std::is_same_v<T, open_session>) {
      const auto* const open = std::get_if<std::shared_ptr<const open_session>>(&what);
      return open == nullptr ? nullptr : open->get();
    } else {
      return std::get_if<T>(&what);
    }
  }

  [[nodiscard]] bool is_server() const noexcept { return get<server_says>() != nullptr; }
  /// Getter: must this hold, rather than be done?
  [[nodiscard]] bool is_expectation() const noexcept {
    return get<client_writes>() != nullptr || get<expected_event>() != nullptr ||
           get<getter_check>() != nullptr;
  }
  [[nodiscard]] bool is_command() const noexcept {
    return !is_expectation() && !is_server() && get<time_passes>() == nullptr &&
           get<link_changes>() == nullptr;
  }
  /// Getter: does it tell what became of a write?
  [[nodiscard]] bool is_sent() const noexcept {
    const auto* link = get<link_changes>();
    return link != nullptr &&
           (link->how == link_changes::what::sent || link->how == link_changes::what::write_failed);
  }
  /// Getter: is it about a write, whose size depends on the mode and the level?
  [[nodiscard]] bool is_write() const noexcept {
    const auto* link = get<link_changes>();
    return is_sent() || (link != nullptr && link->how == link_changes::what::write_stuck);
  }
};

/// Inputs that happen together, and what must hold once the engine has come to rest: indices of
/// statements, inputs from `first`, expectations from `expectations`, up to `end`.
struct turn {
  std::size_t first = 0;
  std::size_t expectations = 0;
  std::size_t end = 0;
};

/// A transcript, understood.
struct script_data {
  std::string name;
  std::vector<std::string> lines;  // the text, without line ends
  std::vector<statement> statements;
  std::vector<turn> turns;
  hash_suite* suite = nullptr;  // the caller's, for the mechanisms that need one
  bool whole_only = false;
  bool no_faults = false;
  bool no_split = false;
  std::vector<pipelining_level> levels;  // `% levels`: to be played at each of them
};

/// Getter: the statement as a line says it, or would say it.
[[nodiscard]] inline const std::string& source_of(const script_data& script, const statement& s) {
  return s.spelt.empty() ? script.lines[s.line - 1] : s.spelt;
}

}  // namespace sansmtp::script
