// What happened in a world, as a transcript that the player of transcripts runs.
#pragma once

#include <sansmtp/sansmtp.hpp>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace sansmtp::simulation {

class log {
 public:
  /// Command: write everything down; off by default, since it costs time.
  void start() { on_ = true; }
  [[nodiscard]] bool on() const noexcept { return on_; }

  /// A statement of the user or about the link, without line end.
  void state(std::string_view statement);
  void pass(std::chrono::milliseconds by);
  void server(std::string_view octets);
  void client(std::string_view octets);
  /// `number` is the transcript's own of the mail or command.
  void told(const event& e, std::size_t number);
  /// All that could be written and told by now was.
  void rest() { rested_ = true; }
  /// A line that says what the transcript cannot.
  void comment(std::string_view text);

  [[nodiscard]] const std::string& text() const noexcept { return text_; }

 private:
  enum class kind { nothing, user, server, other };

  [[nodiscard]] std::string why(const event& e) const;

  std::string text_;
  kind last_ = kind::nothing;
  bool rested_ = false;
  bool on_ = false;
  bool tls_ = false;  // what is told happened inside TLS
};

/// Escaped as the grammar of transcripts wants it.
[[nodiscard]] std::string escaped(std::string_view octets);

}  // namespace sansmtp::simulation
