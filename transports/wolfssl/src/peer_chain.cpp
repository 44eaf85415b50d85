#include <wolfssl/options.h>
// (The line above must be the first of wolfSSL's.)
#include <wolfssl/ssl.h>
#include <wolfssl/wolfcrypt/asn.h>

#include "peer_chain.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

namespace sansmtp::wolfssl {

namespace {

struct release_manager {
  void operator()(WOLFSSL_CERT_MANAGER* p) const noexcept { wolfSSL_CertManagerFree(p); }
};

using manager_handle = std::unique_ptr<WOLFSSL_CERT_MANAGER, release_manager>;

const unsigned char* der_octets(bytes der) noexcept {
  return reinterpret_cast<const unsigned char*>(der.data());
}

/// More authorities than any chain has may stand below one that sets no limit.
constexpr int no_limit = 255;

/// What cannot be: no valid way leads here.
constexpr int nowhere = -1;

/// If one of `signers` signed it and it is valid today: how many authorities may stand below that
/// signer (RFC 5280 section 4.2.1.9). Else `nowhere`.
int room_below_signer(WOLFSSL_CERT_MANAGER* signers, bytes der) {
  const auto parsed = std::make_unique<DecodedCert>();
  wc_InitDecodedCert(parsed.get(), der_octets(der), static_cast<word32>(der.size()), nullptr);
  int room = nowhere;
  if (wc_ParseCert(parsed.get(), CERT_TYPE, VERIFY, signers) == 0 && parsed->ca != nullptr) {
    room = parsed->ca->pathLengthSet ? parsed->ca->pathLength : no_limit;
  }
  wc_FreeDecodedCert(parsed.get());
  return room;
}

}  // namespace

bool is_vouched_for(WOLFSSL_CERT_MANAGER* authorities, std::span<const bytes> shown,
                    std::span<const tls::certificate_facts> chain) {
  if (chain.empty() || authorities == nullptr) return false;

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
    nodes[i].room = room_below_signer(authorities, shown[i]);
  }
  for (std::size_t i = 1; i != chain.size(); ++i) {
    // What signed itself is among the trusted ones, or is of no use.
    if (is_self_issued(chain[i]) || problem_of_authority(chain[i])) continue;
    const manager_handle signer(wolfSSL_CertManagerNew());
    const bytes der = shown[i];
    if (signer == nullptr || wolfSSL_CertManagerLoadCABuffer(
                                 signer.get(), der_octets(der), static_cast<long>(der.size()),
                                 WOLFSSL_FILETYPE_ASN1) != WOLFSSL_SUCCESS) {
      continue;
    }
    for (std::size_t k = 0; k != chain.size(); ++k) {
      if (k != i && is_issued_by(chain[k], chain[i]) &&
          room_below_signer(signer.get(), shown[k]) != nowhere) {
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
      const int below = std::min(room_at(nodes[i]) - 1, chain[i].path_length.value_or(no_limit));
      if (below <= nodes[i].below) continue;
      nodes[i].below = below;
      more = true;
    }
  }

  return room_at(nodes.front()) != nowhere;
}

}  // namespace sansmtp::wolfssl
