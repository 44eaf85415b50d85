// Tables of what may be done about something.
#pragma once

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <string_view>

namespace sansmtp::cli {

/// A row of such a table.
template <typename Key>
struct advice_row {
  Key key;
  std::string_view advice;
};

/// Getter: the advice of the first row with this key; empty if there is none.
template <typename Key, std::size_t N>
[[nodiscard]] constexpr std::string_view advice_of(const advice_row<Key> (&rows)[N],
                                                   Key key) noexcept {
  const auto* const found =
      std::find_if(std::begin(rows), std::end(rows), [key](const auto& r) { return r.key == key; });
  return found == std::end(rows) ? std::string_view{} : found->advice;
}

}  // namespace sansmtp::cli
