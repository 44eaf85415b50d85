// One mail, one call.
#pragma once

#include <string_view>

#include "sansmtp/blocking/client_options.hpp"
#include "sansmtp/delivery.hpp"
#include "sansmtp/envelope.hpp"
#include "sansmtp/message.hpp"

namespace sansmtp::blocking {

/// Command: connects to `server` (see `server_address::parse`), sends one mail, says QUIT. The
/// report has one entry for each recipient whatever went wrong; `error` says why it failed as a
/// whole, also if there was no connection. Octets of a borrowed message are the caller's again when
/// it returns.
[[nodiscard]] delivery send_mail(std::string_view server, const envelope& env, message content,
                                 client_options options = {});

}  // namespace sansmtp::blocking
