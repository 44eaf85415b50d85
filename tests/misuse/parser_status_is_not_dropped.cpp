// Whether a reply is complete cannot be left unread (REP-11).
// error: ignoring return value|nodiscard
#include <sansmtp/reply_parser.hpp>

void feed(sansmtp::reply_parser& parser, sansmtp::bytes& octets) {
#ifdef SANSMTP_MISUSE
  parser.parse(octets);
#else
  if (parser.parse(octets) == sansmtp::reply_parser::status::complete) parser.reset();
#endif
}
