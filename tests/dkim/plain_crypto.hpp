// Crypto that hides nothing: its hash remembers the text, and its signatures say what they are of.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "sansmtp/dkim/crypto.hpp"

namespace sansmtp::test {

/// The texts that were hashed, in the order in which that began.
class plain_crypto final : public dkim::crypto {
 public:
  std::vector<std::shared_ptr<std::string>> texts;
  std::size_t streams_left = 1000;  ///< Then there is no hash to be had.
  std::size_t adds_left = 1000000;  ///< Then a hash fails.

  [[nodiscard]] std::unique_ptr<dkim::sha256_stream> begin_sha256() override {
    if (streams_left-- == 0) {
      streams_left = 0;
      return nullptr;
    }
    texts.push_back(std::make_shared<std::string>());
    return std::make_unique<stream>(texts.back(), adds_left);
  }
  [[nodiscard]] dkim::key_result read_key(bytes /*pem*/) override {
    return {nullptr, dkim::refusal::unreadable_key};
  }
  [[nodiscard]] dkim::key_result make_key(dkim::key_type /*type*/, unsigned /*bits*/) override {
    return {nullptr, dkim::refusal::key_unavailable};
  }

 private:
  class stream final : public dkim::sha256_stream {
   public:
    stream(std::shared_ptr<std::string> to, std::size_t& adds_left)
        : to_(std::move(to)), adds_left_(&adds_left) {}
    [[nodiscard]] bool add(bytes octets) override {
      if (*adds_left_ == 0) return false;
      --*adds_left_;
      to_->append(octets.data(), octets.size());
      return true;
    }
    [[nodiscard]] bool finish(std::span<char, dkim::sha256_size> digest) override {
      std::fill(digest.begin(), digest.end(), static_cast<char>(to_->size()));
      return true;
    }

   private:
    std::shared_ptr<std::string> to_;
    std::size_t* adds_left_;
  };
};

/// A key whose signature is as long as it is told.
class plain_key final : public dkim::private_key {
 public:
  explicit plain_key(dkim::key_type type, unsigned bits = 2048, std::size_t signature = 256)
      : type_(type), bits_(bits), signature_(signature) {}

  [[nodiscard]] dkim::key_type type() const noexcept override { return type_; }
  [[nodiscard]] unsigned bits() const noexcept override { return bits_; }
  [[nodiscard]] std::optional<std::string> sign(
      std::span<const char, dkim::sha256_size> digest) override {
    if (signature_ == 0) return std::nullopt;
    return std::string(signature_, digest.front());
  }
  [[nodiscard]] std::optional<std::string> public_key() const override { return "public"; }
  [[nodiscard]] std::optional<std::string> to_pem() const override { return std::nullopt; }

 private:
  dkim::key_type type_;
  unsigned bits_;
  std::size_t signature_;
};

}  // namespace sansmtp::test
