// The record layer of one link.
#pragma once

#include <openssl/ssl.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "owned.hpp"
#include "record_layer.hpp"

namespace sansmtp::openssl {

/// What the layers of a context share.
class layer_context final : public tls::shared_context {
 public:
  using shared_context::shared_context;

  owned<SSL_CTX, SSL_CTX_free> ctx;
  owned<X509_STORE, X509_STORE_free> trust;

 private:
  std::error_code set_up() override;
  bool read_trust() override;
  std::unique_ptr<tls_layer> open(tls::link_terms terms) override;
};

using link_handle = owned<SSL, SSL_free>;

/// OpenSSL over memory.
class layer final : public tls::record_layer {
 public:
  layer(std::shared_ptr<layer_context> context, link_handle link, tls::link_terms terms);
  /// Keeps the session for resumption.
  ~layer() override;

  progress handshake() override;
  reading read(std::span<char> into, std::size_t& size) override;
  bool write(bytes plaintext) override;

  /// Input: OpenSSL asks for the verdict on the chain that the server has shown; the answer to it
  /// is in `store`, too.
  bool judge_chain_of(X509_STORE_CTX* store) noexcept;

 private:
  std::string binding_octets(std::string_view type) override;
  std::string digest(tls::record_hash with, bytes octets) override;
  void look_at_peer() override {}  // OpenSSL asks for a verdict also where nobody wants one
  void say_close() override;
  void fail_now();

  std::shared_ptr<layer_context> context_;
  link_handle link_;
  bool truncated_ = false;
};

/// Output: a BIO that reads what was fed to `l` and writes what is to be drained from it, or a null
/// pointer if memory ran out.
[[nodiscard]] BIO* make_bio(tls::record_layer& l);

/// Called by OpenSSL, see `layer::judge_chain_of`.
int judge_peer(X509_STORE_CTX* store, void*) noexcept;

}  // namespace sansmtp::openssl
