#include "connect.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <span>
#include <string_view>
#include <utility>

#include "mail_report.hpp"
#include "sansmtp/blocking/resolver_category.hpp"
#include "standard_streams.hpp"

namespace sansmtp::cli {
namespace {

/// Passes all on to the layer inside, and notes whose certificate it was if the handshake fails:
/// what a person needs to see is the names that it does have.
class noting_layer final : public tls_layer {
 public:
  noting_layer(std::unique_ptr<tls_layer> inside, std::shared_ptr<std::vector<std::string>> names)
      : inside_(std::move(inside)), names_(std::move(names)) {}

  void feed(bytes ciphertext) override { inside_->feed(ciphertext); }
  void feed_end() override { inside_->feed_end(); }
  progress handshake() override {
    const progress p = inside_->handshake();
    if (p == progress::failed) *names_ = inside_->info().peer_names;
    return p;
  }
  reading read(std::span<char> into, std::size_t& size) override {
    return inside_->read(into, size);
  }
  bool write(bytes plaintext) override { return inside_->write(plaintext); }
  void close() override { inside_->close(); }
  [[nodiscard]] std::size_t pending() const noexcept override { return inside_->pending(); }
  void drain(std::vector<char>& empty) override { inside_->drain(empty); }
  [[nodiscard]] const tls_info& info() const noexcept override { return inside_->info(); }
  [[nodiscard]] std::error_code error() const noexcept override { return inside_->error(); }

 private:
  std::unique_ptr<tls_layer> inside_;
  std::shared_ptr<std::vector<std::string>> names_;
};

std::string join(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

connection::connection(const connection_options& given, blocking::client_options options)
    : given_(given), options_(std::move(options)), suite_(make_hash_suite()) {
  if (!options_.tls) return;
  options_.tls = [make = std::move(options_.tls), names = names_](const tls_target& target) {
    std::unique_ptr<tls_layer> inside = make(target);
    return inside ? std::make_unique<noting_layer>(std::move(inside), names) : nullptr;
  };
}

std::error_code connection::connect(const std::function<void()>& on_link) {
  if (const std::error_code error = begin(on_link)) return error;
  if (options_.session.tls != tls_mode::opportunistic) return {};
  const std::error_code error = client_.open();
  if (!error || client_.last_error().stage != verb::handshake) return {};
  complain(fmt::format("sansmtp: {}; going on without TLS", explain(error).what()));
  options_.session.tls = tls_mode::off;
  return begin(on_link);
}

std::error_code connection::begin(const std::function<void()>& on_link) {
  names_->clear();
  client_ = blocking::client(options_);
  if (const std::error_code error = client_.connect(given_.server)) return error;
  if (on_link) on_link();
  auto mechanisms = given_.login.make(suite_.get());
  return mechanisms.empty() ? std::error_code() : client_.authenticate(std::move(mechanisms));
}

bool connection::explains(const std::error_code& error) const {
  const failure_category category = category_of(condition_of(error));
  return is_tls_error(error) || category == failure_category::tls ||
         category == failure_category::auth || !hint_of_tls(error).empty();
}

std::string_view connection::hint_of_tls(const std::error_code& error) const {
  const blocking::failure& last = client_.last_error();
  if (options_.session.tls == tls_mode::implicit || last.stage != verb::greeting) return {};
  // An alert or a handshake of TLS.
  if (!last.excerpt.empty() && (last.excerpt[0] == 21 || last.excerpt[0] == 22)) {
    return "it speaks TLS: try --tls implicit";
  }
  if (error == errc::timed_out) return "if it waits for TLS, --tls implicit helps";
  return {};
}

failure connection::explain(const std::error_code& error) const {
  const blocking::failure& last = client_.last_error();
  std::string text = cli::explain(error);
  if (!names_->empty()) {
    text += fmt::format(" (its certificate is for {})", display_text(join(*names_)));
  }
  if (last.code != 0) text += fmt::format(" ({} {})", last.code, display_text(last.text));
  if (const std::string_view hint = hint_of_tls(error); !hint.empty()) {
    text += fmt::format("; {}", hint);
  }
  return {exit_code_of(error, last.code), text};
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
  } else if (condition_of(error) != errc::none) {
    code = exit_code_of(error);
    advice = "check the options";
  }
  return {code, fmt::format("cannot connect to {}: {}; {}", to_string(options.server),
                            error.message(), advice)};
}

}  // namespace sansmtp::cli
