#include "sink.hpp"

#include <utility>

#include "server_auth.hpp"
#include "sink/extensions.hpp"
#include "sink/loop.hpp"

namespace sansmtp::cli {

class sink::server : public serving::loop {
 public:
  using loop::loop;
};

sink::sink(options wanted) : server_(std::make_unique<server>(std::move(wanted))) {}

sink::~sink() = default;

std::uint16_t sink::port() const noexcept { return server_->where().port; }

const std::string& sink::address() const noexcept { return server_->where().address; }

const std::string& sink::certificate() const noexcept { return server_->certificate(); }

void sink::run() { server_->run(); }

void sink::start() { server_->start(); }

void sink::stop() noexcept { server_->stop(); }

void sink::join() { server_->join(); }

sink::counters sink::totals() const { return server_->totals(); }

std::vector<sink::message> sink::messages() const { return server_->messages(); }

std::vector<std::string_view> sink::extensions() { return serving::usual_extensions(); }

std::vector<std::string_view> sink::extensions_on_request() {
  return serving::extensions_on_request();
}

std::vector<std::string_view> sink::mechanisms() { return server_auth::mechanisms(); }

}  // namespace sansmtp::cli
