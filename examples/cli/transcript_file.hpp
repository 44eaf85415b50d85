// Transcripts that a command reads.
#pragma once

#include <string>

#include "sansmtp/script/transcript.hpp"

namespace sansmtp::cli {

/// Input: reads a transcript; "-" is standard input. Throws `failure` if it cannot be read or is
/// none.
[[nodiscard]] script::transcript read_transcript(const std::string& file);

}  // namespace sansmtp::cli
