// The event loop that both READMEs show is the one that is compiled.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <string>

namespace {

std::string contents_of(const std::string& name) {
  std::ifstream file(std::string(SANSMTP_SOURCE_DIR) + '/' + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(readme, shows_the_compiled_event_loop) {
  const std::string mark = "// [loop]\n";
  const std::string example = contents_of("examples/event_loop.cpp");
  const std::size_t begin = example.find(mark);
  ASSERT_NE(begin, std::string::npos);
  const std::size_t end = example.find(mark, begin + mark.size());
  ASSERT_NE(end, std::string::npos);
  const std::string loop = example.substr(begin + mark.size(), end - begin - mark.size());
  EXPECT_LE(std::count(loop.begin(), loop.end(), '\n'), 38);
  EXPECT_NE(contents_of("transports/README.md").find(loop), std::string::npos);
  EXPECT_NE(contents_of("README.md").find(loop), std::string::npos);
}

}  // namespace
