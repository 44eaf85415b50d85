#include "send_parallel.hpp"

#include <fmt/format.h>
#include <netdb.h>

#include <algorithm>
#include <asio/error.hpp>
#include <asio/io_context.hpp>
#include <map>
#include <memory>
#include <utility>

#include "client_tls.hpp"
#include "mail_report.hpp"
#include "sansmtp/asio/async_pool.hpp"
#include "sansmtp/blocking/resolver_category.hpp"
#include "standard_streams.hpp"

namespace sansmtp::cli {
namespace {

// What the pool has to do by itself shows no dialogue, but one thing has to be said.
std::function<void(const event&)> saying_if_without_tls(bool& said) {
  return [&said](const event& e) {
    if (e.what != event::kind::session_failed || e.advice != hint::retry_without_tls) return;
    if (std::exchange(said, true)) return;
    complain(fmt::format("sansmtp: {}; going on without TLS", explain(e.error)));
  };
}

async_client_options client_options_of(const blocking::client_options& from) {
  async_client_options options;
  options.session = from.session;
  options.local_address = from.local_address;
  options.connect_timeout = from.connect_timeout;
  options.trace = from.trace;
  options.tls = from.tls;
  return options;
}

// Why there was no connection, in the words of the blocking transport.
std::error_code connect_error_of(const delivery& report) {
  const bool not_connected =
      !report.recipients.empty() &&
      std::all_of(report.recipients.begin(), report.recipients.end(), [](const auto& r) {
        return r.result == outcome::not_attempted && r.stage == verb::greeting && r.code == 0;
      });
  if (!not_connected || condition_of(report.error) != errc::none) return {};
  if (report.error.category() == asio::error::get_netdb_category()) {
    const bool again = report.error == asio::error::host_not_found_try_again;
    return {again ? EAI_AGAIN : EAI_NONAME, blocking::resolver_category()};
  }
  // Asio's category for what the system says does not know std::errc.
  if (report.error.category() == asio::error::get_system_category()) {
    return {report.error.value(), std::system_category()};
  }
  return report.error;
}

}  // namespace

bool has_parallel() noexcept { return true; }

void send_parallel(const connection_options& to, std::size_t connections,
                   const mail_source& source) {
  asio::io_context loop;
  pool_options options;
  options.client = client_options_of(to.client);
  bool said = false;
  if (options.client.session.tls == tls_mode::opportunistic && !options.client.trace) {
    options.client.trace = saying_if_without_tls(said);
  }
  const std::unique_ptr<hash_suite> suite = make_hash_suite();
  if (to.login.wanted()) {
    options.credentials = [&to, &suite] { return to.login.make(suite.get()); };
  }
  options.connections_per_destination = options.connections = connections;
  options.mails_per_connection = 0;                // as one session has no limit either
  std::map<mail_id, mail_report::tls_link> links;  // of mails whose handler has not been called
  options.observe = [&links](const delivery& report, const tls_info* tls) {
    if (tls != nullptr) links[report.id] = {tls->protocol, tls->verified};
  };
  async_pool pool(loop.get_executor(), std::move(options));
  const destination server{to.server.host, to.server.port};

  // Two mails for each connection are read: one that is being sent, and the next.
  std::error_code unconnected;
  std::function<void()> send_next = [&] {
    envelope env;
    message content;
    void* mail = source.next(env, content);
    // If there is no server, that is the answer for all that is left.
    for (; mail != nullptr && unconnected; mail = source.next(env, content)) {
      const delivery none;
      source.done(mail, {none, unconnected, {}});
    }
    if (mail == nullptr) return;
    pool.async_send(server, std::move(env), std::move(content),
                    [&, mail](std::error_code, const delivery& report) {
                      parallel_report told{report, connect_error_of(report), {}};
                      if (const auto link = links.extract(report.id)) told.tls = link.mapped();
                      if (told.unconnected) unconnected = told.unconnected;
                      source.done(mail, told);
                      send_next();
                    });
  };
  for (std::size_t i = 0; i != 2 * connections; ++i) send_next();
  pool.async_drain([&](std::error_code) { pool.async_close([](std::error_code) {}); });
  loop.run();
}

}  // namespace sansmtp::cli
