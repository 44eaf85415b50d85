#include "help_formatter.hpp"

#include <algorithm>
#include <cstddef>
#include <sstream>

namespace sansmtp::cli {
namespace {

constexpr std::size_t line_width = 100;
constexpr std::size_t name_width = 30;

// CLI11 indents what follows a line end.
std::string wrap(const std::string& text) {
  std::string wrapped;
  std::size_t column = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    const std::size_t length = end - at;
    if (column > 0 && column + 1 + length > line_width - name_width) {
      wrapped += '\n';
      column = 0;
    } else if (column > 0) {
      wrapped += ' ';
      ++column;
    }
    wrapped.append(text, at, length);
    column += length;
    at = end + 1;
  }
  return wrapped;
}

}  // namespace

help_formatter::help_formatter() { column_width(name_width); }

std::string help_formatter::make_option_desc(const CLI::Option* option) const {
  return wrap(option->get_description());
}

std::string help_formatter::make_subcommand(const CLI::App* command) const {
  std::stringstream out;
  CLI::detail::format_help(out, command->get_name(), wrap(command->get_description()), name_width);
  return out.str();
}

}  // namespace sansmtp::cli
