#include <wolfssl/options.h>
// (The line above must be the first of wolfSSL's.)
#include <wolfssl/openssl/evp.h>
#include <wolfssl/openssl/pem.h>
#include <wolfssl/ssl.h>

#include "sansmtp/wolfssl/tls_context.hpp"

#include <array>
#include <ctime>
#include <string>
#include <utility>

#include "layer.hpp"
#include "sansmtp/wolfssl/server_identity.hpp"
#include "sansmtp/wolfssl/tls_errc.hpp"

namespace sansmtp::wolfssl {

namespace {

// Forward secrecy and authenticated encryption only. ChaCha20 first: this library has no code for
// the AES instructions of processors as Debian builds it.
constexpr const char* cipher_suites =
    "TLS13-CHACHA20-POLY1305-SHA256:TLS13-AES128-GCM-SHA256:TLS13-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305:"
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384";

// Where Debian and others keep the system's authorities in one file, which is quicker to read than
// the folder that wolfSSL looks for.
constexpr const char* system_bundles[] = {"/etc/ssl/certs/ca-certificates.crt",
                                          "/etc/pki/tls/certs/ca-bundle.crt"};

/// A wolfSSL object and the function that frees it.
template <typename T, auto free>
struct freed_by {
  void operator()(T* p) const noexcept { free(p); }
};
template <typename T, auto free>
using owned = std::unique_ptr<T, freed_by<T, free>>;

bool start_library() {
  static const bool started = wolfSSL_Init() == WOLFSSL_SUCCESS;
  return started;
}

bool load_authorities(WOLFSSL_CTX* ctx, const std::string& file) {
  if (!file.empty()) {
    return wolfSSL_CTX_load_verify_locations(ctx, file.c_str(), nullptr) == WOLFSSL_SUCCESS;
  }
  for (const char* bundle : system_bundles) {
    if (wolfSSL_CTX_load_verify_locations(ctx, bundle, nullptr) == WOLFSSL_SUCCESS) return true;
  }
  return wolfSSL_CTX_load_system_CA_certs(ctx) == WOLFSSL_SUCCESS;
}

/// Does the key belong to the certificate? The library's own check says so of any two of one kind,
/// so something is signed with the one and verified with the other. A kind of key that cannot do
/// that is left to the handshake.
bool key_fits(const std::string& certificate_file, const std::string& key_file) {
  const owned<WOLFSSL_X509, wolfSSL_X509_free> certificate(
      wolfSSL_X509_load_certificate_file(certificate_file.c_str(), WOLFSSL_FILETYPE_PEM));
  const owned<WOLFSSL_BIO, wolfSSL_BIO_free> file(wolfSSL_BIO_new_file(key_file.c_str(), "rb"));
  if (certificate == nullptr || file == nullptr) return false;
  const owned<WOLFSSL_EVP_PKEY, wolfSSL_EVP_PKEY_free> own(
      wolfSSL_PEM_read_bio_PrivateKey(file.get(), nullptr, nullptr, nullptr));
  const owned<WOLFSSL_EVP_PKEY, wolfSSL_EVP_PKEY_free> shown(
      wolfSSL_X509_get_pubkey(certificate.get()));
  const owned<WOLFSSL_EVP_MD_CTX, wolfSSL_EVP_MD_CTX_free> sign(wolfSSL_EVP_MD_CTX_new());
  const owned<WOLFSSL_EVP_MD_CTX, wolfSSL_EVP_MD_CTX_free> verify(wolfSSL_EVP_MD_CTX_new());
  if (own == nullptr || shown == nullptr || sign == nullptr || verify == nullptr) return true;
  constexpr char sample[] = "sample";
  std::array<unsigned char, 1024> signature{};
  std::size_t size = signature.size();
  const WOLFSSL_EVP_MD* const hash = wolfSSL_EVP_sha256();
  if (wolfSSL_EVP_DigestSignInit(sign.get(), nullptr, hash, nullptr, own.get()) != 1 ||
      wolfSSL_EVP_DigestSignUpdate(sign.get(), sample, sizeof sample) != 1 ||
      wolfSSL_EVP_DigestSignFinal(sign.get(), signature.data(), &size) != 1) {
    return true;
  }
  return wolfSSL_EVP_DigestVerifyInit(verify.get(), nullptr, hash, nullptr, shown.get()) == 1 &&
         wolfSSL_EVP_DigestVerifyUpdate(verify.get(), sample, sizeof sample) == 1 &&
         wolfSSL_EVP_DigestVerifyFinal(verify.get(), signature.data(), size) == 1;
}

bool load_credentials(WOLFSSL_CTX* ctx, const tls_options& options) {
  if (options.certificate_file.empty() && options.key_file.empty()) return true;
  return wolfSSL_CTX_use_certificate_chain_file(ctx, options.certificate_file.c_str()) ==
             WOLFSSL_SUCCESS &&
         wolfSSL_CTX_use_PrivateKey_file(ctx, options.key_file.c_str(), WOLFSSL_FILETYPE_PEM) ==
             WOLFSSL_SUCCESS &&
         key_fits(options.certificate_file, options.key_file);
}

/// Sets up what all links share; the library's own defaults verify nothing and offer ciphers
/// without encryption.
std::error_code set_up(layer_context& c) {
  const tls_options& options = c.options;
  const std::string& name = options.server_name;
  if (!name.empty() && address_octets(name).empty() && !is_dns_name(name)) {
    return tls_errc::bad_server_name;
  }
  if (!start_library()) return tls_errc::unavailable;
  c.wolf.reset(wolfSSL_CTX_new(wolfTLS_client_method()));
  WOLFSSL_CTX* const ctx = c.wolf.get();
  if (ctx == nullptr) return tls_errc::unavailable;
  const int oldest = options.minimum == tls_version::tls_1_3 ? WOLFSSL_TLSV1_3 : WOLFSSL_TLSV1_2;
  std::array<int, 3> groups{WOLFSSL_ECC_X25519, WOLFSSL_ECC_SECP256R1, WOLFSSL_ECC_SECP384R1};
  if (wolfSSL_CTX_SetMinVersion(ctx, oldest) != WOLFSSL_SUCCESS ||
      wolfSSL_CTX_set_cipher_list(ctx, cipher_suites) != WOLFSSL_SUCCESS ||
      wolfSSL_CTX_set_groups(ctx, groups.data(), static_cast<int>(groups.size())) !=
          WOLFSSL_SUCCESS) {
    return tls_errc::unavailable;
  }
  const bool verifies = !name.empty() || options.verify_host || !options.ca_file.empty();
  if (verifies && c.load_trust()) return tls_errc::bad_trust;
  if (!load_credentials(ctx, options)) return tls_errc::bad_credentials;
  return {};
}

std::string without_final_dot(std::string_view name) {
  if (name.ends_with('.')) name.remove_suffix(1);
  return std::string(name);
}

/// What is demanded of the peer of a link, with its names in full.
peer_demand demand_of(const tls_target& target, const std::string& host,
                      const tls_options& options) {
  peer_demand demand{demand_level::encrypted};
  if (target.demand != nullptr) {
    demand = *target.demand;
  } else if (!options.server_name.empty()) {
    demand = {demand_level::names, {options.server_name}};
  } else if (options.verify_host) {
    demand = {demand_level::names};
  }
  if (demand.level == demand_level::encrypted) {
    demand.names.clear();
  } else if (demand.names.empty() && !host.empty()) {
    demand.names.push_back(host);
  }
  for (std::string& name : demand.names) name = without_final_dot(name);
  return demand;
}

/// Why it can never be met. Who only looks around is told so by the verdict on the link.
std::error_code problem_of(const peer_demand& demand, bool report_only) {
  if (report_only) return {};
  if (demand.names.empty()) return tls_errc::no_server_name;
  for (const std::string& name : demand.names) {
    if (address_octets(name).empty() && !is_dns_name(name)) return tls_errc::bad_server_name;
  }
  return {};
}

/// The layer of a link that must not be.
class refusing_layer final : public tls_layer {
 public:
  explicit refusing_layer(std::error_code error) : error_(error) {}

  void feed(bytes) override {}
  void feed_end() override {}
  progress handshake() override { return progress::failed; }
  reading read(std::span<char>, std::size_t& size) override {
    size = 0;
    return reading::failed;
  }
  bool write(bytes) override { return false; }
  void close() override {}
  [[nodiscard]] std::size_t pending() const noexcept override { return 0; }
  void drain(std::vector<char>&) override {}
  [[nodiscard]] const tls_info& info() const noexcept override { return info_; }
  [[nodiscard]] std::error_code error() const noexcept override { return error_; }

 private:
  std::error_code error_;
  tls_info info_;
};

}  // namespace

std::error_code layer_context::load_trust() {
  std::call_once(trust_once_, [this] {
    trust.reset(wolfSSL_CTX_new(wolfTLS_client_method()));
    if (trust == nullptr || !load_authorities(trust.get(), options.ca_file)) {
      trust_error_ = tls_errc::bad_trust;
    }
  });
  return trust_error_;
}

class tls_context::shared : public layer_context {
 public:
  using layer_context::layer_context;
};

tls_context::tls_context(tls_options options)
    : shared_(std::make_shared<shared>(std::move(options))) {
  shared_->error = set_up(*shared_);
}

std::error_code tls_context::error() const noexcept { return shared_->error; }

std::unique_ptr<tls_layer> tls_context::make_layer(const tls_target& target) const {
  if (shared_->error) return std::make_unique<refusing_layer>(shared_->error);
  const tls_options& options = shared_->options;
  const std::string host = without_final_dot(target.host);
  peer_demand demand = demand_of(target, host, options);
  if (demand.level != demand_level::encrypted) {
    std::error_code error = problem_of(demand, options.report_only);
    if (!error) error = shared_->load_trust();
    if (error) return std::make_unique<refusing_layer>(error);
  }
  link_handle link(wolfSSL_new(shared_->wolf.get()));
  if (link == nullptr) return nullptr;

  // SNI shows DNS names only (RFC 6066 section 3).
  const std::string& shown = demand.names.empty() ? host : demand.names.front();
  if (address_octets(shown).empty() && is_dns_name(shown)) {
    wolfSSL_UseSNI(link.get(), WOLFSSL_SNI_HOST_NAME, shown.data(),
                   static_cast<unsigned short>(shown.size()));
  }
  wolfSSL_UseSecureRenegotiation(link.get());  // only to say that there is none to be abused
  if (options.resumable_sessions != 0) wolfSSL_UseSessionTicket(link.get());

  // Its parts are separated by what none of them can hold, but for a host that is no name: that
  // comes last.
  std::string key = std::to_string(static_cast<int>(demand.level));
  for (const std::string& name : demand.names) key += '\n' + name;
  key += '\n' + std::to_string(target.port) + '\n' + host;
  return std::make_unique<layer>(shared_, std::move(link), std::move(demand), std::move(key));
}

tls_factory tls_context::factory() const {
  return [context = *this](const tls_target& target) { return context.make_layer(target); };
}

std::size_t tls_context::cached_sessions() const { return shared_->sessions.size(); }

}  // namespace sansmtp::wolfssl
