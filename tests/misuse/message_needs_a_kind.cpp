// Content is borrowed, owned or streamed, and which one is always written down.
// error: cannot convert|no matching|could not convert|no viable
#include <sansmtp/session.hpp>

sansmtp::mail_id send(sansmtp::session& session, const sansmtp::envelope& envelope) {
#ifdef SANSMTP_MISUSE
  return session.send(envelope, "Hi\r\n");
#else
  return session.send(envelope, sansmtp::message::own("Hi\r\n"));
#endif
}
