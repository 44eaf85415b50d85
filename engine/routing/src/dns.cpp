#include "sansmtp/routing/dns.hpp"

namespace sansmtp::routing {

std::string_view to_string(record r) noexcept {
  switch (r) {
    case record::a: return "A";
    case record::mx: return "MX";
    case record::txt: return "TXT";
    case record::aaaa: return "AAAA";
    case record::tlsa: return "TLSA";
  }
  return "unknown";
}

std::string_view to_string(found f) noexcept {
  switch (f) {
    case found::ok: return "ok";
    case found::no_data: return "no_data";
    case found::no_name: return "no_name";
    case found::failed: return "failed";
    case found::bogus: return "bogus";
  }
  return "unknown";
}

}  // namespace sansmtp::routing
