// TLS on the server's side, for the sink.
#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace sansmtp::cli {

/// The record layer of one connection, without I/O. One thread at a time.
class server_tls {
 public:
  /// Where it stands. `ended` is a close_notify, `failed` all that breaks the protocol.
  enum class state { handshaking, open, ended, failed };

  server_tls() = default;
  server_tls(const server_tls&) = delete;
  server_tls& operator=(const server_tls&) = delete;
  virtual ~server_tls() = default;

  /// Input: takes all of `ciphertext`, appends what the client said to `plain` and what is to be
  /// answered, handshake or alert, to `wire`.
  virtual state receive(std::string_view ciphertext, std::string& plain, std::string& wire) = 0;
  /// Input: appends `plain` to `wire` as records. Only while `open`.
  virtual void send(std::string_view plain, std::string& wire) = 0;
  /// Input: appends close_notify to `wire`.
  virtual void close(std::string& wire) = 0;
};

/// Certificate and key, for any number of connections.
class server_tls_context {
 public:
  /// Reads both files (PEM, the certificate with its chain). Without a name it makes a certificate
  /// of its own, for localhost, 127.0.0.1 and ::1 and for a short time. Throws `failure`:
  /// `no_input` for files that cannot be used, `configuration` in a build without TLS.
  [[nodiscard]] static std::unique_ptr<server_tls_context> make(const std::string& certificate_file,
                                                                const std::string& key_file);

  server_tls_context() = default;
  server_tls_context(const server_tls_context&) = delete;
  server_tls_context& operator=(const server_tls_context&) = delete;
  virtual ~server_tls_context() = default;

  /// Output: the layer of a new connection; the context must outlive it.
  [[nodiscard]] virtual std::unique_ptr<server_tls> accept() = 0;

  /// Getter: the self-made certificate as PEM, which a client can trust; empty if there is none.
  [[nodiscard]] virtual const std::string& self_made() const noexcept = 0;
};

}  // namespace sansmtp::cli
