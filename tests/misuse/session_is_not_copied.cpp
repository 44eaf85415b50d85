// A session is one conversation: there is no second one to be had by copying.
// error: use of deleted function|call to deleted constructor
#include <sansmtp/session.hpp>
#include <utility>

sansmtp::session take(sansmtp::session& session) {
#ifdef SANSMTP_MISUSE
  return session;
#else
  return std::move(session);
#endif
}
