#include <wolfssl/options.h>
// (The line above must be the first of wolfSSL's.)
#include <wolfssl/openssl/evp.h>
#include <wolfssl/openssl/pem.h>
#include <wolfssl/ssl.h>

#include "sansmtp/wolfssl/tls_context.hpp"

#include <array>
#include <string>
#include <utility>

#include "layer.hpp"

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

}  // namespace

/// Sets up what all links share; the library's own defaults verify nothing and offer ciphers
/// without encryption.
std::error_code layer_context::set_up() {
  if (!start_library()) return tls_errc::unavailable;
  wolf.reset(wolfSSL_CTX_new(wolfTLS_client_method()));
  WOLFSSL_CTX* const ctx = wolf.get();
  if (ctx == nullptr) return tls_errc::unavailable;
  const int oldest = options.minimum == tls_version::tls_1_3 ? WOLFSSL_TLSV1_3 : WOLFSSL_TLSV1_2;
  std::array<int, 3> groups{WOLFSSL_ECC_X25519, WOLFSSL_ECC_SECP256R1, WOLFSSL_ECC_SECP384R1};
  if (wolfSSL_CTX_SetMinVersion(ctx, oldest) != WOLFSSL_SUCCESS ||
      wolfSSL_CTX_set_cipher_list(ctx, cipher_suites) != WOLFSSL_SUCCESS ||
      wolfSSL_CTX_set_groups(ctx, groups.data(), static_cast<int>(groups.size())) !=
          WOLFSSL_SUCCESS) {
    return tls_errc::unavailable;
  }
  if (!load_credentials(ctx, options)) return tls_errc::bad_credentials;
  return {};
}

bool layer_context::read_trust() {
  trust.reset(wolfSSL_CTX_new(wolfTLS_client_method()));
  return trust != nullptr && load_authorities(trust.get(), options.ca_file);
}

std::unique_ptr<tls_layer> layer_context::open(tls::link_terms terms) {
  link_handle link(wolfSSL_new(wolf.get()));
  if (link == nullptr) return nullptr;
  if (!terms.shown_name.empty()) {
    wolfSSL_UseSNI(link.get(), WOLFSSL_SNI_HOST_NAME, terms.shown_name.data(),
                   static_cast<unsigned short>(terms.shown_name.size()));
  }
  wolfSSL_UseSecureRenegotiation(link.get());  // only to say that there is none to be abused
  if (options.resumable_sessions != 0) wolfSSL_UseSessionTicket(link.get());
  return std::make_unique<layer>(std::static_pointer_cast<layer_context>(shared_from_this()),
                                 std::move(link), std::move(terms));
}

namespace {

std::shared_ptr<tls::shared_context> prepared(tls_options options) {
  auto context = std::make_shared<layer_context>(std::move(options));
  context->prepare();
  return context;
}

}  // namespace

tls_context::tls_context(tls_options options)
    : sansmtp::tls_context(prepared(std::move(options))) {}

}  // namespace sansmtp::wolfssl
