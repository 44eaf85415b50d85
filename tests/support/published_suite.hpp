// A hash suite whose answers were published: for the vectors of the RFCs it says what they say.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "sansmtp/base64.hpp"
#include "sansmtp/hash_suite.hpp"

/// Answers from a table: T4 of RFC 2195, T5 of RFC 5802, T6 of RFC 7677, and T5 and T6 with other
/// GS2 headers, bindings ("0123456789abcdef" twice) and an attribute more. The values between were
/// computed by Python's hashlib. Any other question gets a made-up answer, always the same: good
/// enough for a server that will never agree. The random octets are the nonce of T5.
class published_suite : public sansmtp::hash_suite {
 public:
  using algorithm = sansmtp::hash_algorithm;
  using bytes = sansmtp::bytes;

  bool hash(algorithm h, bytes text, std::span<char> out) override {
    return answer(operation::hash, h, {}, sansmtp::as_text(text), out);
  }
  bool hmac(algorithm h, bytes key, bytes text, std::span<char> out) override {
    return answer(operation::hmac, h, sansmtp::as_text(key), sansmtp::as_text(text), out);
  }
  bool pbkdf2(algorithm h, bytes password, bytes salt, std::uint32_t iterations,
              std::span<char> out) override {
    ++derivations;
    const std::string how =
        sansmtp::base64_encode(sansmtp::as_text(salt)) + ',' + std::to_string(iterations);
    return answer(operation::pbkdf2, h, sansmtp::as_text(password), how, out);
  }
  bool random(std::span<char> out) override {
    const std::string nonce = sansmtp::base64_decode("fyko+d2lbbFgONRv9qkxdawL").value();
    if (out.size() != nonce.size() || works == 0) return false;
    std::copy(nonce.begin(), nonce.end(), out.begin());
    return true;
  }

  int derivations = 0;  ///< Calls of pbkdf2.
  int works = -1;       ///< Calls that are answered before the suite fails; negative: all.

 private:
  enum class operation : std::uint8_t { hash, hmac, pbkdf2 };

  struct row {
    operation what;
    algorithm h;
    std::string_view key;  // in hexadecimal digits, like the digest
    std::string_view text;
    std::string_view digest;
  };

  static std::string hex(std::string_view octets) {
    std::string digits;
    for (const char c : octets) {
      const auto octet = static_cast<unsigned char>(c);
      digits += "0123456789abcdef"[octet >> 4U];
      digits += "0123456789abcdef"[octet & 0xFU];
    }
    return digits;
  }

  bool answer(operation what, algorithm h, std::string_view key, std::string_view text,
              std::span<char> out) {
    if (out.size() != sansmtp::digest_size(h) || works == 0) return false;
    if (works > 0) --works;
    const std::string key_digits = hex(key);
    const std::string text_digits = hex(text);
    for (const row& r : rows) {
      // What is hashed is no text.
      const bool same_text = what == operation::hash ? r.text == text_digits : r.text == text;
      if (r.what != what || r.h != h || r.key != key_digits || !same_text) continue;
      for (std::size_t i = 0; i < out.size(); ++i) {
        const auto digit = [&](std::size_t at) {
          return std::string_view("0123456789abcdef").find(r.digest[at]);
        };
        out[i] = static_cast<char>(digit(2 * i) << 4U | digit(2 * i + 1));
      }
      return true;
    }
    std::uint32_t state = 2166136261U + static_cast<std::uint32_t>(what);
    for (const char c : key_digits + '/' + text_digits) {
      state = (state ^ static_cast<unsigned char>(c)) * 16777619U;
    }
    for (char& c : out) {
      state = state * 1664525U + 1013904223U;
      c = static_cast<char>(state >> 24U);
    }
    return true;
  }

  static constexpr row rows[] = {
      {operation::pbkdf2, algorithm::sha1, "70656e63696c", "QSXCR+Q6sek8bf92,4096",
       "1d96ee3a529b5a5f9e47c01f229a2cb8a6e15f7d"},
      {operation::hmac, algorithm::sha1, "1d96ee3a529b5a5f9e47c01f229a2cb8a6e15f7d", "Client Key",
       "e234c47bf6c36696dd6d852b99aaa2ba26555728"},
      {operation::hmac, algorithm::sha1, "1d96ee3a529b5a5f9e47c01f229a2cb8a6e15f7d", "Server Key",
       "0fe09258b3ac852ba502cc62ba903eaacdbf7d31"},
      {operation::hash, algorithm::sha1, "", "e234c47bf6c36696dd6d852b99aaa2ba26555728",
       "e9d94660c39d65c38fbad91c358f14da0eef2bd6"},
      {operation::hmac, algorithm::sha1, "e9d94660c39d65c38fbad91c358f14da0eef2bd6",
       "n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+"
       "Q6sek8bf92,i=4096,c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
       "5d7138c486b0bfabdf49e3e2da8bd6e5c79db613"},
      {operation::hmac, algorithm::sha1, "0fe09258b3ac852ba502cc62ba903eaacdbf7d31",
       "n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+"
       "Q6sek8bf92,i=4096,c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
       "ae617da6a57c4bbb2e0286568dae1d251905b0a4"},
      {operation::hmac, algorithm::sha1, "e9d94660c39d65c38fbad91c358f14da0eef2bd6",
       "n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+"
       "Q6sek8bf92,i=4096,c=eSws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
       "e402819e23bd74d62a0da3dc3dd76a85ecb76744"},
      {operation::hmac, algorithm::sha1, "0fe09258b3ac852ba502cc62ba903eaacdbf7d31",
       "n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+"
       "Q6sek8bf92,i=4096,c=eSws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
       "76ca6b43947600662dd649f86d04704c01343d35"},
      {operation::hmac, algorithm::sha1, "e9d94660c39d65c38fbad91c358f14da0eef2bd6",
       "n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+"
       "Q6sek8bf92,i=4096,c=cD10bHMtZXhwb3J0ZXIsLDAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm,r="
       "fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
       "d9cc42596634f5fe6963a56339a552bb64963b02"},
      {operation::hmac, algorithm::sha1, "0fe09258b3ac852ba502cc62ba903eaacdbf7d31",
       "n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+"
       "Q6sek8bf92,i=4096,c=cD10bHMtZXhwb3J0ZXIsLDAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm,r="
       "fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
       "1ee0c0fd734d81add052f940f3f879998bcc5847"},
      {operation::hmac, algorithm::sha1, "e9d94660c39d65c38fbad91c358f14da0eef2bd6",
       "n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+"
       "Q6sek8bf92,i=4096,x=later,c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
       "4376dada4051648c4423b3d2975e11e8bbf26bca"},
      {operation::hmac, algorithm::sha1, "0fe09258b3ac852ba502cc62ba903eaacdbf7d31",
       "n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+"
       "Q6sek8bf92,i=4096,x=later,c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j",
       "1c7fc71569a7c67a1694eb746a26aff0a106bac2"},
      {operation::pbkdf2, algorithm::sha256, "70656e63696c", "W22ZaJ0SNY7soEsUEjb6gQ==,4096",
       "c4a49510323ab4f952cac1fa99441939e78ea74d6be81ddf7096e87513dc615d"},
      {operation::hmac, algorithm::sha256,
       "c4a49510323ab4f952cac1fa99441939e78ea74d6be81ddf7096e87513dc615d", "Client Key",
       "a60fc923d67e8644a92d16b96eda5ef4656b0c725c484374be25535576996e8b"},
      {operation::hmac, algorithm::sha256,
       "c4a49510323ab4f952cac1fa99441939e78ea74d6be81ddf7096e87513dc615d", "Server Key",
       "c1f3cbc1c13a9d35a14c0990eed97629ea225863e566a4314ab99f3f00e5d9d5"},
      {operation::hash, algorithm::sha256, "",
       "a60fc923d67e8644a92d16b96eda5ef4656b0c725c484374be25535576996e8b",
       "586e5df283e6dceb5c3e791d8b8528ec191e664045ce971792e2e6b5bb13e2a6"},
      {operation::hmac, algorithm::sha256,
       "586e5df283e6dceb5c3e791d8b8528ec191e664045ce971792e2e6b5bb13e2a6",
       "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s="
       "W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$"
       "k0",
       "d27312467c28a40a8a7f05c73c0de33eb3cbfb4a83783b58144cf19ac6be1bdf"},
      {operation::hmac, algorithm::sha256,
       "c1f3cbc1c13a9d35a14c0990eed97629ea225863e566a4314ab99f3f00e5d9d5",
       "n=user,r=rOprNGfwEbeRWgbNEkqO,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s="
       "W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$"
       "k0",
       "eabae24d1062db75a9451ff0b6ea7e98c8546549ff741e672d3251b2397de46e"},
      {operation::hmac, algorithm::sha256,
       "586e5df283e6dceb5c3e791d8b8528ec191e664045ce971792e2e6b5bb13e2a6",
       "n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
       "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=fyko+d2lbbFgONRv9qkxdawL%hvYDpWUa2RaTCAfuxFIlj)"
       "hNlF$k0",
       "7e5adb149c31f76a66df06d8ddca17ce406861684aa8e639a7b1a77a63fe2762"},
      {operation::hmac, algorithm::sha256,
       "c1f3cbc1c13a9d35a14c0990eed97629ea225863e566a4314ab99f3f00e5d9d5",
       "n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
       "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=biws,r=fyko+d2lbbFgONRv9qkxdawL%hvYDpWUa2RaTCAfuxFIlj)"
       "hNlF$k0",
       "cc9663b15a7683e5bd8ddd35be06ecb218a9a5f1f5b0cd2d2dd06fb3e7b70c5e"},
      {operation::hmac, algorithm::sha256,
       "586e5df283e6dceb5c3e791d8b8528ec191e664045ce971792e2e6b5bb13e2a6",
       "n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
       "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=eSws,r=fyko+d2lbbFgONRv9qkxdawL%hvYDpWUa2RaTCAfuxFIlj)"
       "hNlF$k0",
       "010500e10a1d677e16767a02803d262ac1b18573fe3bf337592ab48d43e9300f"},
      {operation::hmac, algorithm::sha256,
       "c1f3cbc1c13a9d35a14c0990eed97629ea225863e566a4314ab99f3f00e5d9d5",
       "n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
       "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c=eSws,r=fyko+d2lbbFgONRv9qkxdawL%hvYDpWUa2RaTCAfuxFIlj)"
       "hNlF$k0",
       "b977d2da11fd5a7867aa6c76bdf7754d2235cefaf1eb836b59220d9f621b53dd"},
      {operation::hmac, algorithm::sha256,
       "586e5df283e6dceb5c3e791d8b8528ec191e664045ce971792e2e6b5bb13e2a6",
       "n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
       "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c="
       "cD10bHMtZXhwb3J0ZXIsLDAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm,r=fyko+"
       "d2lbbFgONRv9qkxdawL%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
       "57746e2978eefc152859cb7c11434fcbc699b2152a5003808b40638ea64892f4"},
      {operation::hmac, algorithm::sha256,
       "c1f3cbc1c13a9d35a14c0990eed97629ea225863e566a4314ab99f3f00e5d9d5",
       "n=user,r=fyko+d2lbbFgONRv9qkxdawL,r=fyko+d2lbbFgONRv9qkxdawL%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
       "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,c="
       "cD10bHMtZXhwb3J0ZXIsLDAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm,r=fyko+"
       "d2lbbFgONRv9qkxdawL%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0",
       "c6133b193d8fc88065df34dc76755c2f4f8f51b924c7f74608fadfcf16b1efc9"},
      {operation::hmac, algorithm::md5, "74616e737461616674616e7374616166",
       "<1896.697170952@postoffice.reston.mci.net>", "b913a602c7eda7a495b4e6e7334d3890"},
  };
};
