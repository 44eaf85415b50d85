// What is lent lives until it is released: a temporary does not.
// error: use of deleted function|call to deleted
#include <sansmtp/session.hpp>

#include <string>

sansmtp::errc lend(sansmtp::session& session, const std::string& text) {
#ifdef SANSMTP_MISUSE
  return session.lend(text + "\r\n", true);
#else
  return session.lend(text, true);
#endif
}
