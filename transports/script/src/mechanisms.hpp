// From what a transcript says of a login to objects that do it.
#pragma once

#include <memory>
#include <vector>

#include "sansmtp/hash_suite.hpp"
#include "sansmtp/sasl.hpp"
#include "statement.hpp"

namespace sansmtp::script {

/// Output: the mechanisms of `auth`, in its order. Those that need a `suite` are left out without.
[[nodiscard]] std::vector<std::unique_ptr<sasl_mechanism>> mechanisms_of(
    const std::vector<authentication>& auth, hash_suite* suite);

}  // namespace sansmtp::script
