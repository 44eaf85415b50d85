#include "sansmtp/blocking/resolver_category.hpp"

#include <netdb.h>

#include <string>

namespace sansmtp::blocking {
namespace {

class category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "resolver"; }
  [[nodiscard]] std::string message(int value) const override { return ::gai_strerror(value); }
};

}  // namespace

const std::error_category& resolver_category() noexcept {
  static const category instance;
  return instance;
}

}  // namespace sansmtp::blocking
