#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "compare.hpp"
#include "levels.hpp"
#include "machine.hpp"
#include "octet_text.hpp"
#include "sansmtp/script/play.hpp"
#include "statement.hpp"

namespace sansmtp::script {
namespace {

/// A text that grows line by line, some of its old statements replaced.
class rewriter {
 public:
  explicit rewriter(const script_data& script)
      : script_(script), edits_(script.statements.size()), of_line_(script.lines.size() + 1) {
    for (std::size_t i = 0; i < edits_.size(); ++i) {
      of_line_[script.statements[i].line].push_back(i);
    }
  }

  /// Command: removes the statements of the turn that are a `T`, and puts `lines` where the first
  /// of them stood; if there was none, behind the turn's last input.
  template <class T>
  void replace(const turn& t, const std::vector<std::string>& lines) {
    std::size_t place = t.end;
    for (std::size_t i = t.expectations; i < t.end; ++i) {
      if (script_.statements[i].get<T>() == nullptr) continue;
      edits_[i].keep = false;
      if (place == t.end) place = i;
    }
    if (place == t.end) place = t.expectations - 1;
    auto& behind = edits_[place].behind;
    behind.insert(behind.end(), lines.begin(), lines.end());
  }

  [[nodiscard]] std::string text() const {
    std::string out;
    for (std::size_t line = 1; line < of_line_.size(); ++line) {
      const auto& statements = of_line_[line];
      // A line that stands for several statements is written out once one of them changes.
      const bool as_it_is = std::all_of(statements.begin(), statements.end(), [&](std::size_t i) {
        return edits_[i].keep && (edits_[i].behind.empty() || i == statements.back());
      });
      if (as_it_is) out += script_.lines[line - 1] + '\n';
      for (const std::size_t i : statements) {
        if (edits_[i].keep && !as_it_is) out += source_of(script_, script_.statements[i]) + '\n';
        for (const std::string& behind : edits_[i].behind) out += behind + '\n';
      }
    }
    return out;
  }

 private:
  struct edit {
    bool keep = true;
    std::vector<std::string> behind;
  };

  const script_data& script_;
  std::vector<edit> edits_;                        // of each statement
  std::vector<std::vector<std::size_t>> of_line_;  // the statements of each line
};

}  // namespace

std::string bless(const transcript& t) {
  if (!t.levels().empty()) return bless(at_level(t, t.levels().back()));
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
