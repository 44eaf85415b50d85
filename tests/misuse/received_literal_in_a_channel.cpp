// The NUL of a literal was not received.
// error: use of deleted function|call to deleted
#include <sansmtp/channel.hpp>

#include <string>

void receive(sansmtp::channel& channel, sansmtp::time_point now) {
#ifdef SANSMTP_MISUSE
  channel.receive(now, "220 mx.test\r\n");
#else
  channel.receive(now, sansmtp::as_bytes("220 mx.test\r\n"));
#endif
}
