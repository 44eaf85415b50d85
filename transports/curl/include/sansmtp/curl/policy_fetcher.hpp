// Policies of MTA-STS by libcurl.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "sansmtp/routing/lookup.hpp"

namespace sansmtp::curl {

/// Options of a fetcher; a plain value, each with its default.
struct fetcher_options {
  /// How long a fetch may take (RFC 8461 section 3.3).
  std::chrono::milliseconds timeout = std::chrono::seconds(60);
  /// Trusted authorities, PEM; empty: libcurl's own.
  std::string ca_file;
  /// Where to connect to in place of what was asked for, each "HOST:PORT:OTHER-HOST:OTHER-PORT",
  /// where an empty one stands for any (CURLOPT_CONNECT_TO): for tests. What the certificate must
  /// be for stays the host that was asked for.
  std::vector<std::string> connect_to;
};

/// Getter: the category, named "libcurl", of failures that neither TLS nor a bound explains: a
/// value is a CURLcode, and the message is libcurl's own.
[[nodiscard]] const std::error_category& curl_category() noexcept;

/// Fetches over HTTPS and nothing else, in the calling thread, several at a time. No redirect is
/// followed, no proxy, cookie or password is taken from the environment, and no more is read than a
/// policy may have. The host is looked up by the system, its certificate must be for the host that
/// was asked for. Errors: those of `tls_category` (a certificate that proves nothing, a handshake
/// that failed), `std::errc::timed_out`, `file_too_large`, `bad_message` for what is not
/// text/plain, `invalid_argument` for a host that is no name, else `curl_category`.
class policy_fetcher final : public routing::fetcher {
 public:
  explicit policy_fetcher(fetcher_options options = {});
  /// Gives up what is under way; `close` first, if somebody waits.
  ~policy_fetcher() override;

  [[nodiscard]] ticket get(const routing::fetch& f) override;
  [[nodiscard]] std::optional<result> next_result() override;
  void watch(std::vector<routing::watched>& into) const override;
  [[nodiscard]] std::optional<time_point> deadline() const override;

  /// Command: ends. What is under way fails with `std::errc::operation_canceled`, and so does what
  /// is asked for later.
  void close();

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace sansmtp::curl
