#include "session_cache.hpp"

#include <algorithm>
#include <utility>

namespace sansmtp::tls {

std::optional<resumable> session_cache::take(const std::string& key) {
  const std::lock_guard lock(mutex_);
  const auto found = std::find_if(entries_.begin(), entries_.end(),
                                  [&key](const entry& e) { return e.key == key; });
  if (found == entries_.end()) return std::nullopt;
  std::optional<resumable> taken(std::move(found->kept));
  entries_.erase(found);
  return taken;
}

void session_cache::put(const std::string& key, resumable session) {
  if (most_ == 0) return;
  std::list<entry> made;
  made.push_back({key, std::move(session)});
  const std::lock_guard lock(mutex_);
  entries_.splice(entries_.begin(), made);
  if (entries_.size() > most_) entries_.pop_back();
}

std::size_t session_cache::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace sansmtp::tls
