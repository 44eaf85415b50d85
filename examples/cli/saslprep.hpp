// Names and passwords beyond ASCII, so that each way to type one gives the same octets.
#pragma once

#include <string>

namespace sansmtp::cli {

/// Getter: `text` as SASLprep (RFC 4013) prepares a query string: what Unicode has not assigned yet
/// passes (section 2.5). It must be UTF-8 without NUL. Throws `failure`: `data_error` for what
/// SASLprep prohibits, `configuration` without libidn; the sentence begins with `what`, such as
/// "the password". The caller wipes both texts if they are secret; libidn does not wipe the copies
/// that it works on.
[[nodiscard]] std::string saslprep(const std::string& text, const std::string& what);

}  // namespace sansmtp::cli
