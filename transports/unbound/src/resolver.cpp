#include "sansmtp/unbound/resolver.hpp"

#include <poll.h>
#include <unbound.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstddef>
#include <deque>
#include <map>
#include <string_view>
#include <utility>

#include "rdata.hpp"

namespace sansmtp::unbound {
namespace {

using clock = std::chrono::steady_clock;
using routing::dns_answer;
using routing::found;

// Where Debian's dns-root-data has the keys of the root.
constexpr const char* usual_anchor = "/usr/share/dns/root.key";

constexpr int class_in = 1;
constexpr int type_ns = 2;
constexpr int rcode_no_error = 0;

struct result_deleter {
  void operator()(ub_result* r) const noexcept { ::ub_resolve_free(r); }
};
using owned_result = std::unique_ptr<ub_result, result_deleter>;

struct context_deleter {
  void operator()(ub_ctx* c) const noexcept { ::ub_ctx_delete(c); }
};

found what_of(const ub_result& r) {
  if (r.bogus != 0) return found::bogus;
  if (r.nxdomain != 0) return found::no_name;
  if (r.rcode != rcode_no_error) return found::failed;
  return r.havedata != 0 ? found::ok : found::no_data;
}

dns_answer answer_of(routing::record type, const ub_result& r) {
  dns_answer answer;
  answer.what = what_of(r);
  answer.secure = r.secure != 0;
  answer.ttl = std::chrono::seconds(std::max(r.ttl, 0));
  if (r.canonname != nullptr) answer.canonical = r.canonname;
  std::vector<std::string_view> rdata;
  for (std::size_t i = 0; r.data != nullptr && r.len != nullptr && r.data[i] != nullptr; ++i) {
    rdata.emplace_back(r.data[i], static_cast<std::size_t>(std::max(r.len[i], 0)));
  }
  if (answer.what != found::ok) return answer;
  // What cannot be read is no answer, whoever signed it.
  if (!read_records(type, rdata, answer)) return {};
  return answer;
}

class category final : public std::error_category {
 public:
  [[nodiscard]] const char* name() const noexcept override { return "sansmtp.unbound"; }
  [[nodiscard]] std::string message(int value) const override {
    switch (static_cast<resolver_errc>(value)) {
      case resolver_errc::none: return "Nothing failed.";
      case resolver_errc::no_context: return "libunbound cannot begin.";
      case resolver_errc::bad_server: return "The address of a DNS server is none.";
      case resolver_errc::bad_system_file:
        return "The system's list of DNS servers cannot be read.";
      case resolver_errc::bad_trust_anchor: return "A trust anchor cannot be read.";
      case resolver_errc::no_trust_anchor:
        return "There is no trust anchor, so that DNS answers are not verified.";
      case resolver_errc::not_validating:
        return "DNS answers come without signatures, so that they cannot be verified.";
      case resolver_errc::unreachable:
        return "No DNS server has told of the root, so that answers cannot be verified.";
    }
    return "Unknown.";
  }
};

}  // namespace

const std::error_category& resolver_category() noexcept {
  static const category instance;
  return instance;
}

std::error_code make_error_code(resolver_errc e) noexcept {
  return {static_cast<int>(e), resolver_category()};
}

struct resolver::impl {
  /// A question that libunbound works on. Its callback gets a pointer to it.
  struct open_question {
    impl* owner = nullptr;
    ticket of = 0;
    routing::record type{};  // not of the probe
  };

  std::unique_ptr<ub_ctx, context_deleter> context;
  std::map<ticket, open_question> open;  // a map, since its elements stay where they are
  std::deque<answer> answers;
  ticket last = 0;
  ticket probe = 0;  // 0: it has been answered
  clock::time_point probe_until;
  std::chrono::milliseconds probe_timeout{};
  std::error_code error;
  std::error_code warning;

  void begin(const resolver_options& options);
  [[nodiscard]] resolver_errc set_servers(const resolver_options& options);
  [[nodiscard]] resolver_errc set_anchors(const resolver_options& options);
  [[nodiscard]] resolver_errc begin_probe();
  [[nodiscard]] int begin_question(open_question& q, const std::string& name, int type);
  void process();
  void finish(ticket of, dns_answer what);
  void give_up();

  static void take(void* question, int error, ub_result* result) noexcept;
};

void resolver::impl::begin(const resolver_options& options) {
  context.reset(::ub_ctx_create());
  if (!context) {
    error = resolver_errc::no_context;
    return;
  }
  ::ub_ctx_debugout(context.get(), nullptr);  // what is worth telling are values
  resolver_errc problem = set_servers(options);
  if (problem == resolver_errc::none) problem = set_anchors(options);
  if (problem == resolver_errc::none && ::ub_ctx_async(context.get(), 1) != 0) {
    problem = resolver_errc::no_context;
  }
  probe_timeout = options.probe_timeout;
  if (problem == resolver_errc::none && !warning) {
    warning = resolver_errc::unreachable;  // until something else is known
    problem = begin_probe();
  }
  if (problem == resolver_errc::none) return;
  error = problem;
  give_up();
}

resolver_errc resolver::impl::set_servers(const resolver_options& options) {
  ub_ctx* const c = context.get();
  for (const std::string& server : options.forwarders) {
    if (::ub_ctx_set_fwd(c, server.c_str()) != 0) return resolver_errc::bad_server;
  }
  for (const stub_zone& stub : options.stubs) {
    if (::ub_ctx_set_stub(c, stub.zone.c_str(), stub.server.c_str(), 0) != 0) {
      return resolver_errc::bad_server;
    }
  }
  if (options.forwarders.empty() && !options.system_file.empty() &&
      ::ub_ctx_resolvconf(c, options.system_file.c_str()) != 0) {
    return resolver_errc::bad_system_file;
  }
  // Whoever names a server on this machine means it, a resolver here is the usual thing, and who
  // has names below "test", "home.arpa" or of its own addresses has a server for them (RFC 6761
  // section 6.2, RFC 8375, RFC 6303).
  if (::ub_ctx_set_option(c, "do-not-query-localhost:", "no") != 0 ||
      ::ub_ctx_set_option(c, "local-zone:", "test. transparent") != 0 ||
      ::ub_ctx_set_option(c, "local-zone:", "home.arpa. transparent") != 0 ||
      ::ub_ctx_set_option(c, "unblock-lan-zones:", "yes") != 0) {
    return resolver_errc::no_context;
  }
  return resolver_errc::none;
}

resolver_errc resolver::impl::set_anchors(const resolver_options& options) {
  ub_ctx* const c = context.get();
  for (const std::string& anchor : options.trust_anchors) {
    if (::ub_ctx_add_ta(c, anchor.c_str()) != 0) return resolver_errc::bad_trust_anchor;
  }
  for (const std::string& file : options.trust_anchor_files) {
    if (::access(file.c_str(), R_OK) != 0 || ::ub_ctx_add_ta_file(c, file.c_str()) != 0) {
      return resolver_errc::bad_trust_anchor;
    }
  }
  if (!options.trust_anchors.empty() || !options.trust_anchor_files.empty()) {
    return resolver_errc::none;
  }
  if (::access(usual_anchor, R_OK) != 0 || ::ub_ctx_add_ta_file(c, usual_anchor) != 0) {
    warning = resolver_errc::no_trust_anchor;
  }
  return resolver_errc::none;
}

// Asks for the root. What the anchors are worth is looked at with the first question.
resolver_errc resolver::impl::begin_probe() {
  probe_until = clock::now() + probe_timeout;
  probe = ++last;
  const auto at = open.emplace(probe, open_question{this, probe, {}}).first;
  const int problem = begin_question(at->second, ".", type_ns);
  if (problem == UB_NOERROR) return resolver_errc::none;
  open.erase(at);
  probe = 0;
  return problem == UB_INITFAIL || problem == UB_SYNTAX ? resolver_errc::bad_trust_anchor
                                                        : resolver_errc::no_context;
}

// Returns the error of libunbound.
int resolver::impl::begin_question(open_question& q, const std::string& name, int type) {
  // A name that ends early would be another one.
  if (!context || name.find('\0') != std::string::npos) return UB_SYNTAX;
  return ::ub_resolve_async(context.get(), name.c_str(), type, class_in, &q, &impl::take, nullptr);
}

void resolver::impl::take(void* question, int error, ub_result* result) noexcept {
  const owned_result owned(result);
  const open_question& q = *static_cast<const open_question*>(question);
  impl& self = *q.owner;
  const bool is_there = error == 0 && result != nullptr;
  if (q.of == self.probe) {
    self.probe = 0;
    if (is_there && what_of(*result) == found::ok) {
      self.warning = result->secure != 0 ? std::error_code() : resolver_errc::not_validating;
    } else if (is_there && result->bogus != 0) {
      self.warning = resolver_errc::not_validating;
    }
    self.open.erase(q.of);
    return;
  }
  self.finish(q.of, is_there ? answer_of(q.type, *result) : dns_answer{});
}

void resolver::impl::process() {
  if (context && ::ub_process(context.get()) != 0) give_up();
}

void resolver::impl::finish(ticket of, dns_answer what) {
  if (open.erase(of) != 0) answers.push_back({of, std::move(what)});
}

// libunbound calls nobody back once its context is gone.
void resolver::impl::give_up() {
  context.reset();
  open.erase(std::exchange(probe, 0));
  while (!open.empty()) finish(open.begin()->first, {});
}

resolver::resolver(const resolver_options& options) : impl_(std::make_unique<impl>()) {
  impl_->begin(options);
}

resolver::~resolver() = default;

std::error_code resolver::error() const noexcept { return impl_->error; }

std::error_code resolver::warning() const noexcept {
  return impl_->error ? impl_->error : impl_->warning;
}

resolver::ticket resolver::ask(const routing::question& q) {
  const ticket of = ++impl_->last;
  impl::open_question& open =
      impl_->open.emplace(of, impl::open_question{impl_.get(), of, q.type}).first->second;
  if (impl_->begin_question(open, q.name, static_cast<int>(q.type)) != UB_NOERROR) {
    impl_->finish(of, {});
  }
  return of;
}

std::optional<resolver::answer> resolver::next_answer() {
  if (impl_->answers.empty()) impl_->process();
  if (impl_->answers.empty()) return std::nullopt;
  answer first = std::move(impl_->answers.front());
  impl_->answers.pop_front();
  return first;
}

void resolver::watch(std::vector<routing::watched>& into) const {
  if (impl_->context) into.push_back({::ub_fd(impl_->context.get())});
}

bool resolver::validates() {
  return impl_->context && impl_->warning != resolver_errc::no_trust_anchor;
}

std::error_code resolver::check() {
  impl& self = *impl_;
  if (self.context && self.probe == 0 && self.warning == resolver_errc::unreachable) {
    static_cast<void>(self.begin_probe());
  }
  while (self.probe != 0) {
    const auto left =
        std::chrono::ceil<std::chrono::milliseconds>(self.probe_until - clock::now()).count();
    if (left <= 0) break;
    pollfd entry{::ub_fd(self.context.get()), POLLIN, 0};
    ::poll(&entry, 1, static_cast<int>(std::min<std::int64_t>(left, INT_MAX)));
    self.process();
  }
  return warning();
}

void resolver::close() { impl_->give_up(); }

}  // namespace sansmtp::unbound
