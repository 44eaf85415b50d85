#include "sansmtp/session.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <map>
#include <utility>

#include "sansmtp/parameters.hpp"

namespace sansmtp {
namespace {

std::int64_t ns(time_point t) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(t.time_since_epoch()).count();
}

sansmtp_bytes c_text(std::string_view text) { return {text.data(), text.size()}; }
std::string_view text_of(sansmtp_bytes b) { return {b.data, b.size}; }

/// The enumerator whose name has this number: so the names are compared, too.
template <class Enum, class Name>
Enum enum_of(std::int32_t number, Name name) {
  static const std::map<std::string_view, Enum> by_name = [] {
    std::map<std::string_view, Enum> all;
    for (int i = 0; i < 256; ++i)
      all.emplace(to_string(static_cast<Enum>(i)), static_cast<Enum>(i));
    all.erase("unknown");
    return all;
  }();
  const auto found = by_name.find(name(number));
  if (found != by_name.end()) return found->second;
  ADD_FAILURE() << "no name for " << number;
  return Enum{};
}

std::int32_t number_of(errc e) {
  for (std::int32_t i = 0; i < 256; ++i) {
    if (to_string(e) == sansmtp_errc_name(i)) return i;
  }
  return SANSMTP_UNKNOWN;
}

std::int64_t c_timeout(timeouts::duration d) {
  const std::int64_t forever = SANSMTP_FOREVER;
  return d == timeouts::duration::zero() ? forever : std::chrono::nanoseconds(d).count();
}

std::int32_t foreign_of(const std::error_code& e) {
  return e && condition_of(e) == errc::none ? e.value() : 0;
}

/// The texts of parameters, and as C takes them.
struct parameter_texts {
  std::vector<std::string> texts;
  std::vector<sansmtp_bytes> views;

  void add(const std::vector<parameter>& parameters) {
    for (const parameter& p : parameters) {
      texts.push_back(p.value.empty() ? p.keyword : p.keyword + '=' + p.value);
    }
  }
  void show() {
    for (const std::string& text : texts) views.push_back(c_text(text));
  }
};

/// What the caller let pass when the path was made, which it does not tell.
std::uint32_t rules_of(const path& p) {
  if (p.error() != errc::none || path(p.text()).error() == errc::none) return 0;
  std::uint32_t flags = 0;
  if (path(p.text(), {.allow_underscore = true}).error() == errc::none) {
    flags = SANSMTP_ALLOW_UNDERSCORE;
  } else if (path(p.text(), {.allow_long = true}).error() == errc::none) {
    flags = SANSMTP_ALLOW_LONG_PATHS;
  } else {
    flags = SANSMTP_ALLOW_UNDERSCORE | SANSMTP_ALLOW_LONG_PATHS;
  }
  return flags;
}

reply reply_of(const sansmtp_event& e, event::kind kind, verb stage) {
  if (e.code == 0) return {};
  const bool plain = kind == event::kind::greeted || stage == verb::greeting ||
                     stage == verb::ehlo || stage == verb::helo || stage == verb::lhlo;
  return {e.code, text_of(e.text), e.code >= 400 ? e.status_class != 0 : !plain};
}

int call_hash(void* suite, std::int32_t hash, sansmtp_bytes text, char* out, std::size_t room) {
  return static_cast<hash_suite*>(suite)->hash(static_cast<hash_algorithm>(hash),
                                               as_bytes(text_of(text)), {out, room});
}
int call_hmac(void* suite, std::int32_t hash, sansmtp_bytes key, sansmtp_bytes text, char* out,
              std::size_t room) {
  return static_cast<hash_suite*>(suite)->hmac(static_cast<hash_algorithm>(hash),
                                               as_bytes(text_of(key)), as_bytes(text_of(text)),
                                               {out, room});
}
int call_pbkdf2(void* suite, std::int32_t hash, sansmtp_bytes password, sansmtp_bytes salt,
                std::uint32_t iterations, char* out, std::size_t room) {
  return static_cast<hash_suite*>(suite)->pbkdf2(static_cast<hash_algorithm>(hash),
                                                 as_bytes(text_of(password)),
                                                 as_bytes(text_of(salt)), iterations, {out, room});
}
int call_random(void* suite, char* out, std::size_t room) {
  return static_cast<hash_suite*>(suite)->random({out, room});
}

}  // namespace

session::session(session_config config) : config_(std::move(config)) {
  sansmtp_timeouts t{};
  t.size = sizeof t;
  t.greeting = c_timeout(config_.timeouts.greeting);
  t.hello = c_timeout(config_.timeouts.hello);
  t.starttls = c_timeout(config_.timeouts.starttls);
  t.handshake = c_timeout(config_.timeouts.handshake);
  t.auth = c_timeout(config_.timeouts.auth);
  t.mail = c_timeout(config_.timeouts.mail);
  t.rcpt = c_timeout(config_.timeouts.rcpt);
  t.data = c_timeout(config_.timeouts.data);
  t.block = c_timeout(config_.timeouts.block);
  t.progress = c_timeout(config_.timeouts.progress);
  t.chunk = c_timeout(config_.timeouts.chunk);
  t.content = c_timeout(config_.timeouts.content);
  t.reset = c_timeout(config_.timeouts.reset);
  t.command = c_timeout(config_.timeouts.command);
  t.quit = c_timeout(config_.timeouts.quit);
  sansmtp_limits l{};
  l.size = sizeof l;
  l.reply_line = config_.limits.reply.line;
  l.reply_lines = config_.limits.reply.lines;
  l.reply_octets = config_.limits.reply.octets;
  l.auth_line = config_.limits.auth_line;
  l.recipients = config_.limits.recipients;
  l.outstanding = config_.limits.outstanding;
  l.group_octets = config_.limits.group_octets;
  l.warnings = config_.limits.warnings;
  l.progress_octets = config_.limits.progress_octets;
  l.chunk_octets = config_.limits.chunk_octets;
  l.chunks = config_.limits.chunks;
  l.body_octets = config_.limits.body_octets;
  l.stream_mails = config_.limits.stream_mails;
  l.stream_outstanding = config_.limits.stream_outstanding;
  sansmtp_options o{};
  o.size = sizeof o;
  o.local_name = c_text(config_.local_name);
  o.protocol =
      config_.protocol == mail_protocol::lmtp ? SANSMTP_PROTOCOL_LMTP : SANSMTP_PROTOCOL_SMTP;
  o.tls = static_cast<std::int32_t>(config_.tls);
  o.pipelining = static_cast<std::int32_t>(config_.pipelining) + 1;
  const std::pair<bool, std::uint32_t> flags[] = {
      {config_.trace, SANSMTP_TRACE},
      {!config_.progress, SANSMTP_NO_PROGRESS},
      {config_.quit_no_wait, SANSMTP_QUIT_NO_WAIT},
      {config_.require_all_recipients, SANSMTP_REQUIRE_ALL_RECIPIENTS},
      {config_.pipeline_rset, SANSMTP_PIPELINE_RSET},
      {config_.allow_empty_content, SANSMTP_ALLOW_EMPTY_CONTENT},
      {config_.prefer_chunking, SANSMTP_PREFER_CHUNKING},
      {config_.per_recipient_replies, SANSMTP_PER_RECIPIENT_REPLIES},
      {config_.reject_long_lines, SANSMTP_REJECT_LONG_LINES},
      {config_.allow_unadvertised, SANSMTP_ALLOW_UNADVERTISED},
      {config_.allow_unadvertised_8bit, SANSMTP_ALLOW_UNADVERTISED_8BIT},
      {config_.auth_optional, SANSMTP_AUTH_OPTIONAL},
      {config_.no_initial_response, SANSMTP_NO_INITIAL_RESPONSE},
      {config_.ehlo_after_auth, SANSMTP_EHLO_AFTER_AUTH},
      {config_.allow_auth_unverified_tls, SANSMTP_ALLOW_AUTH_UNVERIFIED_TLS},
      {config_.allow_auth_cleartext, SANSMTP_ALLOW_AUTH_CLEARTEXT},
      {config_.allow_challenge_cleartext, SANSMTP_ALLOW_CHALLENGE_CLEARTEXT},
      {config_.line_ends == line_end_policy::strict, SANSMTP_STRICT_LINE_ENDS},
      {config_.limits.reply.accept_bare_lf, SANSMTP_ACCEPT_BARE_LF},
      {config_.limits.warnings == 0, SANSMTP_NO_WARNINGS},
  };
  for (const auto& [set, flag] : flags) o.flags |= set ? flag : 0;
  o.timeouts = &t;
  o.limits = &l;
  std::vector<sansmtp_bytes> ignored;
  for (const std::string& keyword : config_.ignored_keywords) ignored.push_back(c_text(keyword));
  o.ignored_keywords = ignored.data();
  o.ignored_keyword_count = ignored.size();
  o.helo_fallback_codes = config_.helo_fallback_codes.data();
  o.helo_fallback_code_count = config_.helo_fallback_codes.size();
  EXPECT_EQ(sansmtp_session_create(&o, &handle_), number_of(config_.check()));
}

session::session(session&& other) noexcept
    : config_(std::move(other.config_)), handle_(std::exchange(other.handle_, nullptr)) {}
session& session::operator=(session&& other) noexcept {
  std::swap(config_, other.config_);
  std::swap(handle_, other.handle_);
  return *this;
}
session::~session() { EXPECT_EQ(sansmtp_session_destroy(handle_), SANSMTP_ERRC_NONE); }

// Wrong phases are refused in C and ignored by the engine, which is the same to a transcript.

void session::connected(time_point now, const endpoint_info& local) {
  EXPECT_EQ(sansmtp_session_connected(handle_, ns(now), c_text(local.host_name),
                                      c_text(local.local_address)),
            SANSMTP_ERRC_NONE);
}
void session::receive(time_point now, bytes octets) {
  stale_ = true;
  sansmtp_session_receive(handle_, ns(now), octets.data(), octets.size());
}
void session::prefetch() const noexcept { sansmtp_session_prefetch(handle_); }
void session::receive_end(time_point now, std::error_code why) {
  sansmtp_session_receive_end(handle_, ns(now), number_of(condition_of(why)), foreign_of(why));
}
void session::sent(time_point now, std::size_t n) {
  stale_ = true;  // a reply to EHLO may have waited for it
  EXPECT_EQ(sansmtp_session_sent(handle_, ns(now), n), SANSMTP_ERRC_NONE);
}
void session::advance(time_point now) {
  EXPECT_EQ(sansmtp_session_advance(handle_, ns(now)), SANSMTP_ERRC_NONE);
}
void session::tls_established(time_point now, const tls_info& info) {
  stale_ = true;
  sansmtp_tls_info c{};
  c.size = sizeof c;
  c.verified = info.verified ? 1 : 0;
  c.binding_type = c_text(info.binding.type);
  c.binding = c_text(info.binding.octets);
  EXPECT_EQ(sansmtp_session_tls_established(handle_, ns(now), &c), SANSMTP_ERRC_NONE);
}
void session::tls_failed(time_point now, std::error_code why, bytes answer) {
  sansmtp_session_tls_failed(handle_, ns(now), number_of(condition_of(why)), foreign_of(why),
                             c_text(as_text(answer)));
}
void session::tls_rejected(time_point now) {
  stale_ = true;
  EXPECT_EQ(sansmtp_session_tls_rejected(handle_, ns(now)), SANSMTP_ERRC_NONE);
}

std::span<const bytes> session::output(time_point now) {
  if (handle_ == nullptr) return {};
  std::size_t count = 0;
  for (;;) {
    count = slices_.size();
    EXPECT_EQ(sansmtp_session_output(handle_, ns(now), slices_.data(), &count), SANSMTP_ERRC_NONE);
    if (count < slices_.size()) break;
    slices_.resize(2 * count);  // perhaps there are more
  }
  views_.clear();
  for (std::size_t i = 0; i < count; ++i) views_.emplace_back(slices_[i].data, slices_[i].size);
  return views_;
}

std::optional<time_point> session::deadline() const noexcept {
  const std::int64_t at = sansmtp_session_deadline(handle_);
  if (at == INT64_MAX) return std::nullopt;
  return time_point(std::chrono::nanoseconds(at));
}
verb session::deadline_of() const noexcept {
  return enum_of<verb>(sansmtp_session_deadline_of(handle_), sansmtp_verb_name);
}

const event* session::next_event() {
  sansmtp_event c{};
  c.size = sizeof c;
  const int any = sansmtp_session_next_event(handle_, &c);
  EXPECT_GE(any, 0);
  if (any != 1) return nullptr;
  event& e = event_;
  e = event();
  e.what = enum_of<event::kind>(c.kind, sansmtp_event_name);
  e.answers = enum_of<verb>(c.stage, sansmtp_verb_name);
  e.id = c.id;
  e.recipient = c.recipient;
  e.result = enum_of<outcome>(c.outcome, sansmtp_outcome_name);
  e.advice = enum_of<hint>(c.hint, sansmtp_hint_name);
  e.tls = c.tls != 0;
  e.answer = reply_of(c, e.what, e.answers);
  if (c.error != SANSMTP_ERRC_NONE) e.error = enum_of<errc>(c.error, sansmtp_errc_name);
  if (c.foreign != 0) e.error = std::error_code(c.foreign, std::generic_category());
  e.category = enum_of<failure_category>(c.category, sansmtp_category_name);
  e.command = text_of(c.command);
  e.excerpt = text_of(c.excerpt);
  e.detail = text_of(c.detail);
  e.octets = c.octets;
  results_.clear();
  for (std::size_t i = 0; i < c.result_count; ++i) {
    sansmtp_result r{};
    r.size = sizeof r;
    EXPECT_EQ(sansmtp_session_result(handle_, i, &r), SANSMTP_ERRC_NONE);
    recipient_result result;
    result.address = text_of(r.address);
    result.result = enum_of<outcome>(r.outcome, sansmtp_outcome_name);
    result.stage = enum_of<verb>(r.stage, sansmtp_verb_name);
    result.why = enum_of<errc>(r.error, sansmtp_errc_name);
    result.advice = enum_of<hint>(r.hint, sansmtp_hint_name);
    EXPECT_EQ(to_string(result.category()), sansmtp_category_name(r.category));
    if (r.code != 0) {
      result.answer = {r.code, text_of(r.text), r.code < 400 || r.status_class != 0};
    }
    if (r.status_class != 0 && !result.answer.enhanced()) {
      result.suggested = {static_cast<std::uint8_t>(r.status_class), r.status_subject,
                          r.status_detail};
    }
    results_.push_back(result);
  }
  e.results = results_;
  return &e;
}

mail_id session::send(const envelope& env, message content) {
  sansmtp_envelope e{};
  e.size = sizeof e;
  e.sender = c_text(env.sender.text());
  e.flags = rules_of(env.sender);
  if (env.skip_bad_recipients) e.flags |= SANSMTP_SKIP_BAD_RECIPIENTS;
  if (env.dsn_required) e.flags |= SANSMTP_DSN_REQUIRED;
  parameter_texts own;
  own.add(parameters_of(env));
  own.add(env.parameters);
  own.show();
  e.parameters = own.views.data();
  e.parameter_count = own.views.size();
  std::vector<sansmtp_recipient> recipients;
  std::deque<parameter_texts> theirs;
  for (const recipient& to : env.recipients) {
    sansmtp_recipient r{};
    r.size = sizeof r;
    r.address = c_text(to.address.text());
    e.flags |= rules_of(to.address);
    parameter_texts& texts = theirs.emplace_back();
    texts.add(parameters_of(to));
    texts.add(to.parameters);
    texts.show();
    r.parameters = texts.views.data();
    r.parameter_count = texts.views.size();
    recipients.push_back(r);
  }
  e.recipients = recipients.data();
  e.recipient_count = recipients.size();
  sansmtp_content c{};
  c.size = sizeof c;
  c.kind = content.is_streamed() ? SANSMTP_CONTENT_STREAMED
           : content.is_owned()  ? SANSMTP_CONTENT_COPIED
                                 : SANSMTP_CONTENT_BORROWED;
  c.octets = c_text(as_text(content.content()));
  if (content.is_eight_bit()) c.flags |= SANSMTP_CONTENT_EIGHT_BIT;
  if (content.is_binary()) c.flags |= SANSMTP_CONTENT_BINARY;
  if (content.has_utf8_headers()) c.flags |= SANSMTP_CONTENT_UTF8_HEADERS;
  if (content.declared_size()) {
    c.flags |= SANSMTP_CONTENT_SIZED;
    c.stream_size = *content.declared_size();
  }
  mail_id id = 0;
  EXPECT_EQ(sansmtp_session_send(handle_, &e, &c, &id), SANSMTP_ERRC_NONE);
  return id;
}

errc session::lend(bytes chunk, bool last) {
  return enum_of<errc>(sansmtp_session_lend(handle_, chunk.data(), chunk.size(), last ? 1 : 0),
                       sansmtp_errc_name);
}
void session::cancel(mail_id mail) {
  EXPECT_EQ(sansmtp_session_cancel(handle_, mail), SANSMTP_ERRC_NONE);
}

operation_id session::authenticate(std::vector<std::unique_ptr<sasl_mechanism>> mechanisms) {
  std::vector<sansmtp_credentials> list;
  std::deque<sansmtp_bytes> names;
  hash_suite* suite = nullptr;
  for (const auto& mechanism : mechanisms) {
    const auto& recipe = static_cast<const mechanism_recipe&>(*mechanism);
    suite = recipe.options.suite;
    sansmtp_credentials c{};
    c.size = sizeof c;
    c.kind = static_cast<std::int32_t>(recipe.who.what);
    c.minimum = static_cast<std::int32_t>(recipe.options.minimum);
    c.name = c_text(recipe.who.name);
    c.secret = c_text(recipe.who.secret);
    c.authorization_id = c_text(recipe.who.authorization_id);
    c.host = c_text(recipe.who.host);
    c.port = recipe.who.port;
    if (recipe.who.already_prepared) c.flags = SANSMTP_ALREADY_PREPARED;
    if (!recipe.chosen.empty()) {
      c.mechanisms = &names.emplace_back(c_text(recipe.chosen));
      c.mechanism_count = 1;
    }
    list.push_back(c);
  }
  const sansmtp_hash_suite functions{sizeof functions, suite,       call_hash,
                                     call_hmac,        call_pbkdf2, call_random};
  operation_id id = 0;
  EXPECT_EQ(sansmtp_session_authenticate(handle_, list.data(), list.size(),
                                         suite == nullptr ? nullptr : &functions, &id),
            SANSMTP_ERRC_NONE);
  return id;
}

operation_id session::command(std::int32_t what, std::string_view arg) {
  operation_id id = 0;
  EXPECT_EQ(sansmtp_session_command(handle_, what, c_text(arg), &id), SANSMTP_ERRC_NONE);
  return id;
}
operation_id session::hello() { return command(SANSMTP_VERB_EHLO, {}); }
operation_id session::noop(std::string_view arg) { return command(SANSMTP_VERB_NOOP, arg); }
operation_id session::reset() { return command(SANSMTP_VERB_RSET, {}); }
operation_id session::verify(std::string_view arg) { return command(SANSMTP_VERB_VRFY, arg); }
operation_id session::expand(std::string_view arg) { return command(SANSMTP_VERB_EXPN, arg); }
operation_id session::help(std::string_view arg) { return command(SANSMTP_VERB_HELP, arg); }
operation_id session::raw(std::string_view line) { return command(SANSMTP_VERB_RAW, line); }
void session::quit() { sansmtp_session_quit(handle_); }
void session::quit_now() { sansmtp_session_quit_now(handle_); }
void session::abort(std::error_code why) { sansmtp_session_abort(handle_, foreign_of(why)); }

const capabilities& session::peer() const noexcept {
  if (!std::exchange(stale_, false)) return peer_;
  sansmtp_offer offer{};
  offer.size = sizeof offer;
  EXPECT_EQ(sansmtp_session_offer(handle_, &offer), SANSMTP_ERRC_NONE);
  std::string lines = "identification";
  for (std::size_t i = 0; i < offer.capability_count; ++i) {
    sansmtp_capability line{};
    line.size = sizeof line;
    EXPECT_EQ(sansmtp_session_capability(handle_, i, &line), SANSMTP_ERRC_NONE);
    lines += '\n' + std::string(text_of(line.keyword));
    if (line.parameters.size != 0) lines += ' ' + std::string(text_of(line.parameters));
    sansmtp_bytes parameters{};
    EXPECT_EQ(sansmtp_session_offers(handle_, line.keyword, &parameters), 1);
    EXPECT_EQ(text_of(parameters), text_of(line.parameters));
  }
  peer_.clear();
  if (offer.capability_count != 0) peer_.assign(reply(250, lines, false));
  EXPECT_EQ(peer_.size_limit(), offer.size_limit);
  EXPECT_EQ(peer_.mechanisms(), text_of(offer.mechanisms));
  EXPECT_EQ(peer_.limits().mails, offer.max_mails);
  EXPECT_EQ(peer_.limits().recipients, offer.max_recipients);
  EXPECT_EQ(peer_.limits().domains, offer.max_domains);
  return peer_;
}

sansmtp_status session::status() const noexcept {
  sansmtp_status s{};
  if (handle_ == nullptr) return s;
  s.size = sizeof s;
  EXPECT_EQ(sansmtp_session_status(handle_, &s), SANSMTP_ERRC_NONE);
  return s;
}
std::string_view session::server_name() const noexcept { return text_of(status().server_name); }
std::string_view session::banner() const noexcept { return text_of(status().banner); }
phase session::where() const noexcept { return static_cast<phase>(status().phase); }
bool session::tls_active() const noexcept { return status().tls_active != 0; }
bool session::tls_verified() const noexcept { return status().tls_verified != 0; }
bool session::idle() const noexcept { return status().idle != 0; }
bool session::closed() const noexcept {
  EXPECT_EQ(sansmtp_session_closed(handle_), static_cast<int>(status().closed));
  return status().closed != 0;
}
bool session::awaits_handshake() const noexcept { return status().awaits_handshake != 0; }
bool session::said_quit() const noexcept { return status().said_quit != 0; }
std::uint32_t session::withdrawals() const noexcept { return status().withdrawals; }
std::size_t session::in_flight() const noexcept { return status().in_flight; }
std::size_t session::memory() const noexcept { return status().memory; }

}  // namespace sansmtp
