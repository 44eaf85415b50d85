#include <gtest/gtest.h>

#include <array>
#include <set>
#include <string>
#include <string_view>

#include "layer_under_test.hpp"
#include "sasl_vectors.hpp"

namespace {

using namespace sansmtp;

std::string hex(std::span<const char> octets) {
  std::string digits;
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    digits += "0123456789abcdef"[octet >> 4U];
    digits += "0123456789abcdef"[octet & 0xFU];
  }
  return digits;
}

TEST(hash_suite, plays_the_vectors_of_the_mechanisms) {  // T4 T5 T6 SASL-04 SASL-09
  const auto suite = test::under_test().make_hash_suite();
  check_cram_md5_vector(*suite);
  check_scram_vectors(*suite);
}

TEST(hash_suite, hashes) {  // RFC 1321, FIPS 180-4
  const auto suite = test::under_test().make_hash_suite();
  const struct {
    hash_algorithm h;
    std::string_view text, digest;
  } rows[] = {
      {hash_algorithm::md5, "", "d41d8cd98f00b204e9800998ecf8427e"},
      {hash_algorithm::md5, "abc", "900150983cd24fb0d6963f7d28e17f72"},
      {hash_algorithm::sha1, "", "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
      {hash_algorithm::sha1, "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
      {hash_algorithm::sha256, "",
       "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {hash_algorithm::sha256, "abc",
       "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
  };
  for (const auto& row : rows) {
    std::array<char, max_digest_size> out{};
    const auto place = std::span<char>(out).first(digest_size(row.h));
    ASSERT_TRUE(suite->hash(row.h, as_bytes(row.text), place));
    EXPECT_EQ(hex(place), row.digest);
  }
}

TEST(hash_suite, authenticates_and_derives) {  // RFC 2202, RFC 4231, RFC 6070
  const auto suite = test::under_test().make_hash_suite();
  std::array<char, max_digest_size> out{};
  const std::span<char> all(out);
  ASSERT_TRUE(suite->hmac(hash_algorithm::md5, as_bytes("Jefe"),
                          as_bytes("what do ya want for nothing?"), all.first(16)));
  EXPECT_EQ(hex(all.first(16)), "750c783e6ab0b503eaa86e310a5db738");
  ASSERT_TRUE(suite->hmac(hash_algorithm::sha1, as_bytes("Jefe"),
                          as_bytes("what do ya want for nothing?"), all.first(20)));
  EXPECT_EQ(hex(all.first(20)), "effcdf6ae5eb2fa2d27416d5f184df9c259a7c79");
  ASSERT_TRUE(suite->hmac(hash_algorithm::sha256, as_bytes("Jefe"),
                          as_bytes("what do ya want for nothing?"), all));
  EXPECT_EQ(hex(all), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
  // A key longer than a block is hashed first.
  ASSERT_TRUE(suite->hmac(hash_algorithm::md5, as_bytes(std::string(80, '\xAA')),
                          as_bytes("Test Using Larger Than Block-Size Key - Hash Key First"),
                          all.first(16)));
  EXPECT_EQ(hex(all.first(16)), "6b1ab7fe4bd7bf8f0b62e6ce61b9d0cd");
  ASSERT_TRUE(suite->pbkdf2(hash_algorithm::sha1, as_bytes("password"), as_bytes("salt"), 4096,
                            all.first(20)));
  EXPECT_EQ(hex(all.first(20)), "4b007901b765489abead49d926f721d065a429c1");
}

TEST(hash_suite, refuses_what_it_cannot_do) {
  const auto suite = test::under_test().make_hash_suite();
  std::array<char, max_digest_size> out{};
  const std::span<char> wrong = std::span<char>(out).first(31);
  EXPECT_FALSE(suite->hash(hash_algorithm::sha256, as_bytes("x"), wrong));
  EXPECT_FALSE(suite->hmac(hash_algorithm::sha256, as_bytes("x"), as_bytes("x"), wrong));
  EXPECT_FALSE(suite->pbkdf2(hash_algorithm::sha256, as_bytes("x"), as_bytes("x"), 1, wrong));
  EXPECT_FALSE(suite->pbkdf2(hash_algorithm::sha256, as_bytes("x"), as_bytes("x"), 0, out));
  EXPECT_FALSE(
      suite->pbkdf2(hash_algorithm::sha256, as_bytes("x"), as_bytes("x"), 0x80000000U, out));
}

TEST(hash_suite, random_octets_do_not_come_again) {  // SASL-06
  std::set<std::string> seen;
  for (int i = 0; i < 10; ++i) {
    const auto suite = test::under_test().make_hash_suite();
    for (int k = 0; k < 10; ++k) {
      std::array<char, 18> out{};
      ASSERT_TRUE(suite->random(out));
      seen.insert(hex(out));
    }
  }
  EXPECT_EQ(seen.size(), 100U);
  const auto suite = test::under_test().make_hash_suite();
  std::set<std::string> nonces;
  for (int i = 0; i < 10; ++i) {
    const auto m = make_scram(hash_algorithm::sha256, scram_binding::off, "user", "pencil", *suite);
    ASSERT_EQ(m->bind({}), errc::none);
    nonces.insert(m->initial_response().value());
  }
  EXPECT_EQ(nonces.size(), 10U);
}

}  // namespace
