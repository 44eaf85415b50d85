// The record layer of one link.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "handles.hpp"
#include "record_layer.hpp"
#include "server_hello.hpp"

struct WOLFSSL_X509_STORE_CTX;

namespace sansmtp::wolfssl {

/// What the layers of a context share.
class layer_context final : public tls::shared_context {
 public:
  using shared_context::shared_context;

  context_handle wolf;
  /// Holds the trusted authorities, and makes no link: what a server shows would become one of
  /// them.
  context_handle trust;

 private:
  std::error_code set_up() override;
  bool read_trust() override;
  std::unique_ptr<tls_layer> open(tls::link_terms terms) override;
};

/// wolfSSL over memory.
class layer final : public tls::record_layer {
 public:
  layer(std::shared_ptr<layer_context> context, link_handle link, tls::link_terms terms);
  /// Keeps the session for resumption.
  ~layer() override;

  void feed(bytes ciphertext) override;
  progress handshake() override;
  reading read(std::span<char> into, std::size_t& size) override;
  bool write(bytes plaintext) override;

  /// Input: wolfSSL asks for the verdict on the chain that it has put together.
  bool judge_chain_of(const WOLFSSL_X509_STORE_CTX& store) noexcept;

 private:
  std::string binding_octets(std::string_view type) override;
  std::string digest(tls::record_hash with, bytes octets) override;
  void look_at_peer() override;
  void say_close() override;
  void fail_with(int code);

  std::shared_ptr<layer_context> context_;
  link_handle link_;
  server_hello hello_;
};

}  // namespace sansmtp::wolfssl
