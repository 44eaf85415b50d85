// In the place of the script's own: what C makes of a name is for C to say.
#include "mechanisms.hpp"

#include <utility>

#include "sansmtp/session.hpp"

namespace sansmtp::script {

std::vector<std::unique_ptr<sasl_mechanism>> mechanisms_of(const std::vector<authentication>& auth,
                                                           hash_suite* suite) {
  std::vector<std::unique_ptr<sasl_mechanism>> result;
  for (const authentication& a : auth) {
    auto recipe = std::make_unique<mechanism_recipe>();
    recipe->who = a.who;
    recipe->options.suite = suite;
    recipe->options.minimum = a.minimum;
    recipe->chosen = a.mechanism;
    result.push_back(std::move(recipe));
  }
  return result;
}

}  // namespace sansmtp::script
