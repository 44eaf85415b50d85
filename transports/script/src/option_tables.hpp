// The words of `> open` and `> send`, and what of the engine each stands for: the parser reads by
// these tables and the recorder writes by them.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "sansmtp/sansmtp.hpp"

namespace sansmtp::script {

/// One word of a list of names, each with what it stands for.
template <class T>
struct named {
  std::string_view name;
  T value;
};

inline constexpr std::array<named<bool session_config::*>, 14> flags{{
    {"trace", &session_config::trace},
    {"quit_no_wait", &session_config::quit_no_wait},
    {"require_all_recipients", &session_config::require_all_recipients},
    {"pipeline_rset", &session_config::pipeline_rset},
    {"allow_empty_content", &session_config::allow_empty_content},
    {"reject_long_lines", &session_config::reject_long_lines},
    {"allow_unadvertised", &session_config::allow_unadvertised},
    {"allow_unadvertised_8bit", &session_config::allow_unadvertised_8bit},
    {"auth_optional", &session_config::auth_optional},
    {"no_initial_response", &session_config::no_initial_response},
    {"ehlo_after_auth", &session_config::ehlo_after_auth},
    {"allow_auth_unverified_tls", &session_config::allow_auth_unverified_tls},
    {"allow_auth_cleartext", &session_config::allow_auth_cleartext},
    {"allow_challenge_cleartext", &session_config::allow_challenge_cleartext},
}};

inline constexpr std::array<named<timeouts::duration timeouts::*>, 14> timeout_fields{{
    {"greeting", &timeouts::greeting},
    {"hello", &timeouts::hello},
    {"starttls", &timeouts::starttls},
    {"handshake", &timeouts::handshake},
    {"auth", &timeouts::auth},
    {"mail", &timeouts::mail},
    {"rcpt", &timeouts::rcpt},
    {"data", &timeouts::data},
    {"block", &timeouts::block},
    {"progress", &timeouts::progress},
    {"content", &timeouts::content},
    {"reset", &timeouts::reset},
    {"command", &timeouts::command},
    {"quit", &timeouts::quit},
}};

inline constexpr std::array<named<std::uint32_t reply_limits::*>, 3> reply_limit_fields{{
    {"line", &reply_limits::line},
    {"lines", &reply_limits::lines},
    {"octets", &reply_limits::octets},
}};

inline constexpr std::array<named<std::uint32_t limits::*>, 6> limit_fields{{
    {"auth_line", &limits::auth_line},
    {"recipients", &limits::recipients},
    {"outstanding", &limits::outstanding},
    {"group_octets", &limits::group_octets},
    {"warnings", &limits::warnings},
    {"progress_octets", &limits::progress_octets},
}};

inline constexpr std::array<named<tls_mode>, 4> tls_modes{{
    {"off", tls_mode::off},
    {"opportunistic", tls_mode::opportunistic},
    {"required", tls_mode::required},
    {"implicit", tls_mode::implicit},
}};

inline constexpr std::array<named<pipelining_level>, 3> pipelining_levels{{
    {"off", pipelining_level::off},
    {"envelope", pipelining_level::envelope},
    {"messages", pipelining_level::messages},
}};

inline constexpr std::array<named<line_end_policy>, 2> line_end_policies{{
    {"normalize", line_end_policy::normalize},
    {"strict", line_end_policy::strict},
}};

inline constexpr std::array<named<notify>, 4> notifications{{
    {"SUCCESS", notify::success},
    {"FAILURE", notify::failure},
    {"DELAY", notify::delay},
    {"NEVER", notify::never},
}};

inline constexpr std::array<named<dsn_return>, 2> returns{{
    {"FULL", dsn_return::full},
    {"HDRS", dsn_return::headers},
}};

}  // namespace sansmtp::script
