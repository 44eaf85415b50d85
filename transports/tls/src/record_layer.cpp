#include "record_layer.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "sansmtp/base64.hpp"
#include "sansmtp/tls/tls_errc.hpp"

namespace sansmtp::tls {

namespace {

std::string printable(const std::string& address) {
  std::array<char, 64> text{};
  const bool v4 = address.size() == 4;
  if (!v4 && address.size() != 16) return {};
  return ::inet_ntop(v4 ? AF_INET : AF_INET6, address.data(), text.data(), text.size()) == nullptr
             ? std::string()
             : std::string(text.data());
}

tls_version version_of(std::string_view protocol) noexcept {
  return protocol == "TLSv1.3"   ? tls_version::tls_1_3
         : protocol == "TLSv1.2" ? tls_version::tls_1_2
                                 : tls_version::older;
}

}  // namespace

record_layer::record_layer(std::shared_ptr<shared_context> context, link_terms terms)
    : context_(std::move(context)), terms_(std::move(terms)) {}

// -- octets ---------------------------------------------------------------------------------------

std::size_t record_layer::give(char* into, std::size_t size) noexcept {
  const std::size_t part = std::min(in_.size(), size);
  if (part != 0) std::memcpy(into, in_.data(), part);
  in_ = in_.subspan(part);
  return part;
}

void record_layer::take(bytes octets) noexcept {
  out_.insert(out_.end(), octets.begin(), octets.end());
}

void record_layer::close() {
  if (error_ || std::exchange(closed_, true)) return;
  say_close();
}

// -- sessions -------------------------------------------------------------------------------------

void* record_layer::offer() {
  offered_ = context_->sessions.take(terms_.key);
  return offered_ ? offered_->session.get() : nullptr;
}

void record_layer::keep(std::shared_ptr<void> session) {
  if (session == nullptr || !established_ || error_ || info_.verdict) return;
  info_.resumed = false;
  info_.binding = {};  // it is this link's, and each link finds its own
  context_->sessions.put(terms_.key, {std::move(session), std::move(info_), certificate_hash_});
}

// -- whose certificate it is ----------------------------------------------------------------------

void record_layer::look_at(bytes der, const certificate_facts& certificate, std::string hash) {
  info_.peer_names = certificate.names.dns;
  for (const std::string& address : certificate.names.addresses) {
    info_.peer_names.push_back(printable(address));
  }
  std::sort(info_.peer_names.begin(), info_.peer_names.end());
  info_.peer_expiry = certificate.expiry;
  const std::string key = digest(record_hash::sha256, key_info(der));
  info_.peer_key = key.empty() ? std::string() : "sha256/" + base64_encode(key);
  certificate_hash_ = std::move(hash);
}

bool record_layer::judge(std::span<const certificate_facts> chain, std::error_code distrust) {
  info_.verdict = verdict_on_chain(chain, distrust);
  if (!info_.verdict) info_.verdict = verdict_on_names(chain.front().names);
  judged_ = true;
  return !info_.verdict || options().report_only;
}

bool record_layer::judge_by_records(bytes der) {
  const std::vector<tlsa_record>& records = terms_.demand.records;
  const bool right = std::any_of(records.begin(), records.end(), [&](const tlsa_record& r) {
    return is_match(r, der,
                    [this](record_hash with, bytes octets) { return digest(with, octets); });
  });
  info_.verdict = right ? std::error_code() : tls_errc::no_matching_record;
  judged_ = true;
  return !info_.verdict || options().report_only;
}

std::error_code record_layer::verdict_on_names(const certificate_names& names) const {
  const std::vector<std::string>& wanted = terms_.demand.names;
  if (wanted.empty()) return tls_errc::no_server_name;
  const bool right = std::any_of(wanted.begin(), wanted.end(), [&names](const std::string& name) {
    return matches(names, name);
  });
  return right ? std::error_code() : tls_errc::name_mismatch;
}

// -- the end of the handshake ---------------------------------------------------------------------

tls_layer::progress record_layer::finish(const agreement& agreed) {
  if (agreed.resumed && offered_) {
    // Nothing was shown this time: what counts is what the full handshake found out.
    info_ = std::move(offered_->info);
    certificate_hash_ = std::move(offered_->certificate_hash);
  } else if (verifies()) {
    if (!judged_) info_.verdict = tls_errc::no_certificate;
    info_.verified = !info_.verdict;
  } else {
    look_at_peer();
  }
  offered_.reset();
  info_.resumed = agreed.resumed;
  info_.protocol = agreed.protocol;
  info_.cipher = agreed.cipher;
  if (info_.verdict && !options().report_only) {
    error_ = info_.verdict;
    say_close();  // the only alert that can still be sent
    return progress::failed;
  }
  // What ties an authentication to this link (SASL-12).
  info_.binding = {};
  info_.binding.type = binding_type_for(version_of(agreed.protocol), agreed.extended_master_secret,
                                        options().binding);
  if (info_.binding.type == "tls-server-end-point") {
    info_.binding.octets = certificate_hash_;
  } else if (!info_.binding.type.empty()) {
    info_.binding.octets = binding_octets(info_.binding.type);
  }
  established_ = true;
  const auto& accept = options().accept;
  return accept && !accept(info_) ? progress::too_weak : progress::established;
}

void record_layer::fail(std::error_code why) {
  error_ = info_.verdict && !established_ ? info_.verdict : why;
}

}  // namespace sansmtp::tls
