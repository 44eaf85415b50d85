// What a server answered to a command.
#pragma once

#include <string>
#include <system_error>

#include "sansmtp/reply.hpp"

namespace sansmtp::blocking {

/// The outcome of NOOP, RSET, VRFY, EXPN, HELP, EHLO and raw commands, owned.
struct command_result {
  std::error_code error;     ///< None if the server answered with 2yz or 3yz.
  int code = 0;              ///< Of the reply; 0 if there was none.
  enhanced_status enhanced;  ///< Of the reply.
  std::string text;          ///< Of the reply, raw, lines joined by LF.
};

}  // namespace sansmtp::blocking
