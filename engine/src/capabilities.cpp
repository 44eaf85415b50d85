#include "sansmtp/capabilities.hpp"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

#include "ascii.hpp"

namespace sansmtp {
namespace {

using std::string_view;

constexpr string_view blanks = " ";

// Enough for every mechanism that there is; more would only cost memory (CORE-09).
constexpr std::size_t most_mechanism_octets = 1024;

// The digits of the greatest SIZE (RFC 1870 section 4).
constexpr std::size_t most_size_digits = 20;

// Takes the first word off the text; empty if there is none.
string_view next_word(string_view& text) noexcept {
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  const string_view word = text.substr(0, text.find_first_of(blanks));
  text.remove_prefix(word.size());
  return word;
}

string_view trimmed(string_view text) noexcept {
  text.remove_prefix(std::min(text.find_first_not_of(blanks), text.size()));
  return text.substr(0, text.find_last_not_of(blanks) + 1);
}

// sasl-mech of RFC 4422 section 3.1, in any case.
bool is_mechanism(string_view word) noexcept {
  return !word.empty() && word.size() <= 20 &&
         ascii::all_of(word, [](char c) { return ascii::is_alnum(c) || c == '-' || c == '_'; });
}

bool holds_word(string_view words, string_view wanted) noexcept {
  for (string_view word = next_word(words); !word.empty(); word = next_word(words)) {
    if (ascii::iequals(word, wanted)) return true;
  }
  return false;
}

// Adds the mechanisms that are new, one space between two (AUTH-02).
void unite(std::string& mechanisms, string_view more) {
  for (string_view word = next_word(more); !word.empty(); word = next_word(more)) {
    if (!is_mechanism(word) || holds_word(mechanisms, word)) continue;
    if (mechanisms.size() + word.size() >= most_mechanism_octets) return;
    if (!mechanisms.empty()) mechanisms += ' ';
    for (const char c : word) mechanisms += ascii::to_upper(c);
  }
}

constexpr std::uint32_t flag_of(extension e) noexcept { return 1U << static_cast<unsigned>(e); }

// Of a keyword in upper case; 0 if the engine does not act upon it.
std::uint32_t flag_of(string_view keyword) noexcept {
  for (unsigned i = 0; i <= static_cast<unsigned>(extension::xforward); ++i) {
    const auto e = static_cast<extension>(i);
    if (keyword == keyword_of(e)) return flag_of(e);
  }
  return 0;
}

// The limit that the parameters of SIZE declare; 0 for none, and for what is no number (EXT-05).
std::uint64_t size_of(string_view parameters) noexcept {
  std::uint64_t limit = 0;
  const char* const end = parameters.data() + parameters.size();
  const auto [stop, problem] = std::from_chars(parameters.data(), end, limit);
  const bool good = problem == std::errc() && stop == end && parameters.size() <= most_size_digits;
  return good ? limit : 0;
}

// A limit-name of RFC 9422 section 3.3.
bool is_limit_name(string_view name) noexcept {
  return !name.empty() &&
         ascii::all_of(name, [](char c) { return ascii::is_alnum(c) || c == '-' || c == '_'; });
}

// The value of a limit: 1 to 999999 without a leading zero; 0 for any other.
std::uint32_t limit_of(string_view value) noexcept {
  constexpr std::size_t most_digits = 6;
  if (value.empty() || value.size() > most_digits || value.front() == '0') return 0;
  if (!ascii::all_of(value, ascii::is_digit)) return 0;
  std::uint32_t limit = 0;
  for (const char digit : value) limit = limit * 10 + static_cast<std::uint32_t>(digit - '0');
  return limit;
}

// What the parameters of LIMITS bound (EXT-11). Of a limit that stands twice the first counts.
server_limits limits_of(string_view parameters) noexcept {
  struct known {
    string_view name;
    std::uint32_t server_limits::*bound;
  };
  constexpr known all[] = {{"MAILMAX", &server_limits::mails},
                           {"RCPTMAX", &server_limits::recipients},
                           {"RCPTDOMAINMAX", &server_limits::domains}};
  server_limits limits;
  for (string_view word = next_word(parameters); !word.empty(); word = next_word(parameters)) {
    const std::size_t equals = word.find('=');
    const bool whole = equals != string_view::npos && equals + 1 != word.size();
    if (!whole || !is_limit_name(word.substr(0, equals)) ||
        !ascii::all_of(word, [](char c) { return c > ' ' && c <= '~' && c != ';'; })) {
      return {};
    }
    for (const known& k : all) {
      if (!ascii::iequals(k.name, word.substr(0, equals)) || limits.*k.bound != 0) continue;
      limits.*k.bound = limit_of(word.substr(equals + 1));
    }
  }
  return limits;
}

void count_up(std::uint16_t& counter) noexcept {
  if (counter < std::numeric_limits<std::uint16_t>::max()) ++counter;
}

// A capability line in its two parts; the keyword is empty if it breaks the grammar.
capabilities::entry split(string_view line) noexcept {
  string_view keyword = next_word(line);
  // "AUTH=LOGIN" is what servers told clients that were older than the standard (AUTH-02).
  constexpr string_view legacy = "AUTH=";
  if (ascii::iequals(keyword.substr(0, legacy.size()), legacy)) {
    line = {keyword.data() + legacy.size(), keyword.size() - legacy.size() + line.size()};
    keyword = keyword.substr(0, legacy.size() - 1);
  }
  return {ascii::is_keyword(keyword) ? keyword : string_view(), trimmed(line)};
}

// The number of the line with this keyword, or the number of lines.
std::size_t index_of(const capabilities& all, string_view keyword) noexcept {
  std::size_t i = 0;
  while (i < all.size() && !ascii::iequals(all[i].keyword, keyword)) ++i;
  return i;
}

}  // namespace

void capabilities::assign(const reply& ehlo, std::span<const std::string> ignored) {
  clear();
  const string_view all = ehlo.text();
  const std::size_t identification = all.find('\n');
  // What is no success offers nothing (SESS-17), nor does a reply of one line (SESS-07).
  if (ehlo.first_digit() != 2 || identification == string_view::npos) return;

  // The lines stay in one piece and the entries point into it.
  text_ = all.substr(identification + 1);
  entries_.reserve(static_cast<std::size_t>(std::count(text_.begin(), text_.end(), '\n')) + 1);
  const string_view text = text_;
  for (std::size_t begin = 0, end = 0; begin <= text.size(); begin = end + 1) {
    end = std::min(text.find('\n', begin), text.size());
    const entry found = split(text.substr(begin, end - begin));
    if (found.keyword.empty()) {
      count_up(skipped_);
      continue;
    }
    const auto is_found = [&found](string_view other) {
      return ascii::iequals(other, found.keyword);
    };
    if (std::any_of(ignored.begin(), ignored.end(), is_found)) continue;  // (EXT-04)

    const auto offset = [&text](string_view part) {
      return static_cast<std::uint32_t>(part.data() - text.data());
    };
    const span_of place{offset(found.keyword), static_cast<std::uint32_t>(found.keyword.size()),
                        offset(found.parameters),
                        static_cast<std::uint32_t>(found.parameters.size())};
    const auto first = text_.begin() + static_cast<std::ptrdiff_t>(place.keyword);
    const auto last = first + static_cast<std::ptrdiff_t>(place.keyword_size);
    std::transform(first, last, first, ascii::to_upper);
    if (found.keyword == keyword_of(extension::auth)) unite(mechanisms_, found.parameters);
    entries_.push_back(place);
  }
  mechanisms_.shrink_to_fit();

  drop_duplicates();
  for (std::size_t i = 0; i < size(); ++i) {
    const entry kept = (*this)[i];
    const std::uint32_t flag = flag_of(kept.keyword);
    if (flag == flag_of(extension::size)) size_limit_ = size_of(kept.parameters);
    if (flag == flag_of(extension::limits)) limits_ = limits_of(kept.parameters);
    flags_ |= flag;
  }
}

// Of the lines with one keyword the first one stays, in its place. They are found by sorting, since
// a server may say thousands of lines, and each would have to be compared with all before it.
void capabilities::drop_duplicates() {
  // By keywords, the short ones first, or without a text by places; one type, so that there is one
  // sort.
  struct order {
    const char* text = nullptr;

    bool operator()(const span_of& a, const span_of& b) const noexcept {
      if (text != nullptr) {
        if (a.keyword_size != b.keyword_size) return a.keyword_size < b.keyword_size;
        const int difference = std::memcmp(text + a.keyword, text + b.keyword, a.keyword_size);
        if (difference != 0) return difference < 0;
      }
      return a.keyword < b.keyword;
    }
  };
  const auto sort = [this](const order& by) {
    std::make_heap(entries_.begin(), entries_.end(), by);
    std::sort_heap(entries_.begin(), entries_.end(), by);
  };

  sort(order{text_.data()});
  const string_view text = text_;
  auto end = entries_.begin();
  string_view last;
  for (const span_of& line : entries_) {
    const string_view keyword = text.substr(line.keyword, line.keyword_size);
    if (keyword != last) {
      *end++ = line;
    } else if (keyword != keyword_of(extension::auth)) {  // those are united
      count_up(duplicates_);
    }
    last = keyword;
  }
  entries_.erase(end, entries_.end());
  sort(order{});
}

void capabilities::clear() noexcept { *this = capabilities(); }

bool capabilities::has(string_view keyword) const noexcept {
  return index_of(*this, keyword) < size();
}

string_view capabilities::parameters(string_view keyword) const noexcept {
  const std::size_t i = index_of(*this, keyword);
  return i < size() ? (*this)[i].parameters : string_view();
}

bool capabilities::has(string_view keyword, string_view parameter) const noexcept {
  return holds_word(parameters(keyword), parameter);
}

bool capabilities::offers_mechanism(string_view name) const noexcept {
  return holds_word(mechanisms_, name);
}

capabilities::entry capabilities::operator[](std::size_t i) const noexcept {
  const span_of& place = entries_[i];
  const string_view text = text_;
  return {text.substr(place.keyword, place.keyword_size),
          text.substr(place.parameters, place.parameters_size)};
}

}  // namespace sansmtp
