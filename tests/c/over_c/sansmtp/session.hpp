// The class `session` once more, over the C interface: what plays transcripts is compiled with this in
// its place, so that every dialogue goes through C. It gives no answer of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "sansmtp.h"
#include "sansmtp/buffer.hpp"
#include "sansmtp/capabilities.hpp"
#include "sansmtp/config.hpp"
#include "sansmtp/credentials.hpp"
#include "sansmtp/envelope.hpp"
#include "sansmtp/event.hpp"
#include "sansmtp/message.hpp"
#include "sansmtp/sasl.hpp"
#include "sansmtp/time_point.hpp"
#include "sansmtp/tls_info.hpp"

namespace sansmtp {

struct endpoint_info {
  std::string_view host_name;
  std::string_view local_address;
};

enum class phase : std::uint8_t { unconnected, opening, ready, quitting, closed };

/// What C is told of a mechanism, on its way through code that wants one.
class mechanism_recipe final : public sasl_mechanism {
 public:
  credentials who;
  mechanism_options options;
  std::string chosen;

  [[nodiscard]] std::string_view name() const noexcept override { return {}; }
  [[nodiscard]] exposure exposes() const noexcept override { return exposure::nothing; }
  [[nodiscard]] errc check() const noexcept override { return errc::none; }
  [[nodiscard]] std::optional<std::string> initial_response() override { return {}; }
  [[nodiscard]] std::optional<std::string> respond(std::string_view) override { return {}; }
  [[nodiscard]] bool satisfied() const noexcept override { return false; }
};

class session {
 public:
  explicit session(session_config config = {});
  session(session&& other) noexcept;
  session& operator=(session&& other) noexcept;
  ~session();

  void connected(time_point now, const endpoint_info& local = {});
  void receive(time_point now, bytes octets);
  void prefetch() const noexcept;
  void receive_end(time_point now, std::error_code why = {});
  void sent(time_point now, std::size_t n);
  void advance(time_point now);
  void tls_established(time_point now, const tls_info& info);
  void tls_failed(time_point now, std::error_code why, bytes answer = {});
  void tls_rejected(time_point now);

  [[nodiscard]] std::span<const bytes> output(time_point now);
  [[nodiscard]] std::optional<time_point> deadline() const noexcept;
  [[nodiscard]] verb deadline_of() const noexcept;
  [[nodiscard]] const event* next_event();

  mail_id send(const envelope& env, message content);
  errc lend(bytes chunk, bool last);
  void cancel(mail_id mail);
  operation_id authenticate(std::vector<std::unique_ptr<sasl_mechanism>> mechanisms);
  operation_id hello();
  operation_id noop(std::string_view arg = {});
  operation_id reset();
  operation_id verify(std::string_view arg);
  operation_id expand(std::string_view arg);
  operation_id help(std::string_view arg = {});
  operation_id raw(std::string_view line);
  void quit();
  void quit_now();
  void abort(std::error_code why = make_error_code(errc::aborted));

  [[nodiscard]] const session_config& config() const noexcept { return config_; }
  [[nodiscard]] const capabilities& peer() const noexcept;
  [[nodiscard]] std::string_view server_name() const noexcept;
  [[nodiscard]] std::string_view banner() const noexcept;
  [[nodiscard]] phase where() const noexcept;
  [[nodiscard]] bool tls_active() const noexcept;
  [[nodiscard]] bool tls_verified() const noexcept;
  [[nodiscard]] bool idle() const noexcept;
  [[nodiscard]] bool closed() const noexcept;
  [[nodiscard]] bool awaits_handshake() const noexcept;
  [[nodiscard]] bool said_quit() const noexcept;
  [[nodiscard]] std::uint32_t withdrawals() const noexcept;
  [[nodiscard]] std::size_t in_flight() const noexcept;
  [[nodiscard]] std::size_t memory() const noexcept;

 private:
  [[nodiscard]] sansmtp_status status() const noexcept;
  operation_id command(std::int32_t what, std::string_view arg);

  session_config config_;
  sansmtp_session* handle_ = nullptr;
  std::vector<sansmtp_bytes> slices_ = std::vector<sansmtp_bytes>(4);
  std::vector<bytes> views_;
  event event_;
  std::vector<recipient_result> results_;
  mutable capabilities peer_;
  mutable bool stale_ = true;  // may the server offer something else by now?
};

}  // namespace sansmtp
