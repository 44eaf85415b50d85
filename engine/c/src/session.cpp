// The functions about a session: each looks at what it is given, then calls the engine's.
#include <algorithm>
#include <chrono>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "envelope.hpp"
#include "numbers.hpp"
#include "options.hpp"
#include "sansmtp.h"
#include "sansmtp/sansmtp.hpp"
#include "sized.hpp"
#include "suite.hpp"

using namespace sansmtp;  // NOLINT(google-build-using-namespace)

struct sansmtp_session {
  explicit sansmtp_session(session_config config) : engine(std::move(config)) {}

  std::vector<std::unique_ptr<c::suite>> suites;  // outlive the mechanisms in the engine
  session engine;
  const event* shown = nullptr;  // the event taken last
  std::size_t lent = 0;          // octets of what `output` filled in last
  bool lends = false;
  bool linked = false;  // `connected` was called
  bool over = false;    // CLOSED was taken
  bool busy = false;    // in a callback, which the engine is waiting for
  c::envelope_room envelope;
};

namespace {

constexpr std::int64_t last_time = std::int64_t{1} << 62;

bool is_time(std::int64_t now) noexcept {
  return static_cast<std::uint64_t>(now) <= static_cast<std::uint64_t>(last_time);
}

time_point at(std::int64_t now) noexcept {
  return time_point(
      std::chrono::duration_cast<time_point::duration>(std::chrono::nanoseconds(now)));
}

std::error_code foreign_code(std::int32_t number) noexcept {
  return number == 0 ? std::error_code() : std::error_code(number, std::generic_category());
}

/// What a caller says of a failure: his own number if there is one, else a condition.
std::error_code cause(errc condition, std::int32_t foreign) noexcept {
  if (foreign != 0 || condition == errc::none) return foreign_code(foreign);
  return make_error_code(condition);
}

/// Runs a call into the engine, unless it comes from a callback that the engine is waiting for.
/// Nothing leaves it but a value.
template <class Call>
inline sansmtp_errc enter(sansmtp_session* s, Call call) noexcept {
  if (s == nullptr) [[unlikely]] {
    return SANSMTP_ERRC_BAD_ARGUMENT;
  }
  if (s->busy) [[unlikely]] {
    return SANSMTP_ERRC_BAD_STATE;
  }
  const errc result = call(s->engine);
  return result == errc::none ? SANSMTP_ERRC_NONE : c::to_c(result);
}

/// The same with a time, which has its bounds.
template <class Call>
inline sansmtp_errc enter(sansmtp_session* s, std::int64_t now, Call call) noexcept {
  if (!is_time(now)) [[unlikely]] {
    return SANSMTP_ERRC_BAD_ARGUMENT;
  }
  return enter(s, call);
}

/// A handle that may be looked at now.
bool can_be_seen(const sansmtp_session* s) noexcept { return s != nullptr && !s->busy; }

errc unless_closed(const session& engine) noexcept {
  return engine.closed() ? errc::session_closed : errc::none;
}

template <class Shown>
void show_status(const enhanced_status& status, Shown& to) noexcept {
  to.status_class = status.status_class;
  to.status_subject = status.subject;
  to.status_detail = status.detail;
}

void show(const event& e, sansmtp_event& to) {
  to.kind = c::to_c(e.what);
  to.stage = c::to_c(e.answers);
  to.id = e.id;
  to.recipient = e.recipient;
  to.outcome = c::to_c(e.result);
  to.hint = c::to_c(e.advice);
  if (e.error) {
    const errc known = condition_of(e.error);
    to.error = c::to_c(known);
    to.foreign = known == errc::none ? e.error.value() : 0;
  } else {
    to.error = SANSMTP_ERRC_NONE;
    to.foreign = 0;
  }
  to.category = c::to_c(e.category);
  to.tls = e.tls ? 1 : 0;
  to.code = static_cast<std::uint16_t>(e.answer.code());
  // Only that of a refusal is worth the reading: it is read anew from the text each time.
  show_status(e.answer.code() >= 400 ? e.answer.enhanced() : enhanced_status(), to);
  to.result_count = static_cast<std::uint32_t>(e.results.size());
  to.text = c::view(e.answer.text());
  to.command = c::view(e.command);
  to.excerpt = c::view(e.excerpt);
  to.detail = c::view(e.detail);
  to.octets = e.octets;
}

int take_event(sansmtp_session& s, sansmtp_event& to) noexcept {
  const event* const e = s.engine.next_event();
  s.shown = e;
  if (e == nullptr) return 0;
  if (e->what == event::kind::closed) s.over = true;
  if (to.size == sizeof to) [[likely]] {
    show(*e, to);
    return 1;
  }
  return c::write(&to, [e](sansmtp_event& whole) { show(*e, whole); }) ? 1 : -1;
}

void show(const recipient_result& r, sansmtp_result& to) {
  to.address = c::view(r.address);
  to.outcome = c::to_c(r.result);
  to.stage = c::to_c(r.stage);
  to.error = c::to_c(r.why);
  to.category = c::to_c(r.category());
  to.hint = c::to_c(r.advice);
  to.code = static_cast<std::uint16_t>(r.answer.code());
  const enhanced_status status = r.answer.code() >= 400 ? r.answer.enhanced() : enhanced_status();
  show_status(status ? status : r.suggested, to);
  to.reserved = 0;
  to.text = c::view(r.answer.text());
}

/// The name of a binding is a static string of the engine's; empty: none that is known.
std::string_view binding_name(std::string_view given) noexcept {
  constexpr std::string_view names[] = {"tls-exporter", "tls-unique", "tls-server-end-point"};
  const auto* const found = std::find(std::begin(names), std::end(names), given);
  return found == std::end(names) ? std::string_view() : *found;
}

void give(std::uint64_t id, std::uint64_t* to) noexcept {
  if (to != nullptr) *to = id;
}

}  // namespace

// -- lifetime -------------------------------------------------------------------------------------

sansmtp_errc sansmtp_session_create(const sansmtp_options* options, sansmtp_session** made) {
  if (made == nullptr) return SANSMTP_ERRC_BAD_ARGUMENT;
  return [options, made]() noexcept {
    *made = nullptr;
    session_config config;
    const errc bad = c::read_options(options, config);
    if (bad == errc::none) *made = new sansmtp_session(std::move(config));
    return c::to_c(bad);
  }();
}

sansmtp_errc sansmtp_session_destroy(sansmtp_session* session) {
  if (session == nullptr) return SANSMTP_ERRC_NONE;
  if (session->busy) return SANSMTP_ERRC_BAD_STATE;
  delete session;
  return SANSMTP_ERRC_NONE;
}

// -- input ----------------------------------------------------------------------------------------

sansmtp_errc sansmtp_session_connected(sansmtp_session* session, int64_t now,
                                       sansmtp_bytes host_name, sansmtp_bytes local_address) {
  return enter(session, now, [&](sansmtp::session& engine) {
    if (!c::is_text(host_name) || !c::is_text(local_address)) return errc::bad_argument;
    if (engine.where() != phase::unconnected) return errc::bad_state;
    session->linked = true;
    engine.connected(at(now), {c::text(host_name), c::text(local_address)});
    return errc::none;
  });
}

sansmtp_errc sansmtp_session_receive(sansmtp_session* session, int64_t now, const char* octets,
                                     size_t size) {
  return enter(session, now, [&](sansmtp::session& engine) {
    if (!c::is_text({octets, size})) return errc::bad_argument;
    if (!session->linked) return errc::bad_state;
    if (session->over) return errc::session_closed;
    engine.receive(at(now), {octets, size});
    return errc::none;
  });
}

sansmtp_errc sansmtp_session_receive_end(sansmtp_session* session, int64_t now, sansmtp_errc why,
                                         int32_t foreign) {
  return enter(session, now, [&](sansmtp::session& engine) {
    const std::optional<errc> condition = c::from_c<errc>(why);
    if (!condition) return errc::bad_argument;
    if (engine.closed()) return errc::session_closed;
    engine.receive_end(at(now), cause(*condition, foreign));
    return errc::none;
  });
}

sansmtp_errc sansmtp_session_sent(sansmtp_session* session, int64_t now, size_t count) {
  return enter(session, now, [&](sansmtp::session& engine) {
    if (count > session->lent) return session->lends ? errc::bad_argument : errc::bad_state;
    session->lends = false;
    session->lent = 0;
    engine.sent(at(now), count);
    return errc::none;
  });
}

sansmtp_errc sansmtp_session_advance(sansmtp_session* session, int64_t now) {
  return enter(session, now, [&](sansmtp::session& engine) {
    engine.advance(at(now));
    return errc::none;
  });
}

sansmtp_errc sansmtp_session_tls_established(sansmtp_session* session, int64_t now,
                                             const sansmtp_tls_info* info) {
  return enter(session, now, [&](sansmtp::session& engine) {
    tls_info link;
    if (info != nullptr) {
      sansmtp_tls_info room;
      const sansmtp_tls_info* const given = c::read(info, room);
      if (given == nullptr || given->reserved != 0 || !c::is_text(given->binding_type) ||
          !c::is_text(given->binding)) {
        return errc::bad_argument;
      }
      const std::string_view name = binding_name(c::text(given->binding_type));
      if (name.empty() && given->binding_type.size != 0) return errc::bad_argument;
      link.verified = given->verified != 0;
      link.binding = {name, std::string(c::text(given->binding))};
    }
    if (!engine.awaits_handshake()) return errc::bad_state;
    engine.tls_established(at(now), link);
    return errc::none;
  });
}

sansmtp_errc sansmtp_session_tls_failed(sansmtp_session* session, int64_t now, sansmtp_errc why,
                                        int32_t foreign, sansmtp_bytes answer) {
  return enter(session, now, [&](sansmtp::session& engine) {
    const std::optional<errc> condition = c::from_c<errc>(why);
    if (!condition || !c::is_text(answer)) return errc::bad_argument;
    if (engine.closed()) return errc::session_closed;
    const bool awaited = engine.awaits_handshake();
    const std::error_code code = foreign != 0               ? foreign_code(foreign)
                                 : *condition != errc::none ? make_error_code(*condition)
                                                            : make_error_code(errc::tls_failed);
    engine.tls_failed(at(now), code, as_bytes(c::text(answer)));
    // Where it means nothing, nothing has happened.
    return awaited || engine.closed() ? errc::none : errc::bad_state;
  });
}

sansmtp_errc sansmtp_session_tls_rejected(sansmtp_session* session, int64_t now) {
  return enter(session, now, [&](sansmtp::session& engine) {
    if (!engine.awaits_handshake()) return errc::bad_state;
    engine.tls_rejected(at(now));
    return errc::none;
  });
}

// -- output ---------------------------------------------------------------------------------------

sansmtp_errc sansmtp_session_output(sansmtp_session* session, int64_t now, sansmtp_bytes* slices,
                                    size_t* count) {
  return enter(session, now, [&](sansmtp::session& engine) {
    if (count == nullptr || (slices == nullptr && *count != 0)) return errc::bad_argument;
    if (*count == 0) return errc::none;  // with no room nothing is lent, and no timer runs
    const std::span<const bytes> views = engine.output(at(now));
    const std::size_t shown = std::min(views.size(), *count);
    std::size_t lent = 0;
    for (std::size_t i = 0; i < shown; ++i) {
      slices[i] = {views[i].data(), views[i].size()};
      lent += views[i].size();
    }
    *count = shown;
    // Once it is over it offers none, and yet what was lent may still be told of.
    if (shown != 0) {
      session->lends = true;
      session->lent = std::max(session->lent, lent);
    }
    return errc::none;
  });
}

int64_t sansmtp_session_deadline(const sansmtp_session* session) {
  if (!can_be_seen(session)) return INT64_MAX;
  const std::optional<time_point> due = session->engine.deadline();
  if (!due) return INT64_MAX;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(due->time_since_epoch()).count();
}

int32_t sansmtp_session_deadline_of(const sansmtp_session* session) {
  return can_be_seen(session) ? c::to_c(session->engine.deadline_of()) : SANSMTP_UNKNOWN;
}

int sansmtp_session_next_event(sansmtp_session* session, sansmtp_event* event) {
  if (session == nullptr || event == nullptr || session->busy) return -1;
  if (event->size != sizeof *event && !c::is_size_of<sansmtp_event>(event->size)) return -1;
  return take_event(*session, *event);
}

sansmtp_errc sansmtp_session_result(const sansmtp_session* session, size_t index,
                                    sansmtp_result* result) {
  if (session == nullptr) return SANSMTP_ERRC_BAD_ARGUMENT;
  if (session->busy || session->shown == nullptr ||
      session->shown->what != event::kind::mail_done) {
    return SANSMTP_ERRC_BAD_STATE;
  }
  const std::span<const recipient_result> results = session->shown->results;
  if (index >= results.size()) return SANSMTP_ERRC_BAD_ARGUMENT;
  return c::write(result, [&](sansmtp_result& to) { show(results[index], to); })
             ? SANSMTP_ERRC_NONE
             : SANSMTP_ERRC_BAD_ARGUMENT;
}

// -- commands -------------------------------------------------------------------------------------

sansmtp_errc sansmtp_session_send(sansmtp_session* session, const sansmtp_envelope* envelope,
                                  const sansmtp_content* content, uint64_t* id) {
  return enter(session, [&](sansmtp::session& engine) {
    message what;
    if (const errc bad = c::read_content(content, what); bad != errc::none) return bad;
    if (const errc bad = session->envelope.fill(envelope); bad != errc::none) return bad;
    give(engine.send(session->envelope.get(), std::move(what)), id);
    return errc::none;
  });
}

sansmtp_errc sansmtp_session_lend(sansmtp_session* session, const char* octets, size_t size,
                                  int last) {
  return enter(session, [&](sansmtp::session& engine) {
    if (!c::is_text({octets, size})) return errc::bad_argument;
    const bytes chunk(octets, size);
    return engine.lend(chunk, last != 0);
  });
}

sansmtp_errc sansmtp_session_withdraw(sansmtp_session* session, uint64_t mail) {
  return enter(session, [&](sansmtp::session& engine) {
    return engine.withdraw(mail) ? errc::none : errc::bad_state;
  });
}

sansmtp_errc sansmtp_session_cancel(sansmtp_session* session, uint64_t mail) {
  return enter(session, [&](sansmtp::session& engine) {
    engine.cancel(mail);
    return errc::none;
  });
}

sansmtp_errc sansmtp_session_authenticate(sansmtp_session* session,
                                          const sansmtp_credentials* credentials, size_t count,
                                          const sansmtp_hash_suite* suite, uint64_t* id) {
  return enter(session, [&](sansmtp::session& engine) {
    c::suite* functions = nullptr;
    if (suite != nullptr) {
      sansmtp_hash_suite room;
      const sansmtp_hash_suite* const given = c::read_suite(suite, room);
      if (given == nullptr) return errc::bad_argument;
      for (const auto& known : session->suites) {
        if (known->is(*given)) functions = known.get();
      }
      if (functions == nullptr) {
        functions =
            session->suites.emplace_back(std::make_unique<c::suite>(*given, session->busy)).get();
      }
    }
    std::vector<std::unique_ptr<sasl_mechanism>> mechanisms;
    const errc bad = c::read_credentials(credentials, count, functions, mechanisms);
    if (bad == errc::none) give(engine.authenticate(std::move(mechanisms)), id);
    return bad;
  });
}

sansmtp_errc sansmtp_session_command(sansmtp_session* session, int32_t verb, sansmtp_bytes argument,
                                     uint64_t* id) {
  return enter(session, [&](sansmtp::session& engine) {
    if (!c::is_text(argument)) return errc::bad_argument;
    const std::string_view text = c::text(argument);
    switch (verb) {
      case SANSMTP_VERB_EHLO:
      case SANSMTP_VERB_RSET:
        if (!text.empty()) return errc::bad_argument;
        give(verb == SANSMTP_VERB_EHLO ? engine.hello() : engine.reset(), id);
        return errc::none;
      case SANSMTP_VERB_NOOP: give(engine.noop(text), id); return errc::none;
      case SANSMTP_VERB_VRFY: give(engine.verify(text), id); return errc::none;
      case SANSMTP_VERB_EXPN: give(engine.expand(text), id); return errc::none;
      case SANSMTP_VERB_HELP: give(engine.help(text), id); return errc::none;
      case SANSMTP_VERB_RAW: give(engine.raw(text), id); return errc::none;
      default: return errc::bad_argument;
    }
  });
}

sansmtp_errc sansmtp_session_quit(sansmtp_session* session) {
  return enter(session, [&](sansmtp::session& engine) {
    const errc state = unless_closed(engine);
    if (state == errc::none) engine.quit();
    return state;
  });
}

sansmtp_errc sansmtp_session_quit_now(sansmtp_session* session) {
  return enter(session, [&](sansmtp::session& engine) {
    const errc state = unless_closed(engine);
    if (state == errc::none) engine.quit_now();
    return state;
  });
}

sansmtp_errc sansmtp_session_abort(sansmtp_session* session, int32_t foreign) {
  return enter(session, [&](sansmtp::session& engine) {
    const errc state = unless_closed(engine);
    if (state != errc::none) return state;
    if (foreign == 0) {
      engine.abort();
    } else {
      engine.abort(foreign_code(foreign));
    }
    return errc::none;
  });
}

// -- getters --------------------------------------------------------------------------------------

int sansmtp_session_closed(const sansmtp_session* session) {
  return session == nullptr || session->engine.closed() ? 1 : 0;
}

sansmtp_errc sansmtp_session_status(const sansmtp_session* session, sansmtp_status* status) {
  if (session == nullptr) return SANSMTP_ERRC_BAD_ARGUMENT;
  if (session->busy) return SANSMTP_ERRC_BAD_STATE;
  const sansmtp::session& engine = session->engine;
  const bool right = c::write(status, [&](sansmtp_status& to) {
    to.phase = c::to_c(engine.where());
    to.idle = engine.idle() ? 1 : 0;
    to.closed = engine.closed() ? 1 : 0;
    to.awaits_handshake = engine.awaits_handshake() ? 1 : 0;
    to.tls_active = engine.tls_active() ? 1 : 0;
    to.tls_verified = engine.tls_verified() ? 1 : 0;
    to.said_quit = engine.said_quit() ? 1 : 0;
    to.withdrawals = engine.withdrawals();
    to.in_flight = engine.in_flight();
    to.memory = engine.memory();
    to.server_name = c::view(engine.server_name());
    to.banner = c::view(engine.banner());
  });
  return right ? SANSMTP_ERRC_NONE : SANSMTP_ERRC_BAD_ARGUMENT;
}

sansmtp_errc sansmtp_session_offer(const sansmtp_session* session, sansmtp_offer* offer) {
  if (session == nullptr) return SANSMTP_ERRC_BAD_ARGUMENT;
  if (session->busy) return SANSMTP_ERRC_BAD_STATE;
  const capabilities& peer = session->engine.peer();
  const bool right = c::write(offer, [&](sansmtp_offer& to) {
    to.size_limit = peer.size_limit();
    to.mechanisms = c::view(peer.mechanisms());
    to.capability_count = peer.size();
    to.max_mails = peer.limits().mails;
    to.max_recipients = peer.limits().recipients;
    to.max_domains = peer.limits().domains;
    to.reserved = 0;
  });
  return right ? SANSMTP_ERRC_NONE : SANSMTP_ERRC_BAD_ARGUMENT;
}

sansmtp_errc sansmtp_session_capability(const sansmtp_session* session, size_t index,
                                        sansmtp_capability* line) {
  if (session == nullptr) return SANSMTP_ERRC_BAD_ARGUMENT;
  if (session->busy) return SANSMTP_ERRC_BAD_STATE;
  const capabilities& peer = session->engine.peer();
  if (index >= peer.size()) return SANSMTP_ERRC_BAD_ARGUMENT;
  const bool right = c::write(line, [&](sansmtp_capability& to) {
    const capabilities::entry entry = peer[index];
    to.keyword = c::view(entry.keyword);
    to.parameters = c::view(entry.parameters);
  });
  return right ? SANSMTP_ERRC_NONE : SANSMTP_ERRC_BAD_ARGUMENT;
}

int sansmtp_session_offers(const sansmtp_session* session, sansmtp_bytes keyword,
                           sansmtp_bytes* parameters) {
  if (parameters != nullptr) *parameters = {};
  if (!can_be_seen(session) || !c::is_text(keyword)) return 0;
  const capabilities& peer = session->engine.peer();
  if (!peer.has(c::text(keyword))) return 0;
  if (parameters != nullptr) *parameters = c::view(peer.parameters(c::text(keyword)));
  return 1;
}

void sansmtp_session_prefetch(const sansmtp_session* session) {
  if (session != nullptr) session->engine.prefetch();
}
