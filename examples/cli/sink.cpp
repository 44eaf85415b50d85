#include "sink.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "failure.hpp"
#include "server_auth.hpp"
#include "server_tls.hpp"

namespace sansmtp::cli {

namespace {

using clock = std::chrono::steady_clock;

/// The longest command line with its CRLF. RFC 5321 section 4.5.3.1.4 asks for 512, the parameters
/// of DSN and SMTPUTF8 for more.
constexpr std::size_t line_limit = 2048;

/// The longest line within AUTH (RFC 4954 section 4).
constexpr std::size_t auth_line_limit = 12288;

/// With more unsent replies than this a connection is not read any more, so a client that never
/// reads cannot make the sink grow.
constexpr std::size_t output_limit = 64U * 1024U;

/// After so many logins that failed a connection gets no further one: who guesses passwords has to
/// come again for each few of them (RFC 4954 section 4).
constexpr int most_failed_logins = 3;

/// One read: large enough that a 1 KiB mail is one read, and that a large body costs few.
constexpr std::size_t read_size = 256U * 1024U;

/// How long connections may go on after the last message that was wanted.
constexpr std::chrono::seconds grace{2};

constexpr std::array<std::string_view, 7> extension_names{
    "PIPELINING", "SIZE", "8BITMIME", "SMTPUTF8", "CHUNKING", "ENHANCEDSTATUSCODES", "DSN"};

/// Owns a descriptor.
class descriptor {
 public:
  explicit descriptor(int fd = -1) noexcept : fd_(fd) {}
  descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  descriptor& operator=(descriptor&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }

  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
};

[[noreturn]] void fail(exit_code code, std::string_view what, int error) {
  throw failure(code, fmt::format("{}: {}", what, std::generic_category().message(error)));
}

/// ASCII only, as SMTP asks; no locale.
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }
char upper(char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; }

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](char x, char y) { return lower(x) == lower(y); });
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

/// A decimal number that fills `text`.
std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

/// Takes the text up to the next `separator` off `text`, and the separator with it.
std::string_view take(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view head = text.substr(0, at);
  text.remove_prefix(at == std::string_view::npos ? text.size() : at + 1);
  return head;
}

/// Takes `<address>` off the beginning of `text`, or returns nothing if there is none. A quoted
/// local part may hold spaces and brackets (RFC 5321 section 4.1.2).
std::optional<std::string_view> take_path(std::string_view& text) {
  if (!text.starts_with('<')) return std::nullopt;
  bool quoted = false;
  for (std::size_t i = 1; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '\\') {
      ++i;
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && c == '>') {
      const std::string_view address = text.substr(1, i - 1);
      text.remove_prefix(i + 1);
      return address;
    } else if (!quoted && (c == ' ' || c == '<')) {
      return std::nullopt;
    }
  }
  return std::nullopt;
}

/// RFC 3461 section 4.
bool is_xtext(std::string_view text) {
  const auto is_hex = [](char c) { return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'F'); };
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      if (i + 2 >= text.size() || !is_hex(text[i + 1]) || !is_hex(text[i + 2])) return false;
      i += 2;
    } else if (text[i] < '!' || text[i] > '~' || text[i] == '=') {
      return false;
    }
  }
  return !text.empty();
}

/// RFC 3461 section 4.1.
bool is_notify(std::string_view text) {
  if (same(text, "NEVER")) return true;
  do {
    const std::string_view word = take(text, ',');
    if (!same(word, "SUCCESS") && !same(word, "FAILURE") && !same(word, "DELAY")) return false;
  } while (!text.empty());
  return true;
}

/// RFC 3461 section 4.2: address type, `;`, xtext; with SMTPUTF8 (RFC 6533) the address may be
/// UTF-8.
bool is_original_recipient(std::string_view text) {
  const std::string_view type = take(text, ';');
  return !type.empty() && (is_xtext(text) || !is_ascii(text));
}

/// A parameter of MAIL or RCPT: which extension brings it and what it may be.
struct parameter_rule {
  std::string_view keyword;
  std::string_view extension;
  bool of_sender;
  bool (*valid)(std::string_view value);
};

constexpr std::array<parameter_rule, 8> parameter_rules{{
    {"SIZE", "SIZE", true, [](std::string_view v) { return parse_number(v).has_value(); }},
    {"BODY", "8BITMIME", true,
     [](std::string_view v) { return same(v, "7BIT") || same(v, "8BITMIME"); }},
    {"SMTPUTF8", "SMTPUTF8", true, [](std::string_view v) { return v.empty(); }},
    // RFC 4954 section 5; "<>" is xtext as well.
    {"AUTH", "AUTH", true, is_xtext},
    {"RET", "DSN", true, [](std::string_view v) { return same(v, "FULL") || same(v, "HDRS"); }},
    {"ENVID", "DSN", true, is_xtext},
    {"NOTIFY", "DSN", false, is_notify},
    {"ORCPT", "DSN", false, is_original_recipient},
}};

bool matches(const sink::rule& rule, std::string_view address) {
  if (rule.address == "*") return true;
  if (rule.address.starts_with("*@")) {
    const std::size_t at = address.rfind('@');
    return at != std::string_view::npos &&
           same(address.substr(at), std::string_view(rule.address).substr(1));
  }
  return same(rule.address, address);
}

/// Takes the content of DATA apart: finds its end, which is CRLF "." CRLF and nothing else, drops
/// stuffed dots (RFC 5321 section 4.5.2), and counts line ends that are none, by which content
/// could be smuggled past a laxer server. The cost per octet does not depend on how the content is
/// cut.
class data_scanner {
 public:
  /// Counted by `scan()`; the caller may set them to zero at any time.
  std::uint64_t bare_cr = 0;
  std::uint64_t bare_lf = 0;

  /// Reads on, and hands the octets of the content to `append(std::string_view)` in runs as long as
  /// possible. Returns how many octets of `input` belong to the content and its end: all of them
  /// unless `done()`.
  template <class Append>
  std::size_t scan(std::string_view input, Append&& append) {
    const char* p = input.data();
    const char* const end = p + input.size();
    const char* run = p;
    const auto flush = [&](const char* to) {
      if (to != run) append(std::string_view(run, static_cast<std::size_t>(to - run)));
    };
    while (p != end && at_ != place::end) {
      switch (at_) {
        case place::line_start:
          at_ = place::in_line;
          if (*p == '.') {
            // This dot is stuffing or the end, hence never content.
            flush(p);
            run = ++p;
            at_ = place::after_dot;
          }
          break;
        case place::in_line: {
          const auto* const lf =
              static_cast<const char*>(std::memchr(p, '\n', static_cast<std::size_t>(end - p)));
          const char* const stop = lf != nullptr ? lf : end;
          const bool cr = stop != p && stop[-1] == '\r';
          count_bare_cr(p, cr ? stop - 1 : stop);
          if (lf == nullptr) {
            at_ = cr ? place::after_cr : place::in_line;
            p = end;
          } else {
            at_ = cr ? place::line_start : place::in_line;
            if (!cr) ++bare_lf;
            p = lf + 1;
          }
          break;
        }
        case place::after_cr:
          if (*p == '\n') {
            at_ = place::line_start;
            ++p;
          } else {
            at_ = place::in_line;
            ++bare_cr;
          }
          break;
        case place::after_dot:
          at_ = place::in_line;
          if (*p == '\r') {
            // Held back as well, until it is known whether this is the end.
            run = ++p;
            at_ = place::after_dot_cr;
          }
          break;
        case place::after_dot_cr:
          if (*p == '\n') {
            run = ++p;
            at_ = place::end;
          } else {
            append(std::string_view("\r"));
            ++bare_cr;
            at_ = place::in_line;
          }
          break;
        case place::end: break;
      }
    }
    flush(p);
    return static_cast<std::size_t>(p - input.data());
  }

  [[nodiscard]] bool done() const noexcept { return at_ == place::end; }

 private:
  enum class place { line_start, in_line, after_cr, after_dot, after_dot_cr, end };

  void count_bare_cr(const char* from, const char* to) {
    while (from != to) {
      const void* const cr = std::memchr(from, '\r', static_cast<std::size_t>(to - from));
      if (cr == nullptr) return;
      ++bare_cr;
      from = static_cast<const char*>(cr) + 1;
    }
  }

  place at_ = place::line_start;
};

/// What the next octets of a client are.
enum class phase { commands, auth, data, chunk };

/// How far a transaction has come. `chunks` is after the first BDAT; `broken` after a BDAT that
/// failed, where only RSET helps (RFC 3030 section 2).
enum class transaction { none, envelope, chunks, broken };

/// What is still to be done with a connection. `stalled`: nothing, until the client leaves.
/// `closing`: the last replies are sent, then it is closed. `dead`: it waits for the end of the
/// round.
enum class life { open, stalled, closing, dead };

struct connection {
  explicit connection(descriptor socket) : fd(std::move(socket)) {}

  descriptor fd;
  std::list<connection>::iterator self;
  std::uint32_t interest = EPOLLIN;  ///< The epoll events asked for.
  life state = life::open;

  std::string line;            ///< The beginning of a command line whose end has not come.
  bool line_too_long = false;  ///< That line is dropped up to its end.
  phase next = phase::commands;

  std::string output;
  std::size_t sent = 0;       ///< Octets of `output` that are gone.
  std::size_t released = 0;   ///< Octets of `output` that may go.
  std::size_t scheduled = 0;  ///< Octets of `output` that may go or will at a known time.

  std::unique_ptr<server_tls> tls;    ///< From STARTTLS, or from the beginning.
  bool secure = false;                ///< Its handshake is done.
  bool parting = false;               ///< The end is told, so TLS says close_notify.
  std::unique_ptr<server_auth> auth;  ///< The login under way.
  int failed_logins = 0;              ///< Begun, and not accepted.
  std::string user;                   ///< Who has logged in.

  bool refused = false;   ///< The greeting was no welcome (RFC 5321 section 3.1).
  bool greeted = false;   ///< EHLO or HELO was answered well.
  bool extended = false;  ///< It was EHLO.
  std::string helo;

  transaction mail = transaction::none;
  bool utf8 = false;  ///< SMTPUTF8 was given.
  std::size_t recipient_count = 0;
  std::uint64_t size = 0;  ///< Content octets so far.
  sink::message message;   ///< Stays empty where nothing is kept.

  data_scanner scanner;
  std::uint64_t chunk_left = 0;
  bool chunk_last = false;
  bool chunk_valid = false;  ///< Else its octets are skipped.
};

struct listener {
  descriptor fd;
  std::string address;
  std::uint16_t port = 0;
  std::string unix_path;
};

listener listen_unix(const std::string& name) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.empty() || name.size() >= sizeof address.sun_path) {
    throw failure(exit_code::usage, fmt::format("a Unix socket's path has 1 to {} octets",
                                                sizeof address.sun_path - 1));
  }
  std::memcpy(address.sun_path, name.data(), name.size());
  const auto* const generic = reinterpret_cast<const sockaddr*>(&address);
  const auto open_socket = [] {
    return descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  };
  listener result{open_socket(), "unix:" + name, 0, {}};
  const auto bind = [&] { return ::bind(result.fd.get(), generic, sizeof address) == 0; };
  bool bound = bind();
  if (!bound && errno == EADDRINUSE) {
    // A socket that nobody listens on any more is left over from a sink that was killed.
    std::error_code ignored;
    if (std::filesystem::is_socket(name, ignored) &&
        ::connect(open_socket().get(), generic, sizeof address) != 0 && errno == ECONNREFUSED) {
      ::unlink(name.c_str());
      bound = bind();
    } else {
      errno = EADDRINUSE;
    }
  }
  if (!bound || ::listen(result.fd.get(), SOMAXCONN) != 0) {
    fail(exit_code::unavailable, fmt::format("cannot listen on {}", result.address), errno);
  }
  result.unix_path = name;
  return result;
}

listener listen_tcp(const std::string& where) {
  const std::size_t colon = where.rfind(':');
  std::string host = where.substr(0, colon);
  const std::string port = colon == std::string::npos ? "" : where.substr(colon + 1);
  const bool brackets = host.starts_with('[') && host.ends_with(']');
  if (brackets) host = host.substr(1, host.size() - 2);
  const std::optional<std::uint64_t> number = parse_number(port);
  if (host.empty() || !number || *number > 65535 || (!brackets && host.find(':') != host.npos)) {
    throw failure(exit_code::usage,
                  fmt::format("'{}' is not HOST:PORT, [V6]:PORT or unix:/path", where));
  }

  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), port.c_str(), &hints, &found); error != 0) {
    throw failure(exit_code::no_host,
                  fmt::format("cannot listen on {}: {}", where, gai_strerror(error)));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> owner(found, ::freeaddrinfo);
  int error = 0;
  for (const addrinfo* a = found; a != nullptr; a = a->ai_next) {
    descriptor fd(::socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    const int on = 1;
    sockaddr_storage name{};
    auto* const generic = reinterpret_cast<sockaddr*>(&name);
    socklen_t size = sizeof name;
    if (fd.get() < 0 || ::setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        ::bind(fd.get(), a->ai_addr, a->ai_addrlen) != 0 || ::listen(fd.get(), SOMAXCONN) != 0 ||
        ::getsockname(fd.get(), generic, &size) != 0) {
      error = errno;
      continue;
    }
    std::array<char, NI_MAXHOST> shown{};
    ::getnameinfo(generic, size, shown.data(), shown.size(), nullptr, 0, NI_NUMERICHOST);
    const bool v6 = name.ss_family == AF_INET6;
    const std::uint16_t bound = ntohs(v6 ? reinterpret_cast<const sockaddr_in6*>(&name)->sin6_port
                                         : reinterpret_cast<const sockaddr_in*>(&name)->sin_port);
    const std::string numeric = v6 ? fmt::format("[{}]", shown.data()) : shown.data();
    return {std::move(fd), fmt::format("{}:{}", numeric, bound), bound, {}};
  }
  fail(exit_code::unavailable, fmt::format("cannot listen on {}", where), error);
}

listener open_listener(const std::string& where) {
  constexpr std::string_view prefix = "unix:";
  return where.starts_with(prefix) ? listen_unix(where.substr(prefix.size())) : listen_tcp(where);
}

/// Writes each message as NNNNNN.eml and NNNNNN.json into a directory. Who looks into it sees whole
/// files only: they get these names once they are written.
class message_store {
 public:
  explicit message_store(std::filesystem::path directory) : directory_(std::move(directory)) {
    std::error_code error;
    std::filesystem::create_directories(directory_, error);
    // Messages of an earlier run are never overwritten: the numbers go on after theirs.
    std::filesystem::directory_iterator files(directory_, error);
    if (error || ::access(directory_.c_str(), W_OK | X_OK) != 0) {
      fail(exit_code::io_error, fmt::format("cannot store into {}", directory_.string()),
           error ? error.value() : errno);
    }
    for (const auto& file : files) {
      last_ = std::max(last_, parse_number(file.path().stem().string()).value_or(0));
    }
  }

  /// False if a file could not be written; the number is then used again.
  bool write(const sink::message& message) {
    const auto show = [](const sink::path& path) {
      return nlohmann::json{{"address", path.address}, {"parameters", path.parameters}};
    };
    nlohmann::json envelope{{"helo", message.helo},
                            {"sender", show(message.sender)},
                            {"recipients", nlohmann::json::array()},
                            {"size", message.content.size()},
                            {"tls", message.tls},
                            {"user", message.user},
                            {"via", message.chunked ? "BDAT" : "DATA"}};
    for (const sink::path& path : message.recipients) envelope["recipients"].push_back(show(path));
    const std::string name = fmt::format("{:06}", last_ + 1);
    // What a client sends need not be UTF-8, but a JSON file must.
    const std::string text =
        envelope.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
    const draft content(directory_ / (name + ".eml"), message.content);
    const draft facts(directory_ / (name + ".json"), text);
    if (!content || !facts) return false;
    // The envelope is last, so who sees it finds the content complete.
    if (!content.publish()) return false;
    if (!facts.publish()) {
      content.withdraw();
      return false;
    }
    ++last_;
    return true;
  }

 private:
  /// A file under a name that nobody looks for, until it is published; gone without that.
  class draft {
   public:
    draft(std::filesystem::path name, std::string_view octets)
        : name_(std::move(name)), written_as_(name_.string() + ".tmp") {
      std::ofstream file(written_as_, std::ios::binary | std::ios::trunc);
      file.write(octets.data(), static_cast<std::streamsize>(octets.size()));
      file.close();
      whole_ = !file.fail();
    }
    draft(const draft&) = delete;
    draft& operator=(const draft&) = delete;
    ~draft() { remove(written_as_); }

    [[nodiscard]] explicit operator bool() const noexcept { return whole_; }

    [[nodiscard]] bool publish() const {
      std::error_code error;
      std::filesystem::rename(written_as_, name_, error);
      return !error;
    }
    void withdraw() const { remove(name_); }

   private:
    static void remove(const std::filesystem::path& file) {
      std::error_code ignored;
      std::filesystem::remove(file, ignored);
    }

    std::filesystem::path name_;
    std::filesystem::path written_as_;
    bool whole_ = false;
  };

  std::filesystem::path directory_;
  std::uint64_t last_ = 0;
};

}  // namespace

class sink::server {
 public:
  explicit server(options wanted);
  ~server();
  server(const server&) = delete;
  server& operator=(const server&) = delete;

  void run();
  void start() {
    thread_ = std::thread([this] { run(); });
  }
  void stop() noexcept;
  void join() {
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] const listener& where() const noexcept { return listener_; }
  [[nodiscard]] const std::string& certificate() const noexcept { return certificate_; }
  [[nodiscard]] counters totals() const {
    const std::lock_guard lock(mutex_);
    return totals_;
  }
  [[nodiscard]] std::vector<message> messages() const {
    const std::lock_guard lock(mutex_);
    return messages_;
  }

 private:
  struct held_reply {
    clock::time_point due;
    connection* to;
    std::size_t octets;
  };

  // The loop.
  [[nodiscard]] int wait_time(clock::time_point now) const;
  void release_due(clock::time_point now);
  void accept_all();
  void set_accepting(bool wanted);
  void handle(connection& c, std::uint32_t events);
  void receive(connection& c);
  void send_replies(connection& c);
  void set_interest(connection& c);
  void bury(connection& c);
  void remove_buried();

  // The dialogue.
  void welcome(connection& c) const;
  void decrypt(connection& c, std::string_view input);
  void process(connection& c, std::string_view input);
  std::size_t take_line(connection& c, std::string_view input);
  std::size_t take_data(connection& c, std::string_view input);
  std::size_t take_chunk(connection& c, std::string_view input);
  void command(connection& c, std::string_view line);
  void hello(connection& c, std::string_view argument, bool extended);
  void start_tls(connection& c, std::string_view wrong);
  void authenticate(connection& c, std::string_view argument);
  void go_on(connection& c, server_auth::step step);
  void mail(connection& c, std::string_view argument);
  void recipient(connection& c, std::string_view argument);
  void data(connection& c, std::string_view argument);
  void chunk(connection& c, std::string_view argument);
  void end_chunk(connection& c);
  void end_content(connection& c);
  void append_content(connection& c, std::string_view octets);
  void reset_transaction(connection& c) const;
  bool keep_message(connection& c);

  [[nodiscard]] bool offers(std::string_view extension) const;
  [[nodiscard]] bool understands(const connection& c, std::string_view extension) const;
  [[nodiscard]] bool offers_tls(const connection& c) const;
  [[nodiscard]] bool offers_login(const connection& c) const;
  [[nodiscard]] std::string capabilities(const connection& c) const;
  [[nodiscard]] bool keeps() const { return options_.messages != keep::nothing; }
  [[nodiscard]] std::string_view check_parameters(const connection& c, std::string_view parameters,
                                                  bool of_sender, bool& utf8) const;
  [[nodiscard]] path make_path(std::string_view address, std::string_view parameters) const;
  [[nodiscard]] std::string_view fixed_at(stage at) const;
  bool interrupts(connection& c, stage at) const;
  void put(connection& c, std::string_view head, std::string_view rest = {}) const;
  void say(connection& c, std::string_view reply) const;
  char answer(connection& c, stage at, std::string_view usual, std::string_view by_rule = {}) const;

  options options_;
  std::unique_ptr<server_tls_context> tls_;
  std::string certificate_;
  std::string mechanisms_;  ///< As EHLO shows them.
  std::optional<message_store> store_;
  listener listener_;
  descriptor epoll_{::epoll_create1(EPOLL_CLOEXEC)};
  descriptor wake_{::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)};
  std::vector<char> buffer_ = std::vector<char>(read_size);
  bool accepting_ = false;
  std::list<connection> connections_;
  std::vector<connection*> buried_;
  std::deque<held_reply> held_;
  std::optional<clock::time_point> deadline_;
  std::thread thread_;

  mutable std::mutex mutex_;  ///< Guards what other threads read.
  counters totals_;
  std::vector<message> messages_;
};

// -------------------- the loop

sink::server::server(options wanted) : options_(std::move(wanted)) {
  if (options_.messages == keep::in_store) store_.emplace(options_.store);
  if (options_.tls != tls_use::never) {
    tls_ = server_tls_context::make(options_.certificate_file, options_.key_file);
    certificate_ = tls_->self_made();
  }
  for (const std::string_view name : server_auth::mechanisms()) {
    const auto& wanted_ones = options_.mechanisms;
    if (wanted_ones.empty() || std::any_of(wanted_ones.begin(), wanted_ones.end(),
                                           [&](const auto& w) { return same(w, name); })) {
      mechanisms_ += fmt::format(" {}", name);
    }
  }
  listener_ = open_listener(options_.listen);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &wake_;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) {
    fail(exit_code::unavailable, "cannot wait for events", errno);
  }
  set_accepting(true);
}

sink::server::~server() {
  stop();
  join();
  if (!listener_.unix_path.empty()) ::unlink(listener_.unix_path.c_str());
}

void sink::server::stop() noexcept {
  // A signal may come between a call and the reading of its errno.
  const int saved = errno;
  const std::uint64_t one = 1;
  // It can only fail when it has been written before.
  [[maybe_unused]] const ssize_t ignored = ::write(wake_.get(), &one, sizeof one);
  errno = saved;
}

void sink::server::run() {
  if (options_.max_time.count() != 0) deadline_ = clock::now() + options_.max_time;
  std::array<epoll_event, 256> events{};
  bool stopped = false;
  const auto listening = [this] { return listener_.fd.get() >= 0; };
  while (!stopped && (listening() || !connections_.empty())) {
    const int n = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                               wait_time(clock::now()));
    for (int i = 0; i < n; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.ptr == &wake_) {
        stopped = true;
      } else if (event.data.ptr == &listener_) {
        accept_all();
      } else {
        handle(*static_cast<connection*>(event.data.ptr), event.events);
      }
    }
    const clock::time_point now = clock::now();
    release_due(now);
    remove_buried();
    if (deadline_ && now >= *deadline_) stopped = true;
    if (listening() && options_.max_messages != 0 && totals_.messages >= options_.max_messages) {
      // The reply to the last message has been sent, and its client may still want to say QUIT.
      listener_.fd = descriptor();
      deadline_ = std::min(deadline_.value_or(clock::time_point::max()), now + grace);
    }
  }
  listener_.fd = descriptor();
  held_.clear();
  connections_.clear();
}

int sink::server::wait_time(clock::time_point now) const {
  std::optional<clock::time_point> next = deadline_;
  if (!held_.empty()) next = std::min(next.value_or(clock::time_point::max()), held_.front().due);
  if (!next) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - now);
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
}

void sink::server::release_due(clock::time_point now) {
  // The delay is the same for all, so the first one held is the first one due.
  while (!held_.empty() && held_.front().due <= now) {
    const held_reply held = held_.front();
    held_.pop_front();
    held.to->released += held.octets;
    if (held.to->state != life::dead) send_replies(*held.to);
  }
}

void sink::server::set_accepting(bool wanted) {
  if (wanted == accepting_) return;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &listener_;
  ::epoll_ctl(epoll_.get(), wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, listener_.fd.get(), &event);
  accepting_ = wanted;
}

void sink::server::accept_all() {
  while (true) {
    descriptor fd(::accept4(listener_.fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.get() < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      // Out of descriptors: whoever waits is taken when a connection has ended.
      if (errno != EAGAIN) set_accepting(false);
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      ++totals_.connections;
    }
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // Fails for a Unix socket.
    connection& c = connections_.emplace_back(std::move(fd));
    c.self = std::prev(connections_.end());
    epoll_event event{};
    event.events = c.interest;
    event.data.ptr = &c;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, c.fd.get(), &event) != 0 ||
        options_.close_after == stage::connect) {
      bury(c);
      continue;
    }
    if (!interrupts(c, stage::connect)) {
      if (options_.tls == tls_use::implicit) {
        c.tls = tls_->accept();
      } else {
        welcome(c);
      }
    }
    send_replies(c);
  }
}

void sink::server::handle(connection& c, std::uint32_t events) {
  if (c.state == life::dead) return;
  if ((events & EPOLLIN) != 0 && (c.interest & EPOLLIN) != 0) {
    receive(c);
  } else if ((events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0) {
    // There is nobody left to read what may still be unsent.
    bury(c);
  } else {
    send_replies(c);
  }
}

void sink::server::receive(connection& c) {
  const ssize_t n = ::recv(c.fd.get(), buffer_.data(), buffer_.size(), 0);
  if (n < 0) {
    if (errno != EAGAIN && errno != EINTR) bury(c);
    return;
  }
  if (n == 0) {
    // A client may have closed its side only and still wait for replies.
    c.state = life::closing;
  } else {
    const std::lock_guard lock(mutex_);
    const std::string_view input(buffer_.data(), static_cast<std::size_t>(n));
    if (c.tls) {
      decrypt(c, input);
    } else {
      process(c, input);
    }
  }
  send_replies(c);
}

void sink::server::send_replies(connection& c) {
  if (c.state == life::closing && c.secure && std::exchange(c.parting, false)) {
    c.tls->close(c.output);
  }
  if (options_.delay.count() == 0) {
    c.released = c.output.size();
  } else if (c.scheduled < c.output.size()) {
    held_.push_back({clock::now() + options_.delay, &c, c.output.size() - c.scheduled});
    c.scheduled = c.output.size();
  }
  while (c.sent < c.released) {
    const ssize_t n =
        ::send(c.fd.get(), c.output.data() + c.sent, c.released - c.sent, MSG_NOSIGNAL);
    if (n >= 0) {
      c.sent += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      bury(c);
      return;
    }
  }
  if (c.sent == c.output.size()) {
    c.output.clear();
    c.sent = c.released = c.scheduled = 0;
    if (c.state == life::closing) {
      bury(c);
      return;
    }
  }
  set_interest(c);
}

void sink::server::set_interest(connection& c) {
  std::uint32_t wanted = 0;
  if (c.state == life::open && c.output.size() - c.sent < output_limit) wanted |= EPOLLIN;
  if (c.sent < c.released) wanted |= EPOLLOUT;
  // Without reading, only this tells that the client has left.
  if (c.state == life::stalled) wanted |= EPOLLRDHUP;
  if (wanted == c.interest) return;
  epoll_event event{};
  event.events = c.interest = wanted;
  event.data.ptr = &c;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, c.fd.get(), &event);
}

void sink::server::bury(connection& c) {
  // Events of this round may still point to it.
  c.state = life::dead;
  buried_.push_back(&c);
}

void sink::server::remove_buried() {
  if (buried_.empty()) return;
  for (const connection* const c : buried_) {
    if (!held_.empty()) std::erase_if(held_, [&](const held_reply& held) { return held.to == c; });
    connections_.erase(c->self);
  }
  buried_.clear();
  // There may be descriptors again.
  if (listener_.fd.get() >= 0) set_accepting(true);
}

// -------------------- the dialogue

void sink::server::welcome(connection& c) const {
  c.refused = answer(c, stage::greeting, "220 localhost ESMTP sansmtp sink") != '2';
}

void sink::server::decrypt(connection& c, std::string_view input) {
  if (!c.secure && interrupts(c, stage::handshake)) return;
  std::string plain;
  const server_tls::state state = c.tls->receive(input, plain, c.output);
  const bool up = state == server_tls::state::open || !plain.empty();
  if (up && !std::exchange(c.secure, true)) {
    ++totals_.handshakes;
    if (options_.tls == tls_use::implicit) welcome(c);
  }
  process(c, plain);
  // After a close_notify there is nothing more to come; what is owed may still be read.
  if (state == server_tls::state::ended || state == server_tls::state::failed) {
    if (c.state == life::open) c.state = life::closing;
  }
}

void sink::server::process(connection& c, std::string_view input) {
  while (!input.empty() && c.state == life::open) {
    // What came behind STARTTLS in the same read can only be a handshake.
    if (c.tls && !c.secure) return decrypt(c, input);
    std::size_t used = 0;
    switch (c.next) {
      case phase::commands:
      case phase::auth: used = take_line(c, input); break;
      case phase::data: used = take_data(c, input); break;
      case phase::chunk: used = take_chunk(c, input); break;
    }
    input.remove_prefix(used);
  }
}

std::size_t sink::server::take_line(connection& c, std::string_view input) {
  const std::size_t lf = input.find('\n');
  const std::size_t used = lf == std::string_view::npos ? input.size() : lf + 1;
  std::string_view line = input.substr(0, used);
  const std::size_t limit = c.next == phase::auth ? auth_line_limit : line_limit;
  if (c.line.size() + line.size() > limit) c.line_too_long = true;
  if (lf == std::string_view::npos) {
    if (!c.line_too_long) c.line.append(line);
    return used;
  }
  if (c.line_too_long) {
    c.next = phase::commands;
    say(c, "500 5.5.2 line too long");
  } else {
    if (!c.line.empty()) line = c.line.append(line);
    command(c, line);
  }
  c.line.clear();
  c.line_too_long = false;
  return used;
}

void sink::server::command(connection& c, std::string_view line) {
  if (!line.ends_with("\r\n")) return say(c, "500 5.5.2 line does not end in CRLF");
  line.remove_suffix(2);
  if (c.next == phase::auth) {
    if (line != "*") return go_on(c, c.auth->answer(line));
    c.next = phase::commands;
    return say(c, "501 5.7.0 login cancelled");
  }
  if (std::any_of(line.begin(), line.end(), is_control)) {
    return say(c, "500 5.5.2 control character in command");
  }
  const bool bare = line.find(' ') == std::string_view::npos;
  std::string_view argument = line;
  const std::string_view verb = take(argument, ' ');
  const auto alone = [&](std::string_view ok) {
    return bare ? ok : "501 5.5.4 no argument allowed";
  };

  if (same(verb, "QUIT")) {
    answer(c, stage::quit, alone("221 2.0.0 goodbye"));
    if (bare && c.state == life::open) {
      c.state = life::closing;
      c.parting = true;
    }
  } else if (c.refused) {
    say(c, "503 5.5.1 no service here");
  } else if (same(verb, "EHLO") || same(verb, "HELO")) {
    hello(c, argument, same(verb, "EHLO"));
  } else if (same(verb, "STARTTLS") && offers_tls(c)) {
    start_tls(c, alone({}));
  } else if (same(verb, "AUTH") && !options_.user.empty() && offers("AUTH")) {
    authenticate(c, argument);
  } else if (same(verb, "MAIL")) {
    mail(c, argument);
  } else if (same(verb, "RCPT")) {
    recipient(c, argument);
  } else if (same(verb, "DATA")) {
    data(c, alone({}));
  } else if (same(verb, "BDAT") && offers("CHUNKING")) {
    chunk(c, argument);
  } else if (same(verb, "RSET")) {
    if (answer(c, stage::rset, alone("250 2.0.0 reset")) == '2') reset_transaction(c);
  } else if (same(verb, "NOOP")) {
    say(c, "250 2.0.0 ok");
  } else if (same(verb, "VRFY") || same(verb, "EXPN")) {
    say(c, argument.empty() ? "501 5.5.4 argument needed" : "252 2.0.0 send mail and see");
  } else if (same(verb, "HELP")) {
    say(c, "214 2.0.0 see RFC 5321");
  } else {
    say(c, "500 5.5.2 unknown command");
  }
}

void sink::server::hello(connection& c, std::string_view argument, bool extended) {
  const bool valid = !argument.empty() && argument.find(' ') == std::string_view::npos;
  const std::string offered = capabilities(c);
  const std::string_view usual = !valid     ? "501 5.5.4 one name, please"
                                 : extended ? std::string_view(offered)
                                            : "250 localhost";
  if (answer(c, extended ? stage::ehlo : stage::helo, usual) != '2') return;
  c.greeted = true;
  c.extended = extended;
  c.helo = argument;
  reset_transaction(c);
}

void sink::server::start_tls(connection& c, std::string_view wrong) {
  const std::string_view usual = wrong.empty() ? "220 2.0.0 go ahead" : wrong;
  if (answer(c, stage::starttls, usual) != '2' || c.state != life::open) return;
  // Nothing that was said in clear text counts any more (RFC 3207 section 4.2).
  c.greeted = c.extended = false;
  c.helo.clear();
  c.user.clear();
  reset_transaction(c);
  c.tls = tls_->accept();
}

void sink::server::authenticate(connection& c, std::string_view argument) {
  if (!offers_login(c)) return say(c, "538 5.7.11 only through TLS");
  if (!c.extended) return say(c, "503 5.5.1 say EHLO first");
  if (!c.user.empty()) return say(c, "503 5.5.1 you are logged in");
  if (c.mail != transaction::none) return say(c, "503 5.5.1 not within a mail");
  std::string mechanism(take(argument, ' '));
  std::transform(mechanism.begin(), mechanism.end(), mechanism.begin(), upper);
  if (fmt::format("{} ", mechanisms_).find(fmt::format(" {} ", mechanism)) == std::string::npos) {
    return say(c, "504 5.5.4 unknown mechanism");
  }
  if (c.failed_logins == most_failed_logins) {
    c.state = life::closing;
    c.parting = true;
    return say(c, "421 4.7.0 too many logins failed");
  }
  // It has failed until it is accepted, however it ends.
  ++c.failed_logins;
  c.auth = server_auth::make(mechanism, options_.user, options_.password);
  go_on(c, c.auth->begin(argument.empty() ? std::nullopt : std::optional(argument)));
}

void sink::server::go_on(connection& c, server_auth::step step) {
  using kind = server_auth::step::kind;
  c.next = step.what == kind::challenge ? phase::auth : phase::commands;
  if (step.what == kind::challenge) return put(c, "334 ", step.challenge);
  const std::string_view usual = step.what == kind::accepted  ? "235 2.7.0 welcome"
                                 : step.what == kind::refused ? "535 5.7.8 wrong name or password"
                                                              : "501 5.5.2 not as it should be";
  if (answer(c, stage::auth, usual) != '2') return;
  c.user = options_.user;
  c.failed_logins = 0;
  ++totals_.logins;
}

void sink::server::mail(connection& c, std::string_view argument) {
  constexpr std::string_view prefix = "FROM:";
  std::string_view rest = argument.substr(std::min(prefix.size(), argument.size()));
  std::optional<std::string_view> address;
  if (same(argument.substr(0, prefix.size()), prefix)) address = take_path(rest);
  bool utf8 = false;
  std::string_view usual;
  std::string_view by_rule;
  if (!c.greeted) {
    usual = "503 5.5.1 say EHLO first";
  } else if (options_.require_login && c.user.empty()) {
    usual = "530 5.7.0 log in first";
  } else if (c.mail != transaction::none) {
    usual = "503 5.5.1 a mail is open already";
  } else if (!address) {
    usual = "501 5.5.4 MAIL FROM:<address> expected";
  } else if (usual = check_parameters(c, rest, true, utf8); !usual.empty()) {
    // The parameters say what is wrong.
  } else if (!utf8 && !is_ascii(*address)) {
    usual = "553 5.6.7 this sender needs SMTPUTF8";
  } else {
    usual = "250 2.1.0 sender ok";
    for (const rule& r : options_.refused_senders) {
      if (!matches(r, *address)) continue;
      usual = "550 5.7.1 sender refused";
      by_rule = r.reply;
      break;
    }
  }
  if (answer(c, stage::mail, usual, by_rule) != '2') return;
  reset_transaction(c);
  c.mail = transaction::envelope;
  c.utf8 = utf8;
  if (keeps()) {
    c.message.helo = c.helo;
    c.message.user = c.user;
    c.message.tls = c.secure;
    c.message.sender = make_path(address.value_or(argument), rest);
  }
}

void sink::server::recipient(connection& c, std::string_view argument) {
  constexpr std::string_view prefix = "TO:";
  std::string_view rest = argument.substr(std::min(prefix.size(), argument.size()));
  std::optional<std::string_view> address;
  if (same(argument.substr(0, prefix.size()), prefix)) address = take_path(rest);
  bool utf8 = c.utf8;
  std::string_view usual;
  std::string_view by_rule;
  if (c.mail != transaction::envelope) {
    usual = "503 5.5.1 say MAIL first";
  } else if (!address || address->empty()) {
    usual = "501 5.5.4 RCPT TO:<address> expected";
  } else if (usual = check_parameters(c, rest, false, utf8); !usual.empty()) {
    // The parameters say what is wrong.
  } else if (!utf8 && !is_ascii(*address)) {
    usual = "553 5.6.7 this recipient needs SMTPUTF8";
  } else if (c.recipient_count >= options_.max_recipients) {
    usual = "452 4.5.3 too many recipients";
  } else {
    usual = "250 2.1.5 recipient ok";
    for (const rule& r : options_.refused_recipients) {
      if (!matches(r, *address)) continue;
      usual = "550 5.1.1 no such user";
      by_rule = r.reply;
      break;
    }
  }
  if (answer(c, stage::rcpt, usual, by_rule) != '2' || c.mail != transaction::envelope) return;
  ++c.recipient_count;
  if (keeps()) c.message.recipients.push_back(make_path(address.value_or(argument), rest));
}

void sink::server::data(connection& c, std::string_view wrong) {
  std::string_view usual = wrong;
  if (c.mail != transaction::envelope) {
    usual = "503 5.5.1 say MAIL first";
  } else if (c.recipient_count == 0) {
    usual = "503 5.5.1 no valid recipients";
  } else if (usual.empty()) {
    usual = "354 end with CRLF.CRLF";
  }
  if (answer(c, stage::data, usual) != '3') return;
  c.next = phase::data;
  c.scanner = {};
}

std::size_t sink::server::take_data(connection& c, std::string_view input) {
  if (interrupts(c, stage::content_start)) return input.size();
  const std::size_t used =
      c.scanner.scan(input, [&](std::string_view octets) { append_content(c, octets); });
  totals_.bare_cr += std::exchange(c.scanner.bare_cr, 0);
  totals_.bare_lf += std::exchange(c.scanner.bare_lf, 0);
  if (c.scanner.done()) {
    c.next = phase::commands;
    end_content(c);
  }
  return used;
}

void sink::server::chunk(connection& c, std::string_view argument) {
  const std::optional<std::uint64_t> size = parse_number(take(argument, ' '));
  if (!size || (!argument.empty() && !same(argument, "LAST"))) {
    return say(c, "501 5.5.4 BDAT size [LAST] expected");
  }
  // The octets are on their way also if they are not wanted (RFC 3030 section 2).
  c.next = phase::chunk;
  c.chunk_left = *size;
  c.chunk_last = !argument.empty();
  c.chunk_valid = c.extended && c.recipient_count != 0 &&
                  (c.mail == transaction::envelope || c.mail == transaction::chunks);
  if (c.chunk_valid) {
    c.mail = transaction::chunks;
  } else if (c.mail != transaction::none) {
    c.mail = transaction::broken;
  }
  if (c.chunk_left == 0) end_chunk(c);
}

std::size_t sink::server::take_chunk(connection& c, std::string_view input) {
  if (c.chunk_valid && interrupts(c, stage::content_start)) return input.size();
  const auto used = static_cast<std::size_t>(std::min<std::uint64_t>(input.size(), c.chunk_left));
  if (c.chunk_valid) append_content(c, input.substr(0, used));
  c.chunk_left -= used;
  if (c.chunk_left == 0) end_chunk(c);
  return used;
}

void sink::server::end_chunk(connection& c) {
  c.next = phase::commands;
  if (!c.chunk_valid) {
    say(c, "503 5.5.1 say MAIL and RCPT first, or RSET");
  } else if (c.chunk_last) {
    end_content(c);
  } else if (c.size > options_.max_size) {
    c.mail = transaction::broken;
    say(c, "552 5.3.4 message too big");
  } else {
    say(c, "250 2.0.0 chunk received");
  }
}

void sink::server::append_content(connection& c, std::string_view octets) {
  c.size += octets.size();
  if (!keeps()) return;
  if (c.size <= options_.max_size) {
    c.message.content.append(octets);
  } else {
    // It can only be refused in the end, so it need not be held until then.
    std::string().swap(c.message.content);
  }
}

void sink::server::end_content(connection& c) {
  std::string_view usual = "250 2.0.0 accepted";
  if (c.size > options_.max_size) {
    usual = "552 5.3.4 message too big";
  } else if (c.recipient_count == 0) {
    usual = "554 5.5.1 no valid recipients";
  } else {
    // Where the reply gets lost on purpose, the message is accepted all the same: that is the case
    // which leaves the client in doubt.
    const std::string_view fixed = fixed_at(stage::content);
    const bool accepted = fixed.empty() || fixed.starts_with('2');
    if (accepted && !keep_message(c)) usual = "452 4.3.1 cannot store the message";
  }
  answer(c, stage::content, usual);
  reset_transaction(c);
}

bool sink::server::keep_message(connection& c) {
  c.message.chunked = c.mail == transaction::chunks;
  if (store_ && !store_->write(c.message)) return false;
  if (options_.messages == keep::in_memory) messages_.push_back(std::move(c.message));
  ++totals_.messages;
  totals_.recipients += c.recipient_count;
  totals_.octets += c.size;
  return true;
}

void sink::server::reset_transaction(connection& c) const {
  c.mail = transaction::none;
  c.utf8 = false;
  c.recipient_count = 0;
  c.size = 0;
  if (keeps()) c.message = {};
}

bool sink::server::offers(std::string_view extension) const {
  return std::none_of(options_.hidden.begin(), options_.hidden.end(),
                      [&](const std::string& name) { return same(name, extension); });
}

bool sink::server::offers_tls(const connection& c) const {
  return options_.tls == tls_use::starttls && !c.secure && offers("STARTTLS");
}

/// Where there is no TLS at all, a login in clear text is what is wanted.
bool sink::server::offers_login(const connection& c) const {
  return !options_.user.empty() && offers("AUTH") && (c.secure || options_.tls == tls_use::never);
}

/// Whether parameters of the extension are known on this connection.
bool sink::server::understands(const connection& c, std::string_view extension) const {
  return c.extended && (extension == "AUTH" ? offers_login(c) : offers(extension));
}

std::string sink::server::capabilities(const connection& c) const {
  std::vector<std::string> lines{"localhost"};
  if (offers_tls(c)) lines.emplace_back("STARTTLS");
  if (offers_login(c)) lines.push_back("AUTH" + mechanisms_);
  for (const std::string_view name : extension_names) {
    if (!offers(name)) continue;
    lines.push_back(name == "SIZE" ? fmt::format("SIZE {}", options_.max_size) : std::string(name));
  }
  std::string reply;
  for (const std::string& line : lines) {
    reply += fmt::format("{}250{}{}", &line == &lines.front() ? "" : "\r\n",
                         &line == &lines.back() ? ' ' : '-', line);
  }
  return reply;
}

/// The reply to wrong parameters, empty if they are right. `parameters` is what follows the path.
std::string_view sink::server::check_parameters(const connection& c, std::string_view parameters,
                                                bool of_sender, bool& utf8) const {
  constexpr std::string_view syntax = "501 5.5.4 bad parameter";
  std::array<bool, parameter_rules.size()> seen{};
  if (parameters.empty()) return {};
  if (parameters.ends_with(' ') || !take(parameters, ' ').empty()) return syntax;
  while (!parameters.empty()) {
    std::string_view value = take(parameters, ' ');
    const std::string_view whole = value;
    const std::string_view keyword = take(value, '=');
    const auto known = std::find_if(
        parameter_rules.begin(), parameter_rules.end(), [&](const parameter_rule& rule) {
          return rule.of_sender == of_sender && same(rule.keyword, keyword) &&
                 understands(c, rule.extension);
        });
    if (keyword.empty()) return syntax;
    if (known == parameter_rules.end()) return "555 5.5.4 unknown parameter";
    bool& again = seen[static_cast<std::size_t>(known - parameter_rules.begin())];
    if (again || whole.ends_with('=') || !known->valid(value)) return syntax;
    again = true;
    if (known->keyword == "SMTPUTF8") utf8 = true;
    if (known->keyword == "SIZE" && *parse_number(value) > options_.max_size) {
      return "552 5.3.4 message too big";
    }
  }
  return {};
}

sink::path sink::server::make_path(std::string_view address, std::string_view parameters) const {
  path result{std::string(address), {}};
  while (!parameters.empty()) {
    const std::string_view parameter = take(parameters, ' ');
    if (!parameter.empty()) result.parameters.emplace_back(parameter);
  }
  return result;
}

/// The reply fixed for a stage, empty if there is none.
std::string_view sink::server::fixed_at(stage at) const {
  const auto found = std::find_if(options_.replies.begin(), options_.replies.end(),
                                  [&](const fixed_reply& fixed) { return fixed.at == at; });
  return found == options_.replies.end() ? std::string_view() : found->reply;
}

/// Whether the dialogue ends here, at `at`, without a reply.
bool sink::server::interrupts(connection& c, stage at) const {
  if (options_.stall == at) {
    c.state = life::stalled;
    return true;
  }
  if (options_.close_after == at && (at == stage::handshake || at == stage::content_start ||
                                     at == stage::content || at == stage::quit)) {
    c.state = life::closing;
    return true;
  }
  return false;
}

/// A whole reply in two parts; adds the last CRLF.
void sink::server::put(connection& c, std::string_view head, std::string_view rest) const {
  if (!c.secure) {
    c.output.append(head).append(rest).append("\r\n");
    return;
  }
  c.tls->send(fmt::format("{}{}\r\n", head, rest), c.output);
}

/// One of the sink's own replies, without its enhanced code if those are hidden (RFC 2034 section
/// 4).
void sink::server::say(connection& c, std::string_view reply) const {
  const bool enhanced = reply.size() > 10 && reply[5] == '.' && reply[7] == '.';
  if (enhanced && !offers("ENHANCEDSTATUSCODES")) {
    return put(c, reply.substr(0, 4), reply.substr(reply.find(' ', 4) + 1));
  }
  put(c, reply);
}

/// Answers at a stage: as fixed for it, else by the rule that met the address, else as usual.
/// Returns the first digit, or NUL if nothing was said.
char sink::server::answer(connection& c, stage at, std::string_view usual,
                          std::string_view by_rule) const {
  if (interrupts(c, at)) return 0;
  if (const std::string_view fixed = fixed_at(at); !fixed.empty()) by_rule = fixed;
  if (by_rule.empty()) {
    say(c, usual);
  } else {
    put(c, by_rule);
    usual = by_rule;
  }
  if (usual.starts_with("421")) c.parting = true;
  if (options_.close_after == at || c.parting) c.state = life::closing;
  return usual.front();
}

// -------------------- the surface

sink::sink(options wanted) : server_(std::make_unique<server>(std::move(wanted))) {}

sink::~sink() = default;

std::uint16_t sink::port() const noexcept { return server_->where().port; }

const std::string& sink::address() const noexcept { return server_->where().address; }

const std::string& sink::certificate() const noexcept { return server_->certificate(); }

void sink::run() { server_->run(); }

void sink::start() { server_->start(); }

void sink::stop() noexcept { server_->stop(); }

void sink::join() { server_->join(); }

sink::counters sink::totals() const { return server_->totals(); }

std::vector<sink::message> sink::messages() const { return server_->messages(); }

std::vector<std::string_view> sink::extensions() {
  return {extension_names.begin(), extension_names.end()};
}

std::vector<std::string_view> sink::mechanisms() { return server_auth::mechanisms(); }

}  // namespace sansmtp::cli
