#include "server_auth.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include "digests.hpp"

namespace sansmtp::cli {

namespace {

constexpr std::string_view alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string to_base64(std::string_view raw) {
  std::string text;
  for (std::size_t i = 0; i < raw.size(); i += 3) {
    std::uint32_t group = 0;
    const std::size_t size = std::min<std::size_t>(3, raw.size() - i);
    for (std::size_t k = 0; k < 3; ++k) {
      group = group << 8U | (k < size ? static_cast<unsigned char>(raw[i + k]) : 0U);
    }
    for (std::size_t k = 0; k < 4; ++k) {
      text += k <= size ? alphabet[group >> (18 - 6 * k) & 63U] : '=';
    }
  }
  return text;
}

/// Strict: nothing but the alphabet, and padding where it belongs.
std::optional<std::string> from_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  std::string raw;
  std::uint32_t group = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool filler = i >= text.size() - padding;
    const std::size_t value = filler ? 0 : alphabet.find(text[i]);
    if (value == std::string_view::npos) return std::nullopt;
    group = group << 6U | static_cast<std::uint32_t>(value);
    if (i % 4 != 3) continue;
    for (const unsigned shift : {16U, 8U, 0U}) raw += static_cast<char>(group >> shift & 255U);
    group = 0;
  }
  raw.resize(raw.size() - padding);
  return raw;
}

std::string to_hex(std::string_view raw) {
  std::string text;
  for (const char c : raw) text += fmt::format("{:02x}", static_cast<unsigned char>(c));
  return text;
}

/// RFC 4616.
class plain final : public server_auth {
 public:
  plain(std::string user, std::string password) : expected_('\0' + user + '\0' + password) {
    with_identity_ = std::move(user) + expected_;
  }

 private:
  step take(std::optional<std::string> response) override {
    if (!response) return challenge({});
    return verdict(*response == expected_ || *response == with_identity_);
  }

  std::string expected_;
  std::string with_identity_;
};

/// draft-murchison-sasl-login, with the prompts that clients know: some compare them.
class login final : public server_auth {
 public:
  login(std::string user, std::string password)
      : user_(std::move(user)), password_(std::move(password)) {}

 private:
  step take(std::optional<std::string> response) override {
    if (!response) return challenge("Username:");
    if (!name_) {
      name_ = std::move(*response);
      return challenge("Password:");
    }
    return verdict(*name_ == user_ && *response == password_);
  }

  std::string user_;
  std::string password_;
  std::optional<std::string> name_;
};

/// RFC 2195.
class cram_md5 final : public server_auth {
 public:
  cram_md5(std::string user, std::string password)
      : user_(std::move(user)), password_(std::move(password)) {}

 private:
  step take(std::optional<std::string> response) override {
    if (!response) {
      challenge_ = fmt::format("<{}@localhost>", to_hex(random_octets(8)));
      return challenge(challenge_);
    }
    if (challenge_.empty()) return {step::kind::malformed};  // the server speaks first
    return verdict(*response == user_ + ' ' + to_hex(hmac_of(digest::md5, password_, challenge_)));
  }

  std::string user_;
  std::string password_;
  std::string challenge_;
};

/// RFC 5802 and RFC 7677, without channel binding.
class scram_sha_256 final : public server_auth {
 public:
  scram_sha_256(std::string user, std::string password)
      : user_(std::move(user)), password_(std::move(password)) {}

 private:
  step take(std::optional<std::string> response) override {
    if (!response) return challenge({});
    switch (std::exchange(next_, static_cast<int>(next_) + 1)) {
      case 0: return take_first(*response);
      case 1: return take_final(*response);
      default: return verdict(response->empty());  // the client has seen the server's proof
    }
  }

  step take_first(std::string_view message) {
    // n,[a=...],n=user,r=nonce; "y": the client would bind, but sees no offer.
    if (!message.starts_with("n,") && !message.starts_with("y,")) return {step::kind::malformed};
    const std::size_t comma = message.find(',', 2);
    if (comma == std::string_view::npos) return {step::kind::malformed};
    header_ = message.substr(0, comma + 1);
    client_first_ = message.substr(comma + 1);
    const std::size_t at = client_first_.find(",r=");
    if (!client_first_.starts_with("n=") || at == std::string::npos) {
      return {step::kind::malformed};
    }
    known_ = client_first_.substr(2, at - 2) == escaped(user_);
    nonce_ = client_first_.substr(at + 3, client_first_.find(',', at + 1) - at - 3) +
             to_hex(random_octets(12));
    salt_ = random_octets(16);
    server_first_ = fmt::format("r={},s={},i={}", nonce_, to_base64(salt_), iterations);
    return challenge(server_first_);
  }

  step take_final(std::string_view message) {
    const std::size_t at = message.find(",p=");
    const std::string_view without_proof = message.substr(0, at);
    if (at == std::string_view::npos ||
        without_proof != fmt::format("c={},r={}", to_base64(header_), nonce_)) {
      return {step::kind::malformed};
    }
    const std::string salted = pbkdf2_of(password_, salt_, iterations);
    const std::string client_key = hmac_of(digest::sha256, salted, "Client Key");
    const std::string text = fmt::format("{},{},{}", client_first_, server_first_, without_proof);
    std::string proof = hmac_of(digest::sha256, hash_of(digest::sha256, client_key), text);
    for (std::size_t i = 0; i < proof.size(); ++i) {
      proof[i] = static_cast<char>(proof[i] ^ client_key[i]);
    }
    if (!known_ || message.substr(at + 3) != to_base64(proof)) return verdict(false);
    const std::string server_key = hmac_of(digest::sha256, salted, "Server Key");
    return challenge("v=" + to_base64(hmac_of(digest::sha256, server_key, text)));
  }

  static std::string escaped(std::string_view name) {
    std::string text;
    for (const char c : name) {
      text += c == ',' ? "=2C" : c == '=' ? "=3D" : std::string(1, c);
    }
    return text;
  }

  static constexpr int iterations = 4096;

  std::string user_;
  std::string password_;
  int next_ = 0;
  std::string header_;
  std::string client_first_;
  std::string server_first_;
  std::string nonce_;
  std::string salt_;
  bool known_ = false;
};

template <class Mechanism>
std::unique_ptr<server_auth> create(std::string user, std::string password) {
  return std::make_unique<Mechanism>(std::move(user), std::move(password));
}

struct row {
  std::string_view name;
  bool needs_digests;
  std::unique_ptr<server_auth> (*create)(std::string user, std::string password);
};

constexpr std::array<row, 4> rows{{
    {"PLAIN", false, create<plain>},
    {"LOGIN", false, create<login>},
    {"CRAM-MD5", true, create<cram_md5>},
    {"SCRAM-SHA-256", true, create<scram_sha_256>},
}};

}  // namespace

std::vector<std::string_view> server_auth::mechanisms() {
  std::vector<std::string_view> names;
  for (const row& r : rows) {
    if (!r.needs_digests || has_digests()) names.push_back(r.name);
  }
  return names;
}

std::unique_ptr<server_auth> server_auth::make(std::string_view mechanism, std::string user,
                                               std::string password) {
  for (const row& r : rows) {
    if (r.name == mechanism && (!r.needs_digests || has_digests())) {
      return r.create(std::move(user), std::move(password));
    }
  }
  return nullptr;
}

server_auth::step server_auth::begin(std::optional<std::string_view> initial) {
  if (!initial) return take(std::nullopt);
  return answer(*initial == "=" ? std::string_view() : *initial);
}

server_auth::step server_auth::answer(std::string_view line) {
  std::optional<std::string> response = from_base64(line);
  return response ? take(std::move(response)) : step{step::kind::malformed};
}

server_auth::step server_auth::challenge(std::string_view raw) {
  return {step::kind::challenge, to_base64(raw)};
}

}  // namespace sansmtp::cli
