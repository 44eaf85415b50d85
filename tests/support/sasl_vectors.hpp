// The published vectors of the mechanisms that compute (Appendix B), played with any hash suite.
#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "sansmtp/base64.hpp"
#include "sansmtp/sasl.hpp"
#include "sansmtp/scram.hpp"

/// T4 (SASL-04), with the suite's own arithmetic.
inline void check_cram_md5_vector(sansmtp::hash_suite& suite) {
  const auto m = sansmtp::make_cram_md5("tim", "tanstaaftanstaaf", suite);
  ASSERT_EQ(m->check(), sansmtp::errc::none);
  ASSERT_EQ(m->bind({}), sansmtp::errc::none);
  EXPECT_EQ(m->initial_response(), std::nullopt);  // AUTH-05
  EXPECT_FALSE(m->satisfied());
  const auto challenge =
      sansmtp::base64_decode("PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+");
  const auto response = m->respond(challenge.value());
  ASSERT_TRUE(response);
  EXPECT_EQ(sansmtp::base64_encode(*response), "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw");
  EXPECT_TRUE(m->satisfied());
  EXPECT_EQ(m->respond("<again@b.test>"), std::nullopt);
}

/// An exchange of SCRAM that succeeds.
struct scram_vector {
  const char* name;
  sansmtp::hash_algorithm hash;
  std::string_view nonce;
  sansmtp::channel_binding binding;
  bool plus_offered;
  sansmtp::scram_binding variant;
  std::string_view client_first;
  std::string_view server_first;
  std::string_view client_final;
  std::string_view server_final;
};

#define SANSMTP_NONCE_T5 "fyko+d2lbbFgONRv9qkxdawL"
#define SANSMTP_SERVER_T5 "r=" SANSMTP_NONCE_T5 "3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096"
#define SANSMTP_NONCE_T6 "rOprNGfwEbeRWgbNEkqO"
#define SANSMTP_SERVER_T6 \
  "r=" SANSMTP_NONCE_T6 "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096"

inline const scram_vector scram_vectors[] = {
    {"T5",
     sansmtp::hash_algorithm::sha1,
     SANSMTP_NONCE_T5,
     {},
     false,
     sansmtp::scram_binding::off,
     "n,,n=user,r=" SANSMTP_NONCE_T5,
     SANSMTP_SERVER_T5,
     "c=biws,r=" SANSMTP_NONCE_T5 "3rfcNHYJY1ZVvWVs7j,p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=",
     "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
    {"T6",
     sansmtp::hash_algorithm::sha256,
     SANSMTP_NONCE_T6,
     {},
     false,
     sansmtp::scram_binding::off,
     "n,,n=user,r=" SANSMTP_NONCE_T6,
     SANSMTP_SERVER_T6,
     "c=biws,r=" SANSMTP_NONCE_T6
     "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=",
     "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
    // The link could be bound, but the server does not offer it (SASL-11).
    {"T5 with y",
     sansmtp::hash_algorithm::sha1,
     SANSMTP_NONCE_T5,
     {"tls-exporter", "0123456789abcdef0123456789abcdef"},
     false,
     sansmtp::scram_binding::off,
     "y,,n=user,r=" SANSMTP_NONCE_T5,
     SANSMTP_SERVER_T5,
     "c=eSws,r=" SANSMTP_NONCE_T5 "3rfcNHYJY1ZVvWVs7j,p=BjZF5dV+EkD3YCb3pH3IP8riMGw=",
     "v=dsprQ5R2AGYt1kn4bQRwTAE0PTU="},
    {"T5 bound",
     sansmtp::hash_algorithm::sha1,
     SANSMTP_NONCE_T5,
     {"tls-exporter", "0123456789abcdef0123456789abcdef"},
     true,
     sansmtp::scram_binding::plus,
     "p=tls-exporter,,n=user,r=" SANSMTP_NONCE_T5,
     SANSMTP_SERVER_T5,
     "c=cD10bHMtZXhwb3J0ZXIsLDAxMjM0NTY3ODlhYmNkZWYwMTIzNDU2Nzg5YWJjZGVm,r=" SANSMTP_NONCE_T5
     "3rfcNHYJY1ZVvWVs7j,p=O/iGIpD3k2i0DiBIoA/wAULDbCo=",
     "v=HuDA/XNNga3QUvlA8/h5mYvMWEc="},
    // An attribute behind the count that means nothing is ignored (SASL-07).
    {"T5 with more",
     sansmtp::hash_algorithm::sha1,
     SANSMTP_NONCE_T5,
     {},
     false,
     sansmtp::scram_binding::off,
     "n,,n=user,r=" SANSMTP_NONCE_T5,
     SANSMTP_SERVER_T5 ",x=later",
     "c=biws,r=" SANSMTP_NONCE_T5 "3rfcNHYJY1ZVvWVs7j,p=oUIeobaSAhqZTjb5DvSzUp2nPOI=",
     "v=HH/HFWmnxnoWlOt0aiav8KEGusI=,x=later"},
};

/// T5 and T6 and their kin, octet by octet (SASL-06, SASL-09, SASL-10, SASL-11).
inline void check_scram_vectors(sansmtp::hash_suite& suite) {
  using namespace sansmtp;
  for (const scram_vector& v : scram_vectors) {
    SCOPED_TRACE(v.name);
    scram_options options;
    options.nonce = v.nonce;
    const auto m = make_scram(v.hash, v.variant, "user", "pencil", suite, options);
    ASSERT_EQ(m->check(), errc::none);
    ASSERT_EQ(m->bind({true, true, v.plus_offered, v.binding}), errc::none);
    EXPECT_EQ(m->initial_response(), v.client_first);
    EXPECT_FALSE(m->satisfied());
    EXPECT_EQ(m->respond(v.server_first), v.client_final);
    EXPECT_FALSE(m->satisfied());
    EXPECT_EQ(m->respond(v.server_final), "");
    EXPECT_TRUE(m->satisfied());
    // Nothing may follow.
    EXPECT_EQ(m->respond(""), std::nullopt);
    EXPECT_FALSE(m->satisfied());
  }
}
