#include "sansmtp/blocking/server_address.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace {

using sansmtp::blocking::server_address;

struct good {
  std::string_view text;
  server_address value;
  std::string_view again;
};

// NET-01
TEST(server_address, reads_what_people_write) {
  const good rows[] = {
      {"mx.b.test", {"mx.b.test", 25}, "mx.b.test:25"},
      {"mx.b.test:2525", {"mx.b.test", 2525}, "mx.b.test:2525"},
      {"mx.b.test:65535", {"mx.b.test", 65535}, "mx.b.test:65535"},
      {"192.0.2.1", {"192.0.2.1", 25}, "192.0.2.1:25"},
      {"192.0.2.1:26", {"192.0.2.1", 26}, "192.0.2.1:26"},
      {"2001:db8::1", {"2001:db8::1", 25}, "[2001:db8::1]:25"},
      {"::1", {"::1", 25}, "[::1]:25"},
      {"::", {"::", 25}, "[::]:25"},
      {"[2001:db8::1]", {"2001:db8::1", 25}, "[2001:db8::1]:25"},
      {"[2001:db8::1]:25", {"2001:db8::1", 25}, "[2001:db8::1]:25"},
      {"[::1]:2525", {"::1", 2525}, "[::1]:2525"},
      {"fe80::1%eth0", {"fe80::1%eth0", 25}, "[fe80::1%eth0]:25"},
      {"unix:/run/mta", {"/run/mta", 0}, "unix:/run/mta"},
      {"unix:mta.socket", {"mta.socket", 0}, "unix:mta.socket"},
  };
  for (const good& row : rows) {
    const auto parsed = server_address::parse(row.text);
    ASSERT_TRUE(parsed) << row.text;
    EXPECT_EQ(*parsed, row.value) << row.text;
    EXPECT_EQ(to_string(*parsed), row.again);
    EXPECT_EQ(server_address::parse(row.again), row.value) << row.again;
  }
  EXPECT_TRUE(server_address::parse("unix:/run/mta")->is_unix());
  EXPECT_FALSE(server_address::parse("mx.b.test")->is_unix());
}

// NET-01
TEST(server_address, takes_another_default_port) {
  EXPECT_EQ(server_address::parse("mx.b.test", 587)->port, 587);
  EXPECT_EQ(server_address::parse("mx.b.test:25", 587)->port, 25);
  EXPECT_EQ(server_address::parse("::1", 465)->port, 465);
}

TEST(server_address, refuses_the_rest) {
  const std::string_view rows[] = {
      "",
      ":25",
      "mx:",
      "mx:0",
      "mx:65536",
      "mx:99999999999",
      "mx:smtp",
      "mx:25x",
      "mx:+25",
      "mx:-1",
      "mx: 25",
      "mx .b.test",
      "mx\n",
      "a:b:c",
      "1:2:3",
      "[::1",
      "::1]",
      "[]",
      "[]:25",
      "[mx]:25",
      "[192.0.2.1]",
      "[::1]25",
      "[::1]:",
      "[::1]:0",
      "unix:",
      "mx/b",
      "[::1]:25:25",
      "mx:25:25",
      "\x7f",
      std::string_view("a\0b", 3),
      std::string_view("unix:/a\0b", 9),
  };
  for (const std::string_view row : rows) EXPECT_FALSE(server_address::parse(row)) << row;
  EXPECT_FALSE(server_address::parse(std::string(256, 'a')));
  EXPECT_TRUE(server_address::parse(std::string(255, 'a')));
}

}  // namespace
