// With Asio: sends every file of a directory, some at a time, and can be interrupted.
//
//   async_bulk HOST PORT FROM TO DIRECTORY [CONNECTIONS]
//
// DIRECTORY/sent.log has a line for each file before it is sent and one for its outcome. A file
// that was delivered is never sent again, nor is one of which a run that was killed did not learn
// the outcome; all others are, by the next run. (Remove its lines to send a doubtful one again.)
#include <sansmtp/asio/async_pool.hpp>

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/experimental/as_tuple.hpp>
#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/use_awaitable.hpp>

namespace {

namespace fs = std::filesystem;

constexpr auto as_tuple = asio::experimental::as_tuple(asio::use_awaitable);

/// A file's name on a line of its own, whatever octets it has.
std::string one_line(const std::string& name) {
  std::string result;
  for (const char c : name) {
    if (c == '\n') {
      result += "\\n";
    } else if (c == '\\') {
      result += "\\\\";
    } else {
      result += c;
    }
  }
  return result;
}

/// What is known of each file, on disk before anything depends on it. A line that a full disk or a
/// crash cut short says nothing, and does not stay.
class journal {
 public:
  explicit journal(const fs::path& file) : file_(::open(file.c_str(), O_RDWR | O_CREAT, 0666)) {
    std::ifstream in(file, std::ios::binary);
    std::string line;
    while (std::getline(in, line) && !in.eof()) {
      size_ += static_cast<off_t>(line.size() + 1);
      const std::size_t blank = line.find(' ');
      if (blank != std::string::npos) last_[line.substr(blank + 1)] = line.substr(0, blank);
    }
    if (in.bad()) size_ = -1;
  }
  journal(const journal&) = delete;
  journal& operator=(const journal&) = delete;
  ~journal() {
    if (file_ >= 0) ::close(file_);
  }

  [[nodiscard]] bool good() const {
    return file_ >= 0 && size_ >= 0 && ::ftruncate(file_, size_) == 0;
  }

  /// The last word about a file: "begun" or an outcome; empty if there is none.
  [[nodiscard]] std::string last(const std::string& name) const {
    const auto found = last_.find(one_line(name));
    return found == last_.end() ? std::string() : found->second;
  }

  /// Returns false if the disk did not take it.
  bool note(const char* word, const std::string& name) {
    const std::string line = std::string(word) + ' ' + one_line(name) + '\n';
    const ssize_t n = ::pwrite(file_, line.data(), line.size(), size_);
    if (n != static_cast<ssize_t>(line.size()) || ::fsync(file_) != 0) {
      static_cast<void>(::ftruncate(file_, size_));  // the next run does it if this fails
      return false;
    }
    size_ += n;
    return true;
  }

 private:
  std::map<std::string, std::string> last_;
  int file_;
  off_t size_ = 0;  // of whole lines
};

/// One run over a directory.
struct bulk {
  sansmtp::async_pool pool;
  sansmtp::destination server;
  sansmtp::envelope envelope;
  journal log;
  std::vector<fs::path> files;
  std::size_t next = 0;
  std::size_t done = 0;
  bool stopped = false;
  std::map<std::string, int> totals;

  // Several of these run at a time; each sends one file after the other.
  asio::awaitable<void> work() {
    while (!stopped && next != files.size()) {
      const fs::path file = files[next++];
      const std::string name = file.filename().string();
      std::ifstream in(file, std::ios::binary);
      std::string content{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
      if (!log.note("begun", name)) {
        stopped = true;  // without the journal nothing may be sent
        co_return;
      }
      const auto [error, report] = co_await pool.async_send(
          server, envelope, sansmtp::message::own(std::move(content)), as_tuple);
      // One recipient, so one outcome; none: the mail itself cannot be sent.
      const auto outcome =
          report.recipients.empty() ? sansmtp::outcome::rejected : report.recipients.front().result;
      if (!log.note(to_string(outcome).data(), name)) stopped = true;
      ++totals[std::string(to_string(outcome))];
      std::printf("%zu/%zu %s: %s%s%s\n", ++done, files.size(), name.c_str(),
                  to_string(outcome).data(), error ? ": " : "",
                  error ? error.message().c_str() : "");
    }
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) {
    std::fputs("usage: async_bulk HOST PORT FROM TO DIRECTORY [CONNECTIONS]\n", stderr);
    return 64;
  }
  const fs::path directory = argv[5];
  const auto connections = static_cast<std::size_t>(std::max(argc > 6 ? std::atoi(argv[6]) : 4, 1));

  asio::io_context loop;
  sansmtp::pool_options options;
  options.connections_per_destination = connections;
  bulk run{.pool = sansmtp::async_pool(loop.get_executor(), std::move(options)),
           .server = {argv[1], static_cast<std::uint16_t>(std::atoi(argv[2]))},
           .envelope = {},
           .log = journal(directory / "sent.log"),
           .files = {},
           .totals = {}};
  if (!run.log.good()) {
    std::fprintf(stderr, "async_bulk: cannot write %s/sent.log\n", directory.c_str());
    return 73;
  }
  run.envelope.sender = sansmtp::path(argv[3]);
  run.envelope.recipients.emplace_back(argv[4]);
  for (const auto& entry : fs::directory_iterator(directory)) {
    const std::string name = entry.path().filename().string();
    if (!entry.is_regular_file() || name == "sent.log") continue;
    const std::string last = run.log.last(name);
    if (last == "delivered" || last == "begun" || last == "in_doubt") {
      ++run.totals[last == "delivered" ? "delivered before" : "in doubt since before"];
    } else {
      run.files.push_back(entry.path());
    }
  }
  std::sort(run.files.begin(), run.files.end());

  // An interrupted run takes no more files and ends what is under way at once: its outcomes are
  // honest. A second signal kills.
  asio::signal_set signals(loop, SIGINT, SIGTERM);
  signals.async_wait([&](std::error_code error, int) {
    if (error) return;
    run.stopped = true;
    run.pool.abort();
    signals.clear();
  });

  std::size_t workers = connections;
  for (std::size_t i = 0; i != connections; ++i) {
    asio::co_spawn(loop, run.work(), [&](const std::exception_ptr& thrown) {
      if (thrown) std::rethrow_exception(thrown);
      if (--workers != 0) return;
      signals.cancel();
      run.pool.async_close([](std::error_code) {});
    });
  }
  loop.run();

  for (const auto& [word, n] : run.totals) std::printf("%s: %d\n", word.c_str(), n);
  if (run.stopped) std::puts("interrupted");
  return !run.stopped && run.done == run.files.size() &&
                 run.totals["delivered"] == static_cast<int>(run.files.size())
             ? 0
             : 1;
}
