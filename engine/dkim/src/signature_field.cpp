#include "signature_field.hpp"

#include <algorithm>

namespace sansmtp::dkim {

std::size_t signature_field::room() const noexcept {
  return longest_line - std::min(longest_line, text_.size() - line_);
}

void signature_field::fold() {
  text_ += "\r\n";
  line_ = text_.size();
  text_ += '\t';
}

void signature_field::add(std::string_view word) {
  // The octet more is the mark that may close it.
  if (word.size() + 2 <= room()) {
    text_ += ' ';
  } else {
    fold();
  }
  text_ += word;
}

void signature_field::go_on(char mark, std::string_view item) {
  text_ += mark;
  if (item.size() + 1 > room()) fold();
  text_ += item;
}

void signature_field::fill(std::string_view letters) {
  while (!letters.empty()) {
    if (room() == 0) fold();
    const std::string_view part = letters.substr(0, room());
    text_ += part;
    letters.remove_prefix(part.size());
  }
}

}  // namespace sansmtp::dkim
