// What is borrowed lives until its mail is done: a temporary does not.
// error: use of deleted function|call to deleted
#include <sansmtp/message.hpp>

#include <string>

sansmtp::message borrow(const std::string& text) {
#ifdef SANSMTP_MISUSE
  return sansmtp::message::borrow(text + "\r\n");
#else
  return sansmtp::message::borrow(text);
#endif
}
