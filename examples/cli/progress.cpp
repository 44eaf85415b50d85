#include "progress.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "sansmtp/reply.hpp"
#include "standard_streams.hpp"

namespace sansmtp::cli {
namespace {

constexpr std::size_t worth_showing = 1024UL * 1024;  // octets
constexpr std::chrono::milliseconds interval{100};

}  // namespace

void progress::expect(const std::string& name, std::size_t octets) {
  mails_.push_back({0, name, octets, 0});
}

void progress::take(const event& e) {
  if (e.id == 0) return;
  // The first event of each mail comes in the order in which the mails were given.
  const auto known = [&](mail_id id) {
    return std::find_if(mails_.begin(), mails_.end(), [id](const mail& m) { return m.id == id; });
  };
  auto m = known(e.id);
  if (m == mails_.end()) m = known(0);
  if (m == mails_.end()) return;
  m->id = e.id;
  if (e.what == event::kind::mail_done) {
    hide();
    mails_.erase(m);
  } else if (e.what == event::kind::content_sent) {
    m->sent += e.octets;
    show(*m);
  }
}

void progress::show(const mail& m) {
  const auto now = std::chrono::steady_clock::now();
  if (m.octets < worth_showing || now - last_shown_ < interval) return;
  last_shown_ = now;
  visible_ = true;
  // Stuffed dots and line ends that became CRLF make more octets than the message has.
  const std::uint64_t percent = std::min<std::uint64_t>(100, m.sent * 100 / m.octets);
  print_error(fmt::format("\r\x1b[K{}: {} % of {:.1f} MiB sent", display_text(m.name), percent,
                          static_cast<double>(m.octets) / (1024.0 * 1024.0)));
}

void progress::hide() {
  if (visible_) print_error("\r\x1b[K");
  visible_ = false;
}

}  // namespace sansmtp::cli
