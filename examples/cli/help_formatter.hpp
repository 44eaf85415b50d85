// How --help looks.
#pragma once

#include <CLI/CLI.hpp>
#include <string>

namespace sansmtp::cli {

/// The formatter of CLI11, with long descriptions wrapped to lines of 100 columns.
class help_formatter : public CLI::Formatter {
 public:
  help_formatter();

  [[nodiscard]] std::string make_option_desc(const CLI::Option* option) const override;
  [[nodiscard]] std::string make_subcommand(const CLI::App* command) const override;
};

}  // namespace sansmtp::cli
