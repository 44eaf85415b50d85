#include "transcript_file.hpp"

#include <variant>

#include "exit_code.hpp"
#include "failure.hpp"
#include "input.hpp"
#include "sansmtp/script/parse.hpp"

namespace sansmtp::cli {

script::transcript read_transcript(const std::string& file) {
  auto parsed = script::parse(read_input(file), input_name(file));
  if (const auto* error = std::get_if<script::parse_error>(&parsed)) {
    throw failure(exit_code::data_error, to_string(*error));
  }
  return std::get<script::transcript>(std::move(parsed));
}

}  // namespace sansmtp::cli
