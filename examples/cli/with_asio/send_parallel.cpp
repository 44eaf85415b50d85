#include "send_parallel.hpp"

#include <netdb.h>
#include <unistd.h>

#include <algorithm>
#include <asio/bind_cancellation_slot.hpp>
#include <asio/cancellation_signal.hpp>
#include <asio/error.hpp>
#include <asio/io_context.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <list>
#include <map>
#include <memory>
#include <utility>

#include "interruption.hpp"
#include "sansmtp/asio/async_pool.hpp"
#include "sansmtp/blocking/resolver_category.hpp"
#include "tls_library.hpp"

namespace sansmtp::cli {
namespace {

async_client_options client_options_of(const blocking::client_options& from) {
  async_client_options options;
  options.session = from.session;
  options.local_address = from.local_address;
  options.connect_timeout = from.connect_timeout;
  options.trace = from.trace;
  options.tls = from.tls;
  options.tls_host = from.tls_host;
  options.demand = from.demand;
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

/// One run: a pool, the mails that it has, and who is told.
class parallel_run {
 public:
  parallel_run(const connection_options& to, const parallel_options& how, const mail_source& source)
      : to_(to), how_(how), source_(source), pool_(loop_.get_executor(), options()) {}

  void run() {
    // Two mails for each connection are read: one that is being sent, and the next.
    for (std::size_t i = 0; i != 2 * how_.connections; ++i) send_next();
    pool_.async_drain([this](std::error_code) {
      pool_.async_close([this](std::error_code) { interrupted_.close(); });
    });
    interrupted_.assign(::dup(interruption::descriptor()));
    await_interruption();
    loop_.run();
  }

 private:
  /// A mail in the pool, with the means to take it back.
  struct handed_in {
    std::unique_ptr<outgoing_mail> mail;
    asio::cancellation_signal cancel;
  };

  pool_options options() {
    pool_options options;
    options.client = client_options_of(to_.client);
    if (to_.login.wanted()) {
      options.credentials = [this] { return to_.login.make(suite_.get()); };
    }
    options.connections_per_destination = options.connections = how_.connections;
    options.mails_per_connection = how_.mails_per_connection;
    options.observe = [this](const delivery& report, const tls_info* tls) {
      if (tls != nullptr) links_[report.id] = {tls->protocol, tls->verified};
    };
    return options;
  }

  void send_next() {
    std::unique_ptr<outgoing_mail> mail = source_.next();
    // If there is no server, that is the answer for all that is left.
    for (; mail && unconnected_; mail = source_.next()) {
      const delivery none;
      source_.done(*mail, {none, unconnected_, {}});
    }
    if (!mail) return;
    const auto at = mails_.emplace(mails_.end());
    at->mail = std::move(mail);
    pool_.async_send({to_.server.host, to_.server.port}, at->mail->env, at->mail->borrowed(),
                     asio::bind_cancellation_slot(
                         at->cancel.slot(), [this, at](std::error_code, const delivery& report) {
                           finish(at, report);
                           send_next();
                         }));
  }

  void finish(std::list<handed_in>::iterator at, const delivery& report) {
    parallel_report told{report, connect_error_of(report), {}};
    if (const auto link = links_.extract(report.id)) told.tls = link.mapped();
    note_connection(told.unconnected);
    source_.done(*at->mail, told);
    mails_.erase(at);
  }

  // If there never was a connection, there is no server. If there was one, it may have bad moments:
  // as many mails in a row as the pool has at a time must have found none.
  void note_connection(std::error_code failure) {
    reached_ = reached_ || !failure;
    in_a_row_ = failure ? in_a_row_ + 1 : 0;
    if (failure && (!reached_ || in_a_row_ >= 2 * how_.connections)) unconnected_ = failure;
  }

  void await_interruption() {
    interrupted_.async_wait(asio::posix::descriptor_base::wait_read, [this](std::error_code error) {
      if (error) return;
      interruption::drain();
      if (interruption::overdue()) return pool_.abort();
      // Takes back what has not begun; the others go on.
      for (handed_in& h : mails_) h.cancel.emit(asio::cancellation_type::total);
      await_interruption();
    });
  }

  const connection_options& to_;
  const parallel_options& how_;
  const mail_source& source_;
  asio::io_context loop_;
  asio::posix::stream_descriptor interrupted_{loop_};
  std::unique_ptr<hash_suite> suite_ = make_hash_suite();
  std::map<mail_id, mail_report::tls_link> links_;  // of mails whose handler has not been called
  std::list<handed_in> mails_;
  bool reached_ = false;         // was there ever a connection?
  std::size_t in_a_row_ = 0;     // mails without one
  std::error_code unconnected_;  // why nothing more is tried
  async_pool pool_;
};

}  // namespace

bool has_parallel() noexcept { return true; }

void send_parallel(const connection_options& to, const parallel_options& how,
                   const mail_source& source) {
  parallel_run(to, how, source).run();
}

}  // namespace sansmtp::cli
