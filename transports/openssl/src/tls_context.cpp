#include "sansmtp/openssl/tls_context.hpp"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>
#include <utility>

#include "layer.hpp"

namespace sansmtp::openssl {

namespace {

// Forward secrecy and authenticated encryption only. AES first: OpenSSL has the processors' own
// instructions for it.
constexpr const char* cipher_suites_1_3 =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
constexpr const char* cipher_suites_1_2 =
    "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256:"
    "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-RSA-AES256-GCM-SHA384:"
    "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-RSA-CHACHA20-POLY1305";
constexpr const char* groups = "X25519:P-256:P-384";
/// No SHA-1, which OpenSSL would take from a server that speaks TLS 1.2 at lower levels.
constexpr const char* signatures =
    "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512:ed25519:ed448:"
    "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:"
    "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512:"
    "RSA+SHA256:RSA+SHA384:RSA+SHA512";

/// (The macros that there are for it have casts of the old kind.)
bool set_list(SSL_CTX* ctx, int which, std::string list) {
  return SSL_CTX_ctrl(ctx, which, 0, list.data()) == 1;
}

/// Nobody is there who could be asked for the password of a key.
int no_password(char*, int, int, void*) noexcept { return -1; }

// Where some keep the system's authorities that OpenSSL was not told of.
constexpr const char* other_bundles[] = {"/etc/ssl/certs/ca-certificates.crt",
                                         "/etc/pki/tls/certs/ca-bundle.crt"};

/// Getter: is there anything at `place`? OpenSSL does not say: to it a file or folder that is not
/// there is an empty one.
bool is_there(const std::filesystem::path& place) {
  std::error_code error;
  return std::filesystem::exists(place, error) && !std::filesystem::is_empty(place, error) &&
         !error;
}

/// Getter: is there anything in one of these folders, which colons divide?
bool is_one_there(std::string_view folders) {
  for (;;) {
    const std::size_t end = folders.find(':');
    const std::string_view folder = folders.substr(0, end);
    if (!folder.empty() && is_there(folder)) return true;
    if (end == std::string_view::npos) return false;
    folders.remove_prefix(end + 1);
  }
}

bool load_authorities(X509_STORE* store, const std::string& file) {
  if (!file.empty()) return X509_STORE_load_file(store, file.c_str()) == 1;
  // Where OpenSSL has them, or the user's environment. A folder is read as far as it is needed, and
  // a bundle as a whole, which takes much longer.
  const char* const folder = std::getenv(X509_get_default_cert_dir_env());
  const char* const bundle = std::getenv(X509_get_default_cert_file_env());
  if (is_one_there(folder != nullptr ? folder : X509_get_default_cert_dir()) ||
      is_there(bundle != nullptr ? bundle : X509_get_default_cert_file())) {
    return X509_STORE_set_default_paths(store) == 1;
  }
  if (folder != nullptr || bundle != nullptr) return false;
  for (const char* other : other_bundles) {
    if (X509_STORE_load_file(store, other) == 1) return true;
  }
  return false;
}

bool load_credentials(SSL_CTX* ctx, const tls_options& options) {
  if (options.certificate_file.empty() && options.key_file.empty()) return true;
  return SSL_CTX_use_certificate_chain_file(ctx, options.certificate_file.c_str()) == 1 &&
         SSL_CTX_use_PrivateKey_file(ctx, options.key_file.c_str(), SSL_FILETYPE_PEM) == 1 &&
         SSL_CTX_check_private_key(ctx) == 1;
}

std::shared_ptr<tls::shared_context> prepared(tls_options options) {
  auto context = std::make_shared<layer_context>(std::move(options));
  context->prepare();
  return context;
}

}  // namespace

/// Sets up what all links share, and leaves nothing that matters to the library's defaults or to
/// the system's configuration.
std::error_code layer_context::set_up() {
  ctx.reset(SSL_CTX_new(TLS_client_method()));
  SSL_CTX* const c = ctx.get();
  if (c == nullptr) return tls_errc::unavailable;
  const int oldest = options.minimum == tls_version::tls_1_3 ? TLS1_3_VERSION : TLS1_2_VERSION;
  SSL_CTX_set_security_level(c, 2);
  if (SSL_CTX_set_min_proto_version(c, oldest) != 1 ||
      SSL_CTX_set_max_proto_version(c, TLS1_3_VERSION) != 1 ||
      SSL_CTX_set_ciphersuites(c, cipher_suites_1_3) != 1 ||
      SSL_CTX_set_cipher_list(c, cipher_suites_1_2) != 1 ||
      !set_list(c, SSL_CTRL_SET_GROUPS_LIST, groups) ||
      !set_list(c, SSL_CTRL_SET_SIGALGS_LIST, signatures)) {
    return tls_errc::unavailable;
  }
  SSL_CTX_set_options(c, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  if (options.resumable_sessions == 0) SSL_CTX_set_options(c, SSL_OP_NO_TICKET);
  SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);  // ours is keyed by what is demanded
  SSL_CTX_set_mode(c, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_NO_AUTO_CHAIN);
  SSL_CTX_set_cert_verify_callback(c, judge_peer, nullptr);
  SSL_CTX_set_default_passwd_cb(c, no_password);
  const bool good = load_credentials(c, options);
  ERR_clear_error();
  return good ? std::error_code() : tls_errc::bad_credentials;
}

bool layer_context::read_trust() {
  trust.reset(X509_STORE_new());
  const bool good = trust != nullptr && load_authorities(trust.get(), options.ca_file);
  ERR_clear_error();
  return good;
}

std::unique_ptr<tls_layer> layer_context::open(tls::link_terms terms) {
  link_handle link(SSL_new(ctx.get()));
  if (link == nullptr) return nullptr;
  if (!terms.shown_name.empty()) {
    // (Not by its macro, as above.)
    SSL_ctrl(link.get(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
             terms.shown_name.data());
  }
  SSL* const ssl = link.get();
  auto made = std::make_unique<layer>(std::static_pointer_cast<layer_context>(shared_from_this()),
                                      std::move(link), std::move(terms));
  BIO* const bio = make_bio(*made);
  if (bio == nullptr) return nullptr;
  SSL_set_bio(ssl, bio, bio);  // which is the link's now
  return made;
}

tls_context::tls_context(tls_options options)
    : sansmtp::tls_context(prepared(std::move(options))) {}

}  // namespace sansmtp::openssl
