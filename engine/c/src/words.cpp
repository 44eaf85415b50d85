// Names, sentences and what a failure means.
#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>

#include "numbers.hpp"
#include "sansmtp.h"
#include "sansmtp/sansmtp.hpp"
#include "sized.hpp"

namespace {

using namespace sansmtp;  // NOLINT(google-build-using-namespace)

/// The engine's names are literals, so a NUL ends them.
template <class Enum>
const char* name_of(std::int32_t number) noexcept {
  const auto known = c::from_c<Enum>(number);
  return known ? to_string(*known).data() : "unknown";
}

std::size_t copy(std::string_view text, char* buffer, std::size_t room) noexcept {
  if (buffer != nullptr && room != 0) {
    const std::size_t size = std::min(text.size(), room - 1);
    std::memcpy(buffer, text.data(), size);
    buffer[size] = '\0';
  }
  return text.size();
}

}  // namespace

const char* sansmtp_errc_name(sansmtp_errc error) { return name_of<errc>(error); }
const char* sansmtp_category_name(int32_t category) { return name_of<failure_category>(category); }
const char* sansmtp_outcome_name(int32_t result) { return name_of<outcome>(result); }
const char* sansmtp_hint_name(int32_t advice) { return name_of<hint>(advice); }
const char* sansmtp_verb_name(int32_t number) { return name_of<verb>(number); }
const char* sansmtp_event_name(int32_t kind) { return name_of<event::kind>(kind); }

int32_t sansmtp_category_of(sansmtp_errc error) {
  const auto known = c::from_c<errc>(error);
  return known ? c::to_c(category_of(*known)) : SANSMTP_UNKNOWN;
}

size_t sansmtp_errc_message(sansmtp_errc error, char* buffer, size_t room) {
  return [=]() noexcept {
    const auto known = c::from_c<errc>(error);
    const std::string message = known ? smtp_category().message(static_cast<int>(*known))
                                      : std::string("Not an error of this library.");
    return copy(message, buffer, room);
  }();
}

size_t sansmtp_display_text(sansmtp_bytes text, char* buffer, size_t room) {
  return [=]() noexcept {
    return copy(c::is_text(text) ? display_text(c::text(text)) : std::string(), buffer, room);
  }();
}

int sansmtp_is_retry_useful(sansmtp_errc error, int code) {
  const auto known = c::from_c<errc>(error);
  return known && is_retry_useful(*known, code) ? 1 : 0;
}

int sansmtp_is_permanent(sansmtp_errc error, int code) {
  const auto known = c::from_c<errc>(error);
  return known && is_permanent(*known, code) ? 1 : 0;
}

int sansmtp_is_session_usable(sansmtp_errc error) {
  const auto known = c::from_c<errc>(error);
  return known && is_session_usable(*known) ? 1 : 0;
}

sansmtp_bytes sansmtp_text(const char* text) {
  return {text, text == nullptr ? 0 : std::strlen(text)};
}

const char* sansmtp_version(void) { return version.data(); }
