// Text becomes an address only where somebody says so: there it is checked (CMD-04).
// error: no (viable|match|known).*(conversion|operator=)|could not convert|no match for .operator=.
#include <sansmtp/envelope.hpp>

void address(sansmtp::envelope& envelope) {
#ifdef SANSMTP_MISUSE
  envelope.sender = "a@x.example";
#else
  envelope.sender = sansmtp::path("a@x.example");
#endif
}
