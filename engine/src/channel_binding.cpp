#include "sansmtp/channel_binding.hpp"

namespace sansmtp {

std::string_view binding_type_for(tls_version version, bool extended_master_secret,
                                  binding_request wanted) noexcept {
  if (version == tls_version::older) return {};
  // It is about the certificate only, whatever the keys are.
  if (wanted == binding_request::tls_server_end_point) return "tls-server-end-point";
  if (version == tls_version::tls_1_3) return "tls-exporter";
  if (!extended_master_secret) return {};
  return wanted == binding_request::tls_exporter ? "tls-exporter" : "tls-unique";
}

}  // namespace sansmtp
