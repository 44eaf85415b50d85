// The DNS by libunbound.
#include <fmt/format.h>

#include "failure.hpp"
#include "lookups.hpp"
#include "sansmtp/unbound/resolver.hpp"

namespace sansmtp::cli {

std::unique_ptr<routing::resolver> make_resolver(const dns_options& options) {
  using unbound::resolver_errc;
  unbound::resolver_options wanted;
  wanted.forwarders = options.servers;
  if (!options.anchor.empty()) wanted.trust_anchor_files = {options.anchor};
  auto made = std::make_unique<unbound::resolver>(wanted);
  const std::error_code error = made->error();
  if (!error) return made;
  std::string sentence = error.message();
  if (sentence.ends_with('.')) sentence.pop_back();
  if (error == resolver_errc::bad_trust_anchor) {
    throw failure(exit_code::no_input,
                  fmt::format("{}: --dns-anchor {}", sentence, options.anchor));
  }
  if (error == resolver_errc::bad_server) throw failure(exit_code::usage, sentence + ": --dns");
  throw failure(exit_code::configuration, sentence + "; name one with --dns");
}

std::error_code warning_of(routing::resolver& resolver) {
  return static_cast<unbound::resolver&>(resolver).check();
}

}  // namespace sansmtp::cli
