// Domains beyond ASCII, as mail servers know them.
#pragma once

#include <optional>
#include <string>

namespace sansmtp::cli {

/// Getter: was this built with libidn2?
[[nodiscard]] bool has_a_labels() noexcept;

/// Getter: `domain`, in UTF-8, with A-labels ("xn--...") in place of its labels beyond ASCII (RFC
/// 5891, mapped first as UTS #46 says). Nothing if it is no such domain, or without libidn2.
[[nodiscard]] std::optional<std::string> to_a_labels(const std::string& domain);

}  // namespace sansmtp::cli
