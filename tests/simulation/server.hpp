// A server that decides freely: any reply class at any stage, odd replies, silence, a cut link. It
// keeps what it took.
#pragma once

#include <cstddef>
#include <deque>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "choices.hpp"
#include "judge.hpp"

namespace sansmtp::simulation {

/// One thing that a server says.
struct saying {
  std::string octets;
  int code = 0;      ///< 0: these octets can be no reply.
  std::string text;  ///< As the client reads it: lines joined by LF.
  failure_category violation = failure_category::none;  ///< If it can be no reply.
};

class server {
 public:
  /// What a server took responsibility for.
  struct taken {
    std::size_t mail;
    std::set<std::size_t> recipients;
    std::string content;
  };
  enum class ending { none, silence, cut };

  server(choices& choose, bool implicit_tls) : choose_(choose), silent_till_tls_(implicit_tls) {}

  bool offers_pipelining = true;
  std::string keywords;            ///< Further lines of the EHLO reply: "KEYWORD\n"...
  bool content_for_nobody = true;  ///< 354 to DATA though no recipient was accepted.
  bool verdict_first = false;      ///< 503 to what came behind content before the verdict.
  bool odd = false;                ///< Odd replies are among the choices.
  bool thrifty = false;  ///< Nothing is chosen behind a reply that ends the session (CORE-07).
  /// How many kinds of reply there are: the usual one, 4yz, 5yz, 421, and 3yz where 2yz is usual or
  /// the reverse.
  static constexpr unsigned classes = 5;
  /// If set, it decides which kind the reply to `word` of a mail and recipient is; a well-behaved
  /// server that refuses what has no base.
  unsigned (*decide)(const void* table, std::string_view word, std::size_t mail,
                     std::size_t recipient) = nullptr;
  const void* table = nullptr;

  /// Octets of the client arrived.
  void take(std::string_view octets);
  /// The first thing it says, if it may yet.
  void greet();
  void tls_is_up();

  std::deque<saying> says;    ///< To be sent, in order.
  ending end = ending::none;  ///< What follows behind `says`.
  std::vector<taken> took;
  bool lied = false;  ///< It said something that answers nothing.
  void say_unasked(int code);

 private:
  static constexpr std::size_t nobody = static_cast<std::size_t>(-1);

  void command(std::string_view line);
  void content_line(std::string_view line);
  void take_for_each(std::string content);
  /// Gives the code, or 0 if it falls silent, leaves or talks nonsense instead.
  int answer(std::string_view word, int usual, std::size_t mail = nobody,
             std::size_t recipient = nobody);
  void say(int code, std::string_view word);

  choices& choose_;
  bool silent_till_tls_;
  bool greeted_ = false;
  std::size_t ahead_ = 0;  // octets of `waiting_` that came before the last verdict
  std::string waiting_;
  bool in_content_ = false;
  bool lmtp_ = false;  // it was greeted by LHLO
  bool login_ = false;
  bool fatal_ = false;          // what was said ends the session
  std::size_t mail_ = nobody;   // the mail whose MAIL was accepted
  std::size_t named_ = nobody;  // the mail whose MAIL came last
  std::set<std::size_t> recipients_;
  std::string content_;
};

}  // namespace sansmtp::simulation
