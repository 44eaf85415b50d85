// Words of SMTP, as the sink reads them. It shares no code with the engine.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace sansmtp::cli::serving {

/// Getters: ASCII only, as SMTP asks; no locale.
[[nodiscard]] char lower(char c) noexcept;
[[nodiscard]] char upper(char c) noexcept;
[[nodiscard]] bool is_control(char c) noexcept;
/// Getter: are they the same without regard to case?
[[nodiscard]] bool same(std::string_view a, std::string_view b) noexcept;
[[nodiscard]] bool is_ascii(std::string_view text) noexcept;
/// Getter: is it xtext of at least one octet (RFC 3461 section 4)?
[[nodiscard]] bool is_xtext(std::string_view text) noexcept;
/// Getter: a decimal number that fills `text`.
[[nodiscard]] std::optional<std::uint64_t> parse_number(std::string_view text) noexcept;

/// Takes the text up to the next `separator` off `text`, and the separator with it.
std::string_view take(std::string_view& text, char separator) noexcept;
/// Takes `<address>` off the beginning of `text`, or returns nothing if there is none. A quoted
/// local part may hold spaces and brackets (RFC 5321 section 4.1.2).
std::optional<std::string_view> take_path(std::string_view& text) noexcept;

}  // namespace sansmtp::cli::serving
