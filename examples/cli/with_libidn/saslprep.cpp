#include "saslprep.hpp"

#include <fmt/format.h>
#include <stringprep.h>

#include <cstring>

#include "failure.hpp"
#include "sansmtp/sasl.hpp"

namespace sansmtp::cli {

std::string saslprep(const std::string& text, const std::string& what) {
  // What it becomes may be longer: one character of Arabic stands for eighteen.
  for (std::size_t room = 2 * text.size() + 64;; room *= 2) {
    std::string prepared;
    prepared.reserve(room);
    prepared = text;
    prepared.resize(room);
    const int failed = ::stringprep(prepared.data(), room, {}, ::stringprep_saslprep);
    if (failed == STRINGPREP_OK) {
      prepared.resize(std::strlen(prepared.c_str()));
      return prepared;
    }
    wipe(prepared);
    switch (failed) {
      case STRINGPREP_TOO_SMALL_BUFFER: continue;
      case STRINGPREP_CONTAINS_PROHIBITED:
        throw failure(exit_code::data_error,
                      fmt::format("{} holds a character that SASLprep prohibits in names and "
                                  "passwords (RFC 4013 section 2.3)",
                                  what));
      case STRINGPREP_BIDI_BOTH_L_AND_RAL:
      case STRINGPREP_BIDI_LEADTRAIL_NOT_RAL:
      case STRINGPREP_BIDI_CONTAINS_PROHIBITED:
        throw failure(exit_code::data_error,
                      fmt::format("{} mixes letters written from left to right and from right to "
                                  "left in a way that SASLprep prohibits (RFC 4013 section 2.4)",
                                  what));
      default:
        throw failure(exit_code::data_error,
                      fmt::format("{} cannot be prepared by SASLprep: {}", what,
                                  ::stringprep_strerror(static_cast<Stringprep_rc>(failed))));
    }
  }
}

}  // namespace sansmtp::cli
