// What is done seldom with a mail: once for many of them, or only for those with parameters.
#include "mail_state.hpp"

namespace sansmtp::detail {

mail_state::mail_state() noexcept = default;
mail_state::~mail_state() = default;

void mail_state::keep_parameters(const envelope& e) { env = e; }
void mail_state::give_content_back() noexcept { content = {}; }

std::size_t mail_state::memory() const noexcept {
  std::size_t n = sizeof(mail_state) + text.capacity() + rcpts.capacity() * sizeof(rcpt_state) +
                  env.recipients.capacity() * sizeof(recipient) + env.sender.text().capacity();
  for (const recipient& r : env.recipients) n += r.address.text().capacity();
  return n;
}

}  // namespace sansmtp::detail
