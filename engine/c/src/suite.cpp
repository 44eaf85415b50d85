#include "suite.hpp"

#include <utility>

#include "sized.hpp"

namespace sansmtp::c {
namespace {

constexpr std::int32_t number_of(hash_algorithm h) noexcept {
  switch (h) {
    case hash_algorithm::md5: return SANSMTP_MD5;
    case hash_algorithm::sha1: return SANSMTP_SHA1;
    case hash_algorithm::sha256: return SANSMTP_SHA256;
  }
  return SANSMTP_UNKNOWN;
}

constexpr std::uint32_t highest_port = 65535;

errc read_one(const sansmtp_credentials& given, hash_suite* functions,
              std::vector<std::unique_ptr<sasl_mechanism>>& mechanisms) {
  if (given.kind < SANSMTP_PASSWORD || given.kind > SANSMTP_EXTERNAL ||
      given.minimum < SANSMTP_STRENGTH_ANY || given.minimum > SANSMTP_STRENGTH_BOUND ||
      given.port > highest_port || given.reserved != 0 ||
      (given.flags & ~std::uint32_t{SANSMTP_ALREADY_PREPARED}) != 0 || !is_text(given.name) ||
      !is_text(given.secret) || !is_text(given.authorization_id) || !is_text(given.host) ||
      !is_array(given.mechanisms, given.mechanism_count)) {
    return errc::bad_argument;
  }
  credentials who;
  who.what = given.kind == SANSMTP_PASSWORD ? credentials::kind::password
             : given.kind == SANSMTP_TOKEN  ? credentials::kind::token
                                            : credentials::kind::external;
  who.name = text(given.name);
  who.secret = text(given.secret);
  who.authorization_id = text(given.authorization_id);
  who.already_prepared = (given.flags & SANSMTP_ALREADY_PREPARED) != 0;
  who.host = text(given.host);
  who.port = static_cast<std::uint16_t>(given.port);
  mechanism_options options;
  options.suite = functions;
  options.minimum = static_cast<auth_strength>(given.minimum);
  if (given.max_scram_iterations != 0) options.max_scram_iterations = given.max_scram_iterations;
  for (std::size_t i = 0; i < given.mechanism_count; ++i) {
    if (!is_text(given.mechanisms[i])) return errc::bad_argument;
    options.names.push_back(text(given.mechanisms[i]));
  }
  for (auto& made : make_mechanisms(who, options)) mechanisms.push_back(std::move(made));
  return errc::none;
}

static_assert(static_cast<int>(auth_strength::any) == SANSMTP_STRENGTH_ANY &&
              static_cast<int>(auth_strength::hidden) == SANSMTP_STRENGTH_HIDDEN &&
              static_cast<int>(auth_strength::mutual) == SANSMTP_STRENGTH_MUTUAL &&
              static_cast<int>(auth_strength::bound) == SANSMTP_STRENGTH_BOUND);

}  // namespace

template <class Function, class... Arguments>
bool suite::call(Function function, Arguments... arguments) {
  busy_ = true;
  const bool done = function(given_.context, arguments...) == 1;
  busy_ = false;
  return done;
}

bool suite::hash(hash_algorithm h, bytes octets, std::span<char> out) {
  return call(given_.hash, number_of(h), view(as_text(octets)), out.data(), out.size());
}

bool suite::hmac(hash_algorithm h, bytes key, bytes octets, std::span<char> out) {
  return call(given_.hmac, number_of(h), view(as_text(key)), view(as_text(octets)), out.data(),
              out.size());
}

bool suite::pbkdf2(hash_algorithm h, bytes password, bytes salt, std::uint32_t iterations,
                   std::span<char> out) {
  return call(given_.pbkdf2, number_of(h), view(as_text(password)), view(as_text(salt)), iterations,
              out.data(), out.size());
}

bool suite::random(std::span<char> out) { return call(given_.random, out.data(), out.size()); }

bool suite::is(const sansmtp_hash_suite& other) const noexcept {
  return given_.context == other.context && given_.hash == other.hash &&
         given_.hmac == other.hmac && given_.pbkdf2 == other.pbkdf2 &&
         given_.random == other.random;
}

errc read_credentials(const sansmtp_credentials* first, std::size_t count, hash_suite* functions,
                      std::vector<std::unique_ptr<sasl_mechanism>>& mechanisms) {
  if (count == 0 || !is_array(first, count)) return errc::bad_argument;
  for (std::size_t i = 0; i < count; ++i) {
    sansmtp_credentials room;
    const sansmtp_credentials* const one = read_at(first, i, room);
    if (one == nullptr) return errc::bad_argument;
    if (const errc bad = read_one(*one, functions, mechanisms); bad != errc::none) return bad;
  }
  return errc::none;
}

const sansmtp_hash_suite* read_suite(const sansmtp_hash_suite* given,
                                     sansmtp_hash_suite& room) noexcept {
  const sansmtp_hash_suite* const s = read(given, room);
  const bool whole = s != nullptr && s->hash != nullptr && s->hmac != nullptr &&
                     s->pbkdf2 != nullptr && s->random != nullptr;
  return whole ? s : nullptr;
}

}  // namespace sansmtp::c
