// An event belongs to its session.
// error: read-only|const-qualified|cannot assign
#include <sansmtp/session.hpp>

void change(sansmtp::session& session) {
#ifdef SANSMTP_MISUSE
  session.next_event()->id = 1;
#else
  if (const sansmtp::event* event = session.next_event()) (void)event->id;
#endif
}
