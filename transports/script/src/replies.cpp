#include "replies.hpp"

#include <algorithm>
#include <utility>

#include "octet_text.hpp"

namespace sansmtp::script {
namespace {

/// Getter: does a line that ends the reply still have to come?
bool is_open(std::string_view reply) {
  if (reply.empty()) return false;
  // The last line alone, since the reply grows by one at each call.
  const std::string_view last = reply.substr(reply.substr(0, reply.size() - 1).rfind('\n') + 1);
  return last.size() > 3 && last[3] == '-';
}

/// Getter: the replies in these octets: up to and with a line that ends one. What is no reply, and
/// what is left in the end, is one too.
std::vector<std::string> to_replies(std::string_view octets) {
  std::vector<std::string> replies;
  for (const std::string_view line : to_lines(octets)) {
    if (replies.empty() || !is_open(replies.back())) replies.emplace_back();
    replies.back() += line;
  }
  return replies;
}

}  // namespace

both_sides sides_of(const script_data& script) {
  both_sides sides;
  std::vector<std::size_t> answered;  // indices of the client's lines that have a reply
  bool content = false;
  bool more = false;  // the reply goes on in a later statement
  for (std::size_t i = 0; i < script.statements.size(); ++i) {
    const statement& s = script.statements[i];
    if (const auto* writes = s.get<client_writes>()) {
      for (const std::string_view line : to_lines(writes->octets)) {
        sides.client.push_back({std::string(line), i, content, writes->ahead});
        if (!sides.client.back().is_answered()) continue;
        answered.push_back(sides.client.size() - 1);
        content = false;
      }
    } else if (const auto* says = s.get<server_says>()) {
      for (std::string& octets : to_replies(says->octets)) {
        if (more) {
          sides.server.back().octets += octets;
        } else {
          server_reply reply{std::move(octets), i, 0, false};
          if (const std::size_t of = std::min(sides.server.size(), answered.size()); of > 0) {
            reply.needs = answered[of - 1] + 1;
            reply.ahead = sides.client[answered[of - 1]].ahead;
          }
          sides.server.push_back(std::move(reply));
        }
        if (sides.server.back().octets.starts_with("354")) content = true;
        more = is_open(sides.server.back().octets);
      }
    } else if (s.get<time_passes>() != nullptr || s.get<link_changes>() != nullptr) {
      more = false;
    }
  }
  return sides;
}

}  // namespace sansmtp::script
