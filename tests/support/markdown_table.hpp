// Tables of Markdown files, for tests that compare them with those of the source.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <string_view>
#include <vector>

namespace sansmtp::test {

using table_row = std::vector<std::string>;

/// The cells of a line of a table, without the octets of `padding` around them.
inline table_row cells_of(std::string_view line, std::string_view padding) {
  table_row cells;
  std::size_t at = 1;
  for (std::size_t end = line.find('|', at); end != std::string_view::npos;
       end = line.find('|', at)) {
    const std::string_view cell = line.substr(at, end - at);
    const std::size_t first = cell.find_first_not_of(padding);
    const std::size_t last = cell.find_last_not_of(padding);
    cells.emplace_back(first == std::string_view::npos ? "" : cell.substr(first, last - first + 1));
    at = end + 1;
  }
  return cells;
}

/// The first table behind a heading of a file, whose path is that below the source's folder. Fails
/// the test if the file cannot be read; empty if it has no such table.
inline std::vector<table_row> table_below(const std::string& file, std::string_view heading,
                                          std::string_view padding = " ") {
  std::ifstream text(SANSMTP_SOURCE_DIR "/" + file);
  EXPECT_TRUE(text) << file << " cannot be read";
  std::vector<table_row> table;
  std::string line;
  bool below = false;
  while (std::getline(text, line)) {
    if (line.starts_with("#")) {
      if (below) break;
      below = line == heading;
    } else if (below && line.starts_with("|")) {
      if (line.find_first_not_of("|-: ") != std::string::npos) {
        table.push_back(cells_of(line, padding));
      }
    } else if (!table.empty()) {
      break;
    }
  }
  return table;
}

}  // namespace sansmtp::test
