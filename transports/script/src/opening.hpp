// `> ready`: a greeting, an EHLO and its answer in one line.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "statement.hpp"

namespace sansmtp::script {

/// Getter: why the opening of such a session cannot be said in one line; empty if it can.
[[nodiscard]] std::string why_not_ready(const open_session& options);

/// Getter: is this what an EHLO reply may offer, as far as a line can say it: a keyword, perhaps
/// with parameters, in printable ASCII?
[[nodiscard]] bool is_offer(const std::string& text) noexcept;

/// Getter: the statements that `> ready` stands for, behind the `> open` of these options, each as
/// it is written where it has a line of its own: under implicit TLS the handshake, then the
/// greeting, EHLO, its reply that offers these keywords, and `ready`.
[[nodiscard]] std::vector<statement> opening_of(const open_session& options,
                                                const std::vector<std::string>& offers,
                                                std::uint32_t line);

}  // namespace sansmtp::script
