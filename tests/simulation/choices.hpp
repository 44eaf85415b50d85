// Where a simulated world's decisions come from: all of them in turn, a seed, or a list.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace sansmtp::simulation {

/// What is decided. An exhaustive run lists those that it enumerates; a random one knows how often
/// each of them is not the usual.
enum class about : std::uint8_t {
  setting,      ///< Options, number of mails, what they hold.
  reply,        ///< The class of a reply.
  stop,         ///< The server falls silent or the link is cut, before or inside a reply.
  look,         ///< Code within the class, text, number of lines.
  oddity,       ///< Garbage, replies nobody asked for.
  arrival,      ///< How many octets arrive at once.
  write,        ///< How many octets a write takes.
  write_break,  ///< The link breaks during a write.
  time,         ///< Time passes, or runs out.
  caller,       ///< The user does something else.
};
inline constexpr std::size_t about_count = static_cast<std::size_t>(about::caller) + 1;

/// Decisions. Zero is always the usual one, so that a list of decisions can be cut short and its
/// numbers made smaller: what is missing is zero.
class choices {
 public:
  choices() = default;
  choices(const choices&) = delete;
  choices& operator=(const choices&) = delete;
  virtual ~choices() = default;

  /// A number below `n`.
  unsigned operator()(about what, unsigned n) { return n < 2 ? 0 : choose(what, n); }

 protected:
  virtual unsigned choose(about what, unsigned n) = 0;
};

/// Every combination of the decisions that are enumerated, in the order of an odometer; all others
/// are the usual ones.
class every_choice : public choices {
 public:
  explicit every_choice(std::initializer_list<about> enumerated) {
    for (const about a : enumerated) enumerated_[static_cast<std::size_t>(a)] = true;
  }

  /// The same combination once more.
  void again() { at_ = 0; }

  /// Steps to the next combination; false if there is none. To be called behind a run.
  bool next() {
    // What was not asked for in the last run does not exist in the combinations that begin like it.
    made_.resize(at_);
    at_ = 0;
    while (!made_.empty() && made_.back().value + 1 == made_.back().end) made_.pop_back();
    if (made_.empty()) return false;
    ++made_.back().value;
    return true;
  }

 protected:
  unsigned choose(about what, unsigned n) override {
    if (!enumerated_[static_cast<std::size_t>(what)]) return 0;
    if (at_ == made_.size()) made_.push_back({0, n});
    return made_[at_++].value;
  }

 private:
  struct decision {
    unsigned value;
    unsigned end;
  };
  std::vector<decision> made_;
  std::size_t at_ = 0;
  bool enumerated_[about_count] = {};
};

/// Decisions from a seed, remembered.
class random_choices : public choices {
 public:
  explicit random_choices(std::uint64_t seed) : state_(seed * 2 + 1) {
    // Some sessions are nearly well-behaved, so that they get far, and some are not.
    static constexpr unsigned odds[] = {2, 4, 12, 40};
    for (unsigned& o : odds_) o = odds[number() % 4];
    odds_[static_cast<std::size_t>(about::setting)] = 1;
    odds_[static_cast<std::size_t>(about::look)] = 2;
    for (const about rare : {about::stop, about::oddity, about::write_break}) {
      odds_[static_cast<std::size_t>(rare)] *= 10;
    }
  }
  [[nodiscard]] const std::vector<unsigned>& made() const noexcept { return made_; }

 protected:
  unsigned choose(about what, unsigned n) override {
    const unsigned odds = odds_[static_cast<std::size_t>(what)];
    unsigned value = 0;
    if (odds < 2) {
      value = number() % n;
    } else if (number() % odds == 0) {
      value = 1 + number() % (n - 1);
    }
    made_.push_back(value);
    return value;
  }

 private:
  /// splitmix64: the same numbers with every library.
  unsigned number() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return static_cast<unsigned>((z ^ z >> 31) >> 33);
  }

  std::uint64_t state_;
  unsigned odds_[about_count] = {};
  std::vector<unsigned> made_;
};

/// Decisions from a list, as far as it goes.
class listed_choices : public choices {
 public:
  explicit listed_choices(std::vector<unsigned> list) : list_(std::move(list)) {}

 protected:
  unsigned choose(about, unsigned n) override { return at_ < list_.size() ? list_[at_++] % n : 0; }

 private:
  std::vector<unsigned> list_;
  std::size_t at_ = 0;
};

}  // namespace sansmtp::simulation
