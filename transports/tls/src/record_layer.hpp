// The record layer of one link, without the library's own part of it.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "certificate_facts.hpp"
#include "link_terms.hpp"
#include "records.hpp"
#include "sansmtp/channel_binding.hpp"
#include "sansmtp/tls_layer.hpp"
#include "session_cache.hpp"
#include "shared_context.hpp"

namespace sansmtp::tls {

/// What is fed is read where it lies, what is written is gathered. A library derives from it, has
/// its octets carried by `give` and `take`, and tells what it finds out; what follows from that is
/// decided here, so that it is the same for every library.
class record_layer : public tls_layer {
 public:
  void feed(bytes ciphertext) override { in_ = ciphertext; }
  void feed_end() override { end_ = true; }
  void close() override;
  std::size_t pending() const noexcept override { return out_.size(); }
  void drain(std::vector<char>& empty) override { out_.swap(empty); }
  const tls_info& info() const noexcept override { return info_; }
  std::error_code error() const noexcept override { return error_; }

  // -- what the library calls ------------------------------------------------------------------

  /// Input: up to `size` octets of what was fed; 0 if nothing is left, see `at_end`.
  std::size_t give(char* into, std::size_t size) noexcept;
  /// Getter: is all that was fed read, and will nothing follow?
  [[nodiscard]] bool at_end() const noexcept { return end_ && in_.empty(); }
  /// Output: octets to be written.
  void take(bytes octets) noexcept;

 protected:
  /// What a handshake agreed upon.
  struct agreement {
    bool resumed = false;
    bool extended_master_secret = false;
    std::string protocol;  ///< "TLSv1.3" or "TLSv1.2".
    std::string cipher;
  };

  record_layer(std::shared_ptr<shared_context> context, link_terms terms);

  [[nodiscard]] const tls_options& options() const noexcept { return context_->options; }
  [[nodiscard]] bool verifies() const noexcept {
    return terms_.demand.level != demand_level::encrypted;
  }
  [[nodiscard]] bool goes_by_records() const noexcept {
    return terms_.demand.level == demand_level::records;
  }
  [[nodiscard]] bool established() const noexcept { return established_; }

  /// Output: the session that is to be offered to the server, or a null pointer. Once.
  [[nodiscard]] void* offer();
  /// Input: keeps the session of a link that ends, if it may be resumed.
  void keep(std::shared_ptr<void> session);

  /// Input: the certificate that the server has shown, in DER, what it says, and its hash for
  /// tls-server-end-point.
  void look_at(bytes der, const certificate_facts& certificate, std::string hash);
  /// Input: the verdict on the chain that the server shows, its own certificate first, once it has
  /// been looked at; `distrust` says why no authority vouches for it, or nothing if one does.
  /// False: the handshake must end here (TLS-11, TLS-15). It comes inside the handshake, so that
  /// nothing of ours is shown to a wrong server, and it is told by an alert.
  bool judge(std::span<const certificate_facts> chain, std::error_code distrust);
  /// Input: the same where the server's own certificate, in DER, is judged by records alone: no
  /// date, no name and no authority counts (RFC 7672 section 3.1.1).
  bool judge_by_records(bytes der);
  /// Input: the library has made the handshake; the result is what `handshake` returns.
  progress finish(const agreement& agreed);
  /// Input: the library has failed. A verdict on the server's certificate is the better reason.
  void fail(std::error_code why);

 private:
  /// Output: what ties an authentication to this link, of the kind `type`: tls-exporter or
  /// tls-unique.
  virtual std::string binding_octets(std::string_view type) = 0;
  /// Output: a digest of `octets`, or nothing if that cannot be made.
  virtual std::string digest(record_hash with, bytes octets) = 0;
  /// Command: looks at the certificate that was shown, which nobody has judged, if there is one.
  virtual void look_at_peer() = 0;
  /// Command: writes close_notify.
  virtual void say_close() = 0;

  std::error_code verdict_on_names(const certificate_names& names) const;

  std::shared_ptr<shared_context> context_;
  link_terms terms_;
  std::optional<resumable> offered_;
  bytes in_;  // fed and not read yet
  std::vector<char> out_;
  std::string certificate_hash_;
  tls_info info_;
  std::error_code error_;
  bool judged_ = false;  // the server's certificate, with the verdict in info_
  bool end_ = false;
  bool established_ = false;
  bool closed_ = false;
};

}  // namespace sansmtp::tls
