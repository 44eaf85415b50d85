#include "sansmtp/script/dialogue.hpp"

#include <algorithm>

#include "octet_text.hpp"

namespace sansmtp::script {
namespace {

/// Getter: seconds with three digits behind the point, right-aligned.
std::string to_seconds(std::chrono::milliseconds at) {
  const auto total = at.count();
  std::string fraction = std::to_string(total % 1000);
  fraction.insert(0, 3 - fraction.size(), '0');
  std::string out = std::to_string(total / 1000) + '.' + fraction;
  if (out.size() < 8) out.insert(0, 8 - out.size(), ' ');
  return out;
}

}  // namespace

std::string to_string(const dialogue& d) {
  using speaker = dialogue_entry::speaker;
  std::string out;
  for (const dialogue_entry& entry : d) {
    const std::string time = to_seconds(entry.at) + "  ";
    switch (entry.who) {
      case speaker::server:
      case speaker::client:
        for (const auto& line :
             to_statements(entry.who == speaker::server ? 'S' : 'C', entry.text)) {
          out += time + line + '\n';
        }
        break;
      case speaker::user:
      case speaker::engine: out += time + entry.text + '\n'; break;
    }
  }
  return out;
}

}  // namespace sansmtp::script
