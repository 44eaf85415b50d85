#include <wolfssl/options.h>
// (The line above must be the first of wolfSSL's.)
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/error-crypt.h>

#include "peer_chain.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "sansmtp/wolfssl/tls_errc.hpp"

namespace sansmtp::wolfssl {

namespace {

struct release_manager {
  void operator()(WOLFSSL_CERT_MANAGER* p) const noexcept { wolfSSL_CertManagerFree(p); }
};

using manager_handle = std::unique_ptr<WOLFSSL_CERT_MANAGER, release_manager>;

const unsigned char* octets(bytes der) noexcept {
  return reinterpret_cast<const unsigned char*>(der.data());
}

/// More authorities than any chain has may stand below one that sets no limit.
constexpr int no_limit = 255;

/// What cannot be: no valid way leads here.
constexpr int nowhere = -1;

/// If one of `signers` signed it and it is valid today: how many authorities may stand below that
/// signer (RFC 5280 section 4.2.1.9). Else `nowhere`.
int room_below_signer(WOLFSSL_CERT_MANAGER* signers, const peer_certificate& c) {
  const auto parsed = std::make_unique<DecodedCert>();
  wc_InitDecodedCert(parsed.get(), octets(c.der()), static_cast<word32>(c.der().size()), nullptr);
  int room = nowhere;
  if (wc_ParseCert(parsed.get(), CERT_TYPE, VERIFY, signers) == 0 && parsed->ca != nullptr) {
    room = parsed->ca->pathLengthSet ? parsed->ca->pathLength : no_limit;
  }
  wc_FreeDecodedCert(parsed.get());
  return room;
}

/// What is wrong with a certificate, whoever signed it.
std::error_code weakness_of(const peer_certificate& c) {
  // What signs itself proves nothing by its signature: it is trusted, or not, as it stands.
  if (!c.is_self_issued() && c.has_weak_signature()) return tls_errc::weak_signature;
  if (!c.has_supported_signature()) return tls_errc::weak_signature;
  if (c.has_weak_key()) return tls_errc::weak_key;
  return {};
}

enum class when : std::uint8_t { now, past, future };

when validity_of(const peer_certificate& c) noexcept {
  const std::int64_t now = std::chrono::duration_cast<std::chrono::seconds>(
                               std::chrono::system_clock::now().time_since_epoch())
                               .count();
  return c.expiry() < now ? when::past : c.begin() > now ? when::future : when::now;
}

std::error_code problem_of_authority(const peer_certificate& c) {
  switch (validity_of(c)) {
    case when::past: return tls_errc::expired_authority;
    case when::future: return tls_errc::not_yet_valid_authority;
    case when::now: break;
  }
  if (!c.is_authority()) return tls_errc::wrong_key_usage;
  return weakness_of(c);
}

std::error_code problem_of_server(const peer_certificate& c) {
  if (c.error() != 0) {
    return c.error() == ASN_UNKNOWN_OID_E ? tls_errc::unsupported_key : tls_errc::weak_certificate;
  }
  switch (validity_of(c)) {
    case when::past: return tls_errc::expired_certificate;
    case when::future: return tls_errc::not_yet_valid_certificate;
    case when::now: break;
  }
  if (!c.is_for_servers()) return tls_errc::wrong_key_usage;
  if (!c.has_supported_key()) return tls_errc::unsupported_key;
  return weakness_of(c);
}

}  // namespace

std::error_code judge_chain(WOLFSSL_CERT_MANAGER* authorities,
                            std::span<const peer_certificate> chain) {
  if (chain.empty()) return tls_errc::no_certificate;
  if (authorities == nullptr) return tls_errc::unavailable;

  // Who could vouch for whom: for each certificate the room below its signer among the trusted
  // ones, and those of the chain that signed it.
  struct node {
    int room = nowhere;                // below the trusted authority that signed it
    std::vector<std::size_t> signers;  // in the chain
    bool usable = false;               // an authority that signed another one
    int below = nowhere;               // authorities that may stand below it, if it is vouched for
  };
  std::vector<node> nodes(chain.size());
  for (std::size_t i = 0; i != chain.size(); ++i) {
    nodes[i].room = room_below_signer(authorities, chain[i]);
  }
  for (std::size_t i = 1; i != chain.size(); ++i) {
    // What signed itself is among the trusted ones, or is of no use.
    if (chain[i].is_self_issued() || problem_of_authority(chain[i])) continue;
    const manager_handle signer(wolfSSL_CertManagerNew());
    const bytes der = chain[i].der();
    if (signer == nullptr ||
        wolfSSL_CertManagerLoadCABuffer(signer.get(), octets(der), static_cast<long>(der.size()),
                                        WOLFSSL_FILETYPE_ASN1) != WOLFSSL_SUCCESS) {
      continue;
    }
    for (std::size_t k = 0; k != chain.size(); ++k) {
      if (k != i && chain[k].is_issued_by(chain[i]) &&
          room_below_signer(signer.get(), chain[k]) != nowhere) {
        nodes[k].signers.push_back(i);
        nodes[i].usable = true;
      }
    }
  }
  // From the trusted ones down, by whatever way leaves the most room.
  const auto room_at = [&nodes](const node& n) {
    int room = n.room;
    for (const std::size_t i : n.signers) room = std::max(room, nodes[i].below);
    return room;
  };
  for (bool more = true; more;) {
    more = false;
    for (std::size_t i = 1; i != chain.size(); ++i) {
      if (!nodes[i].usable) continue;
      const int below = std::min(room_at(nodes[i]) - 1, chain[i].path_length().value_or(no_limit));
      if (below <= nodes[i].below) continue;
      nodes[i].below = below;
      more = true;
    }
  }

  const peer_certificate& server = chain.front();
  const bool trusted = room_at(nodes.front()) != nowhere;
  const std::error_code problem = problem_of_server(server);
  if (trusted || server.error() != 0) return problem;
  if (server.is_self_issued()) return problem ? problem : tls_errc::self_signed;
  // The reason may lie on the way up: the first authority that is there in no edition that counts.
  const peer_certificate* at = &server;
  for (std::size_t steps = 0; steps != chain.size(); ++steps) {
    const peer_certificate* issuer = nullptr;
    std::error_code obstacle;
    for (const peer_certificate& c : chain.subspan(1)) {
      if (&c == at || c.is_self_issued() || !at->is_issued_by(c)) continue;
      issuer = &c;
      obstacle = problem_of_authority(c);
      if (!obstacle) break;
    }
    if (issuer == nullptr) break;
    if (obstacle) return obstacle;
    at = issuer;
  }
  if (problem) return problem;
  return tls_errc::untrusted_certificate;
}

}  // namespace sansmtp::wolfssl
