#include "dialogue.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <iterator>

namespace sansmtp::cli {

std::string dialogue_of(const event& e) {
  if (e.what == event::kind::line_sent) return fmt::format("C: {}\n", display_text(e.command));
  if (e.what == event::kind::content_sent)
    return fmt::format("C: [{} octets of content]\n", e.octets);
  std::string text;
  if (e.what == event::kind::reply_parsed) {
    const std::size_t lines = e.answer.line_count();
    for (std::size_t i = 0; i < lines; ++i) {
      fmt::format_to(std::back_inserter(text), "S: {}{}{}\n", e.answer.code(),
                     i + 1 < lines ? '-' : ' ', display_text(e.answer.line(i)));
    }
  }
  return text;
}

}  // namespace sansmtp::cli
