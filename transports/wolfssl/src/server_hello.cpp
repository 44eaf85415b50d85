#include "server_hello.hpp"

#include <algorithm>
#include <cstring>

namespace sansmtp::wolfssl {

namespace {

constexpr std::uint16_t extended_master_secret_extension = 23;

/// A view that is read from the front; reading beyond its end gives zeros and is remembered.
class reader {
 public:
  reader(const unsigned char* at, std::size_t size) noexcept : at_(at), left_(size) {}

  [[nodiscard]] bool ran_out() const noexcept { return ran_out_; }
  [[nodiscard]] std::size_t left() const noexcept { return left_; }

  std::size_t number(std::size_t octets) noexcept {
    std::size_t value = 0;
    for (; octets != 0; --octets) {
      if (left_ == 0) {
        ran_out_ = true;
        return 0;
      }
      value = value << 8 | *at_++;
      --left_;
    }
    return value;
  }
  void skip(std::size_t octets) noexcept {
    if (octets > left_) ran_out_ = true;
    octets = std::min(octets, left_);
    at_ += octets;
    left_ -= octets;
  }

 private:
  const unsigned char* at_;
  std::size_t left_;
  bool ran_out_ = false;
};

}  // namespace

void server_hello::feed(bytes octets) noexcept {
  if (done_) return;
  const std::size_t part = std::min(octets.size(), seen_.size() - size_);
  if (part != 0) std::memcpy(seen_.data() + size_, octets.data(), part);
  size_ += part;
  done_ = look() || size_ == seen_.size();
}

/// True once there is nothing more to be learnt.
bool server_hello::look() noexcept {
  constexpr std::size_t handshake = 22;
  constexpr std::size_t hello = 2;
  reader in(seen_.data(), size_);
  const std::size_t type = in.number(1);
  in.skip(4);  // version and length of the record
  const std::size_t message = in.number(1);
  if (in.ran_out()) return false;
  if (type != handshake || message != hello) return true;
  in.skip(3 + 2 + 32);    // length, version, random
  in.skip(in.number(1));  // session id
  in.skip(2 + 1);         // cipher suite, compression
  std::size_t extensions = in.number(2);
  while (!in.ran_out() && extensions >= 4) {
    const std::size_t kind = in.number(2);
    const std::size_t size = in.number(2);
    in.skip(size);
    if (in.ran_out()) break;
    if (extensions < size + 4) return true;
    if (kind == extended_master_secret_extension) extended_ = true;
    extensions -= size + 4;
  }
  return !in.ran_out();
}

}  // namespace sansmtp::wolfssl
