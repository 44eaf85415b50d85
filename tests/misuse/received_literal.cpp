// The NUL of a literal was not received.
// error: use of deleted function|call to deleted
#include <sansmtp/session.hpp>

#include <string>

void receive(sansmtp::session& session, sansmtp::time_point now) {
#ifdef SANSMTP_MISUSE
  session.receive(now, "220 mx.test\r\n");
#else
  session.receive(now, sansmtp::as_bytes("220 mx.test\r\n"));
#endif
}
