// Mails through a session with a server of no cost: what the engine alone needs for a mail. The
// server knows what is coming, so it reads nothing and its replies are there before they are due.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "sansmtp/delivery.hpp"
#include "sansmtp/session.hpp"

namespace sansmtp::test {

/// The reply of a Postfix as it comes with its default configuration.
inline constexpr std::string_view postfix_ehlo =
    "250-mail.example.test\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-VRFY\r\n250-ETRN\r\n"
    "250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n"
    "250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n";

class mail_loop {
 public:
  mail_loop(pipelining_level level, std::size_t recipients, bytes content)
      : session_(config_of(level)), level_(level), content_(content) {
    env_.sender = path("sender@client.example.test");
    for (std::size_t i = 0; i < recipients; ++i) {
      env_.recipients.emplace_back("recipient" + std::to_string(i) + "@server.example.test");
      rcpts_ += rcpt_reply;
    }
    session_.connected(now_);
    session_.receive(now_, as_bytes("220 mail.example.test ESMTP Postfix\r\n"));
    write();
    session_.receive(now_, as_bytes(postfix_ehlo));
    take_events();
  }

  /// Queues mails at once: the next ones that `run` sends.
  void queue(std::size_t mails) {
    queued_ += mails;
    for (; mails != 0; --mails) session_.send(env_, message::borrow(content_));
  }

  /// Sends `mails` mails and waits for all of them; false if not all were delivered.
  bool run(std::size_t mails) {
    const std::size_t due = delivered_ + mails;
    if (level_ == pipelining_level::messages) {
      // A window of two: the second one's envelope rides with the first one's content.
      ask();
      write();
      for (std::size_t i = 1; i <= mails; ++i) {
        answer_envelope();
        if (i != mails) ask();
        write();
        answer(content_reply);
      }
    } else {
      for (std::size_t i = 0; i < mails; ++i) {
        ask();
        write();
        if (level_ == pipelining_level::envelope) {
          answer_envelope();
        } else {
          answer(mail_reply);
          write();
          for (std::size_t r = 0; r < env_.recipients.size(); ++r) {
            answer(rcpt_reply);
            write();
          }
          answer(data_reply);
        }
        write();
        answer(content_reply);
      }
    }
    return delivered_ == due;
  }

  [[nodiscard]] const sansmtp::session& session() const noexcept { return session_; }
  [[nodiscard]] std::uint64_t octets() const noexcept { return octets_; }

 private:
  static constexpr std::string_view mail_reply = "250 2.1.0 Ok\r\n";
  static constexpr std::string_view rcpt_reply = "250 2.1.5 Ok\r\n";
  static constexpr std::string_view data_reply = "354 End data with <CR><LF>.<CR><LF>\r\n";
  static constexpr std::string_view content_reply = "250 2.0.0 Ok: queued as 4F8A12C0B7\r\n";

  static session_config config_of(pipelining_level level) {
    session_config config;
    config.local_name = "client.example.test";
    config.pipelining = level;
    return config;
  }

  void ask() {
    if (queued_ != 0) {
      --queued_;
    } else {
      session_.send(env_, message::borrow(content_));
    }
  }

  void write() {
    for (auto views = session_.output(now_); !views.empty(); views = session_.output(now_)) {
      std::size_t n = 0;
      for (const bytes view : views) n += view.size();
      octets_ += n;
      session_.sent(now_, n);
    }
  }

  void answer_envelope() {
    session_.receive(now_, as_bytes(mail_reply));
    session_.receive(now_, as_bytes(rcpts_));
    answer(data_reply);
  }

  void answer(std::string_view reply) {
    session_.receive(now_, as_bytes(reply));
    take_events();
  }

  void take_events() {
    while (const event* e = session_.next_event()) {
      if (e->what != event::kind::mail_done) continue;
      report_.assign(*e);
      if (report_.delivered_to_all()) ++delivered_;
    }
  }

  time_point now_{std::chrono::hours(1)};
  sansmtp::session session_;
  pipelining_level level_;
  bytes content_;
  envelope env_;
  std::string rcpts_;
  delivery report_;
  std::size_t queued_ = 0;
  std::size_t delivered_ = 0;
  std::uint64_t octets_ = 0;
};

/// The level of this name; `off` for any other.
inline pipelining_level level_named(std::string_view name) {
  return name == "messages"   ? pipelining_level::messages
         : name == "envelope" ? pipelining_level::envelope
                              : pipelining_level::off;
}

/// The envelope of a mail as probes and benchmarks send it.
inline envelope usual_envelope() {
  envelope env;
  env.sender = path("sender@client.example.test");
  env.recipients.emplace_back("recipient@server.example.test");
  return env;
}

/// The session in which they do.
inline session_config usual_session(pipelining_level level) {
  session_config config;
  config.local_name = "client.example.test";
  config.pipelining = level;
  config.progress = false;  // as a bulk sender has it
  return config;
}

/// A message of exactly `size` octets, if that is enough for its header: a header and lines of text
/// with CRLF.
inline std::string message_of(std::size_t size) {
  constexpr std::string_view line =
      "The quick brown fox jumps over the lazy dog, and then it does so once more.\r\n";
  constexpr std::string_view crlf = "\r\n";
  std::string text =
      "From: Sender <sender@client.example.test>\r\nTo: recipient@server.example.test\r\n"
      "Subject: Measured\r\n\r\n";
  while (text.size() + line.size() + crlf.size() <= size) text += line;
  if (text.size() + crlf.size() <= size) {
    text.append(size - text.size() - crlf.size(), 'x').append(crlf);
  }
  return text;
}

}  // namespace sansmtp::test
