// Every transcript runs through the Asio adapter, with the results of the script transport.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <variant>
#include <vector>

#include "levels.hpp"
#include "published_suite.hpp"
#include "sansmtp/script/script.hpp"
#include "transcript_player.hpp"

namespace sansmtp::test {
namespace {

namespace fs = std::filesystem;

std::vector<script::transcript> load_all() {
  std::vector<script::transcript> all;
  for (const auto& entry : fs::recursive_directory_iterator(SANSMTP_TRANSCRIPT_DIR)) {
    if (entry.path().extension() != ".smtp") continue;
    std::ifstream in(entry.path(), std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
    static published_suite suite;  // for CRAM-MD5 and SCRAM
    auto parsed = script::parse(text, entry.path().string(), &suite);
    const auto* t = std::get_if<script::transcript>(&parsed);
    if (t == nullptr) continue;
    if (t->levels().empty()) all.push_back(*t);
    for (const pipelining_level level : t->levels()) all.push_back(script::at_level(*t, level));
  }
  return all;
}

void play_all(chopping how, std::size_t most_left_out) {
  std::size_t played = 0;
  std::size_t left_out = 0;
  for (const script::transcript& t : load_all()) {
    if (!why_not(t.data(), how).empty()) {
      ++left_out;
      continue;
    }
    ++played;
    const std::string wrong = play(t.data(), how);
    EXPECT_EQ(wrong, "") << t.name();
  }
  EXPECT_GE(played, 780U);
  EXPECT_LE(left_out, most_left_out);
  testing::Test::RecordProperty("played", static_cast<int>(played));
  testing::Test::RecordProperty("left_out", static_cast<int>(left_out));
}

TEST(asio_transcripts, whole) { play_all({}, 42); }
TEST(asio_transcripts, read_octet_by_octet) { play_all({.octet_reads = true}, 67); }
TEST(asio_transcripts, written_octet_by_octet) { play_all({.octet_writes = true}, 47); }

}  // namespace
}  // namespace sansmtp::test
