// The record layer of one link.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <system_error>
#include <vector>

#include "handles.hpp"
#include "peer_certificate.hpp"
#include "sansmtp/tls_layer.hpp"
#include "sansmtp/wolfssl/tls_options.hpp"
#include "server_hello.hpp"
#include "session_cache.hpp"

struct WOLFSSL_X509_STORE_CTX;

namespace sansmtp::wolfssl {

/// What the layers of a context share.
struct layer_context {
  explicit layer_context(tls_options o)
      : options(std::move(o)), sessions(options.resumable_sessions) {}

  /// Command: reads the trusted authorities, once: not before somebody has to be verified, since
  /// the system's are many and need not be there. Any number of threads may call it. Error:
  /// `bad_trust`.
  std::error_code load_trust();

  tls_options options;
  context_handle wolf;
  /// Holds the trusted authorities, and makes no link: what a server shows would become one of
  /// them.
  context_handle trust;
  std::error_code error;
  session_cache sessions;

 private:
  std::once_flag trust_once_;
  std::error_code trust_error_;
};

/// wolfSSL over memory: what is fed is read where it lies, what is written is gathered.
class layer final : public tls_layer {
 public:
  /// Of `demand` all names are spelled out; `key` names the server and the demand in the cache.
  layer(std::shared_ptr<layer_context> context, link_handle link, peer_demand demand,
        std::string key);
  /// Keeps the session for resumption.
  ~layer() override;

  void feed(bytes ciphertext) override;
  void feed_end() override { end_ = true; }
  progress handshake() override;
  reading read(std::span<char> into, std::size_t& size) override;
  bool write(bytes plaintext) override;
  void close() override;
  std::size_t pending() const noexcept override { return out_.size(); }
  void drain(std::vector<char>& empty) override { out_.swap(empty); }
  const tls_info& info() const noexcept override { return info_; }
  std::error_code error() const noexcept override { return error_; }

  // Called by wolfSSL.
  int give(char* into, int size) noexcept;
  int take(const char* octets, int size) noexcept;
  int judge(const WOLFSSL_X509_STORE_CTX& store) noexcept;

 private:
  progress finish();
  [[nodiscard]] bool verifies() const noexcept { return demand_.level != demand_level::encrypted; }
  void look_at(const peer_certificate& certificate);
  std::error_code verdict_on(std::span<const peer_certificate> chain) const;
  void look_at_peer();
  void bind();
  void fail(int code);

  std::shared_ptr<layer_context> context_;
  link_handle link_;
  peer_demand demand_;
  std::string key_;
  std::optional<resumable> resumed_;  // what was offered to the server
  bytes in_;                          // fed and not read yet
  std::vector<char> out_;
  server_hello hello_;
  std::string certificate_hash_;
  tls_info info_;
  std::error_code error_;
  bool judged_ = false;  // the server's certificate, with the verdict in info_
  bool end_ = false;
  bool established_ = false;
  bool closed_ = false;
};

}  // namespace sansmtp::wolfssl
