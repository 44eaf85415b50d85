// The hash functions of a caller in C, and the credentials that use them.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "sansmtp.h"
#include "sansmtp/sansmtp.hpp"

namespace sansmtp::c {

/// Calls a caller's functions. Must outlive the mechanisms that were made with it.
class suite final : public hash_suite {
 public:
  /// `busy` is true while a function runs, and lives as long.
  suite(const sansmtp_hash_suite& given, bool& busy) noexcept : given_(given), busy_(busy) {}

  [[nodiscard]] bool hash(hash_algorithm h, bytes text, std::span<char> out) override;
  [[nodiscard]] bool hmac(hash_algorithm h, bytes key, bytes text, std::span<char> out) override;
  [[nodiscard]] bool pbkdf2(hash_algorithm h, bytes password, bytes salt, std::uint32_t iterations,
                            std::span<char> out) override;
  [[nodiscard]] bool random(std::span<char> out) override;

  /// Getter: are these the same functions?
  [[nodiscard]] bool is(const sansmtp_hash_suite& other) const noexcept;

 private:
  template <class Function, class... Arguments>
  bool call(Function function, Arguments... arguments);

  sansmtp_hash_suite given_;
  bool& busy_;
};

/// Input: the mechanisms that some credentials may use, in their order, behind those that are
/// there. `errc::none`, or `bad_argument` for what cannot be read. `functions` may be null.
[[nodiscard]] errc read_credentials(const sansmtp_credentials* first, std::size_t count,
                                    hash_suite* functions,
                                    std::vector<std::unique_ptr<sasl_mechanism>>& mechanisms);

/// Getter: are all functions there? Older and newer ones are read as any struct.
[[nodiscard]] const sansmtp_hash_suite* read_suite(const sansmtp_hash_suite* given,
                                                   sansmtp_hash_suite& room) noexcept;

}  // namespace sansmtp::c
