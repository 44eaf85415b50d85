// The DNS by libunbound, which verifies answers itself.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "sansmtp/routing/lookup.hpp"

namespace sansmtp::unbound {

/// Why a resolver is not as it was asked for.
enum class resolver_errc : std::uint8_t {
  none,
  no_context,        ///< libunbound has no memory, no descriptor or no thread for it.
  bad_server,        ///< A server is no "ADDRESS", "ADDRESS@PORT", or zone of one.
  bad_system_file,   ///< The system's list of servers cannot be read.
  bad_trust_anchor,  ///< A trust anchor cannot be read.
  no_trust_anchor,   ///< There is none, so that nothing is verified.
  /// The root is not proven as seen from here: what the anchors are to prove is found bogus, and
  /// mail to it is deferred, until a server is named that hands on signatures.
  not_validating,
  unreachable,  ///< Nobody has answered yet what the root is.
};

/// Getter: the category of `resolver_errc`, named "sansmtp.unbound".
[[nodiscard]] const std::error_category& resolver_category() noexcept;
[[nodiscard]] std::error_code make_error_code(resolver_errc e) noexcept;

/// A zone whose servers are told, instead of being looked for.
struct stub_zone {
  std::string zone;    ///< "example.org"
  std::string server;  ///< A numeric "ADDRESS" or "ADDRESS@PORT".
};

/// Options of a resolver; a plain value, each with its default.
struct resolver_options {
  /// Ask these resolvers, each a numeric "ADDRESS" or "ADDRESS@PORT", and not the system's. They
  /// must hand on signatures, but need not be trusted.
  std::vector<std::string> forwarders;
  /// Where there are no `forwarders`: ask the resolvers of this file; empty: ask the servers of the
  /// root, and so on down.
  std::string system_file = "/etc/resolv.conf";
  std::vector<stub_zone> stubs;
  /// Keys that are trusted, as DS or DNSKEY records in the form of a zone file, one in each.
  std::vector<std::string> trust_anchors;
  /// The same in files. With no anchor of either kind the one of the system is taken, where
  /// Debian's package dns-root-data has it.
  std::vector<std::string> trust_anchor_files;
  /// How long `check` waits for the root.
  std::chrono::milliseconds probe_timeout = std::chrono::seconds(15);
};

/// A resolver that validates: a thread of libunbound works beside, and every function here belongs
/// to one thread at a time. What is asked is answered from its cache if it can be.
class resolver final : public routing::resolver {
 public:
  /// Command: begins, and asks for the root's servers; see `error`.
  explicit resolver(const resolver_options& options = {});
  /// Forgets what was asked; `close` first, if somebody waits.
  ~resolver() override;

  /// Getter: why nothing can be asked: then every question is answered by `found::failed`.
  [[nodiscard]] std::error_code error() const noexcept;
  /// Getter: for a person: `error` if there is one, else why answers are not verified as far as that
  /// is known by now (`check` waits for it); no error if they are.
  [[nodiscard]] std::error_code warning() const noexcept;

  [[nodiscard]] ticket ask(const routing::question& q) override;
  [[nodiscard]] std::optional<answer> next_answer() override;
  void watch(std::vector<routing::watched>& into) const override;
  /// Getter: can questions be asked, and is there a trust anchor? Then each answer is verified, and
  /// what cannot be proven is bogus, whatever `warning` says: nobody on the way can turn DANE off by
  /// keeping the root's answer back. It does not wait.
  [[nodiscard]] bool validates() override;

  /// Command: waits for the root's answer if it is not known, no longer than
  /// `resolver_options::probe_timeout`, and asks again if the last question failed. Returns
  /// `warning`. Nothing depends on it but what a person is told.
  [[nodiscard]] std::error_code check();

  /// Command: ends. What was asked and is not answered is answered by `found::failed`, and so is
  /// what is asked later.
  void close();

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace sansmtp::unbound

template <>
struct std::is_error_code_enum<sansmtp::unbound::resolver_errc> : std::true_type {};
