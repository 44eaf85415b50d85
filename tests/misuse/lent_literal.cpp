// A literal as octets would bring its NUL along.
// error: use of deleted function|call to deleted
#include <sansmtp/session.hpp>

#include <string>

sansmtp::errc lend(sansmtp::session& session) {
#ifdef SANSMTP_MISUSE
  return session.lend("Hi\r\n", true);
#else
  return session.lend(sansmtp::as_bytes("Hi\r\n"), true);
#endif
}
