#include "connect.hpp"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "client_tls.hpp"
#include "explanation.hpp"
#include "sansmtp/blocking/resolver_category.hpp"
#include "tls_library.hpp"

namespace sansmtp::cli {

connection::connection(const connection_options& given, blocking::client_options options)
    : given_(given), options_(std::move(options)), suite_(make_hash_suite()) {
  notes_.attach(given_, options_);
  // Each link that the client makes by itself needs a login of its own.
  if (given_.login.wanted()) {
    options_.credentials = [this] { return given_.login.make(suite_.get()); };
  }
}

std::error_code connection::connect(const std::function<void()>& on_link) {
  if (const std::error_code error = begin(on_link)) return error;
  if (options_.moves != 0 || options_.session.tls != tls_mode::opportunistic) return {};
  if (!client_.open() || client_.last_error().stage != verb::handshake) return {};
  options_.session.tls = tls_mode::off;
  return begin(on_link);
}

std::error_code connection::begin(const std::function<void()>& on_link) {
  client_ = blocking::client(options_);
  if (const std::error_code error = client_.connect(given_.server)) return error;
  if (on_link) on_link();
  // A session that could not begin, for want of a name to say, tells why when it is asked.
  return client_.engine().closed() ? client_.open() : std::error_code();
}

failure connection::explain(const std::error_code& error) const {
  return cli::explain(mishap::of(error, client_.last_error()), given_, notes_);
}

failure connect_failure(const connection_options& options, const std::error_code& error) {
  exit_code code = exit_code::unavailable;
  std::string_view advice = "is the network up?";
  if (error.category() == blocking::resolver_category()) {
    code = exit_code::no_host;
    advice = "check the server's name";
  } else if (error == std::errc::connection_refused ||
             error == std::errc::no_such_file_or_directory) {
    advice = "does a mail server listen there?";
  } else if (error == std::errc::timed_out) {
    advice = "does a firewall block it? --connect-timeout gives more time";
  } else if (error == std::errc::address_family_not_supported) {
    code = exit_code::usage;
    advice = "the server has no address of the family of --bind";
  } else if (error == std::errc::address_not_available) {
    code = exit_code::usage;
    advice = "--bind needs an address of this host";
  } else if (condition_of(error) != errc::none || is_tls_error(error)) {
    // It was not the connection that failed.
    return {exit_code_of(error), explain(error)};
  }
  return {code, fmt::format("cannot connect to {}: {}; {}", to_string(options.server),
                            error.message(), advice)};
}

}  // namespace sansmtp::cli
