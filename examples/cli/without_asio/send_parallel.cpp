#include "send_parallel.hpp"

namespace sansmtp::cli {

bool has_parallel() noexcept { return false; }

void send_parallel(const connection_options&, std::size_t, const mail_source&) {}

}  // namespace sansmtp::cli
