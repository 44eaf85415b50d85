#include "sansmtp/channel_binding.hpp"

#include <gtest/gtest.h>

#include <string_view>

namespace {

using namespace sansmtp;

TEST(channel_binding, type_follows_the_link) {  // SASL-12
  using version = tls_version;
  using request = binding_request;
  const struct {
    version of;
    bool extended_master_secret;
    request wanted;
    std::string_view type;
  } rows[] = {
      {version::tls_1_3, true, request::automatic, "tls-exporter"},
      {version::tls_1_3, false, request::automatic, "tls-exporter"},
      {version::tls_1_3, true, request::tls_exporter, "tls-exporter"},
      {version::tls_1_3, true, request::tls_server_end_point, "tls-server-end-point"},
      {version::tls_1_2, true, request::automatic, "tls-unique"},
      {version::tls_1_2, true, request::tls_exporter, "tls-exporter"},
      {version::tls_1_2, true, request::tls_server_end_point, "tls-server-end-point"},
      {version::tls_1_2, false, request::automatic, ""},
      {version::tls_1_2, false, request::tls_exporter, ""},
      {version::tls_1_2, false, request::tls_server_end_point, "tls-server-end-point"},
      {version::older, true, request::automatic, ""},
      {version::older, true, request::tls_exporter, ""},
      {version::older, true, request::tls_server_end_point, ""},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(binding_type_for(row.of, row.extended_master_secret, row.wanted), row.type);
  }
}

TEST(channel_binding, needs_a_type_and_octets) {  // SASL-11
  EXPECT_FALSE((channel_binding{}));
  EXPECT_FALSE((channel_binding{"tls-exporter", ""}));
  EXPECT_FALSE((channel_binding{"", "octets"}));
  EXPECT_TRUE((channel_binding{"tls-exporter", "octets"}));
}

}  // namespace
