// A route whose answers are all there at once, to count what it costs.
//
//   route_probe route N       N routes over 10 hosts each, with a policy, addresses, TLSA records
//   route_probe hosts N       a route over N hosts
//   route_probe recipients N  an errand of N recipients of as many domains
//   route_probe memory        prints the octets that one route over 10 hosts takes at most
#include <sansmtp/routing/errand.hpp>
#include <sansmtp/routing/route.hpp>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>
#include <vector>

namespace {

std::size_t held = 0;
std::size_t peak = 0;

// The size stands in front of each block.
constexpr std::size_t head = alignof(std::max_align_t);

}  // namespace

void* operator new(std::size_t size) {
  char* const block = static_cast<char*>(std::malloc(head + size));
  if (block == nullptr) std::abort();
  held += size;
  peak = std::max(peak, held);
  new (block) std::size_t(size);
  return block + head;
}
void operator delete(void* p) noexcept {
  if (p == nullptr) return;
  char* const block = static_cast<char*>(p) - head;
  held -= *std::launder(reinterpret_cast<std::size_t*>(block));
  std::free(block);
}
void operator delete(void* p, std::size_t) noexcept { operator delete(p); }

namespace {

using namespace sansmtp;
using namespace sansmtp::routing;
using namespace std::chrono_literals;

class answers {
 public:
  explicit answers(std::size_t hosts) {
    for (std::size_t i = 0; i < hosts; ++i) {
      mx_.exchanges.push_back(
          {static_cast<std::uint16_t>(i % 3), "mx" + std::to_string(i) + ".d.test"});
    }
    a_.addresses = {*ip_address::parse("192.0.2.1"), *ip_address::parse("192.0.2.2")};
    aaaa_.addresses = {*ip_address::parse("2001:db8::1")};
    tlsa_.tlsas = {{3, 1, 1, std::string(32, 'x')}};
    txt_.texts = {"v=STSv1; id=1;"};
    for (dns_answer* answer : {&mx_, &a_, &aaaa_, &tlsa_, &txt_}) {
      answer->what = found::ok;
      answer->secure = true;
    }
  }

  [[nodiscard]] const dns_answer& to(record type) const {
    switch (type) {
      case record::mx: return mx_;
      case record::a: return a_;
      case record::aaaa: return aaaa_;
      case record::tlsa: return tlsa_;
      case record::txt: return txt_;
    }
    return a_;
  }

 private:
  dns_answer mx_, a_, aaaa_, tlsa_, txt_;
};

/// A whole route, each host of which is out of reach. Returns the attempts.
std::size_t walk(const answers& from, std::size_t hosts, sts_cache& cache, std::uint64_t seed) {
  static const host_memory memory;
  const time_point now{1000s};
  route_options options;
  options.seed = seed;
  options.hosts = options.attempts = static_cast<unsigned>(hosts);
  route r("d.test", options, cache, memory);
  std::size_t attempts = 0;
  while (!r.over()) {
    while (const auto q = r.next_question(now)) r.answered(now, q->id, from.to(q->type));
    if (r.current() == nullptr) continue;
    ++attempts;
    r.tried(now, r.current()->number, ending::unreachable);
  }
  return attempts;
}

bool deliver(std::size_t recipients) {
  envelope mail;
  for (std::size_t i = 0; i < recipients; ++i) {
    mail.recipients.emplace_back(std::string_view("x@d" + std::to_string(i) + ".test"));
  }
  const std::vector<domain_share> shares = split_by_domain(mail);
  errand all(mail);
  delivery report;
  report.list(mail, outcome::deferred, verb::rcpt, errc::refused_transiently);
  attempt a;
  a.number = 1;
  all.reported(a, report);
  all.ended(verdict());
  return shares.size() == recipients && all.result().count(outcome::deferred) == recipients;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view row = argc > 1 ? argv[1] : "";
  const std::size_t n = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 0;
  sts_cache cache;
  cache.store("d.test", "1", {sts_mode::enforce, 100'000s, {"*.d.test"}}, time_point(1000s));
  if (row == "route") {
    const answers ten(10);
    for (std::size_t i = 0; i < n; ++i) {
      if (walk(ten, 10, cache, i) != 10) return 1;
    }
    return 0;
  }
  if (row == "hosts") return walk(answers(n), n, cache, 1) == n ? 0 : 1;
  if (row == "recipients") return deliver(n) ? 0 : 1;
  if (row == "memory") {
    const answers ten(10);
    const std::size_t before = peak = held;
    if (walk(ten, 10, cache, 1) != 10) return 1;
    std::printf("%zu\n", peak - before);
    return 0;
  }
  std::fprintf(stderr, "route_probe route|hosts|recipients N, route_probe memory\n");
  return 2;
}
