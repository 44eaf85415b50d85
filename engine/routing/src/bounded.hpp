// What keeps a map of things that end by themselves within its bound.
#pragma once

#include <algorithm>
#include <cstddef>
#include <vector>

#include "sansmtp/time_point.hpp"

namespace sansmtp::routing {

/// Makes room for one more entry in a map that has `most` of them, which is at least 1: drops an
/// eighth, those that are gone first by `gone(value)`. A whole eighth, so that an entry costs the
/// same however many there are.
template <class Map, class Gone>
void make_room(Map& map, std::size_t most, Gone gone) {
  if (map.size() < most) return;
  std::vector<time_point> ends;
  ends.reserve(map.size());
  for (const auto& [key, value] : map) ends.push_back(gone(value));
  const std::size_t surplus = map.size() - most + 1;
  const std::size_t number = std::max(most / 8, surplus);
  const auto last = ends.begin() + static_cast<std::ptrdiff_t>(number) - 1;
  std::nth_element(ends.begin(), last, ends.end());
  std::size_t dropped =
      std::erase_if(map, [&](const auto& item) { return gone(item.second) < *last; });
  // Of those that end at the same moment as the last one, no more than needed.
  std::erase_if(
      map, [&](const auto& item) { return gone(item.second) == *last && ++dropped <= number; });
}

}  // namespace sansmtp::routing
