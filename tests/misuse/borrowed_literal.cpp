// A literal as octets would bring its NUL along.
// error: use of deleted function|call to deleted
#include <sansmtp/message.hpp>

#include <string>

sansmtp::message borrow() {
#ifdef SANSMTP_MISUSE
  return sansmtp::message::borrow("Hi\r\n");
#else
  return sansmtp::message::borrow(sansmtp::as_bytes("Hi\r\n"));
#endif
}
