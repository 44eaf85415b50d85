#include "sansmtp/blocking/writer.hpp"

#include <algorithm>

#include "sansmtp/blocking/client.hpp"

namespace sansmtp::blocking {
namespace {

// Below this a piece is not worth a system call of its own.
constexpr std::size_t buffer_octets = 16 * 1024;

}  // namespace

writer::~writer() {
  if (wants_content()) client_->cancel_stream();
}

bool writer::current() const noexcept { return client_ != nullptr && client_->stream_.id == mail_; }

std::span<const recipient_report> writer::recipients() const noexcept {
  if (!current()) return {};
  return client_->stream_.report.recipients;
}

bool writer::wants_content() const noexcept { return current() && client_->stream_.wanted; }

std::error_code writer::error() const noexcept {
  if (!current()) return errc::bad_state;
  const delivery& report = client_->stream_.report;
  if (wants_content() || report.count(outcome::delivered) != 0) return {};
  if (report.error) return report.error;
  const auto failed = std::find_if(report.recipients.begin(), report.recipients.end(),
                                   [](const recipient_report& r) { return r.why != errc::none; });
  return failed != report.recipients.end() ? make_error_code(failed->why) : std::error_code();
}

std::error_code writer::write(bytes piece) {
  if (!wants_content()) {
    const std::error_code why = error();
    return why ? why : make_error_code(errc::bad_state);
  }
  std::vector<char>& buffer = client_->stream_.buffer;
  if (buffer.size() + piece.size() >= buffer_octets && !buffer.empty()) {
    client_->lend(buffer, false);
    buffer.clear();
    if (!wants_content()) return error();
  }
  if (piece.size() < buffer_octets) {
    buffer.insert(buffer.end(), piece.begin(), piece.end());
    return {};
  }
  client_->lend(piece, false);
  return error();
}

delivery writer::finish() {
  if (!current()) return {.id = 0, .recipients = {}, .error = errc::bad_state};
  if (wants_content()) client_->lend(client_->stream_.buffer, true);
  return client_->stream_.report;
}

delivery writer::abort() {
  if (wants_content()) client_->cancel_stream();
  return finish();
}

}  // namespace sansmtp::blocking
