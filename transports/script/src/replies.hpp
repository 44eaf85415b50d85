// Which reply of a transcript answers which command.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "statement.hpp"

namespace sansmtp::script {

/// A line that the client writes.
struct client_line {
  std::string octets;
  std::size_t statement = 0;  // index of the one that holds it
  bool content = false;       // of a message, the dot behind it included
  bool ahead = false;         // a `C+`

  /// Getter: does a reply answer it?
  [[nodiscard]] bool is_answered() const noexcept { return !content || octets == ".\r\n"; }
};

/// A reply of the server, or octets that are none.
struct server_reply {
  std::string octets;
  std::size_t statement = 0;  // index of the one that begins it
  std::size_t needs = 0;      // so many lines of the client come before it; 0: the greeting
  bool ahead = false;         // it answers a `C+`
};

/// What both sides of a transcript say, each in its order.
struct both_sides {
  std::vector<client_line> client;
  std::vector<server_reply> server;
};

/// Getter: the lines and replies of a transcript. Replies answer in order, behind the greeting, the
/// commands and the dots that end content; a 354 begins content.
[[nodiscard]] both_sides sides_of(const script_data& script);

}  // namespace sansmtp::script
