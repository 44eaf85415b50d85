#include "sansmtp/scram.hpp"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "ascii.hpp"
#include "sansmtp/base64.hpp"
#include "sasl_text.hpp"

namespace sansmtp {
namespace {

constexpr std::uint32_t min_iterations = 4096;  // RFC 7677 section 4 (SASL-08)

/// Octets that go without a trace (SEC-03).
struct digest {
  digest() = default;
  digest(const digest&) = delete;
  digest& operator=(const digest&) = delete;
  ~digest() { detail::wipe(octets.data(), octets.size()); }

  [[nodiscard]] std::span<char> first(std::size_t n) noexcept {
    return std::span<char>(octets).first(n);
  }

  std::array<char, max_digest_size> octets{};
};

std::string_view text_of(std::span<const char> octets) noexcept {
  return {octets.data(), octets.size()};
}

/// Takes an attribute with this name and the comma behind it off the text (RFC 5802 section 5.1).
std::optional<std::string_view> take(std::string_view& text, char name) noexcept {
  const std::size_t end = std::min(text.find(','), text.size());
  const bool dangling = end + 1 == text.size();  // a comma that nothing follows
  if (end < 3 || text[0] != name || text[1] != '=' || dangling) return std::nullopt;
  const std::string_view value = text.substr(2, end - 2);
  text.remove_prefix(std::min(end + 1, text.size()));
  return value;
}

/// Are these attributes that may be ignored? "m" is the one that must not be (SASL-07).
bool are_extensions(std::string_view text) noexcept {
  while (!text.empty()) {
    const char name = text.front();
    if (!ascii::is_letter(name) || name == 'm' || !take(text, name)) return false;
  }
  return true;
}

/// The iteration count, 0 if it is none that may be used; no leading zero, no overflow (SASL-08).
std::uint32_t parse_iterations(std::string_view text, std::uint32_t most) noexcept {
  std::uint64_t value = 0;
  for (const char c : text) {
    if (!ascii::is_digit(c) || (value == 0 && c == '0')) return 0;
    value = value * 10 + static_cast<unsigned>(c - '0');
    if (value > most) return 0;
  }
  return value < min_iterations ? 0 : static_cast<std::uint32_t>(value);
}

/// In a time that does not depend on where they differ (SASL-10).
bool equal(std::string_view a, std::string_view b) noexcept {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned char>(a[i] ^ b[i]);
  }
  return difference == 0;
}

class scram final : public sasl_mechanism {
 public:
  scram(hash_algorithm hash, scram_binding binding, std::string& name, std::string& password,
        hash_suite& suite, scram_options& options)
      : account_(name, password, options.already_prepared),
        suite_(suite),
        options_(std::move(options)),
        hash_(hash),
        plus_(binding == scram_binding::plus) {}

  std::string_view name() const noexcept override {
    const std::string_view full =
        hash_ == hash_algorithm::sha1 ? "SCRAM-SHA-1-PLUS" : "SCRAM-SHA-256-PLUS";
    return full.substr(0, full.size() - (plus_ ? 0 : std::string_view("-PLUS").size()));
  }
  exposure exposes() const noexcept override { return exposure::guessable; }
  errc check() const noexcept override {
    return hash_ == hash_algorithm::md5 ? errc::bad_argument
                                        : account_.check(options_.authorization_id);
  }

  errc bind(const sasl_link& link) override;
  std::optional<std::string> initial_response() override;
  std::optional<std::string> respond(std::string_view challenge) override;
  bool satisfied() const noexcept override { return step_ == step::done; }
  std::string_view secret() const noexcept override { return account_.secret(); }
  errc reason() const noexcept override { return reason_; }
  std::string_view detail() const noexcept override { return detail_; }

 private:
  enum class step { unbound, bound, asked, proven, done, failed };

  [[nodiscard]] std::optional<std::string> prove(std::string_view server_first);
  [[nodiscard]] bool verify(std::string_view server_final);

  detail::account account_;
  hash_suite& suite_;
  scram_options options_;
  hash_algorithm hash_;
  bool plus_;
  step step_ = step::unbound;
  errc reason_ = errc::auth_bad_challenge;
  std::string header_;        // of GS2
  std::string binding_;       // octets, for -PLUS
  std::string client_first_;  // without the header
  digest server_signature_;   // that the server has to show
  std::string detail_;
};

errc scram::bind(const sasl_link& link) {
  const bool can_bind = static_cast<bool>(link.binding);
  // Neither -PLUS without a binding, nor a plain variant that leaves one unused (SASL-11).
  if (plus_ ? !can_bind : can_bind && link.plus_offered) return errc::auth_not_offered;
  const std::string_view type = plus_ ? link.binding.type : std::string_view();
  // Part of a message: a transport of the caller's own may call it anything (RFC 5801 section 4).
  const bool is_name =
      ascii::all_of(type, [](char c) { return ascii::is_alnum(c) || c == '.' || c == '-'; });
  if (!is_name) return errc::bad_argument;

  if (options_.nonce.empty()) {
    digest random;
    constexpr std::size_t octets = 18;  // SASL-06
    if (!suite_.random(random.first(octets))) return errc::bad_configuration;
    options_.nonce = base64_encode(text_of(random.first(octets)));
  }
  const std::string_view flag = plus_ ? "p=" : can_bind ? "y" : "n";
  const std::string_view identity = options_.authorization_id.empty() ? "" : "a=";
  header_ = detail::join(
      {flag, type, ",", identity, detail::escape_name(options_.authorization_id), ","});
  if (plus_) binding_ = link.binding.octets;
  step_ = step::bound;
  return errc::none;
}

std::optional<std::string> scram::initial_response() {
  if (step_ != step::bound) return std::nullopt;
  step_ = step::asked;
  client_first_ = detail::join({"n=", detail::escape_name(account_.name()), ",r=", options_.nonce});
  return detail::join({header_, client_first_});
}

std::optional<std::string> scram::respond(std::string_view challenge) {
  const step before = std::exchange(step_, step::failed);
  std::string_view rest = challenge;
  if (before == step::asked || before == step::proven) {
    if (const auto error = take(rest, 'e')) {  // SASL-10
      detail_ = detail::shown(*error, account_.secret());
      reason_ = errc::auth_refused;
      return std::nullopt;
    }
  }
  if (before == step::asked) {
    std::optional<std::string> proof = prove(challenge);
    if (proof) step_ = step::proven;
    return proof;
  }
  if (before == step::proven && verify(challenge)) {
    step_ = step::done;
    return std::string();
  }
  return std::nullopt;
}

std::optional<std::string> scram::prove(std::string_view server_first) {
  std::string_view rest = server_first;
  const auto nonce = take(rest, 'r');
  if (!nonce || !nonce->starts_with(options_.nonce) || nonce->size() == options_.nonce.size() ||
      !ascii::all_of(*nonce, [](char c) { return c > ' ' && c < '\x7F'; })) {
    return std::nullopt;
  }
  const auto salt_text = take(rest, 's');
  const auto salt = base64_decode(salt_text.value_or("="));
  const auto count = take(rest, 'i');
  const std::uint32_t iterations = parse_iterations(count.value_or(""), options_.max_iterations);
  if (!salt || iterations == 0 || !are_extensions(rest)) return std::nullopt;

  const std::size_t size = digest_size(hash_);
  reason_ = errc::bad_configuration;  // until the suite has done its part
  scram_key_cache none;
  scram_key_cache& cache = options_.cache != nullptr ? *options_.cache : none;
  const scram_keys* const keys = cache.keys(suite_, hash_, account_.secret(), *salt, iterations);
  if (keys == nullptr) return std::nullopt;

  // RFC 5802 section 3.
  const std::string bound = base64_encode(detail::join({header_, binding_}));
  std::string message = detail::join({"c=", bound, ",r=", *nonce});
  const std::string all = detail::join({client_first_, ",", server_first, ",", message});
  digest stored;
  digest proof;
  const auto key = std::span<const char>(keys->client).first(size);
  if (!suite_.hash(hash_, key, stored.first(size)) ||
      !suite_.hmac(hash_, stored.first(size), as_bytes(all), proof.first(size)) ||
      !suite_.hmac(hash_, std::span<const char>(keys->server).first(size), as_bytes(all),
                   server_signature_.first(size))) {
    return std::nullopt;
  }
  for (std::size_t i = 0; i < size; ++i) {
    proof.octets[i] = static_cast<char>(proof.octets[i] ^ keys->client[i]);
  }
  reason_ = errc::auth_bad_challenge;
  return detail::join({message, ",p=", base64_encode(text_of(proof.first(size)))});
}

bool scram::verify(std::string_view server_final) {
  const auto value = take(server_final, 'v');
  const auto signature = base64_decode(value.value_or("="));
  if (!signature || !are_extensions(server_final)) return false;
  if (equal(*signature, text_of(server_signature_.first(digest_size(hash_))))) return true;
  reason_ = errc::server_not_proven;
  return false;
}

}  // namespace

const scram_keys* scram_key_cache::keys(hash_suite& suite, hash_algorithm hash,
                                        std::string_view password, std::string_view salt,
                                        std::uint32_t iterations) {
  const std::size_t size = digest_size(hash);
  const bytes secret = as_bytes(password);
  // The mark tells the same question from another one without keeping the password.
  digest mark;
  char count[sizeof iterations];
  for (std::size_t i = 0; i < sizeof count; ++i) {
    count[i] = static_cast<char>(iterations >> (8 * i) & 0xFFU);
  }
  const std::string question = detail::join({text_of(count), salt});
  if (!suite.hmac(hash, secret, as_bytes(question), mark.first(size))) return nullptr;
  for (const entry& e : entries_) {
    if (e.hash == hash && equal(text_of(e.mark), text_of(mark.octets))) return &e.keys;
  }

  entry& place = entries_[next_];
  next_ = (next_ + 1) % capacity;
  place.hash = hash_algorithm::md5;  // empty, should the suite fail
  digest salted;
  const bool good = suite.pbkdf2(hash, secret, as_bytes(salt), iterations, salted.first(size)) &&
                    suite.hmac(hash, salted.first(size), as_bytes("Client Key"),
                               std::span<char>(place.keys.client).first(size)) &&
                    suite.hmac(hash, salted.first(size), as_bytes("Server Key"),
                               std::span<char>(place.keys.server).first(size));
  if (!good) return nullptr;
  place.hash = hash;
  place.mark = mark.octets;
  return &place.keys;
}

void scram_key_cache::clear() noexcept {
  for (entry& e : entries_) {
    e.hash = hash_algorithm::md5;
    detail::wipe(e.mark.data(), e.mark.size());
    detail::wipe(e.keys.client.data(), e.keys.client.size());
    detail::wipe(e.keys.server.data(), e.keys.server.size());
  }
}

std::unique_ptr<sasl_mechanism> make_scram(hash_algorithm hash, scram_binding binding,
                                           std::string name, std::string password,
                                           hash_suite& suite, scram_options options) {
  return std::make_unique<scram>(hash, binding, name, password, suite, options);
}

}  // namespace sansmtp
