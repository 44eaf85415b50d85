#include "sansmtp/script/transcript.hpp"

#include "sansmtp/script/mismatch.hpp"
#include "sansmtp/script/parse_error.hpp"
#include "statement.hpp"

namespace sansmtp::script {

const std::string& transcript::name() const noexcept { return data_->name; }

std::vector<mode> transcript::modes() const {
  std::vector<mode> result{mode::whole};
  if (data_->whole_only) return result;
  result.push_back(mode::octets);
  if (!data_->no_split) result.push_back(mode::splits);
  result.push_back(mode::writes);
  if (!data_->no_faults) result.push_back(mode::faults);
  return result;
}

const std::vector<pipelining_level>& transcript::levels() const noexcept { return data_->levels; }

std::string transcript::server_octets() const {
  std::string result;
  for (const statement& s : data_->statements) {
    if (const auto* says = s.get<server_says>()) result += says->octets;
  }
  return result;
}

std::string_view to_string(mode m) noexcept {
  switch (m) {
    case mode::whole: return "whole";
    case mode::octets: return "octets";
    case mode::splits: return "splits";
    case mode::writes: return "writes";
    case mode::faults: return "faults";
  }
  return "?";
}

std::string to_string(const parse_error& e) {
  return e.name + ':' + std::to_string(e.line) + ':' + std::to_string(e.column) + ": " + e.what;
}

std::string to_string(const mismatch& m) {
  return m.name + ':' + std::to_string(m.line) + ": " + m.what + '\n' + m.detail;
}

}  // namespace sansmtp::script
