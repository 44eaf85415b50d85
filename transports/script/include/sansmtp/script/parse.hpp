// Text to transcript.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

#include "sansmtp/hash_suite.hpp"
#include "sansmtp/script/parse_error.hpp"
#include "sansmtp/script/transcript.hpp"

namespace sansmtp::script {

/// What a text, and all that its repetitions expand to, may hold at most, in octets each.
inline constexpr std::size_t max_transcript_octets = 4 * 1024 * 1024;

/// Reads a transcript. `text` may hold anything at all: whatever it is, the answer is a transcript
/// or the place of the first error, and memory stays within a small multiple of
/// `max_transcript_octets`. `name` is what messages call it, for example the file's name. CRAM-MD5
/// and SCRAM need a `suite`, which must outlive the transcript; without one they are never used.
[[nodiscard]] std::variant<transcript, parse_error> parse(std::string_view text, std::string name,
                                                          hash_suite* suite = nullptr);

}  // namespace sansmtp::script
