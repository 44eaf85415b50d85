#include "sansmtp/routing/host_memory.hpp"

#include <algorithm>

#include "bounded.hpp"
#include "domain_name.hpp"

namespace sansmtp::routing {

namespace {

std::string key_of(std::string_view host, std::uint16_t port) {
  return normal_name(host) + ' ' + std::to_string(port);
}

}  // namespace

host_memory::host_memory(std::chrono::seconds down_for, std::size_t most)
    : down_for_(down_for), most_(std::max<std::size_t>(most, 1)) {}

bool host_memory::is_down(std::string_view host, std::uint16_t port, time_point now) const {
  if (down_.empty()) return false;
  const auto known = down_.find(key_of(host, port));
  return known != down_.end() && now < known->second;
}

void host_memory::note_down(std::string_view host, std::uint16_t port, time_point now) {
  std::string key = key_of(host, port);
  const auto known = down_.find(key);
  if (known != down_.end()) {
    known->second = now + down_for_;
    return;
  }
  make_room(down_, most_, [](time_point until) { return until; });
  down_.emplace(std::move(key), now + down_for_);
}

void host_memory::note_up(std::string_view host, std::uint16_t port) {
  if (!down_.empty()) down_.erase(key_of(host, port));
}

}  // namespace sansmtp::routing
