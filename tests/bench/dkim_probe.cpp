// Signs a mail, or only hashes as much, for callgrind: `dkim_probe sign|hash TIMES`, 64 KiB each
// time, and one signature by Ed25519. The difference is what the signer costs besides its crypto.
#include <sansmtp/dkim/signer.hpp>
#include <sansmtp/openssl/dkim_crypto.hpp>

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>

namespace {

using namespace sansmtp;

/// Lines of words, some of them indented, and one in 64 with blanks at its end.
std::string make_body() {
  std::string body;
  for (unsigned line = 0; body.size() < std::size_t{64} * 1024; ++line) {
    if (line % 16 == 0) body += "    ";
    while (body.size() % 78 < 70) body += "word and ";
    body += line % 64 == 0 ? "  \r\n" : "end\r\n";
  }
  return body;
}

[[noreturn]] void fail(const char* why) {
  std::fprintf(stderr, "dkim_probe: %s\n", why);
  std::exit(1);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) fail("sign|hash TIMES");
  const std::string_view what = argv[1];
  const long times = std::strtol(argv[2], nullptr, 10);
  openssl::dkim_crypto crypto;
  const dkim::key_result made = crypto.make_key(dkim::key_type::ed25519);
  if (made.key == nullptr) fail("no key");
  const std::string header = "From: a@b.example\r\nTo: c@d.example\r\nSubject: x\r\n\r\n";
  const std::string body = make_body();

  if (what == "sign") {
    dkim::signer_options options;
    options.domain = "b.example";
    options.signed_at += std::chrono::seconds(1'700'000'000);
    options.keys = {{"s", made.key.get()}};
    dkim::signer signer(std::move(options), crypto);
    if (signer.give(as_bytes(header)) != dkim::refusal::none) fail("refused");
    for (long i = 0; i < times; ++i) {
      if (signer.give(as_bytes(body)) != dkim::refusal::none) fail("refused");
    }
    if (signer.finish() != dkim::refusal::none) fail("not signed");
    return 0;
  }
  const auto stream = crypto.begin_sha256();
  std::array<char, dkim::sha256_size> digest{};
  for (long i = 0; i < times; ++i) {
    if (!stream->add(as_bytes(body))) fail("not hashed");
  }
  if (!stream->finish(digest) || !made.key->sign(digest)) fail("not signed");
  return 0;
}
