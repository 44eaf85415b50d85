// The layer of each TLS library as a client of a server that says anything: it never crashes, never
// reports success without a handshake, and what has failed stays so (TLS-08, attacks B10). Seeds are flights of a
// real server, recorded for another client's random, so that even an unchanged one must fail.
//
// Input: an octet for the size of the pieces, one for when the stream ends, then the ciphertext.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "exact_block.hpp"
#include "layer_under_test.hpp"
#include "require.hpp"

namespace {

using namespace sansmtp;
using namespace sansmtp::fuzz;

const std::vector<sansmtp::tls_context>& contexts() {
  static const std::vector<sansmtp::tls_context> made = [] {
    tls_options options;
    options.ca_file = SANSMTP_FUZZ_CA;
    options.verify_host = true;
    std::vector<sansmtp::tls_context> all;
    for (const test::tls_library& l : test::libraries()) all.push_back(l.make_context(options));
    return all;
  }();
  return made;
}

void speak_with(const sansmtp::tls_context& context, std::string_view octets, std::size_t step,
                bool read_on) {
  require(!context.error(), "the context can be used");
  const std::unique_ptr<tls_layer> layer = context.make_layer({"mx.test", 25});
  require(layer != nullptr, "a layer is made");

  auto state = layer->handshake();
  require(state == tls_layer::progress::wants_octets, "the client speaks first and waits");
  require(layer->pending() > 0, "a ClientHello is there");
  std::vector<char> out;
  layer->drain(out);
  bool failed = false;
  while (!octets.empty()) {
    const exact_block piece(octets.substr(0, step));
    octets.remove_prefix(std::min(step, octets.size()));
    layer->feed(piece.view());
    state = layer->handshake();
    require(state == tls_layer::progress::wants_octets || state == tls_layer::progress::failed,
            "nobody who does not know our random is let in");
    require(!failed || state == tls_layer::progress::failed, "what has failed stays so");
    failed = state == tls_layer::progress::failed;
    if (failed) require(bool(layer->error()), "a failure has a reason");
    require(!layer->info().verified, "nobody is verified");
    out.clear();
    layer->drain(out);
  }
  layer->feed_end();
  require(layer->handshake() == tls_layer::progress::failed, "a stream that ends is a failure");
  if (read_on) {
    std::array<char, 64> into{};
    std::size_t count = 0;
    require(layer->read(into, count) != tls_layer::reading::octets, "no plaintext comes of it");
    require(!layer->write(as_bytes("EHLO x\r\n")) || layer->pending() == 0, "nothing leaves");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t step = data[0] == 0 ? size : data[0];
  const bool read_on = (data[1] & 1) != 0;
  const std::string_view octets(reinterpret_cast<const char*>(data) + 2, size - 2);
  for (const auto& context : contexts()) speak_with(context, octets, step, read_on);
  return 0;
}
