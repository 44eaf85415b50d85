// What a header says of the envelope (`sansmtp send -t`), whoever wrote it: a Bcc field is never
// sent along, nobody gets the mail twice, and what is sent for the first time means the same when
// it is read once more.
//
// Input: a message.
#include <header_envelope.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "exact_block.hpp"
#include "failure.hpp"
#include "require.hpp"

namespace {

using namespace sansmtp::cli;
using namespace sansmtp::fuzz;
using std::string_view;

/// An obvious reading: lines up to the first empty one, and what stands before the colon of each.
bool shows_bcc(string_view message) {
  std::string line;
  for (std::size_t i = 0; i <= message.size(); ++i) {
    if (i < message.size() && message[i] != '\r' && message[i] != '\n') {
      line += message[i];
      continue;
    }
    if (line.empty()) return false;
    if (i + 1 < message.size() && message[i] == '\r' && message[i + 1] == '\n') ++i;
    std::string name = line.substr(0, line.find(':'));
    while (name.ends_with(' ') || name.ends_with('\t')) name.pop_back();
    for (char& c : name) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
    const bool folded = line.front() == ' ' || line.front() == '\t';
    const bool field = line.find(':') != std::string::npos;
    if (!folded && field && (name == "bcc" || name == "resent-bcc")) return true;
    line.clear();
  }
  return false;
}

std::optional<header_envelope> parse(string_view message) {
  try {
    return header_envelope::parse(message);
  } catch (const failure& why) {
    require(why.code() == exit_code::data_error, "the message is at fault");
    require(*why.what() != '\0', "a refusal has its words");
    const bool warned = string_view(why.what()).find("take the Bcc field out") != string_view::npos;
    require(!shows_bcc(message.substr(before_header(message).size())) || warned,
            "the way out does not show Bcc");
    return std::nullopt;
  }
}

std::optional<std::string> sender_of(const header_envelope& header) {
  try {
    return header.sender();
  } catch (const failure&) {
    return std::nullopt;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const exact_block block({reinterpret_cast<const char*>(data), size});
  const string_view message(block.view().data(), block.view().size());
  const auto header = parse(message);
  if (!header) return 0;

  const std::string sent = header->cleaned ? *header->cleaned : std::string(message);
  require(!shows_bcc(sent), "no Bcc field is sent");
  require(before_header(sent).empty(), "nothing stands before the header");
  require(header->cleaned || message.size() == sent.size(), "only what was changed is copied");
  require(std::set<std::string>(header->recipients.begin(), header->recipients.end()).size() ==
              header->recipients.size(),
          "each recipient is there once");

  // Without its Bcc field a block of Resent- fields may be none any more, or end elsewhere.
  if (header->resent) return 0;
  const auto again = parse(sent);
  require(again.has_value(), "what is sent is a message, too");
  require(!again->cleaned && !again->resent, "nothing more is to be left out");
  require(sender_of(*again) == sender_of(*header), "its sender is the same");
  const std::set<std::string> all(header->recipients.begin(), header->recipients.end());
  for (const std::string& address : again->recipients) {
    require(all.contains(address), "no recipient comes from nowhere");
  }
  return 0;
}
