#include "mechanisms.hpp"

#include <utility>

namespace sansmtp::script {

std::vector<std::unique_ptr<sasl_mechanism>> mechanisms_of(const std::vector<authentication>& auth,
                                                           hash_suite* suite) {
  std::vector<std::unique_ptr<sasl_mechanism>> result;
  for (const authentication& a : auth) {
    mechanism_options options;
    options.suite = suite;
    options.minimum = a.minimum;
    if (!a.mechanism.empty()) options.names.push_back(a.mechanism);
    for (auto& made : make_mechanisms(a.who, options)) result.push_back(std::move(made));
  }
  return result;
}

}  // namespace sansmtp::script
