// What is hashed of a body and of a field, against an obvious reading of RFC 6376 (DKIM-01).
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "header_fields.hpp"
#include "octet_strings.hpp"
#include "plain_crypto.hpp"
#include "relaxed_body.hpp"
#include "sansmtp/line_end_normalizer.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::dkim;

/// A body as it leaves, and as its hash sees it: line by line.
std::string as_it_leaves(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool cr = text[i] == '\r';
    if (!cr && text[i] != '\n') {
      out += text[i];
      continue;
    }
    if (cr && i + 1 < text.size() && text[i + 1] == '\n') ++i;
    out += "\r\n";
  }
  if (!out.empty() && !out.ends_with("\r\n")) out += "\r\n";
  return out;
}

std::string obviously_relaxed(std::string_view text) {
  std::string out;
  std::string line;
  for (const char c : as_it_leaves(text)) {
    if (c == '\t') {
      line += line.ends_with(' ') ? "" : " ";
    } else if (c == ' ') {
      if (!line.ends_with(' ')) line += ' ';
    } else if (c == '\n') {
      line.pop_back();  // the CR
      if (line.ends_with(' ')) line.pop_back();
      out += line + "\r\n";
      line.clear();
    } else {
      line += c;
    }
  }
  while (out.ends_with("\r\n\r\n")) out.resize(out.size() - 2);
  return out == "\r\n" ? "" : out;
}

std::string relaxed(const std::vector<std::string_view>& pieces) {
  test::plain_crypto hash;
  const auto stream = hash.begin_sha256();
  relaxed_body body(*stream);
  line_end_normalizer source;
  content_run run;
  for (bytes in : pieces) {
    while (!in.empty()) {
      EXPECT_EQ(source.next(in, run), errc::none);
      body.give(run.octets);
      body.give(run.line_end);
    }
  }
  EXPECT_EQ(source.finish(run), errc::none);
  body.give(run.line_end);
  EXPECT_TRUE(body.finish());
  return *hash.texts.front();
}

TEST(relaxed_body, example_of_the_rfc) {  // DKIM-01, RFC 6376 section 3.4.5
  EXPECT_EQ(relaxed({" C \r\nD \t E\r\n\r\n\r\n"}), " C\r\nD E\r\n");
  EXPECT_EQ(relaxed({""}), "");
  EXPECT_EQ(relaxed({"\r\n\r\n"}), "");
  EXPECT_EQ(relaxed({" \t\r\n"}), "");
  EXPECT_EQ(relaxed({"no line end"}), "no line end\r\n");
}

TEST(relaxed_body, all_short_strings_at_all_splits) {  // DKIM-01 DKIM-02
  test::for_each_string(" \ta.\r\n", 0, 5, [](const std::string& text) {
    const std::string expected = obviously_relaxed(text);
    for (std::size_t cut = 0; cut <= text.size() / 2; ++cut) {
      const std::string_view all = text;
      ASSERT_EQ(relaxed({all.substr(0, cut), all.substr(cut)}), expected)
          << testing::PrintToString(text) << " cut at " << cut;
    }
  });
}

TEST(relaxed_body, long_texts_in_pieces) {  // DKIM-01 DKIM-02
  std::mt19937 random(1);
  // From text that is nearly all blanks and line ends to text that is nearly none, so that
  // whatever must be changed stands at each place of a block.
  for (const std::string_view rare :
       {"", "a", "abcdefghi", "abcdefghijklmnopqrstuvwxyz0123456789"}) {
    const std::string alphabet = std::string(" \t\n\n  ") + std::string(rare) + std::string(rare);
    for (int i = 0; i < 300; ++i) {
      const std::string text = test::random_string(random, alphabet, test::pick(random, 700));
      const auto pieces = test::random_pieces(random, text, 1 + test::pick(random, 300));
      ASSERT_EQ(relaxed(pieces), obviously_relaxed(text)) << testing::PrintToString(text);
    }
  }
}

TEST(relaxed_body, far_apart) {  // more than is gathered, and blanks at each place around a block
  for (std::size_t at = 50; at < 140; ++at) {
    for (const std::string_view odd : {"  ", "\t", " \t", " \n", "\n\n", "\n\n\nx", " "}) {
      const std::string text = std::string(at, 'x') + std::string(odd) + std::string(900, 'y');
      ASSERT_EQ(relaxed({text}), obviously_relaxed(text)) << at << testing::PrintToString(odd);
    }
  }
}

TEST(relaxed_body, tells_that_the_hash_failed) {  // DKIM-03
  test::plain_crypto hash;
  hash.adds_left = 0;
  const auto stream = hash.begin_sha256();
  relaxed_body body(*stream);
  body.give(as_bytes("x\r\n"));
  EXPECT_FALSE(body.finish());
}

std::string relaxed_header(std::string_view header) {
  std::vector<header_field> fields;
  if (!split_header(header, fields)) return "bad";
  std::string out;
  for (const header_field& f : fields) {
    append_relaxed(out, f.name, f.value);
    out += "|";
  }
  return out;
}

TEST(relaxed_header, example_of_the_rfc) {  // DKIM-01, RFC 6376 section 3.4.5
  EXPECT_EQ(relaxed_header("A: X\r\nB : Y\t\r\n\tZ  \r\n"), "a:X|b:Y Z|");
}

TEST(relaxed_header, what_is_a_field) {  // DKIM-03, RFC 5322 section 2.2
  const struct {
    std::string_view header, expected;
  } rows[] = {
      {"", ""},
      {"SubJect:\r\n", "subject:|"},
      {"A:b:c\r\n", "a:b:c|"},
      {"A: b\r\n \r\n\tc\r\nD:e\r\n", "a:b c|d:e|"},
      {"A: \xC3\xA4 \r\n", "a:\xC3\xA4|"},
      {"A:b", "a:b|"},
      {" folded first: x\r\n", "bad"},
      {"no colon\r\n", "bad"},
      {"folded\r\n : x\r\n", "bad"},
      {": no name\r\n", "bad"},
      {"two words: x\r\n", "bad"},
      {"From me@x.example Mon Jan  1 00:00:00 2026\r\nA: b\r\n", "bad"},
      {"\xEF\xBB\xBF"
       "A: b\r\n",
       "bad"},
      {"A: b\r\n\x7F: c\r\n", "bad"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(relaxed_header(row.header), row.expected) << testing::PrintToString(row.header);
  }
}

TEST(line_end_normalizer, gives_what_leaves) {  // DATA-03 DATA-05 DATA-06 DKIM-02
  test::for_each_string("a.\r\n", 0, 5, [](const std::string& text) {
    line_end_normalizer source;
    std::string out;
    content_run run;
    for (bytes in = as_bytes(text); !in.empty();) {
      ASSERT_EQ(source.next(in, run), errc::none);
      out += std::string(as_text(run.octets)) + std::string(as_text(run.line_end));
    }
    ASSERT_EQ(source.finish(run), errc::none);
    out += as_text(run.line_end);
    ASSERT_EQ(out, text.empty() ? out : as_it_leaves(text)) << testing::PrintToString(text);
    ASSERT_EQ(source.size(), out.size());
  });
}

}  // namespace
