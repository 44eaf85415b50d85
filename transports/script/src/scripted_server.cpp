#include "sansmtp/script/scripted_server.hpp"

#include <algorithm>
#include <utility>

#include "octet_text.hpp"
#include "replies.hpp"
#include "statement.hpp"

namespace sansmtp::script {
namespace {

using std::string_view;

char to_upper(char c) noexcept {
  return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
}

/// Getter: the line with all in capitals that may be written in any case: what is outside of angle
/// brackets. The name behind EHLO is the client's own.
std::string canonical(string_view line) {
  std::string out;
  bool inside = false;
  for (const char c : line) {
    inside = (inside || c == '<') && c != '>';
    out += inside ? c : to_upper(c);
  }
  if (out.starts_with("EHLO ") || out.starts_with("HELO ")) out.resize(5);
  while (out.ends_with('\n') || out.ends_with('\r')) out.pop_back();
  return out;
}

}  // namespace

scripted_server::scripted_server(const transcript& t, likeness how) : name_(t.name()), how_(how) {
  const auto& all = t.data().statements;
  last_line_ = all.back().line;
  both_sides sides = sides_of(t.data());
  auto reply = sides.server.begin();
  auto line = sides.client.begin();
  for (std::size_t i = 0; i < all.size(); ++i) {
    const statement& s = all[i];
    for (; line != sides.client.end() && line->statement == i; ++line) {
      expected_.push_back({std::move(line->octets), s.line, line->content, line->ahead});
    }
    for (; reply != sides.server.end() && reply->statement == i; ++reply) {
      steps_.push_back(
          {step::what::say, std::move(reply->octets), duration{0}, reply->needs, reply->ahead});
    }
    if (const auto* time = s.get<time_passes>()) {
      steps_.push_back({step::what::wait, {}, time->by, 0, false});
    } else if (const auto* link = s.get<link_changes>()) {
      switch (link->how) {
        case link_changes::what::end:
          steps_.push_back({step::what::end, {}, duration{0}, expected_.size(), false});
          break;
        case link_changes::what::reset:
          steps_.push_back({step::what::reset, {}, duration{0}, expected_.size(), false});
          break;
        case link_changes::what::tls_up:
        case link_changes::what::tls_unverified:
        case link_changes::what::tls_failed:
        case link_changes::what::tls_rejected:
          obstacle_ = name_ + ':' + std::to_string(s.line) + ": TLS is not spoken here";
          break;
        case link_changes::what::connected:
        case link_changes::what::write_stuck:
        case link_changes::what::write_failed:
        case link_changes::what::sent: break;
      }
    }
  }
  // A pause counts from the moment at which what follows it could have been done.
  for (std::size_t i = steps_.size(); i-- > 1;) {
    if (steps_[i - 1].kind == step::what::wait) steps_[i - 1].needs = steps_[i].needs;
  }
}

void scripted_server::note(dialogue_entry::speaker who, duration now, string_view text) {
  if (!said_.empty() && said_.back().who == who && said_.back().at == now) {
    said_.back().text += text;
  } else {
    said_.push_back({who, now, std::string(text)});
  }
}

void scripted_server::fail(std::uint32_t line, std::string what, string_view expected,
                           string_view came) {
  if (wrong_) return;
  wrong_ = mismatch{name_, line, std::move(what),
                    "  script  " + escape(expected) + "\n  client  " + escape(came) + '\n'};
  closing_ = true;
}

void scripted_server::receive(duration now, string_view octets) {
  if (octets.empty() || wrong_) return;
  note(dialogue_entry::speaker::client, now, octets);
  partial_ += octets;
  for (std::size_t end = partial_.find('\n'); end != std::string::npos && !wrong_;
       end = partial_.find('\n')) {
    hear(string_view(partial_).substr(0, end + 1));
    partial_.erase(0, end + 1);
  }
  advance(now);
}

void scripted_server::hear(string_view line) {
  // A client that does not run ahead of a refusal leaves out what the `C+` lines say.
  while (heard_ < expected_.size() && expected_[heard_].ahead &&
         !is_same(expected_[heard_], line)) {
    expected_[heard_++].left_out = true;
  }
  if (heard_ == expected_.size()) {
    return fail(last_line_, "the client says more than the transcript has", "(nothing more)", line);
  }
  const heard_line& wanted = expected_[heard_];
  if (!is_same(wanted, line)) {
    return fail(wanted.line, "the client says something else", wanted.octets, line);
  }
  ++heard_;
}

bool scripted_server::is_same(const heard_line& wanted, string_view line) const {
  const bool exact = how_ == likeness::exact || wanted.content;
  return exact ? wanted.octets == line : canonical(wanted.octets) == canonical(line);
}

void scripted_server::receive_end(duration now) {
  advance(now);
  while (heard_ < expected_.size() && expected_[heard_].ahead) expected_[heard_++].left_out = true;
  if (!wrong_ && heard_ < expected_.size()) {
    fail(expected_[heard_].line, "the client closed and did not say this", expected_[heard_].octets,
         partial_.empty() ? "(nothing more)" : partial_);
  }
  closing_ = true;
}

void scripted_server::advance(duration now) {
  while (next_step_ < steps_.size() && !closing_) {
    const step& s = steps_[next_step_];
    if (heard_ < s.needs) return;
    if (s.kind == step::what::wait) {
      if (!waits_until_) waits_until_ = now + s.by;
      if (now < *waits_until_) return;
      waits_until_.reset();
    } else if (s.kind == step::what::say) {
      if (!s.ahead || !expected_[s.needs - 1].left_out) out_ += s.octets;
    } else {
      closing_ = true;
      resetting_ = s.kind == step::what::reset;
      note(dialogue_entry::speaker::user, now, resetting_ ? "! reset" : "! end");
    }
    ++next_step_;
  }
}

std::string scripted_server::output(duration now) {
  advance(now);
  if (!out_.empty()) note(dialogue_entry::speaker::server, now, out_);
  return std::exchange(out_, {});
}

std::optional<scripted_server::duration> scripted_server::deadline() const noexcept {
  return waits_until_;
}

}  // namespace sansmtp::script
