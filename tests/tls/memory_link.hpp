// A client's record layer and a server's, both in memory.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "layer_under_test.hpp"
#include "memory_server.hpp"

namespace sansmtp::test {

inline tls_options trusting(std::string server_name = "mail.test") {
  tls_options options;
  options.ca_file = pki("ca.pem");
  options.server_name = std::move(server_name);
  return options;
}

constexpr tls_target target{"mail.test", 25};

/// A client's layer and its server.
struct link {
  link(const sansmtp::tls_context& client, const memory_server_context& server,
       const tls_target& to = target)
      : layer(client.make_layer(to)), peer(server) {}

  std::string drain() {
    std::vector<char> out;
    layer->drain(out);
    return {out.begin(), out.end()};
  }
  /// Both sides go on until neither has anything to say, `step` octets at a time.
  tls_layer::progress shake(std::size_t step = std::string::npos) {
    tls_layer::progress p = layer->handshake();
    for (;;) {
      const std::string out = drain();
      for (std::size_t i = 0; i < out.size(); i += std::min(step, out.size())) {
        peer.feed(as_bytes(std::string_view(out).substr(i, step)));
      }
      const std::string back = peer.drain();
      if (back.empty()) return p;
      for (std::size_t i = 0; i < back.size(); i += std::min(step, back.size())) {
        layer->feed(as_bytes(std::string_view(back).substr(i, step)));
        if (p == tls_layer::progress::wants_octets) {
          p = layer->handshake();
        } else {
          hear();
        }
      }
      if (p == tls_layer::progress::failed) return p;
    }
  }
  /// What the server said, decrypted.
  std::string hear() {
    std::string all;
    std::array<char, 1000> buffer;
    std::size_t n = 0;
    while ((last = layer->read(buffer, n)) == tls_layer::reading::octets)
      all.append(buffer.data(), n);
    return all;
  }
  std::string hear(const std::string& ciphertext) {
    layer->feed(as_bytes(ciphertext));
    return hear();
  }

  std::unique_ptr<tls_layer> layer;
  memory_server peer;
  tls_layer::reading last = tls_layer::reading::wants_octets;
};

}  // namespace sansmtp::test
