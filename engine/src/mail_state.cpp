// What is done seldom with a mail: once for many of them, or only for those with parameters.
#include "mail_state.hpp"

namespace sansmtp::detail {

mail_state::mail_state() noexcept = default;
mail_state::~mail_state() = default;

void mail_state::keep_parameters(const envelope& e) { env = e; }
void mail_state::give_content_back() noexcept { content = {}; }

envelope mail_state::given_envelope() const {
  if (parameters) return env;
  // Each address was checked by the caller's rules when it was made; here it shall only be itself.
  constexpr path_rules same{.allow_underscore = true, .allow_long = true};
  const std::string_view line = text.view(mail_line.at, mail_line.size);
  envelope given;
  given.sender = path(line.substr(mail_from.size(), line.size() - mail_from.size() - 1), same);
  given.recipients.reserve(rcpts.size());
  for (const rcpt_state& r : rcpts) given.recipients.emplace_back(path(address_of(r), same));
  given.skip_bad_recipients = skip_bad_recipients;
  return given;
}

std::size_t mail_state::memory() const noexcept {
  std::size_t n = sizeof(mail_state) + text.capacity() + rcpts.capacity() * sizeof(rcpt_state) +
                  env.recipients.capacity() * sizeof(recipient) + env.sender.text().capacity();
  for (const recipient& r : env.recipients) n += r.address.text().capacity();
  return n;
}

}  // namespace sansmtp::detail
