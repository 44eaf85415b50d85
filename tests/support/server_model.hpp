// A small SMTP server in memory that decides by what it is asked, never by when: so that a client
// gets the same decisions however far it runs ahead.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace sansmtp::test {

/// Takes what the client writes and gives what it says. All decisions are made by `decide`, which
/// is asked once for each command: the word ("mail", "rcpt", "data", "content", "rset") and its
/// argument; the argument of data and content is the sender. It returns a code.
class server_model {
 public:
  using decision = std::function<int(std::string_view word, std::string_view argument)>;

  explicit server_model(decision decide, bool pipelining = true)
      : decide_(std::move(decide)), pipelining_(pipelining) {}

  [[nodiscard]] static std::string greeting() { return "220 mx.test ESMTP\r\n"; }

  /// All replies to what came.
  std::string take(std::string_view octets) {
    std::string replies;
    waiting_ += octets;
    for (;;) {
      const std::size_t end = waiting_.find("\r\n");
      if (end == std::string::npos) return replies;
      const std::string line = waiting_.substr(0, end);
      waiting_.erase(0, end + 2);
      if (in_content_) {
        content_line(line, replies);
      } else {
        command(line, replies);
      }
    }
  }

  /// 354 to DATA although no recipient was accepted, as some servers do.
  bool content_for_nobody = false;
  /// Messages that were accepted, their content without stuffing, senders in front.
  std::string accepted;
  std::uint32_t commands = 0;

 private:
  void content_line(const std::string& line, std::string& replies) {
    if (line != ".") {
      content_ += line.starts_with('.') ? line.substr(1) : line;
      content_ += "\r\n";
      return;
    }
    in_content_ = false;
    int code = recipients_ == 0 ? 554 : decide_("content", sender_);
    if (recipients_ != 0 && code / 100 == 2) accepted += sender_ + ":" + content_;
    clear();
    say(replies, code);
  }

  void command(const std::string& line, std::string& replies) {
    ++commands;
    if (line.starts_with("EHLO ")) {
      clear();
      replies += pipelining_ ? "250-mx.test\r\n250 PIPELINING\r\n" : "250 mx.test\r\n";
    } else if (line.starts_with("MAIL FROM:<")) {
      const std::string sender = line.substr(11, line.find('>') - 11);
      const int code = in_mail_ ? 503 : decide_("mail", sender);
      if (code / 100 == 2) {
        in_mail_ = true;
        sender_ = sender;
      }
      say(replies, code);
    } else if (line.starts_with("RCPT TO:<")) {
      const int code = in_mail_ ? decide_("rcpt", line.substr(9, line.find('>') - 9)) : 503;
      if (code / 100 == 2) ++recipients_;
      say(replies, code);
    } else if (line == "DATA") {
      int code = recipients_ == 0 ? (content_for_nobody ? 354 : 503) : decide_("data", sender_);
      in_content_ = code / 100 == 3;
      say(replies, code);
    } else if (line == "RSET") {
      clear();
      say(replies, decide_("rset", ""));
    } else if (line == "QUIT") {
      say(replies, 221);
    } else {
      say(replies, 500);
    }
  }

  void clear() {
    in_mail_ = false;
    recipients_ = 0;
    sender_.clear();
    content_.clear();
  }

  static void say(std::string& replies, int code) {
    replies += std::to_string(code) + " so be it\r\n";
  }

  decision decide_;
  bool pipelining_;
  std::string waiting_;
  std::string sender_;
  std::string content_;
  std::uint32_t recipients_ = 0;
  bool in_mail_ = false;
  bool in_content_ = false;
};

}  // namespace sansmtp::test
