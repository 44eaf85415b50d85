// The words of `> open` and `> send`, and what of the engine each stands for: the parser reads by
// these tables and the recorder writes by them.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "sansmtp/sansmtp.hpp"

namespace sansmtp::script {

/// One word of a list of names, each with what it stands for.
template <class T>
struct named {
  std::string_view name;
  T value;
};

inline constexpr std::array<named<bool session_config::*>, 16> flags{{
    {"trace", &session_config::trace},
    {"quit_no_wait", &session_config::quit_no_wait},
    {"require_all_recipients", &session_config::require_all_recipients},
    {"pipeline_rset", &session_config::pipeline_rset},
    {"allow_empty_content", &session_config::allow_empty_content},
    {"prefer_chunking", &session_config::prefer_chunking},
    {"per_recipient_replies", &session_config::per_recipient_replies},
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

inline constexpr std::array<named<std::vector<client_attribute> session_config::*>, 2> client_lists{
    {
        {"xclient", &session_config::xclient},
        {"xforward", &session_config::xforward},
    }};

inline constexpr std::array<named<timeouts::duration timeouts::*>, 15> timeout_fields{{
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
    {"chunk", &timeouts::chunk},
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

inline constexpr std::array<named<std::uint32_t limits::*>, 11> limit_fields{{
    {"auth_line", &limits::auth_line},
    {"recipients", &limits::recipients},
    {"outstanding", &limits::outstanding},
    {"group_octets", &limits::group_octets},
    {"warnings", &limits::warnings},
    {"progress_octets", &limits::progress_octets},
    {"chunk_octets", &limits::chunk_octets},
    {"chunks", &limits::chunks},
    {"body_octets", &limits::body_octets},
    {"stream_mails", &limits::stream_mails},
    {"stream_outstanding", &limits::stream_outstanding},
}};

inline constexpr std::array<named<tls_mode>, 4> tls_modes{{
    {"off", tls_mode::off},
    {"opportunistic", tls_mode::opportunistic},
    {"required", tls_mode::required},
    {"implicit", tls_mode::implicit},
}};

inline constexpr std::array<named<mail_protocol>, 2> mail_protocols{{
    {"smtp", mail_protocol::smtp},
    {"lmtp", mail_protocol::lmtp},
}};

inline constexpr std::array<named<pipelining_level>, 4> pipelining_levels{{
    {"off", pipelining_level::off},
    {"envelope", pipelining_level::envelope},
    {"messages", pipelining_level::messages},
    {"stream", pipelining_level::stream},
}};

inline constexpr std::array<named<line_end_policy>, 2> line_end_policies{{
    {"normalize", line_end_policy::normalize},
    {"strict", line_end_policy::strict},
}};

/// Getter: the parameter of MAIL that an option of `> send` means. They are the keywords in any
/// case, but for one that a script may call by its name.
[[nodiscard]] constexpr std::string_view keyword_of_option(std::string_view option) noexcept {
  return option == "priority" ? "MT-PRIORITY" : option;
}

}  // namespace sansmtp::script
