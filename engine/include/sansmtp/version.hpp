// Which version this is.
#pragma once

#include <string_view>

namespace sansmtp {

/// The version of these headers; that of the build files is the same, which a test compares.
inline constexpr int version_major = 0;
inline constexpr int version_minor = 1;
inline constexpr int version_patch = 0;
inline constexpr std::string_view version = "0.1.0";

}  // namespace sansmtp
