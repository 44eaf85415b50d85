#include "a_labels.hpp"

#include <idn2.h>

#include <memory>

namespace sansmtp::cli {

bool has_a_labels() noexcept { return true; }

std::optional<std::string> to_a_labels(const std::string& domain) {
  char* made = nullptr;
  // Nontransitional: the German sharp s and the Greek final sigma stay what they are.
  const int failed =
      ::idn2_to_ascii_8z(domain.c_str(), &made, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
  const std::unique_ptr<char, decltype(&::idn2_free)> owner(made, ::idn2_free);
  if (failed != IDN2_OK) return std::nullopt;
  return std::string(made);
}

}  // namespace sansmtp::cli
