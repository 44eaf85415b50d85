#include "sansmtp/curl/policy_fetcher.hpp"

#include <curl/curl.h>
#include <poll.h>

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <string_view>
#include <utility>

#include "sansmtp/routing/sts_policy.hpp"
#include "sansmtp/tls/server_identity.hpp"
#include "sansmtp/tls/tls_errc.hpp"

namespace sansmtp::curl {
namespace {

using clock = std::chrono::steady_clock;

struct easy_deleter {
  void operator()(CURL* h) const noexcept { ::curl_easy_cleanup(h); }
};
struct multi_deleter {
  void operator()(CURLM* h) const noexcept { ::curl_multi_cleanup(h); }
};
struct list_deleter {
  void operator()(curl_slist* l) const noexcept { ::curl_slist_free_all(l); }
};

class category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "libcurl"; }
  [[nodiscard]] std::string message(int value) const override {
    return ::curl_easy_strerror(static_cast<CURLcode>(value));
  }
};

/// What libcurl says, in words that others know where there are some.
std::error_code error_of(CURLcode code) {
  if (code == CURLE_OK) return {};
  if (code == CURLE_OPERATION_TIMEDOUT) return std::make_error_code(std::errc::timed_out);
  if (code == CURLE_FILESIZE_EXCEEDED) return std::make_error_code(std::errc::file_too_large);
  if (code == CURLE_SSL_CONNECT_ERROR) return tls_errc::no_common_ground;
  if (code == CURLE_PEER_FAILED_VERIFICATION) return tls_errc::untrusted_certificate;
  if (code == CURLE_SSL_CACERT_BADFILE) return tls_errc::bad_trust;
  return {static_cast<int>(code), curl_category()};
}

/// Is it text/plain, with parameters or without (RFC 8461 section 3.2)?
bool is_plain_text(const char* media_type) {
  if (media_type == nullptr) return false;
  std::string_view type = media_type;
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ') || type.ends_with('\t')) type.remove_suffix(1);
  const auto same = [](char a, char b) {
    return a == (b >= 'A' && b <= 'Z' ? b + ('a' - 'A') : b);
  };
  constexpr std::string_view wanted = "text/plain";
  return std::equal(wanted.begin(), wanted.end(), type.begin(), type.end(), same);
}

}  // namespace

const std::error_category& curl_category() noexcept {
  static const category instance;
  return instance;
}

struct policy_fetcher::impl {
  struct transfer {
    std::unique_ptr<CURL, easy_deleter> handle;
    ticket of = 0;
    std::string body;
    bool is_too_long = false;
  };

  fetcher_options options;
  std::unique_ptr<curl_slist, list_deleter> connect_to;
  std::map<curl_socket_t, int> sockets;  // what each is watched for
  std::optional<time_point> timer;
  std::deque<result> results;
  ticket last = 0;
  std::unique_ptr<CURLM, multi_deleter> multi;
  std::map<CURL*, std::unique_ptr<transfer>> transfers;

  ~impl() { give_up(); }

  void begin();
  ticket get(const std::string& host);
  [[nodiscard]] bool set(CURL* h, transfer& t, const std::string& host) const;
  void process();
  void collect();
  void finish(CURL* h, CURLcode code);
  void give_up();

  static int note_socket(CURL* h, curl_socket_t s, int what, void* self, void* unused) noexcept;
  static int note_timer(CURLM* h, long ms, void* self) noexcept;
  static std::size_t take(char* octets, std::size_t size, std::size_t n, void* t);
};

void policy_fetcher::impl::begin() {
  // Once for the process, whatever else in it uses libcurl; nobody undoes it.
  static const bool is_ready = ::curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
  if (!is_ready) return;
  multi.reset(::curl_multi_init());
  if (!multi) return;
  ::curl_multi_setopt(multi.get(), CURLMOPT_SOCKETFUNCTION, &impl::note_socket);
  ::curl_multi_setopt(multi.get(), CURLMOPT_SOCKETDATA, this);
  ::curl_multi_setopt(multi.get(), CURLMOPT_TIMERFUNCTION, &impl::note_timer);
  ::curl_multi_setopt(multi.get(), CURLMOPT_TIMERDATA, this);
  for (const std::string& to : options.connect_to) {
    curl_slist* const longer = ::curl_slist_append(connect_to.get(), to.c_str());
    if (longer == nullptr) continue;
    static_cast<void>(connect_to.release());
    connect_to.reset(longer);
  }
}

policy_fetcher::ticket policy_fetcher::impl::get(const std::string& host) {
  const ticket of = ++last;
  // Nothing but a name: a URL could hide another host, a port or a password in it.
  if (!tls::is_dns_name(host)) {
    results.push_back({of, std::make_error_code(std::errc::invalid_argument), 0, {}});
    return of;
  }
  auto t = std::make_unique<transfer>();
  t->of = of;
  t->handle.reset(multi ? ::curl_easy_init() : nullptr);
  CURL* const h = t->handle.get();
  if (h == nullptr || !set(h, *t, host) || ::curl_multi_add_handle(multi.get(), h) != CURLM_OK) {
    results.push_back({of, std::make_error_code(std::errc::operation_canceled), 0, {}});
    return of;
  }
  transfers.emplace(h, std::move(t));
  return of;
}

bool policy_fetcher::impl::set(CURL* h, transfer& t, const std::string& host) const {
  const std::string url = "https://" + host + "/.well-known/mta-sts.txt";
  bool all = true;
  const auto option = [&](CURLoption which, auto value) {
    all = ::curl_easy_setopt(h, which, value) == CURLE_OK && all;
  };
  option(CURLOPT_URL, url.c_str());
  option(CURLOPT_PROTOCOLS_STR, "https");
  option(CURLOPT_FOLLOWLOCATION, 0L);
  option(CURLOPT_PROXY, "");  // none, whatever the environment says
  option(CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  option(CURLOPT_SSL_VERIFYPEER, 1L);
  option(CURLOPT_SSL_VERIFYHOST, 2L);
  option(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!options.ca_file.empty()) {
    option(CURLOPT_CAINFO, options.ca_file.c_str());
    option(CURLOPT_CAPATH, static_cast<const char*>(nullptr));
  }
  if (connect_to) option(CURLOPT_CONNECT_TO, connect_to.get());
  option(CURLOPT_NOSIGNAL, 1L);
  option(CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout.count()));
  option(CURLOPT_MAXFILESIZE, static_cast<long>(routing::longest_sts_body));
  option(CURLOPT_USERAGENT, "sansmtp");
  option(CURLOPT_WRITEFUNCTION, &impl::take);
  option(CURLOPT_WRITEDATA, static_cast<void*>(&t));
  return all;
}

int policy_fetcher::impl::note_socket(CURL* /*h*/, curl_socket_t s, int what, void* self,
                                      void* /*unused*/) noexcept {
  auto& sockets = static_cast<impl*>(self)->sockets;
  if (what == CURL_POLL_REMOVE) {
    sockets.erase(s);
  } else {
    sockets[s] = what;
  }
  return 0;
}

int policy_fetcher::impl::note_timer(CURLM* /*h*/, long ms, void* self) noexcept {
  auto& timer = static_cast<impl*>(self)->timer;
  timer = ms < 0 ? std::nullopt : std::optional(clock::now() + std::chrono::milliseconds(ms));
  return 0;
}

// The length that a server promises is one bound, and what it sends is the other.
std::size_t policy_fetcher::impl::take(char* octets, std::size_t size, std::size_t n, void* t) {
  auto& to = *static_cast<transfer*>(t);
  if (size * n > routing::longest_sts_body - to.body.size()) {
    to.is_too_long = true;
    return 0;
  }
  to.body.append(octets, size * n);
  return size * n;
}

void policy_fetcher::impl::process() {
  if (!multi) return;
  int running = 0;
  std::vector<pollfd> entries;
  for (const auto& [s, what] : sockets) {
    const int events =
        ((what & CURL_POLL_IN) != 0 ? POLLIN : 0) | ((what & CURL_POLL_OUT) != 0 ? POLLOUT : 0);
    entries.push_back({s, static_cast<short>(events), 0});
  }
  if (!entries.empty() && ::poll(entries.data(), entries.size(), 0) > 0) {
    for (const pollfd& e : entries) {
      if (e.revents == 0) continue;
      const int ready = ((e.revents & POLLIN) != 0 ? CURL_CSELECT_IN : 0) |
                        ((e.revents & POLLOUT) != 0 ? CURL_CSELECT_OUT : 0) |
                        ((e.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0 ? CURL_CSELECT_ERR : 0);
      ::curl_multi_socket_action(multi.get(), e.fd, ready, &running);
    }
  }
  if (timer && clock::now() >= *timer) {
    timer.reset();
    ::curl_multi_socket_action(multi.get(), CURL_SOCKET_TIMEOUT, 0, &running);
  }
  collect();
}

void policy_fetcher::impl::collect() {
  int left = 0;
  while (const CURLMsg* const m = ::curl_multi_info_read(multi.get(), &left)) {
    // What it says goes with the handle.
    if (m->msg == CURLMSG_DONE) finish(m->easy_handle, m->data.result);
  }
}

void policy_fetcher::impl::finish(CURL* h, CURLcode code) {
  const auto at = transfers.find(h);
  if (at == transfers.end()) return;
  transfer& t = *at->second;
  result r{t.of, error_of(code), 0, {}};
  if (t.is_too_long) r.error = std::make_error_code(std::errc::file_too_large);
  if (!r.error) {
    long status = 0;
    const char* type = nullptr;
    ::curl_easy_getinfo(h, CURLINFO_RESPONSE_CODE, &status);
    ::curl_easy_getinfo(h, CURLINFO_CONTENT_TYPE, &type);
    r.status = static_cast<int>(status);
    if (status == 200 && !is_plain_text(type)) {
      r.error = std::make_error_code(std::errc::bad_message);
    } else {
      r.body = std::move(t.body);
    }
  }
  ::curl_multi_remove_handle(multi.get(), h);
  transfers.erase(at);
  results.push_back(std::move(r));
}

void policy_fetcher::impl::give_up() {
  for (const auto& [h, t] : transfers) {
    ::curl_multi_remove_handle(multi.get(), h);
    results.push_back({t->of, std::make_error_code(std::errc::operation_canceled), 0, {}});
  }
  transfers.clear();
  multi.reset();
  sockets.clear();
  timer.reset();
}

policy_fetcher::policy_fetcher(fetcher_options options) : impl_(std::make_unique<impl>()) {
  impl_->options = std::move(options);
  impl_->begin();
}

policy_fetcher::~policy_fetcher() = default;

policy_fetcher::ticket policy_fetcher::get(const routing::fetch& f) { return impl_->get(f.host); }

std::optional<policy_fetcher::result> policy_fetcher::next_result() {
  if (impl_->results.empty()) impl_->process();
  if (impl_->results.empty()) return std::nullopt;
  result first = std::move(impl_->results.front());
  impl_->results.pop_front();
  return first;
}

void policy_fetcher::watch(std::vector<routing::watched>& into) const {
  for (const auto& [s, what] : impl_->sockets) {
    into.push_back({s, (what & CURL_POLL_IN) != 0, (what & CURL_POLL_OUT) != 0});
  }
}

std::optional<time_point> policy_fetcher::deadline() const { return impl_->timer; }

void policy_fetcher::close() { impl_->give_up(); }

}  // namespace sansmtp::curl
