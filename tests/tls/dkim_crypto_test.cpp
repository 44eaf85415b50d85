// What the libraries compute of DKIM: the published example, and keys that OpenSSL has made.
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>

#include <array>
#include <cctype>
#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "layer_under_test.hpp"
#include "sansmtp/base64.hpp"
#include "sansmtp/dkim/key_record.hpp"
#include "sansmtp/dkim/signer.hpp"

namespace dkim_crypto_test {

using namespace sansmtp;
using dkim::key_type;
using dkim::refusal;

// The key pair and the mail of RFC 8463 appendix A.
constexpr std::string_view published_key =
    "-----BEGIN PRIVATE KEY-----\n"
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"
    "-----END PRIVATE KEY-----\n";
constexpr std::string_view published_public_key = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
constexpr std::string_view published_fields =
    "from:Joe SixPack <joe@football.example.com>\r\n"
    "to:Suzie Q <suzie@shopping.example.net>\r\n"
    "subject:Is dinner ready?\r\n"
    "date:Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    "message-id:<20030712040037.46341.5F8J@football.example.com>\r\n"
    "dkim-signature:v=1; a=ed25519-sha256; c=relaxed/relaxed; d=football.example.com; "
    "i=@football.example.com; q=dns/txt; s=brisbane; t=1528637909; h=from : to : subject : date : "
    "message-id : from : subject : date; bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=; b=";
constexpr std::string_view published_signature =
    "/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11BusFa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==";
constexpr std::string_view published_letter =
    "From: Joe SixPack <joe@football.example.com>\n"
    "To: Suzie Q <suzie@shopping.example.net>\n"
    "Subject: Is dinner ready?\n"
    "Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\n"
    "Message-ID: <20030712040037.46341.5F8J@football.example.com>\n"
    "\n"
    "Hi.\n"
    "\n"
    "We lost the game.  Are you hungry yet?\n"
    "\n"
    "Joe.\n";

std::array<char, dkim::sha256_size> sha256_of(dkim::crypto& crypto, std::string_view text) {
  std::array<char, dkim::sha256_size> digest{};
  const auto stream = crypto.begin_sha256();
  if (stream == nullptr) {
    ADD_FAILURE() << "no hash";
    return digest;
  }
  EXPECT_TRUE(stream->add(as_bytes(text.substr(0, text.size() / 3))));
  EXPECT_TRUE(stream->add(as_bytes(text.substr(text.size() / 3))));
  EXPECT_TRUE(stream->finish(digest));
  return digest;
}

std::unique_ptr<dkim::private_key> must_read(dkim::crypto& crypto, std::string_view pem) {
  dkim::key_result result = crypto.read_key(as_bytes(pem));
  EXPECT_EQ(result.why, refusal::none) << to_string(result.why);
  return std::move(result.key);
}

TEST(dkim_crypto, published_example) {  // DKIM-01, RFC 8463 appendix A
  const auto crypto = test::under_test().make_dkim_crypto();
  const auto key = must_read(*crypto, published_key);
  ASSERT_NE(key, nullptr);
  EXPECT_EQ(key->type(), key_type::ed25519);
  EXPECT_EQ(base64_encode(key->public_key().value_or("")), published_public_key);
  EXPECT_EQ(base64_encode(key->sign(sha256_of(*crypto, published_fields)).value_or("")),
            published_signature);
}

/// The tags of a signature, blanks left out.
std::map<std::string, std::string> tags_of(std::string_view field) {
  std::map<std::string, std::string> tags;
  std::string name;
  std::string* to = &name;
  for (const char c : field.substr(field.find(':') + 1)) {
    if (std::isspace(static_cast<unsigned char>(c)) != 0) continue;
    if (c == ';') {
      name.clear();
      to = &name;
    } else if (c == '=' && to == &name) {
      to = &tags[name];
    } else {
      *to += c;
    }
  }
  return tags;
}

/// A field on one line, blanks as one: what an obvious reader makes of it.
std::string unfolded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\r' || c == '\n' || c == '\t' || c == ' ') {
      if (!out.ends_with(' ')) out += ' ';
    } else {
      out += c;
    }
  }
  while (out.ends_with(' ')) out.pop_back();
  return out;
}

/// Does OpenSSL find the first field, a signature, right for the fields and their key?
bool is_right(dkim::private_key& key, std::string_view signature, std::string_view fields) {
  const std::map<std::string, std::string> tags = tags_of(signature);
  const std::string whole = unfolded(signature);
  const std::string signed_text =
      std::string(fields) + "dkim-signature:" + whole.substr(16, whole.rfind("; b=") + 4 - 16);
  const std::string octets = base64_decode(tags.at("b")).value_or("");
  const auto* const b = reinterpret_cast<const unsigned char*>(octets.data());
  const std::string half = key.public_key().value_or("");
  const auto* at = reinterpret_cast<const unsigned char*>(half.data());
  const bool rsa = key.type() == key_type::rsa;
  const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> with(
      rsa ? d2i_PUBKEY(nullptr, &at, static_cast<long>(half.size()))
          : EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, at, half.size()),
      EVP_PKEY_free);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context(EVP_MD_CTX_new(),
                                                                        EVP_MD_CTX_free);
  std::array<unsigned char, 32> digest{};
  EXPECT_EQ(EVP_Digest(signed_text.data(), signed_text.size(), digest.data(), nullptr, EVP_sha256(),
                       nullptr),
            1);
  EXPECT_EQ(EVP_DigestVerifyInit(context.get(), nullptr, rsa ? EVP_sha256() : nullptr, nullptr,
                                 with.get()),
            1);
  return rsa ? EVP_DigestVerify(context.get(), b, octets.size(),
                                reinterpret_cast<const unsigned char*>(signed_text.data()),
                                signed_text.size()) == 1
             : EVP_DigestVerify(context.get(), b, octets.size(), digest.data(), digest.size()) == 1;
}

TEST(dkim_crypto, signs_by_both_kinds_of_keys) {  // DKIM-01
  const auto crypto = test::under_test().make_dkim_crypto();
  for (const key_type type : {key_type::rsa, key_type::ed25519}) {
    const dkim::key_result made = crypto->make_key(type);
    ASSERT_EQ(made.why, refusal::none);
    EXPECT_EQ(made.key->bits(), type == key_type::rsa ? 2048U : 256U);
    EXPECT_EQ(check_key(*made.key), refusal::none);
    // What is written can be read.
    const auto key = must_read(*crypto, made.key->to_pem().value_or(""));
    ASSERT_NE(key, nullptr);
    EXPECT_EQ(key->type(), type);
    EXPECT_EQ(key->public_key(), made.key->public_key());

    dkim::signer_options options;
    options.domain = "football.example.com";
    options.keys = {{"brisbane", key.get()}};
    options.fields = {"from", "to"};
    options.signed_at = std::chrono::sys_seconds(std::chrono::seconds(1528637909));
    const dkim::signing_result result =
        dkim::sign(message::borrow(as_bytes(published_letter)), options, *crypto);
    ASSERT_EQ(result.why, refusal::none);
    EXPECT_EQ(tags_of(result.fields).at("bh"), "2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=");
    const std::string_view fields = published_fields.substr(0, published_fields.find("subject"));
    EXPECT_TRUE(is_right(*key, result.fields, fields));
    std::string changed(fields);
    changed[5] = 'x';
    EXPECT_FALSE(is_right(*key, result.fields, changed));
  }
}

using owned_key = std::shared_ptr<EVP_PKEY>;

std::string written(const owned_key& key, int (*write)(BIO*, EVP_PKEY*)) {
  const std::unique_ptr<BIO, decltype(&BIO_free)> to(BIO_new(BIO_s_mem()), BIO_free);
  EXPECT_EQ(write(to.get(), key.get()), 1);
  char* text = nullptr;
  const long size = BIO_get_mem_data(to.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

int as_pkcs8(BIO* to, EVP_PKEY* key) {
  return PEM_write_bio_PKCS8PrivateKey(to, key, nullptr, nullptr, 0, nullptr, nullptr);
}
int as_pkcs1(BIO* to, EVP_PKEY* key) {
  return PEM_write_bio_PrivateKey_traditional(to, key, nullptr, nullptr, 0, nullptr, nullptr);
}
int with_passphrase(BIO* to, EVP_PKEY* key) {
  return PEM_write_bio_PKCS8PrivateKey(to, key, EVP_aes_128_cbc(), "word", 4, nullptr, nullptr);
}
/// Leaves two lines of base64 out.
std::string damaged(std::string pem) { return pem.erase(pem.find('\n') + 1 + 5 * 65, 2 * 65); }

int public_half(BIO* to, EVP_PKEY* key) { return PEM_write_bio_PUBKEY(to, key); }

/// A key that its owner has kept for RSASSA-PSS, which DKIM does not use.
EVP_PKEY* made_for_pss() {
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new_id(EVP_PKEY_RSA_PSS, nullptr), EVP_PKEY_CTX_free);
  EVP_PKEY* key = nullptr;
  EXPECT_EQ(EVP_PKEY_keygen_init(context.get()), 1);
  EXPECT_EQ(EVP_PKEY_CTX_set_rsa_keygen_bits(context.get(), 2048), 1);
  EXPECT_EQ(EVP_PKEY_keygen(context.get(), &key), 1);
  return key;
}

TEST(dkim_crypto, reads_keys_of_others) {  // DKIM-01 DKIM-03
  const auto crypto = test::under_test().make_dkim_crypto();
  const owned_key rsa(EVP_RSA_gen(2048), EVP_PKEY_free);
  const owned_key short_rsa(EVP_RSA_gen(1024), EVP_PKEY_free);
  const owned_key ed25519(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"), EVP_PKEY_free);
  const owned_key p256(EVP_PKEY_Q_keygen(nullptr, nullptr, "EC", "P-256"), EVP_PKEY_free);
  const owned_key x25519(EVP_PKEY_Q_keygen(nullptr, nullptr, "X25519"), EVP_PKEY_free);
  const owned_key pss(made_for_pss(), EVP_PKEY_free);
  const struct {
    std::string_view name;
    std::string pem;
    refusal why;
    key_type type;
    unsigned bits;
  } rows[] = {
      {"RSA, PKCS #8", written(rsa, as_pkcs8), refusal::none, key_type::rsa, 2048},
      {"RSA, PKCS #1", written(rsa, as_pkcs1), refusal::none, key_type::rsa, 2048},
      {"short RSA", written(short_rsa, as_pkcs8), refusal::none, key_type::rsa, 1024},
      {"Ed25519", written(ed25519, as_pkcs8), refusal::none, key_type::ed25519, 256},
      {"ECDSA", written(p256, as_pkcs8), refusal::unknown_key, {}, 0},
      {"ECDSA, by its label", written(p256, as_pkcs1), refusal::unknown_key, {}, 0},
      {"X25519", written(x25519, as_pkcs8), refusal::unknown_key, {}, 0},
      {"RSASSA-PSS", written(pss, as_pkcs8), refusal::unknown_key, {}, 0},
      {"damaged RSA", damaged(written(rsa, as_pkcs8)), refusal::unreadable_key, {}, 0},
      {"damaged RSA, PKCS #1", damaged(written(rsa, as_pkcs1)), refusal::unreadable_key, {}, 0},
      {"passphrase", written(rsa, with_passphrase), refusal::unreadable_key, {}, 0},
      {"public key", written(rsa, public_half), refusal::unreadable_key, {}, 0},
      {"nothing", "", refusal::unreadable_key, {}, 0},
      {"something else", "Subject: hi\n\nHello\n", refusal::unreadable_key, {}, 0},
      {"half of a key", written(rsa, as_pkcs8).substr(0, 800), refusal::unreadable_key, {}, 0},
  };
  for (const auto& row : rows) {
    const dkim::key_result result = crypto->read_key(as_bytes(row.pem));
    EXPECT_EQ(to_string(result.why), to_string(row.why)) << row.name;
    if (row.why != refusal::none || result.key == nullptr) {
      EXPECT_EQ(result.key, nullptr) << row.name;
      continue;
    }
    EXPECT_EQ(result.key->type(), row.type) << row.name;
    EXPECT_EQ(result.key->bits(), row.bits) << row.name;
    EXPECT_EQ(check_key(*result.key),
              row.bits < 2048 && row.type == key_type::rsa ? refusal::short_key : refusal::none)
        << row.name;
  }
  EXPECT_EQ(crypto->read_key(as_bytes(std::string((std::size_t{1} << 20U) + 1, 'x'))).why,
            refusal::unreadable_key);
}

}  // namespace dkim_crypto_test
