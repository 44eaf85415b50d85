// TLS and hash functions as the command line asks for them.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <system_error>

#include "sansmtp/channel_binding.hpp"
#include "sansmtp/hash_suite.hpp"
#include "sansmtp/tls_layer.hpp"

namespace sansmtp::cli {

/// What the command line says of TLS; see the options of the same name.
struct client_tls_options {
  std::string server_name;
  std::string ca_file;
  std::string certificate_file;
  std::string key_file;
  tls_version minimum = tls_version::tls_1_2;
  bool verify_host = false;  ///< Without a server name, the host connected to is the one.
  bool report_only = false;  ///< Go on with a server that proves nothing, and say so.
};

/// Output: makes the record layers of links. Throws `failure`: `no_input` for files that cannot be
/// used, `usage` for a bad name, `configuration` in a build without TLS.
[[nodiscard]] tls_factory make_client_tls(const client_tls_options& options);

/// Getter: is it an error of the TLS library?
[[nodiscard]] bool is_tls_error(const std::error_code& error) noexcept;

/// Getter: what to do about an error of the TLS library; a static string.
[[nodiscard]] std::string_view tls_advice(const std::error_code& error) noexcept;

/// Output: the hash functions for SCRAM and CRAM-MD5, for one thread; nullptr in a build without
/// them.
[[nodiscard]] std::unique_ptr<hash_suite> make_hash_suite();

}  // namespace sansmtp::cli
