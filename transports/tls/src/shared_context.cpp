#include "shared_context.hpp"

#include <utility>

#include "sansmtp/tls/server_identity.hpp"
#include "sansmtp/tls/tls_context.hpp"
#include "sansmtp/tls/tls_errc.hpp"

namespace sansmtp {

namespace tls {

shared_context::shared_context(tls_options o)
    : options(std::move(o)), sessions(options.resumable_sessions) {}

void shared_context::prepare() {
  const std::string& name = options.server_name;
  if (!name.empty() && address_octets(name).empty() && !is_dns_name(name)) {
    error = tls_errc::bad_server_name;
    return;
  }
  error = set_up();
  const bool verifies = !name.empty() || options.verify_host || !options.ca_file.empty();
  if (!error && verifies) error = load_trust();
}

std::error_code shared_context::load_trust() {
  std::call_once(trust_once_, [this] {
    if (!read_trust()) trust_error_ = tls_errc::bad_trust;
  });
  return trust_error_;
}

std::unique_ptr<tls_layer> shared_context::make_layer(const tls_target& target) {
  if (error) return make_refusing_layer(error);
  link_terms terms = terms_for(target, options);
  if (terms.problem) return make_refusing_layer(terms.problem);
  if (terms.demand.level == demand_level::names) {
    if (const std::error_code why = load_trust()) return make_refusing_layer(why);
  }
  return open(std::move(terms));
}

}  // namespace tls

std::error_code tls_context::error() const noexcept { return shared_->error; }

std::unique_ptr<tls_layer> tls_context::make_layer(const tls_target& target) const {
  return shared_->make_layer(target);
}

tls_factory tls_context::factory() const {
  return [context = *this](const tls_target& target) { return context.make_layer(target); };
}

std::size_t tls_context::cached_sessions() const { return shared_->sessions.size(); }

}  // namespace sansmtp
