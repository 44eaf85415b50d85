// Plays every transcript of this folder in every mode that it allows; one test each.
//
// `transcript_tests --bless`, or SANSMTP_BLESS=1 in the environment, rewrites the C and `*` lines
// that the engine does not fulfil instead. SANSMTP_TRANSCRIPT_DIR in the environment names another
// folder.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "published_suite.hpp"
#include "sansmtp/script/script.hpp"

namespace {

namespace fs = std::filesystem;
namespace script = sansmtp::script;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? std::string() : value;
}

fs::path folder() {
  const std::string other = environment("SANSMTP_TRANSCRIPT_DIR");
  return other.empty() ? fs::path(SANSMTP_TRANSCRIPT_DIR) : fs::path(other);
}

std::vector<fs::path> find_transcripts() {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator at(folder(), error), end; !error && at != end;
       at.increment(error)) {
    if (at->path().extension() == ".smtp") files.push_back(at->path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::variant<script::transcript, script::parse_error> load(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  static published_suite suite;  // for CRAM-MD5 and SCRAM
  return script::parse(text, file.lexically_relative(folder()).generic_string(), &suite);
}

class play_test : public testing::Test {
 public:
  play_test(script::transcript t, script::mode how) : transcript_(std::move(t)), how_(how) {}

  void TestBody() override {
    const auto result = script::play(transcript_, how_);
    EXPECT_TRUE(result.ok()) << to_string(*result.wrong) << "the dialogue:\n"
                             << to_string(result.said);
  }

 private:
  script::transcript transcript_;
  script::mode how_;
};

/// A folder without transcripts, or a file that is none: there is nothing to play, and that is
/// wrong.
class failing_test : public testing::Test {
 public:
  explicit failing_test(std::string why) : why_(std::move(why)) {}
  void TestBody() override { FAIL() << why_; }

 private:
  std::string why_;
};

void register_failure(const std::string& suite, const std::string& why) {
  testing::RegisterTest(suite.c_str(), "parse", nullptr, nullptr, __FILE__, __LINE__,
                        [why]() -> testing::Test* { return new failing_test(why); });
}

/// The name of a file's tests: its path with '_' for what a filter of GoogleTest would take as its
/// own.
std::string suite_name(const fs::path& file) {
  std::string name = file.lexically_relative(folder()).replace_extension().generic_string();
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
}

void register_all(const std::vector<fs::path>& files) {
  if (files.empty()) register_failure("transcripts", "no transcript in " + folder().string());
  for (const fs::path& file : files) {
    const auto loaded = load(file);
    const std::string suite = suite_name(file);
    if (const auto* error = std::get_if<script::parse_error>(&loaded)) {
      register_failure(suite, to_string(*error));
      continue;
    }
    const auto& transcript = std::get<script::transcript>(loaded);
    for (const script::mode how : transcript.modes()) {
      testing::RegisterTest(suite.c_str(), std::string(to_string(how)).c_str(), nullptr, nullptr,
                            file.string().c_str(), 1, [transcript, how]() -> testing::Test* {
                              return new play_test(transcript, how);
                            });
    }
  }
}

int bless_all(const std::vector<fs::path>& files) {
  int failed = 0;
  for (const fs::path& file : files) {
    const auto loaded = load(file);
    if (const auto* error = std::get_if<script::parse_error>(&loaded)) {
      std::fprintf(stderr, "%s\n", to_string(*error).c_str());
      failed = 1;
      continue;
    }
    const auto& transcript = std::get<script::transcript>(loaded);
    if (script::play(transcript).ok()) continue;
    const std::string text = script::bless(transcript);
    std::ofstream out(file, std::ios::binary | std::ios::trunc);
    out << text;
    std::printf("%s: rewritten\n", transcript.name().c_str());
  }
  return failed;
}

}  // namespace

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const auto files = find_transcripts();
  const bool asked = std::any_of(argv + 1, argv + argc,
                                 [](const char* a) { return std::string_view(a) == "--bless"; });
  if (asked || environment("SANSMTP_BLESS") == "1") return bless_all(files);
  register_all(files);
  return RUN_ALL_TESTS();
}
