#include "session_notes.hpp"

#include <fmt/format.h>

#include <cstddef>
#include <functional>
#include <span>
#include <utility>

#include "explanation.hpp"
#include "standard_streams.hpp"

namespace sansmtp::cli {

/// Passes all on to the layer inside, and notes whose certificate it was if the handshake fails:
/// what a person needs to see is the names that it does have.
class session_notes::noting_layer final : public tls_layer {
 public:
  noting_layer(std::unique_ptr<tls_layer> inside, session_notes& notes)
      : inside_(std::move(inside)), notes_(notes) {
    if (notes_.links_ == links::one) notes_.names_ = {};
  }

  void feed(bytes ciphertext) override { inside_->feed(ciphertext); }
  void feed_end() override { inside_->feed_end(); }
  progress handshake() override {
    const progress p = inside_->handshake();
    if (p == progress::established) notes_.link_ = inside_->info();
    if (p == progress::failed) notes_.names_.take(inside_->info().peer_names, notes_.links_);
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
  session_notes& notes_;
};

void session_notes::attach(const connection_options& given, blocking::client_options& options,
                           links how_many) {
  given_ = &given;
  links_ = how_many;
  options.trace = [this, shown_to = std::move(options.trace)](const event& e) {
    take(e);
    if (shown_to) shown_to(e);
  };
  if (!options.tls) return;
  options.tls = [this, make = std::move(options.tls)](
                    const tls_target& target) -> std::unique_ptr<tls_layer> {
    std::unique_ptr<tls_layer> inside = make(target);
    if (!inside) return nullptr;
    return std::make_unique<noting_layer>(std::move(inside), *this);
  };
}

void session_notes::take(const event& e) {
  const bool hello = e.answers == verb::ehlo || e.answers == verb::lhlo;
  if (e.what == event::kind::reply_parsed && hello && e.answer.first_digit() == 2) {
    offered_.assign(e.answer, given_->client.session.ignored_keywords);
    greeted_ = true;
  }
  if (!e.excerpt.empty()) octets_.take({e.error, std::string(e.excerpt)}, links_);
  if (e.what == event::kind::mail_done && links_ == links::one) {
    mails_[e.id] = e.tls ? link_ : std::nullopt;
  }
  say_if_without_tls(e);
  say_if_not_told(e);
}

std::optional<tls_info> session_notes::take_tls(mail_id mail) {
  const auto at = mails_.extract(mail);
  return at ? std::move(at.mapped()) : std::nullopt;
}

void session_notes::say_if_without_tls(const event& e) {
  if (e.what != event::kind::session_failed || e.advice != hint::retry_without_tls) return;
  if (std::exchange(said_, true)) return;
  mishap what;
  what.error = e.error;
  what.stage = e.answers;
  complain(fmt::format("sansmtp: {}; going on without TLS", explain(what, *given_, *this).what()));
}

void session_notes::say_if_not_told(const event& e) {
  const bool of_client = e.answers == verb::xclient || e.answers == verb::xforward;
  if (e.what != event::kind::warning || !of_client) return;
  if (!told_.emplace(e.detail).second) return;
  complain(fmt::format("sansmtp: warning: {}", e.detail));
}

const std::string& session_notes::excerpt_of(const std::error_code& error) const noexcept {
  static const std::string none;
  return error && error == octets_.value.first ? octets_.value.second : none;
}

}  // namespace sansmtp::cli
