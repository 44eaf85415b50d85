#include "sansmtp/credentials.hpp"

#include "ascii.hpp"

namespace sansmtp {
namespace {

using kind = credentials::kind;
using strength = auth_strength;
using mechanism = std::unique_ptr<sasl_mechanism>;

enum class family : std::uint8_t { scram, plain, login, cram_md5, oauthbearer, xoauth2, external };

struct row {
  std::string_view name;
  family how;
  kind what;
  strength gives;
  hash_algorithm hash;  // of SCRAM
};

/// Each mechanism, in the order of AUTH-12.
constexpr row table[] = {
    {"SCRAM-SHA-256-PLUS", family::scram, kind::password, strength::bound, hash_algorithm::sha256},
    {"SCRAM-SHA-1-PLUS", family::scram, kind::password, strength::bound, hash_algorithm::sha1},
    {"SCRAM-SHA-256", family::scram, kind::password, strength::mutual, hash_algorithm::sha256},
    {"SCRAM-SHA-1", family::scram, kind::password, strength::mutual, hash_algorithm::sha1},
    {"PLAIN", family::plain, kind::password, strength::any, {}},
    {"LOGIN", family::login, kind::password, strength::any, {}},
    {"CRAM-MD5", family::cram_md5, kind::password, strength::hidden, {}},
    {"OAUTHBEARER", family::oauthbearer, kind::token, strength::any, {}},
    {"XOAUTH2", family::xoauth2, kind::token, strength::any, {}},
    {"EXTERNAL", family::external, kind::external, strength::hidden, {}},
};

mechanism make(const row& r, const credentials& c, const mechanism_options& o) {
  switch (r.how) {
    case family::scram: {
      if (o.suite == nullptr) return nullptr;
      const auto binding = r.gives == strength::bound ? scram_binding::plus : scram_binding::off;
      return make_scram(
          r.hash, binding, c.name, c.secret, *o.suite,
          {c.authorization_id, c.already_prepared, o.max_scram_iterations, o.cache, {}});
    }
    case family::plain: return make_plain(c.name, c.secret, c.authorization_id, c.already_prepared);
    case family::login: return make_login(c.name, c.secret, c.already_prepared);
    case family::cram_md5:
      if (o.suite == nullptr) return nullptr;
      return make_cram_md5(c.name, c.secret, *o.suite, c.already_prepared);
    case family::oauthbearer: return make_oauthbearer(c.name, c.secret, c.host, c.port);
    case family::xoauth2: return make_xoauth2(c.name, c.secret);
    case family::external: return make_external(c.authorization_id);
  }
  return nullptr;
}

}  // namespace

std::vector<std::unique_ptr<sasl_mechanism>> make_mechanisms(const credentials& who,
                                                             const mechanism_options& options) {
  std::vector<mechanism> made;
  const bool all = options.names.empty();
  const std::size_t rounds = all ? 1 : options.names.size();
  for (std::size_t i = 0; i < rounds; ++i) {
    for (const row& r : table) {
      if (!all && !ascii::iequals(options.names[i], r.name)) continue;
      if (r.what != who.what || r.gives < options.minimum) continue;
      if (mechanism m = make(r, who, options)) made.push_back(std::move(m));
    }
  }
  return made;
}

}  // namespace sansmtp
