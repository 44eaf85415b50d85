// The dialogue with a server as people read it.
#pragma once

#include <string>

#include "sansmtp/event.hpp"

namespace sansmtp::cli {

/// Getter: the lines, each with its LF, that show a trace event: "C: " for what the client said,
/// "S: " for the server. Empty for other events. Secrets are masked, content is a count of octets,
/// server text is in display form (ERR-01, SEC-04).
[[nodiscard]] std::string dialogue_of(const event& e);

}  // namespace sansmtp::cli
