// What the engine costs without a network. Times tell only beside others of the same run: each
// benchmark of the engine stands beside the least that could be done with the same octets.
#include <benchmark/benchmark.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "mail_loop.hpp"
#include "sansmtp/dot_stuffer.hpp"
#include "sansmtp/reply_parser.hpp"

namespace {

using namespace sansmtp;
using test::mail_loop;
using test::message_of;

void count_octets(benchmark::State& state, std::size_t each) {
  state.SetBytesProcessed(static_cast<std::int64_t>(each) * state.iterations());
}

// -- replies --------------------------------------------------------------------------------------

// What the server says in the course of mails, with a long reply now and then.
std::string replies() {
  std::string all;
  for (int i = 0; i < 200; ++i) {
    all +=
        "250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n250 2.1.5 Ok\r\n"
        "354 End data with <CR><LF>.<CR><LF>\r\n250 2.0.0 Ok: queued as 4F8A12C0B7\r\n";
    if (i % 20 == 0) all += test::postfix_ehlo;
  }
  return all;
}

void bench_memchr_lines(benchmark::State& state) {
  const std::string all = replies();
  std::size_t lines = 0;
  for (auto _ : state) {
    const char* p = all.data();
    const char* const end = p + all.size();
    while (p != end) {
      p = static_cast<const char*>(std::memchr(p, '\n', static_cast<std::size_t>(end - p))) + 1;
      ++lines;
    }
    benchmark::DoNotOptimize(lines);
  }
  count_octets(state, all.size());
}
BENCHMARK(bench_memchr_lines)->Name("replies/memchr");

void bench_reply_parser(benchmark::State& state) {
  const std::string all = replies();
  const auto piece = static_cast<std::size_t>(state.range(0));
  reply_parser parser;
  std::int64_t count = 0;
  for (auto _ : state) {
    for (std::size_t at = 0; at < all.size(); at += piece) {
      bytes in = as_bytes(std::string_view(all).substr(at, piece));
      while (!in.empty()) {
        if (parser.parse(in) != reply_parser::status::complete) continue;
        benchmark::DoNotOptimize(parser.result());
        ++count;
      }
    }
  }
  count_octets(state, all.size());
  state.counters["replies"] =
      benchmark::Counter(static_cast<double>(count), benchmark::Counter::kIsRate);
}
BENCHMARK(bench_reply_parser)->Name("replies/parser")->Arg(1 << 20)->Arg(1460)->Arg(16)->Arg(1);

// -- content --------------------------------------------------------------------------------------

std::string content_of(std::string_view line) {
  std::string all;
  while (all.size() < (1U << 20)) all += line;
  return all;
}

struct content_kind {
  const char* name;
  std::string_view line;
};
constexpr content_kind kinds[] = {
    {"plain", "The quick brown fox jumps over the lazy dog, and then it does so once more.\r\n"},
    {"dotted", ".The quick brown fox jumps over the lazy dog, and then it does so once more.\r\n"},
    {"lf", "The quick brown fox jumps over the lazy dog, and then it does so once more.\n"},
};

void bench_memchr_content(benchmark::State& state, const content_kind& kind) {
  const std::string all = content_of(kind.line);
  for (auto _ : state) {
    const char* p = all.data();
    const char* const end = p + all.size();
    std::size_t dots = 0;
    while (p != end) {
      p = static_cast<const char*>(std::memchr(p, '\n', static_cast<std::size_t>(end - p))) + 1;
      dots += p != end && *p == '.' ? 1 : 0;
    }
    benchmark::DoNotOptimize(dots);
  }
  count_octets(state, all.size());
}

void bench_memcpy(benchmark::State& state, const content_kind& kind) {
  const std::string all = content_of(kind.line);
  std::string copy(all.size(), '\0');
  for (auto _ : state) {
    std::memcpy(copy.data(), all.data(), all.size());
    benchmark::ClobberMemory();
  }
  count_octets(state, all.size());
}

void bench_scan(benchmark::State& state, const content_kind& kind) {
  const std::string all = content_of(kind.line);
  for (auto _ : state) {
    benchmark::DoNotOptimize(scan_content(as_bytes(all), line_end_policy::normalize));
  }
  count_octets(state, all.size());
}

void bench_stuffer(benchmark::State& state, const content_kind& kind) {
  const std::string all = content_of(kind.line);
  std::vector<bytes> slices;
  for (auto _ : state) {
    dot_stuffer stuffer;
    for (bytes in = as_bytes(all); !in.empty();) {
      slices.clear();
      if (stuffer.stuff(in, slices, 64) != errc::none) state.SkipWithError("refused");
      benchmark::DoNotOptimize(slices.data());
    }
  }
  count_octets(state, all.size());
}

// -- mails ----------------------------------------------------------------------------------------

void bench_mails(benchmark::State& state, pipelining_level level) {
  const std::string content = message_of(static_cast<std::size_t>(state.range(0)));
  mail_loop loop(level, 1, as_bytes(content));
  constexpr std::size_t batch = 100;
  for (auto _ : state) {
    if (!loop.run(batch)) state.SkipWithError("not delivered");
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(batch) * state.iterations());
}
BENCHMARK_CAPTURE(bench_mails, off, pipelining_level::off)->Name("mails/off")->Arg(1024);
BENCHMARK_CAPTURE(bench_mails, envelope, pipelining_level::envelope)
    ->Name("mails/envelope")
    ->Arg(1024)
    ->Arg(100 * 1024);
BENCHMARK_CAPTURE(bench_mails, messages, pipelining_level::messages)
    ->Name("mails/messages")
    ->Arg(1024);

// -- gather or copy -------------------------------------------------------------------------------

// A socket whose other end is read by a thread until it is shut.
class drained_socket {
 public:
  drained_socket() {
    std::array<int, 2> ends{-1, -1};
    if (::socketpair(AF_UNIX, SOCK_STREAM, 0, ends.data()) != 0) return;
    fd_ = ends[0];
    reader_ = std::thread([fd = ends[1]] {
      std::vector<char> sink(256 * 1024);
      while (::read(fd, sink.data(), sink.size()) > 0) {
      }
      ::close(fd);
    });
  }
  drained_socket(const drained_socket&) = delete;
  drained_socket& operator=(const drained_socket&) = delete;
  ~drained_socket() {
    if (fd_ >= 0) ::close(fd_);
    if (reader_.joinable()) reader_.join();
  }
  [[nodiscard]] int fd() const noexcept { return fd_; }

 private:
  int fd_ = -1;
  std::thread reader_;
};

// Writes content through the stuffer as the engine's output stage does: slices up to a threshold
// are copied together, longer ones stay where they are; a write for each 64 entries or 128 KiB.
class stage {
 public:
  stage(int fd, std::size_t copy_up_to) : fd_(fd), copy_up_to_(copy_up_to) {
    text_.reserve(2 * enough_octets);
  }

  bool write_all(bytes content) {
    dot_stuffer stuffer;
    for (bytes in = content; !in.empty();) {
      slices_.clear();
      if (stuffer.stuff(in, slices_, enough_slices) != errc::none) return false;
      for (const bytes slice : slices_) {
        add(slice);
        if (size_ >= enough_octets || views_.size() >= enough_slices) {
          if (!flush()) return false;
        }
      }
    }
    return flush();
  }

 private:
  static constexpr std::size_t enough_octets = 128 * 1024;
  static constexpr std::size_t enough_slices = 64;

  void add(bytes slice) {
    size_ += slice.size();
    if (slice.size() > copy_up_to_) {
      views_.push_back({const_cast<char*>(slice.data()), slice.size()});
      copying_ = false;
      return;
    }
    char* const at = text_.data() + text_.size();  // never grows beyond what is reserved
    text_.append(as_text(slice));
    if (!copying_) views_.push_back({at, 0});
    views_.back().iov_len += slice.size();
    copying_ = true;
  }

  bool flush() {
    iovec* next = views_.data();
    std::size_t left = views_.size();
    while (left != 0) {
      msghdr message{};
      message.msg_iov = next;
      message.msg_iovlen = left;
      const ssize_t n = ::sendmsg(fd_, &message, MSG_NOSIGNAL);
      if (n < 0) return false;
      auto taken = static_cast<std::size_t>(n);
      while (left != 0 && taken >= next->iov_len) {
        taken -= next->iov_len;
        ++next;
        --left;
      }
      if (left != 0) {
        next->iov_base = static_cast<char*>(next->iov_base) + taken;
        next->iov_len -= taken;
      }
    }
    views_.clear();
    text_.clear();
    size_ = 0;
    copying_ = false;
    return true;
  }

  int fd_;
  std::size_t copy_up_to_;
  std::size_t size_ = 0;
  bool copying_ = false;
  std::string text_;
  std::vector<iovec> views_;
  std::vector<bytes> slices_;
};

// A body with a dot at the start of each line of so many octets.
void bench_threshold(benchmark::State& state) {
  const auto line = static_cast<std::size_t>(state.range(0));
  const std::string all = content_of("." + std::string(line - 3, 'x') + "\r\n");
  const drained_socket socket;
  stage out(socket.fd(), static_cast<std::size_t>(state.range(1)));
  for (auto _ : state) {
    if (!out.write_all(as_bytes(all))) state.SkipWithError("not written");
  }
  count_octets(state, all.size());
}
BENCHMARK(bench_threshold)
    ->Name("threshold")
    ->ArgNames({"line", "copy_up_to"})
    ->ArgsProduct({{78, 200, 400, 900, 2000}, {0, 128, 256, 512, 1024, 4096}})
    ->UseRealTime();

}  // namespace

int main(int argc, char** argv) {
  for (const content_kind& kind : kinds) {
    const std::string name(kind.name);
    benchmark::RegisterBenchmark(("content/memchr/" + name).c_str(), bench_memchr_content, kind);
    benchmark::RegisterBenchmark(("content/memcpy/" + name).c_str(), bench_memcpy, kind);
    benchmark::RegisterBenchmark(("content/scan/" + name).c_str(), bench_scan, kind);
    benchmark::RegisterBenchmark(("content/stuffer/" + name).c_str(), bench_stuffer, kind);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
}
