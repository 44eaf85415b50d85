// What the mechanisms share: their text, and the secret they keep.
#pragma once

#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

#include "sansmtp/error.hpp"

namespace sansmtp::detail {

void wipe(char* secret, std::size_t size) noexcept;

/// Joins at once: growing would leave copies of a secret in freed memory.
[[nodiscard]] std::string join(std::initializer_list<std::string_view> parts);

enum class non_ascii : bool { refused, allowed };

/// Is it text without controls, NUL among them (SASL-01, SASL-02, SASL-15)? Characters beyond ASCII
/// need SASLprep, which the engine does not do: the caller has to say that it is done.
[[nodiscard]] bool is_clean(std::string_view text, non_ascii others) noexcept;

/// A name in the grammar of SCRAM and OAUTHBEARER (RFC 5802 section 5.1).
[[nodiscard]] std::string escape_name(std::string_view name);

/// What a server said inside an exchange, for a person: bounded and without controls. Nothing at
/// all if it repeats `secret` (SEC-03).
[[nodiscard]] std::string shown(std::string_view text, std::string_view secret);

/// A name and a secret, wiped when they go (SEC-03).
class account {
 public:
  account(std::string& name, std::string& secret, bool already_prepared);
  account(const account&) = delete;
  account& operator=(const account&) = delete;
  ~account();

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::string& secret() const noexcept { return secret_; }
  /// Are both there and clean, and is `more`?
  [[nodiscard]] errc check(std::string_view more = {}) const noexcept;

 private:
  std::string name_;
  std::string secret_;
  non_ascii others_;
};

}  // namespace sansmtp::detail
