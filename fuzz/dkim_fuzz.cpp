// Signing a mail in pieces: what is hashed of its body and fields is what an obvious reading of
// RFC 6376 section 3.4 says, the pieces' borders do not matter, and a refusal leaves nothing behind
// (DKIM-01 to DKIM-03).
//
// Input: an octet for the size of the pieces, then the content.
#include <sansmtp/dkim/signer.hpp>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "exact_block.hpp"
#include "plain_crypto.hpp"
#include "require.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::fuzz;

/// The lines of content, without their ends.
std::vector<std::string> lines_of(std::string_view content) {
  std::vector<std::string> lines;
  std::string line;
  for (std::size_t i = 0; i < content.size(); ++i) {
    if (content[i] != '\r' && content[i] != '\n') {
      line += content[i];
      continue;
    }
    if (content[i] == '\r' && i + 1 < content.size() && content[i + 1] == '\n') ++i;
    lines.push_back(line);
    line.clear();
  }
  if (!line.empty()) lines.push_back(line);
  return lines;
}

/// Each stretch of blanks as one space, none at the end.
std::string squeezed(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool blank = c == ' ' || c == '\t';
    if (!blank || !out.ends_with(' ')) out += blank ? ' ' : c;
  }
  if (out.ends_with(' ')) out.pop_back();
  return out;
}

struct reading {
  std::vector<std::string> fields;  // relaxed
  std::string body;
  bool good = true;
};

reading obvious(std::string_view content) {
  reading result;
  std::vector<std::string> fields;
  std::size_t empty = 0;
  bool in_body = false;
  for (const std::string& line : lines_of(content)) {
    if (!in_body) {
      if (line.empty()) {
        in_body = true;
      } else if ((line[0] == ' ' || line[0] == '\t') && !fields.empty()) {
        // No line end stands before the colon.
        result.good &= fields.back().find(':') != std::string::npos;
        fields.back() += line;
      } else {
        fields.push_back(line);
      }
      continue;
    }
    const std::string squeezed_line = squeezed(line);
    if (squeezed_line.empty()) {
      ++empty;
      continue;
    }
    for (; empty != 0; --empty) result.body += "\r\n";
    result.body += squeezed_line + "\r\n";
  }
  for (const std::string& field : fields) {
    const std::size_t colon = field.find(':');
    std::string name = field.substr(0, std::min(colon, field.size()));
    while (!name.empty() && (name.back() == ' ' || name.back() == '\t')) name.pop_back();
    for (char& c : name) {
      result.good &= c > ' ' && c < 0x7F;
      c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    result.good &= colon != std::string::npos && !name.empty();
    if (!result.good) return result;
    std::string value = squeezed(field.substr(colon + 1));
    if (value.starts_with(' ')) value.erase(0, 1);
    result.fields.push_back(name + ':' + value + "\r\n");
  }
  return result;
}

/// What is signed of the fields, and the names of h=.
void select(const reading& of, std::string& text, std::string& names) {
  for (const std::string_view name : dkim::usual_fields()) {
    const std::string begin = std::string(name) + ':';
    for (auto f = of.fields.rbegin(); f != of.fields.rend(); ++f) {
      if (!f->starts_with(begin)) continue;
      text += *f;
      names += begin;
    }
    if (name == "from") names += begin;
  }
  names.back() = ';';
}

struct signing {
  test::plain_crypto hash;
  dkim::refusal why = dkim::refusal::none;
  std::string fields;
};

void sign_in_pieces(signing& result, bytes content, std::size_t most) {
  test::plain_key key(dkim::key_type::ed25519, 256, 64);
  dkim::signer_options options;
  options.domain = "a.example";
  options.signed_at += std::chrono::seconds(1'700'000'000);
  options.keys = {{"s", &key}};
  options.allow_eight_bit = true;
  dkim::signer signer(options, result.hash);
  while (!content.empty() && result.why == dkim::refusal::none) {
    const bytes piece = content.first(std::min(most, content.size()));
    result.why = signer.give(exact_block(as_text(piece)).view());
    content = content.subspan(piece.size());
  }
  if (result.why == dkim::refusal::none) result.why = signer.finish();
  require(signer.check() == result.why, "a refusal is final");
  result.fields = signer.fields();
  require(result.fields.empty() == (result.why != dkim::refusal::none), "signed or refused");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const bytes content(reinterpret_cast<const char*>(data) + 1, size - 1);
  signing whole;
  sign_in_pieces(whole, content, std::max<std::size_t>(1, content.size()));
  signing pieces;
  sign_in_pieces(pieces, content, 1 + data[0] % 70U);
  require(whole.fields == pieces.fields && whole.why == pieces.why, "pieces make no difference");

  const reading expected = obvious(as_text(content));
  const auto from = std::count_if(expected.fields.begin(), expected.fields.end(),
                                  [](const std::string& f) { return f.starts_with("from:"); });
  const bool nul = as_text(content).find('\0') != std::string_view::npos;
  require((whole.why == dkim::refusal::none) == (!nul && expected.good && from == 1),
          "what can be signed is signed");
  if (whole.why != dkim::refusal::none) return 0;
  std::string text;
  std::string names;
  select(expected, text, names);
  for (const signing* each : {&whole, &pieces}) {
    require(*each->hash.texts.at(0) == expected.body, "the body is relaxed");
    require(each->hash.texts.at(1)->starts_with(text + "dkim-signature:v=1; a=ed25519-sha256; "),
            "the fields are relaxed, the last one of a name first");
  }
  std::string field;
  for (const char c : whole.fields) {
    if (c != ' ' && c != '\t' && c != '\r' && c != '\n') field += c;
  }
  require(field.find(";h=" + names + "bh=") != std::string::npos, "h= names what is signed");
  for (const std::string& line : lines_of(whole.fields)) {
    require(line.size() <= 78, "a line has 78 octets at most");
  }
  return 0;
}
