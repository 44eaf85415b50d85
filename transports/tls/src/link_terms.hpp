// What is demanded of the peer of one link, in full.
#pragma once

#include <memory>
#include <string>
#include <system_error>

#include "sansmtp/peer_demand.hpp"
#include "sansmtp/tls/tls_options.hpp"
#include "sansmtp/tls_layer.hpp"

namespace sansmtp::tls {

struct link_terms {
  peer_demand demand;      // all names are spelled out, without a dot at the end
  std::string shown_name;  // what SNI shows; empty: nothing
  std::string key;         // names the server and the demand in the cache of sessions (TLS-16)
  std::error_code
      problem;  // why the demand can never be met, so that the link must not be (TLS-13)
};

/// Getter: what holds for a link to `target`: its own demand, or else that of `options`.
[[nodiscard]] link_terms terms_for(const tls_target& target, const tls_options& options);

/// Output: the layer of a link that must not be: it has failed with `error` before it begins.
[[nodiscard]] std::unique_ptr<tls_layer> make_refusing_layer(std::error_code error);

}  // namespace sansmtp::tls
