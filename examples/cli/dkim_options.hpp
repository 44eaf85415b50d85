// Signatures of `sansmtp send`: which, and by which keys.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sansmtp/dkim/crypto.hpp"
#include "sansmtp/dkim/signer.hpp"
#include "sansmtp/dot_stuffer.hpp"

namespace sansmtp::cli {

/// The crypto of this build, for keys. Throws `failure` where it has none.
[[nodiscard]] std::unique_ptr<dkim::crypto> require_dkim_crypto();

/// The options that say how messages are signed (DKIM-01).
class dkim_options {
 public:
  /// Command: adds the options to `command`; this object must live until it was parsed.
  void add_to(CLI::App& command);

  /// Getter: throws `CLI::ValidationError` or `CLI::RequiredError` for options that are no whole.
  void check() const;

  /// Getter: was a signature asked for? Also by an empty domain, which is then refused.
  [[nodiscard]] bool wanted() const noexcept { return domain_option_->count() != 0; }

 private:
  friend class mail_signer;

  const CLI::Option* domain_option_ = nullptr;  // of the command
  std::string domain_;
  std::vector<std::string> selectors_;
  std::vector<std::string> key_files_;  // as many
  bool eight_bit_ = false;
};

/// Signs message after message by the keys that it has read. Not copied, since its options point to
/// its keys.
class mail_signer {
 public:
  /// Reads the keys. Throws `failure` with the name of the file, or if the names cannot be used, so
  /// that nothing is sent (DKIM-03).
  mail_signer(const dkim_options& given, line_end_policy line_ends);
  mail_signer(const mail_signer&) = delete;
  mail_signer& operator=(const mail_signer&) = delete;

  /// Output: the DKIM-Signature fields to stand before the content, signed now. Throws `failure`
  /// with `exit_code::data_error` if it cannot be signed.
  [[nodiscard]] std::string fields_for(std::string_view content) const;

 private:
  std::unique_ptr<dkim::crypto> crypto_;
  std::vector<std::unique_ptr<dkim::private_key>> keys_;
  dkim::signer_options options_;
};

}  // namespace sansmtp::cli
