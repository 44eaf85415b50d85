// TLS sessions that wait for being resumed.
#pragma once

#include <cstddef>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "sansmtp/tls_info.hpp"

namespace sansmtp::tls {

/// A session, and what its full handshake found out about the peer: a resumed one shows no
/// certificate.
struct resumable {
  std::shared_ptr<void> session;  // the library's, with the function that frees it
  tls_info info;
  std::string certificate_hash;  // for tls-server-end-point
};

/// A bounded store; each entry is given out once, since a ticket that is used twice links the two
/// connections for who listens (RFC 8446 appendix C.4). Any number of threads may use it.
class session_cache {
 public:
  explicit session_cache(std::size_t most) : most_(most) {}

  /// Output: the newest session for `key`, which is the caller's now.
  [[nodiscard]] std::optional<resumable> take(const std::string& key);
  /// Input: keeps a session; the oldest one goes if there are too many.
  void put(const std::string& key, resumable session);
  [[nodiscard]] std::size_t size() const;

 private:
  struct entry {
    std::string key;
    resumable kept;
  };

  const std::size_t most_;
  mutable std::mutex mutex_;
  std::list<entry> entries_;  // the newest first
};

}  // namespace sansmtp::tls
