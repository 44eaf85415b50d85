#include "sansmtp/script/memory_peer.hpp"

#include "sansmtp/script/memory_layer.hpp"

namespace sansmtp::script {

std::string_view memory_peer::feed(bytes ciphertext) {
  plain_.clear();
  in_.append(as_text(ciphertext));
  char type = 0;
  std::string payload;
  while (memory_record::take(in_, type, payload)) {
    confused_ = confused_ || saw_close_ || (type == memory_record::data && !saw_hello_);
    switch (type) {
      case memory_record::handshake: saw_hello_ = true; break;
      case memory_record::alert: saw_close_ = saw_close_ || payload[0] == 0; break;
      case memory_record::data:
        ++records_;
        plain_ += payload;
        break;
      default: confused_ = true;
    }
  }
  return plain_;
}

bytes memory_peer::finish(std::string_view verdict) {
  out_.clear();
  memory_record::append(out_, memory_record::handshake, verdict);
  return out_;
}

bytes memory_peer::say(std::string_view plaintext) {
  out_.clear();
  while (!plaintext.empty()) {
    const std::string_view part = plaintext.substr(0, tls_layer::record_size);
    memory_record::append(out_, memory_record::data, part);
    plaintext.remove_prefix(part.size());
  }
  return out_;
}

bytes memory_peer::alert(char number) {
  out_.clear();
  memory_record::append(out_, memory_record::alert, {&number, 1});
  return out_;
}

}  // namespace sansmtp::script
