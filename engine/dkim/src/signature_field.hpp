// The DKIM-Signature field while it is written, folded as RFC 5322 section 2.1.1 advises.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace sansmtp::dkim {

/// A field whose lines have at most 78 octets without their CRLF, but where one word is longer.
class signature_field {
 public:
  static constexpr std::string_view name = "DKIM-Signature";

  signature_field() : text_(name) { text_ += ':'; }

  /// Command: a word behind a blank or at the beginning of a line.
  void add(std::string_view word);
  /// Command: an item of a list goes on behind the mark, on the next line if it must. There is room
  /// for one more octet behind each item.
  void go_on(char mark, std::string_view item);
  /// Command: an octet just behind the last word.
  void close(char mark) { text_ += mark; }
  /// Command: letters that may be cut anywhere.
  void fill(std::string_view letters);

  /// Getter: the field without its last CRLF; valid until it is changed.
  [[nodiscard]] const std::string& text() const noexcept { return text_; }
  /// Getter: what stands behind the colon; likewise.
  [[nodiscard]] std::string_view value() const noexcept {
    return std::string_view(text_).substr(name.size() + 1);
  }

 private:
  static constexpr std::size_t longest_line = 78;

  [[nodiscard]] std::size_t room() const noexcept;
  void fold();

  std::string text_;
  std::size_t line_ = 0;  // where the line at hand begins
};

}  // namespace sansmtp::dkim
