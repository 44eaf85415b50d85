// The server's side of a transcript, without I/O.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sansmtp/script/dialogue.hpp"
#include "sansmtp/script/mismatch.hpp"
#include "sansmtp/script/transcript.hpp"

namespace sansmtp::script {

/// How closely a client's lines are compared.
enum class likeness : bool {
  /// Verbs and keywords in any case, any name behind EHLO; all else octet by octet.
  same_command,
  exact,  ///< Octet by octet.
};

/// Plays the server of a transcript against any SMTP client, octets in, octets out: its C lines are
/// what the client must say, its S lines what it is answered, its `@` how long the server takes, `!
/// end` and `! reset` how it leaves. What the transcript says of the engine (`>`, `*`, `=`) is not
/// looked at. Each reply follows the command that it answers, so a client may pipeline or not,
/// whatever the transcript's own client did, and it may leave out what the `C+` lines say.
class scripted_server {
 public:
  using duration = std::chrono::milliseconds;

  explicit scripted_server(const transcript& t, likeness how = likeness::same_command);

  /// Getter: why this transcript cannot be served; empty if it can. TLS is not spoken.
  [[nodiscard]] const std::string& obstacle() const noexcept { return obstacle_; }

  /// Input: octets of the client at a time since the beginning.
  void receive(duration now, std::string_view octets);
  /// Input: the client closed.
  void receive_end(duration now);

  /// Output: octets to be sent now; empty if there are none. Each is given once.
  [[nodiscard]] std::string output(duration now);
  /// Output: when `output` has more, if nothing comes in before; nothing: it waits for the client.
  [[nodiscard]] std::optional<duration> deadline() const noexcept;

  /// Getter: is the link to be closed now, and with a reset?
  [[nodiscard]] bool closing() const noexcept { return closing_; }
  [[nodiscard]] bool resetting() const noexcept { return resetting_; }
  /// Getter: the first line of the client's that is not the transcript's.
  [[nodiscard]] const std::optional<mismatch>& wrong() const noexcept { return wrong_; }
  /// Getter: what was said so far, with its times.
  [[nodiscard]] const dialogue& said() const noexcept { return said_; }

 private:
  struct step {
    enum class what : unsigned char { say, wait, end, reset };
    what kind = what::say;
    std::string octets;
    duration by{0};
    std::size_t needs = 0;  // so many of the client's lines must have come
    bool ahead = false;     // it answers a line that a client may leave out
  };
  struct heard_line {
    std::string octets;
    std::uint32_t line = 0;
    bool content = false;
    bool ahead = false;     // may be left out
    bool left_out = false;  // and was
  };

  void advance(duration now);
  void hear(std::string_view octets);
  [[nodiscard]] bool is_same(const heard_line& wanted, std::string_view line) const;
  void fail(std::uint32_t line, std::string what, std::string_view expected, std::string_view came);
  void note(dialogue_entry::speaker who, duration now, std::string_view text);

  std::string name_;
  likeness how_;
  std::string obstacle_;
  std::vector<step> steps_;
  std::vector<heard_line> expected_;
  std::uint32_t last_line_ = 0;
  std::size_t next_step_ = 0;
  std::size_t heard_ = 0;
  std::string partial_;
  std::string out_;
  std::optional<duration> waits_until_;
  bool closing_ = false;
  bool resetting_ = false;
  std::optional<mismatch> wrong_;
  dialogue said_;
};

}  // namespace sansmtp::script
