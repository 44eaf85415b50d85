#include "sansmtp/sasl.hpp"

#include <array>
#include <cstddef>
#include <utility>

#include "ascii.hpp"
#include "sansmtp/reply.hpp"
#include "sasl_text.hpp"
#include "utf8.hpp"

namespace sansmtp {

using detail::account;
using detail::non_ascii;

void detail::wipe(char* secret, std::size_t size) noexcept {
  volatile char* const octets = secret;
  for (std::size_t i = 0; i < size; ++i) octets[i] = 0;
}

void wipe(std::string& secret) noexcept {
  // The capacity too: what was longer before may still lie there.
  secret.resize(secret.capacity());
  detail::wipe(secret.data(), secret.size());
  secret.clear();
}

std::string detail::join(std::initializer_list<std::string_view> parts) {
  std::size_t size = 0;
  for (const std::string_view part : parts) size += part.size();
  std::string whole;
  whole.reserve(size);
  for (const std::string_view part : parts) whole.append(part);
  return whole;
}

bool detail::is_clean(std::string_view text, non_ascii others) noexcept {
  while (!text.empty()) {
    const utf8::character c = utf8::decode(text);
    if (c.size == 0 || utf8::is_c1(c.value)) return false;
    if (c.size == 1 && ascii::is_control(text.front())) return false;
    if (c.size > 1 && others == non_ascii::refused) return false;
    text.remove_prefix(c.size);
  }
  return true;
}

std::string detail::escape_name(std::string_view name) {
  std::string escaped;
  for (const char c : name) {
    if (c == '=') {
      escaped.append("=3D");
    } else if (c == ',') {
      escaped.append("=2C");
    } else {
      escaped.push_back(c);
    }
  }
  return escaped;
}

std::string detail::shown(std::string_view text, std::string_view secret) {
  constexpr std::size_t most = 512;
  if (!secret.empty() && text.find(secret) != std::string_view::npos) return {};
  return display_text(text.substr(0, most));
}

// A short string leaves its octets behind when it is moved.
detail::account::account(std::string& name, std::string& secret, bool already_prepared)
    : name_(std::move(name)),
      secret_(std::move(secret)),
      others_(already_prepared ? non_ascii::allowed : non_ascii::refused) {
  sansmtp::wipe(name);
  sansmtp::wipe(secret);
}

detail::account::~account() {
  sansmtp::wipe(name_);
  sansmtp::wipe(secret_);
}

errc detail::account::check(std::string_view more) const noexcept {
  const bool good = !name_.empty() && !secret_.empty() && is_clean(name_, others_) &&
                    is_clean(secret_, others_) && is_clean(more, others_);
  return good ? errc::none : errc::bad_argument;
}

namespace {

class plain final : public sasl_mechanism {
 public:
  plain(std::string& name, std::string& password, std::string& authorization_id,
        bool already_prepared)
      : account_(name, password, already_prepared),
        authorization_id_(std::move(authorization_id)) {}

  std::string_view name() const noexcept override { return "PLAIN"; }
  exposure exposes() const noexcept override { return exposure::secret; }
  errc check() const noexcept override { return account_.check(authorization_id_); }
  std::string_view secret() const noexcept override { return account_.secret(); }

  std::optional<std::string> initial_response() override {
    constexpr std::string_view nul("\0", 1);
    return detail::join({authorization_id_, nul, account_.name(), nul, account_.secret()});
  }

  // PLAIN has one message and no more (RFC 4616 section 2).
  std::optional<std::string> respond(std::string_view) override { return std::nullopt; }
  bool satisfied() const noexcept override { return true; }

 private:
  account account_;
  std::string authorization_id_;
};

class login final : public sasl_mechanism {
 public:
  login(std::string& name, std::string& password, bool already_prepared)
      : account_(name, password, already_prepared) {}

  std::string_view name() const noexcept override { return "LOGIN"; }
  exposure exposes() const noexcept override { return exposure::secret; }
  errc check() const noexcept override { return account_.check(); }
  std::string_view secret() const noexcept override { return account_.secret(); }

  // The server speaks first (AUTH-05).
  std::optional<std::string> initial_response() override { return std::nullopt; }

  // Prompts are for people and differ between servers: only their number counts (SASL-03).
  std::optional<std::string> respond(std::string_view) override {
    switch (next_) {
      case answer::name: next_ = answer::password; return account_.name();
      case answer::password: next_ = answer::none; return account_.secret();
      case answer::none: break;
    }
    return std::nullopt;
  }
  // A server that says yes before it has heard both has not looked at them (AUTH-10).
  bool satisfied() const noexcept override { return next_ == answer::none; }

 private:
  enum class answer { name, password, none };

  account account_;
  answer next_ = answer::name;
};

class cram_md5 final : public sasl_mechanism {
 public:
  cram_md5(std::string& name, std::string& password, hash_suite& suite, bool already_prepared)
      : account_(name, password, already_prepared), suite_(suite) {}

  std::string_view name() const noexcept override { return "CRAM-MD5"; }
  exposure exposes() const noexcept override { return exposure::guessable; }
  errc check() const noexcept override { return account_.check(); }
  std::string_view secret() const noexcept override { return account_.secret(); }

  // The server speaks first (AUTH-05).
  std::optional<std::string> initial_response() override { return std::nullopt; }

  // One challenge and not an empty one, which would make the answer the same for ever (SASL-04).
  std::optional<std::string> respond(std::string_view challenge) override {
    constexpr auto md5 = hash_algorithm::md5;
    std::array<char, digest_size(md5)> digest;
    if (challenge.empty() || std::exchange(answered_, true)) return std::nullopt;
    if (!suite_.hmac(md5, as_bytes(account_.secret()), as_bytes(challenge), digest)) {
      return std::nullopt;
    }
    std::array<char, digest.size() * 2> hex;
    for (std::size_t i = 0; i < hex.size(); ++i) {
      const auto octet = static_cast<unsigned char>(digest[i / 2]);
      hex[i] = "0123456789abcdef"[i % 2 == 0 ? octet >> 4U : octet & 0xFU];
    }
    return detail::join({account_.name(), " ", {hex.data(), hex.size()}});
  }
  bool satisfied() const noexcept override { return answered_; }

 private:
  account account_;
  hash_suite& suite_;
  bool answered_ = false;
};

class external final : public sasl_mechanism {
 public:
  explicit external(std::string& authorization_id)
      : authorization_id_(std::move(authorization_id)) {}

  std::string_view name() const noexcept override { return "EXTERNAL"; }
  exposure exposes() const noexcept override { return exposure::nothing; }
  // The server prepares an authorization identity, not the client (RFC 4422 section 3.4.1).
  errc check() const noexcept override {
    const bool good = detail::is_clean(authorization_id_, non_ascii::allowed);
    return good ? errc::none : errc::bad_argument;
  }

  // Empty, it is still a response: "=" on the line (SASL-05, AUTH-03).
  std::optional<std::string> initial_response() override { return authorization_id_; }
  std::optional<std::string> respond(std::string_view) override { return std::nullopt; }
  bool satisfied() const noexcept override { return true; }

 private:
  std::string authorization_id_;
};

// The two ways to show a bearer token. They differ in their words, not in their steps.
class bearer : public sasl_mechanism {
 public:
  // A name is the server's to prepare (RFC 7628 section 3.1); a token is ASCII (RFC 6750).
  bearer(std::string& user, std::string& token) : account_(user, token, true) {}

  exposure exposes() const noexcept override { return exposure::secret; }
  std::string_view secret() const noexcept override { return account_.secret(); }

  // The one challenge there can be says why the token is no good. It has to be answered before the
  // server may refuse (SASL-13, SASL-14).
  std::optional<std::string> respond(std::string_view challenge) override {
    if (std::exchange(refused_, true)) return std::nullopt;
    detail_ = detail::shown(challenge, account_.secret());
    return std::string(answer());
  }
  bool satisfied() const noexcept override { return !refused_; }
  std::string_view detail() const noexcept override { return detail_; }

 protected:
  [[nodiscard]] virtual std::string_view answer() const noexcept = 0;
  [[nodiscard]] bool has_token() const noexcept {
    return !account_.secret().empty() && detail::is_clean(account_.secret(), non_ascii::refused);
  }

  account account_;

 private:
  bool refused_ = false;
  std::string detail_;
};

class xoauth2 final : public bearer {
 public:
  using bearer::bearer;

  std::string_view name() const noexcept override { return "XOAUTH2"; }
  errc check() const noexcept override {
    return has_token() ? account_.check() : errc::bad_argument;
  }
  std::optional<std::string> initial_response() override {
    return detail::join({"user=", account_.name(), "\1auth=Bearer ", account_.secret(), "\1\1"});
  }

 private:
  std::string_view answer() const noexcept override { return {}; }
};

class oauthbearer final : public bearer {
 public:
  oauthbearer(std::string& user, std::string& token, std::string& host, std::uint16_t port)
      : bearer(user, token),
        host_(std::move(host)),
        port_(port == 0 ? std::string() : std::to_string(port)) {}

  std::string_view name() const noexcept override { return "OAUTHBEARER"; }
  errc check() const noexcept override {
    const bool good = has_token() && detail::is_clean(account_.name(), non_ascii::allowed) &&
                      detail::is_clean(host_, non_ascii::refused);
    return good ? errc::none : errc::bad_argument;
  }
  std::optional<std::string> initial_response() override {
    const std::string_view user = account_.name().empty() ? "" : "a=";
    const std::string_view host = host_.empty() ? "" : "\1host=";
    const std::string_view port = port_.empty() ? "" : "\1port=";
    return detail::join({"n,", user, detail::escape_name(account_.name()), ",", host, host_, port,
                         port_, "\1auth=Bearer ", account_.secret(), "\1\1"});
  }

 private:
  std::string_view answer() const noexcept override { return "\1"; }

  std::string host_;
  std::string port_;
};

}  // namespace

std::unique_ptr<sasl_mechanism> make_plain(std::string name, std::string password,
                                           std::string authorization_id, bool already_prepared) {
  return std::make_unique<plain>(name, password, authorization_id, already_prepared);
}

std::unique_ptr<sasl_mechanism> make_login(std::string name, std::string password,
                                           bool already_prepared) {
  return std::make_unique<login>(name, password, already_prepared);
}

std::unique_ptr<sasl_mechanism> make_cram_md5(std::string name, std::string password,
                                              hash_suite& suite, bool already_prepared) {
  return std::make_unique<cram_md5>(name, password, suite, already_prepared);
}

std::unique_ptr<sasl_mechanism> make_external(std::string authorization_id) {
  return std::make_unique<external>(authorization_id);
}

std::unique_ptr<sasl_mechanism> make_xoauth2(std::string user, std::string token) {
  return std::make_unique<xoauth2>(user, token);
}

std::unique_ptr<sasl_mechanism> make_oauthbearer(std::string user, std::string token,
                                                 std::string host, std::uint16_t port) {
  return std::make_unique<oauthbearer>(user, token, host, port);
}

}  // namespace sansmtp
