// Which ServerHello agrees to the extended master secret (SASL-12).
#include "server_hello.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace sansmtp::wolfssl {
namespace {

std::string number(std::size_t value, int octets) {
  std::string text;
  for (int i = octets - 1; i >= 0; --i) text += static_cast<char>(value >> (8 * i));
  return text;
}

std::string hello(const std::string& extensions) {
  const std::string body = "\x03\x03" + std::string(32, 'r') + '\x04' + "sess" + "\xcc\xa8" +
                           std::string(1, '\0') + number(extensions.size(), 2) + extensions;
  const std::string message = '\x02' + number(body.size(), 3) + body;
  return "\x16\x03\x03" + number(message.size(), 2) + message;
}

std::string extension(std::size_t kind, const std::string& content) {
  return number(kind, 2) + number(content.size(), 2) + content;
}

bool agreed(std::string_view octets, std::size_t step) {
  server_hello seen;
  for (std::size_t i = 0; i < octets.size(); i += step) {
    seen.feed(as_bytes(octets.substr(i, step)));
  }
  return seen.extended_master_secret();
}

TEST(server_hello, the_extension_is_found_wherever_it_stands) {
  const std::string ems = extension(23, "");
  const std::string other = extension(0xff01, std::string(1, '\0'));
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{100'000}}) {
    EXPECT_TRUE(agreed(hello(ems), step));
    EXPECT_TRUE(agreed(hello(other + ems), step));
    EXPECT_TRUE(agreed(hello(ems + other) + "next record", step));
    EXPECT_FALSE(agreed(hello(other), step));
    EXPECT_FALSE(agreed(hello(""), step));
    EXPECT_FALSE(agreed(hello(extension(1, ems)), step)) << "inside another extension";
  }
}

TEST(server_hello, what_is_no_whole_server_hello_agrees_to_nothing) {
  const std::string whole = hello(extension(23, ""));
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(agreed(whole.substr(0, size), 1)) << size;
  }
  EXPECT_FALSE(agreed("220 mx.test ESMTP\r\n", 1));
  std::string alert = whole;
  alert[0] = 21;
  EXPECT_FALSE(agreed(alert, 1));
  // A length that lies: the extension would be behind the end of the list.
  std::string lying = hello(extension(1, "ab"));
  lying[lying.size() - 3] = 0x7f;
  EXPECT_FALSE(agreed(lying + extension(23, ""), 1));
  EXPECT_FALSE(agreed(hello(std::string(5000, '\x7f')), 64));
}

}  // namespace
}  // namespace sansmtp::wolfssl
