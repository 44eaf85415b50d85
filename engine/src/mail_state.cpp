// What is done seldom with a mail: once for many of them, or only for those with parameters.
#include "mail_state.hpp"

#include <iterator>

namespace sansmtp::detail {

mail_state::mail_state() noexcept = default;
mail_state::~mail_state() = default;

void mail_state::keep_parameters(const envelope& e) { env = e; }
void mail_state::give_content_back() noexcept { content = {}; }

envelope mail_state::given_envelope() const {
  if (parameters) return env;
  // Each address was checked by the caller's rules when it was made; here it shall only be itself.
  constexpr path_rules same{.allow_underscore = true, .allow_long = true};
  envelope given;
  given.sender = path(sender(), same);
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

mail_state& mail_pool::make() {
  mails_.push_back(std::make_unique<mail_state>());
  mails_.back()->place = mails_.size() - 1;
  return *mails_.back();
}

/// A period is over, and mails that were free all the time are left from a burst. Who has as many
/// at a time in every period keeps all of them, and allocates nothing. Only what is several times
/// too large is cut, so that this is seldom and an even flow finds its room again at once.
bool mail_pool::give_spares_back() {
  mail_state** end = &spare_;  // the one that was released last stands first
  while (*end != nullptr && released_ - (*end)->released < period) end = &(*end)->next_spare;
  for (const mail_state* m = std::exchange(*end, nullptr); m != nullptr;) {
    const std::size_t place = m->place;
    m = m->next_spare;
    std::swap(mails_[place], mails_.back());
    mails_[place]->place = place;
    mails_.pop_back();
  }
  if (mails_.capacity() <= 4 * mails_.size() + 16) return false;
  // `shrink_to_fit` does nothing where there are no exceptions.
  mails_ = decltype(mails_)(std::make_move_iterator(mails_.begin()),
                            std::make_move_iterator(mails_.end()));
  return true;
}

std::size_t mail_pool::memory() const noexcept {
  std::size_t n = mails_.capacity() * sizeof(void*);
  for (const auto& m : mails_) n += m->memory();
  return n;
}

}  // namespace sansmtp::detail
