#include "sansmtp/blocking/send_mail.hpp"

#include <utility>

#include "sansmtp/blocking/client.hpp"

namespace sansmtp::blocking {

delivery send_mail(std::string_view server, const envelope& env, message content,
                   client_options options) {
  client c(std::move(options));
  // Whatever fails here is told by the report.
  static_cast<void>(c.connect(server));
  delivery report = c.send(env, std::move(content));
  if (c.connected()) static_cast<void>(c.quit());
  return report;
}

}  // namespace sansmtp::blocking
