// What output() lends is to be written: dropping it loses octets (CORE-03).
// error: ignoring return value|nodiscard
#include <sansmtp/session.hpp>

void pump(sansmtp::session& session, sansmtp::time_point now) {
#ifdef SANSMTP_MISUSE
  session.output(now);
#else
  if (session.output(now).empty()) session.advance(now);
#endif
}
