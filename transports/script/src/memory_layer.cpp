#include "sansmtp/script/memory_layer.hpp"

#include <algorithm>
#include <cstring>

#include "sansmtp/error.hpp"

namespace sansmtp::script {

namespace {
constexpr unsigned char flip = 0x80;
char flipped(char c) noexcept { return static_cast<char>(static_cast<unsigned char>(c) ^ flip); }
}  // namespace

void memory_record::append(std::vector<char>& to, char type, std::string_view payload) {
  to.push_back(type);
  to.push_back(static_cast<char>(payload.size() >> 8));
  to.push_back(static_cast<char>(payload.size() & 0xff));
  for (const char c : payload) to.push_back(flipped(c));
}

bool memory_record::take(std::string& from, char& type, std::string& payload) {
  if (from.size() < head) return false;
  const std::size_t size = static_cast<std::size_t>(static_cast<unsigned char>(from[1])) << 8 |
                           static_cast<unsigned char>(from[2]);
  if (from.size() - head < size) return false;
  type = from[0];
  payload.assign(from, head, size);
  for (char& c : payload) c = flipped(c);
  from.erase(0, head + size);
  return true;
}

void memory_layer::fail() {
  error_ = make_error_code(errc::tls_failed);
  memory_record::append(out_, memory_record::alert, std::string_view("\x28", 1));
}

/// Takes the next record; false if there is none, or the layer failed over it.
bool memory_layer::next(char& type) {
  if (!in_.empty() && (in_[0] < memory_record::alert || in_[0] > memory_record::data)) {
    fail();
    return false;
  }
  return memory_record::take(in_, type, payload_);
}

tls_layer::progress memory_layer::handshake() {
  if (error_) return progress::failed;
  if (!begun_) {
    begun_ = true;
    memory_record::append(out_, memory_record::handshake, "hello");
  }
  char type = 0;
  if (!next(type)) return error_ ? progress::failed : progress::wants_octets;
  // Behind the verdict may stand what the link can be bound to.
  if (const std::size_t blank = payload_.find(' '); blank != std::string::npos) {
    const std::size_t colon = std::min(payload_.find(':', blank), payload_.size() - 1);
    binding_type_ = payload_.substr(blank + 1, colon - blank - 1);
    info_.binding = {binding_type_, payload_.substr(colon + 1)};
    payload_.resize(blank);
  }
  const bool known = payload_ == "verified" || payload_ == "unverified" || payload_ == "weak";
  if (type != memory_record::handshake || !known) {
    fail();
    return progress::failed;
  }
  info_.verified = payload_ == "verified";
  info_.protocol = "memory";
  const bool weak = payload_ == "weak";
  payload_.clear();
  return weak ? progress::too_weak : progress::established;
}

tls_layer::reading memory_layer::read(std::span<char> into, std::size_t& size) {
  size = 0;
  while (payload_.empty()) {
    if (error_) return reading::failed;
    if (ended_) return reading::ended;
    char type = 0;
    if (!next(type)) {
      if (error_) return reading::failed;
      return end_ ? reading::truncated : reading::wants_octets;
    }
    if (type == memory_record::alert && payload_ == std::string_view("\0", 1)) {
      ended_ = true;
      payload_.clear();
    } else if (type != memory_record::data) {
      payload_.clear();
      fail();
    }
  }
  size = std::min(into.size(), payload_.size());
  std::memcpy(into.data(), payload_.data(), size);
  payload_.erase(0, size);
  return reading::octets;
}

bool memory_layer::write(bytes plaintext) {
  if (error_) return false;
  memory_record::append(out_, memory_record::data, as_text(plaintext));
  return true;
}

void memory_layer::close() {
  if (!error_) memory_record::append(out_, memory_record::alert, std::string_view("\0", 1));
}

}  // namespace sansmtp::script
