// What was said in an exchange of AUTH must not come back in a reply that is shown (SEC-06).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sansmtp::detail {

/// Knows the lines that were sent in exchanges of AUTH, and the secrets, and masks them in text
/// that a server said. Servers repeat what they do not understand, cut short, wrapped or in
/// capitals: so what is looked for is any run of octets that a line or a secret holds, without
/// regard to case. Only stretches of four octets are kept, sorted, and wiped at the end (SEC-03).
class auth_mask {
 public:
  static constexpr std::string_view mask_text = "****";

  auth_mask() = default;
  auth_mask(const auth_mask&) = delete;
  auth_mask& operator=(const auth_mask&) = delete;
  ~auth_mask();

  /// Command: a line in base64 was sent, or might be said. Four octets of it give it away in its
  /// own exchange; later, where every word of a long session is looked at, it takes eight. It also
  /// takes eight of a line longer than 256 octets: four in a row of a token of some thousand octets
  /// stand in ordinary words as well, and say next to nothing about it.
  void add_line(std::string_view base64);
  /// Command: a secret in clear. It is given away by half of it, but by no fewer than 8 octets and
  /// by 16 of a long one; a short one by all of it. Fewer than 4 octets might be anywhere.
  void add_secret(std::string_view secret);

  /// Getter: octets that it holds, its own included.
  [[nodiscard]] std::size_t memory() const noexcept;

  /// Getter: `text` with each word masked that gives something away. Shows `into`, which is changed
  /// only then, or `text` itself if that is good as it is. `exchange`: it answers a line of the
  /// exchange.
  [[nodiscard]] std::string_view shown(std::string_view text, bool exchange,
                                       std::string& into) const;

 private:
  /// A set of stretches, and how many octets in a row must be of it.
  class stretches {
   public:
    static constexpr std::size_t width = 4;

    void add(std::string_view octets);
    /// Getter: how many octets from `at` on are covered by stretches of the set.
    [[nodiscard]] std::size_t run(std::string_view text, std::size_t at) const noexcept;
    /// Getter: may there be so many in a row anywhere? Looks at one place in so many.
    [[nodiscard]] bool may_hold(std::string_view text, std::size_t in_a_row) const noexcept;
    void wipe() noexcept;
    [[nodiscard]] std::size_t memory() const noexcept {
      return sorted_.capacity() * sizeof(std::uint32_t);
    }

   private:
    [[nodiscard]] bool contains(std::uint32_t stretch) const noexcept;

    std::array<std::uint64_t, 32> filter_{};  // most of what is not in the set
    std::vector<std::uint32_t> sorted_;
  };

  static void mark(std::string_view text, const stretches& set, std::size_t in_a_row,
                   std::string& marks);

  stretches lines_;
  stretches secrets_;
  std::size_t line_run_ = static_cast<std::size_t>(-1);
  std::size_t secret_run_ = static_cast<std::size_t>(-1);
};

}  // namespace sansmtp::detail
