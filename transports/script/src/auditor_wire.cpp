// What the session writes, read as a strict server reads it.
#include <algorithm>
#include <array>
#include <charconv>

#include "auditor_impl.hpp"
#include "octet_text.hpp"

namespace sansmtp::script {
namespace {

// A line of AUTH is bounded by the configuration, all others by their parameters.
constexpr std::size_t longest_line = 4096;
// A last part of a line that is as long as this and base64 may be a response of AUTH.
constexpr std::size_t longer_than_a_verb = 12;

constexpr std::string_view mail_word = "MAIL FROM:";
constexpr std::string_view rcpt_word = "RCPT TO:";

/// Commands that start only when no reply is outstanding (RFC 2920 section 3.1).
constexpr std::array<std::string_view, 7> lonely{
    {"EHLO ", "HELO ", "LHLO ", "NOOP", "AUTH ", "STARTTLS", "XCLIENT "}};
/// What tells of a client, and what may follow where a session begins anew (EXT-14, EXT-15).
constexpr std::array<std::string_view, 2> of_client{{"XCLIENT ", "XFORWARD "}};
constexpr std::array<std::string_view, 4> beginnings{{"EHLO ", "HELO ", "LHLO ", "QUIT"}};
/// All that may leave in clear text where TLS is required (TLS-03).
constexpr std::array<std::string_view, 4> clear{{"EHLO ", "LHLO ", "STARTTLS", "QUIT"}};

/// How content follows a command.
enum class framing : std::uint8_t {
  dotted,   ///< Behind the reply, up to a line with a dot.
  counted,  ///< At once, as many octets as the command says, and perhaps LAST.
};
struct body_command {
  std::string_view word;
  framing how;
};
constexpr std::array<body_command, 2> body_commands{{
    {"DATA", framing::dotted},
    {"BDAT ", framing::counted},
}};

template <std::size_t N>
bool begins_with_one_of(const std::array<std::string_view, N>& words, std::string_view line) {
  return std::any_of(words.begin(), words.end(),
                     [&](std::string_view word) { return line.starts_with(word); });
}

}  // namespace

void auditor::impl::read_handed_out(const session& s, std::string_view octets) {
  while (!octets.empty()) {
    std::size_t read = 0;
    if (reading_ == reading::after_data) begin_content();
    switch (reading_) {
      case reading::content: read = read_content(octets); break;
      case reading::chunk: read = read_chunk(octets); break;
      case reading::commands:
      case reading::after_data: read = read_line(s, octets); break;
    }
    handed_ += read;
    octets.remove_prefix(read);
  }
}

/// What follows DATA, once its reply is known: content, or commands. A server that has said 421
/// waits for nothing any more, whatever it says behind it (PIPE-15).
void auditor::impl::begin_content() {
  must(server_closes_ || replies_.size() > data_reply_, "nothing follows DATA before its reply");
  const bool go_on = !server_closes_ && code_of(data_reply_) / 100 == 3;
  reading_ = go_on ? reading::content : reading::commands;
}

std::size_t auditor::impl::read_line(const session& s, std::string_view octets) {
  const std::size_t end = octets.find('\n');
  const std::size_t size = std::min(end, octets.size() - 1) + 1;
  if (end == std::string_view::npos || !unread_.empty()) unread_.append(octets.substr(0, size));
  if (end == std::string_view::npos) return size;
  std::string_view line = unread_.empty() ? octets.substr(0, size) : unread_;
  must(line.ends_with("\r\n"), "a command ends with CRLF");
  line.remove_suffix(std::min<std::size_t>(line.size(), 2));
  handed_ += size;  // what is read of the line stands at its end
  read_command(s, line);
  handed_ -= size;
  unread_.clear();
  return size;
}

void auditor::impl::read_command(const session& s, std::string_view line) {
  const bool plain = std::none_of(line.begin(), line.end(), [](char c) {
    return static_cast<unsigned char>(c) < ' ' || c == 127;
  });
  must(plain, "no control octet in a command");
  must(line.size() <= std::max<std::size_t>(longest_line, config_.limits.auth_line),
       "lines are short");
  must(!handshake_, "nothing is written before the handshake");
  must(!quit_, "nothing follows QUIT");
  must(!replies_.empty() || s.closed(), "nothing is written before the greeting");
  if (current() != nullptr) count_announced(*current());
  check_place(s, line);
  check_client(s, line);
  check_clear_text(line);
  note_response(line);

  lines_.push_back({std::string(line), handed_});
  const std::size_t reply = next_reply_++;
  lmtp_ |= line.starts_with("LHLO ");
  if (line.starts_with(mail_word)) {
    check_parameters(s, line);
    transaction t;
    t.lines = line.substr(mail_word.size());
    t.sender_size = t.lines.size();
    t.reply = reply;
    transactions_.push_back(std::move(t));
  } else if (line.starts_with(rcpt_word)) {
    must(current() != nullptr, "RCPT follows MAIL");
    if (current() == nullptr) return;
    transaction& t = *current();
    t.rcpts.push_back({t.lines.size(), line.size() - rcpt_word.size(), handed_, reply});
    t.lines += line.substr(rcpt_word.size());
  } else if (line == "RSET") {
    resets_.push_back(reply);
  } else if (line == "QUIT") {
    quit_ = true;
  }
  for (const body_command& body : body_commands) {
    if (!line.starts_with(body.word) || (body.how == framing::dotted && line != body.word))
      continue;
    data_reply_ = reply;
    if (body.how == framing::dotted) {
      reading_ = reading::after_data;
      continue;
    }
    const char* const end = line.data() + line.size();
    const auto size = std::from_chars(line.data() + body.word.size(), end, chunk_left_);
    const std::string_view rest(size.ptr, static_cast<std::size_t>(end - size.ptr));
    last_chunk_ = rest == " LAST";
    must(size.ec == std::errc{} && (rest.empty() || last_chunk_), "BDAT names a size");
    if (!last_chunk_ && current() != nullptr) current()->chunks.push_back(reply);
    reading_ = reading::chunk;
    if (chunk_left_ == 0) (void)read_chunk({});
  }
}

/// Is it this line's turn (RFC 2920 section 3.1)?
void auditor::impl::check_place(const session& s, std::string_view line) {
  const std::size_t owed = next_reply_ - std::min(replies_.size(), next_reply_);
  if (s.closed() || lines_.empty()) return;
  const bool group =
      config_.pipelining != pipelining_level::off && s.peer().has(extension::pipelining);
  must(group || owed == 0, "one command at a time without PIPELINING (PIPE-01)");
  if (begins_with_one_of(lonely, line) || raw_lines_.count(line) != 0) {
    must(owed == 0, "this starts only with nothing outstanding");
  }
  const bool begins = line.starts_with(mail_word) || line == "DATA";
  const bool streams = config_.pipelining == pipelining_level::stream;  // BDAT-14
  if (begins && !(config_.pipeline_rset && line != "DATA") && !streams) {
    must(resets_.empty() || replies_.size() > resets_.back(), "RSET is answered first");
  }
}

/// Is the client told of where, and as, it may be (EXT-14, EXT-15)?
void auditor::impl::check_client(const session& s, std::string_view line) {
  const bool introduced = code_of(xclient_reply_) / 100 == 2;
  if (introduced && xclient_reply_ + 1 == next_reply_) {
    must(begins_with_one_of(beginnings, line), "EHLO follows XCLIENT");
  }
  if (line.starts_with(mail_word)) {
    must(config_.xclient.empty() || introduced, "no mail before the XCLIENT that was asked for");
  }
  if (!begins_with_one_of(of_client, line) || raw_lines_.count(line) != 0) return;
  constexpr std::size_t longest = 510;
  must(line.size() <= longest, "a line that tells of a client has at most 512 octets");
  if (current() != nullptr) {
    const transaction& t = *current();
    const bool over = t.terminator != 0 || code_of(t.reply) >= 400 ||
                      (!resets_.empty() && resets_.back() > t.reply);
    must(over, "a client is told of outside transactions");
  }
  const std::string_view word = line.substr(0, line.find(' '));
  for (std::size_t at = word.size(); at < line.size();) {
    const std::size_t equals = std::min(line.find('=', at), line.size());
    must(s.peer().has(word, line.substr(at + 1, equals - at - 1)),
         "an attribute of a client was offered in the last EHLO");
    at = std::min(line.find(' ', equals), line.size());
  }
  if (line.starts_with(of_client.front())) {
    must(xclient_reply_ == npos, "XCLIENT is said once");
    must(!ready_, "XCLIENT is part of the opening");
    xclient_reply_ = next_reply_;
  }
}

/// May a listener read this line?
void auditor::impl::check_clear_text(std::string_view line) {
  if (config_.tls == tls_mode::required && !tls_ && !begins_with_one_of(clear, line)) {
    fail("this left in clear text under tls=required: " + escape(line.substr(0, 256)));
  }
  const bool hidden = tls_ && (verified_ || config_.allow_auth_unverified_tls);
  if (hidden || config_.allow_auth_cleartext) return;
  for (const std::string& secret : clear_secrets_) {
    must(line.find(secret) == std::string_view::npos, "no secret in clear text (AUTH-13)");
  }
}

void auditor::impl::check_parameters(const session& s, std::string_view line) {
  if (config_.allow_unadvertised || config_.allow_unadvertised_8bit) return;
  struct parameter_of {
    std::string_view spelt;
    extension what;
  };
  constexpr std::array<parameter_of, 5> parameters{{{" SIZE=", extension::size},
                                                    {" BODY=8BITMIME", extension::eight_bit_mime},
                                                    {" BODY=BINARYMIME", extension::binary_mime},
                                                    {" SMTPUTF8", extension::smtputf8},
                                                    {" PRDR", extension::prdr}}};
  for (const auto& [spelt, what] : parameters) {
    must(raw_parameters_ || line.find(spelt) == std::string_view::npos || s.peer().has(what),
         "a parameter was offered in the last EHLO");
  }
}

/// Remembers what was meant for the server alone: what is written as base64 in an AUTH exchange.
void auditor::impl::note_response(std::string_view line) {
  if (!watching_ || line.empty()) return;
  const std::string_view word = line.substr(line.rfind(' ') + 1);
  const bool response =
      line.starts_with("AUTH ") || (word.size() == line.size() && raw_lines_.count(line) == 0);
  if (response && word.size() >= longer_than_a_verb && base64_decode(word)) {
    add_secret(std::string(word));
  }
}

std::size_t auditor::impl::read_content(std::string_view octets) {
  const std::size_t end = octets.find('\n');
  const std::size_t size = std::min(end, octets.size() - 1) + 1;
  if (end == std::string_view::npos || !unread_.empty()) unread_.append(octets.substr(0, size));
  if (end == std::string_view::npos) return size;
  handed_ += size;
  content_line(unread_.empty() ? octets.substr(0, size) : std::string_view(unread_));
  handed_ -= size;
  unread_.clear();
  return size;
}

void auditor::impl::content_line(std::string_view line) {
  must(line.size() > 1 && line.find('\r') == line.size() - 2,
       "CR and LF only as line ends (DATA-05)");
  if (line == ".\r\n") {
    lines_.push_back({".", handed_});
    end_content(next_reply_++);
    reading_ = reading::commands;
    return;
  }
  must(line.front() != '.' || line[1] == '.', "a dot that begins a line is stuffed (DATA-01)");
  if (current() != nullptr) current()->content += line.substr(line.front() == '.' ? 1 : 0);
}

std::size_t auditor::impl::read_chunk(std::string_view octets) {
  const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(octets.size(), chunk_left_));
  if (current() != nullptr) current()->content += octets.substr(0, size);
  chunk_left_ -= size;
  if (chunk_left_ > 0) return size;
  handed_ += size;
  if (last_chunk_) end_content(data_reply_);
  handed_ -= size;
  reading_ = reading::commands;
  return size;
}

void auditor::impl::count_announced(transaction& t) {
  if (!t.asks_each || t.announced || code_of(t.verdicts_begin) != 353) return;
  t.announced = true;
  t.for_all = ++t.verdicts_begin;
  for (rcpt_book& rcpt : t.rcpts) {
    rcpt.verdict = t.for_all;
    if (is_accepted(rcpt)) ++t.for_all;
  }
  next_reply_ = t.for_all + 1;  // nothing shares a group with such content
}

void auditor::impl::end_content(std::size_t reply) {
  if (current() == nullptr) return;
  transaction& t = *current();
  t.terminator = handed_;
  t.verdicts_begin = reply;
  t.each = lmtp_;
  // What the caller adds to MAIL stands behind it.
  t.asks_each = (t.lines.substr(0, t.sender_size) + ' ').find(" PRDR ") != std::string::npos;
  // By LMTP each accepted recipient has a reply, so that all replies to RCPT must have come before.
  const bool all = t.rcpts.empty() || replies_.size() > t.rcpts.back().reply;
  must(!t.each || all, "LMTP's content ends behind all replies to RCPT (LMTP-03)");
  for (rcpt_book& rcpt : t.rcpts) {
    rcpt.verdict = reply;
    if (t.each && is_accepted(rcpt)) ++reply;
  }
  if (t.each) next_reply_ = reply;
}

}  // namespace sansmtp::script
