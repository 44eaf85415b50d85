#include "sansmtp/blocking/failure.hpp"

namespace sansmtp::blocking {

std::string to_string(const failure& what) {
  if (!what) return "no error";
  std::string line;
  const auto add = [&line](std::string_view part) {
    if (part.empty()) return;
    if (!line.empty()) line += ": ";
    line += part;
  };
  add(what.server);
  // Before there was a connection the stage says nothing that the system's words do not say better.
  if (what.stage != verb::greeting || what.code != 0) add(to_string(what.stage));
  if (what.code != 0) {
    add(std::to_string(what.code) + ' ' + display_text(what.text));
  } else {
    add(what.error.message());
  }
  if (!what.excerpt.empty()) add("received \"" + display_text(what.excerpt) + '"');
  return line;
}

}  // namespace sansmtp::blocking
