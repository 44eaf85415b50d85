// From the options to an open session, or to a line that says why there is none.
#pragma once

#include <functional>
#include <memory>
#include <system_error>

#include "connection_options.hpp"
#include "failure.hpp"
#include "sansmtp/blocking/client.hpp"
#include "sansmtp/hash_suite.hpp"
#include "session_notes.hpp"

namespace sansmtp::cli {

/// A client and what its login needs to stay alive. Neither copied nor moved.
class connection {
 public:
  /// `options` are those of `given`, perhaps with a trace; `given` must outlive this.
  connection(const connection_options& given, blocking::client_options options);

  /// Command: connects. Where the client makes no other link by itself (`client_options::moves` is
  /// 0) and TLS is optional, it opens the session, and once more without TLS if the handshake fails
  /// (TLS-08). `on_link` is called for each link that it makes, before an octet comes.
  /// Errors: those of `blocking::client::connect`.
  std::error_code connect(const std::function<void()>& on_link = {});

  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// Getter: the client.
  [[nodiscard]] blocking::client& client() noexcept { return client_; }

  /// Getter: what the server said, for who explains.
  [[nodiscard]] const session_notes& notes() const noexcept { return notes_; }
  [[nodiscard]] session_notes& notes() noexcept { return notes_; }
  /// Getter: why the client failed, as a line that says what to do, with its exit code.
  [[nodiscard]] failure explain(const std::error_code& error) const;

 private:
  std::error_code begin(const std::function<void()>& on_link);

  const connection_options& given_;
  blocking::client_options options_;
  session_notes notes_;
  std::unique_ptr<hash_suite> suite_;
  blocking::client client_;
};

/// Getter: what `blocking::client::connect` returned as a line that says what to do, with its exit
/// code.
[[nodiscard]] failure connect_failure(const connection_options& options,
                                      const std::error_code& error);

}  // namespace sansmtp::cli
