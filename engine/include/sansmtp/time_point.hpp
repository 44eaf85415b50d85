// The one type for moments.
#pragma once

#include <chrono>

namespace sansmtp {

/// A moment. Vocabulary only: the engine never asks for the time, it is told (CORE-01).
using time_point = std::chrono::steady_clock::time_point;

}  // namespace sansmtp
