#include "log.hpp"

namespace sansmtp::simulation {
namespace {

std::string result_of(const recipient_result& r) {
  std::string text(to_string(r.result));
  if (r.why == errc::none) return text;
  text += ":" + std::string(to_string(r.why)) + "(" + std::string(to_string(r.stage)) + ")";
  if (r.answer) text += ":" + std::to_string(r.answer.code());
  return text;
}

}  // namespace

std::string escaped(std::string_view octets) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string out;
  for (const char c : octets) {
    const auto octet = static_cast<unsigned char>(c);
    switch (c) {
      case '\r': out += "\\r"; break;
      case '\n': out += "\\n"; break;
      case '\\': out += "\\\\"; break;
      case '"': out += "\\\""; break;
      default:
        if (octet > ' ' && octet < 127) {
          out += c;
        } else if (c == ' ' && !out.empty() && &c != &octets.back()) {
          out += c;
        } else {
          out += "\\x";
          out += digits[octet >> 4];
          out += digits[octet & 15];
        }
    }
  }
  return out;
}

/// The condition as the player of transcripts will see it, or the category of what is not ours. The
/// player makes TLS of its own, in which an end of the link is a cut stream, and tells the session
/// so; the simulated session is told of the end alone.
std::string log::why(const event& e) const {
  const errc condition = condition_of(e.error);
  if (condition == errc::none) return std::string(to_string(e.category));
  const bool cut = condition == errc::connection_lost && tls_;
  return std::string(to_string(cut ? errc::tls_truncated : condition));
}

void log::state(std::string_view statement) {
  if (!on_) return;
  if (statement.starts_with("! tls up")) tls_ = true;
  // Two of the user's in a row would be given together.
  const bool user = statement.starts_with('>');
  if (user && last_ == kind::user && rested_) text_ += "C: -\n";
  text_ += statement;
  text_ += '\n';
  last_ = user ? kind::user : kind::other;
  rested_ = false;
}

void log::pass(std::chrono::milliseconds by) {
  if (on_) state("@ +" + std::to_string(by.count()) + "ms");
}

void log::server(std::string_view octets) {
  if (!on_) return;
  // Two statements in a row would arrive as one.
  if (last_ == kind::server) state("C: -");
  state("S| " + escaped(octets));
  last_ = kind::server;
}

void log::client(std::string_view octets) {
  if (!on_) return;
  while (!octets.empty()) {
    const std::size_t end = octets.find('\n');
    const std::string_view line = octets.substr(0, end == std::string_view::npos ? end : end + 1);
    state("C| " + escaped(line));
    octets.remove_prefix(line.size());
  }
}

void log::told(const event& e, std::size_t number) {
  if (!on_) return;
  const std::string name(to_string(e.what));
  const std::string about = " " + std::to_string(number);
  const std::string code = e.answer ? " " + std::to_string(e.answer.code()) : "";
  switch (e.what) {
    case event::kind::ready:
    case event::kind::session_failed:
    case event::kind::upgrade_to_tls:
    case event::kind::authenticated:
    case event::kind::warning: return state("* " + name);
    case event::kind::sender_rejected: return state("* " + name + about + code);
    case event::kind::recipient_rejected:
      return state("* " + name + about + "[" + std::to_string(e.recipient) + "]" + code);
    case event::kind::ready_for_data: return state("* " + name + about);
    case event::kind::command_done: return state("* " + name + " c" + std::to_string(number));
    case event::kind::mail_done: {
      std::string line = "* " + name + about;
      for (const recipient_result& r : e.results) line += " " + result_of(r);
      if (e.results.empty()) line += " refused " + why(e);
      return state(line);
    }
    case event::kind::closed: return state("* " + name + " " + (e.error ? why(e) : "clean"));
    // These may be left out.
    case event::kind::reply_parsed:
    case event::kind::line_sent:
    case event::kind::content_sent:
    case event::kind::greeted:
    case event::kind::sender_accepted:
    case event::kind::recipient_accepted:
    case event::kind::chunk_released: return;
  }
}

void log::comment(std::string_view text) {
  if (on_) text_ += "# " + std::string(text) + "\n";
}

}  // namespace sansmtp::simulation
