#include "send_parallel.hpp"

namespace sansmtp::cli {

bool has_parallel() noexcept { return false; }

void send_parallel(const connection_options&, const parallel_options&, const mail_source&) {}

}  // namespace sansmtp::cli
