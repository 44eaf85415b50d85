#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "compare.hpp"
#include "machine.hpp"
#include "octet_text.hpp"
#include "sansmtp/script/play.hpp"
#include "statement.hpp"

namespace sansmtp::script {
namespace {

/// A text that grows line by line, some of its old lines replaced.
class rewriter {
 public:
  explicit rewriter(const script_data& script) : script_(script), edits_(script.lines.size() + 1) {}

  /// Command: removes the statements of the turn that are a `T`, and puts `lines` where the first
  /// of them stood; if there was none, behind the turn's last input.
  template <class T>
  void replace(const turn& t, const std::vector<std::string>& lines) {
    std::uint32_t place = 0;
    for (std::size_t i = t.expectations; i < t.end; ++i) {
      const statement& s = script_.statements[i];
      if (s.get<T>() == nullptr) continue;
      edits_[s.line].keep = false;
      if (place == 0) place = s.line;
    }
    if (place == 0) place = script_.statements[t.expectations - 1].line;
    auto& behind = edits_[place].behind;
    behind.insert(behind.end(), lines.begin(), lines.end());
  }

  [[nodiscard]] std::string text() const {
    std::string out;
    for (std::size_t i = 1; i < edits_.size(); ++i) {
      if (edits_[i].keep) out += script_.lines[i - 1] + '\n';
      for (const std::string& line : edits_[i].behind) out += line + '\n';
    }
    return out;
  }

 private:
  struct edit {
    bool keep = true;
    std::vector<std::string> behind;
  };

  const script_data& script_;
  std::vector<edit> edits_;  // by line number
};

}  // namespace

std::string bless(const transcript& t) {
  const script_data& script = t.data();
  rewriter text(script);
  machine m(script, {}, false);
  for (const turn& at : script.turns) {
    m.perform(at);
    if (!m.problem().empty()) break;  // what is never right is not to be written down
    if (compare_octets(script, at, m.written())) {
      auto lines = to_statements('C', m.written());
      if (lines.empty()) lines.emplace_back("C: -");
      text.replace<client_writes>(at, lines);
    }
    if (compare_events(script, at, m.events())) {
      // Events that may be left out stay so, unless the turn names some of their kind.
      std::set<event::kind> named;
      for (std::size_t i = at.expectations; i < at.end; ++i) {
        if (const auto* e = script.statements[i].get<expected_event>()) named.insert(e->what);
      }
      std::vector<std::string> lines;
      for (const seen_event& e : m.events()) {
        if (!is_optional(e.what) || named.count(e.what) != 0) lines.push_back(to_statement(e));
      }
      text.replace<expected_event>(at, lines);
    }
  }
  return text.text();
}

}  // namespace sansmtp::script
