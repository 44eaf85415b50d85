// The options of a session, as C gives them.
#pragma once

#include "sansmtp.h"
#include "sansmtp/sansmtp.hpp"

namespace sansmtp::c {

/// Input: what C says of a session; nullptr: nothing. `errc::none`, `bad_argument` for what cannot
/// be read, or what `session_config::check` says.
[[nodiscard]] errc read_options(const sansmtp_options* given, session_config& config);

}  // namespace sansmtp::c
