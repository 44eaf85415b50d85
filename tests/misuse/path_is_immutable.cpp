// An address that was checked cannot be changed afterwards (CMD-04).
// error: discards qualifiers|passing 'const |passing .const |no viable overloaded
#include <sansmtp/path.hpp>

void append(sansmtp::path& path) {
#ifdef SANSMTP_MISUSE
  path.text() += "\r\nRCPT TO:<evil@x.example>";
#else
  path = sansmtp::path(path.text() + ".example");
#endif
}
