#include "transcript_player.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

#include <asio/io_context.hpp>

#include "compare.hpp"
#include "mechanisms.hpp"
#include "sansmtp/script/memory_layer.hpp"
#include "sansmtp/script/memory_peer.hpp"

namespace sansmtp::test {
namespace {

using namespace sansmtp::script;

// The alert of a server that refuses the handshake.
constexpr char handshake_failure = 40;

class player {
 public:
  player(const script_data& script, chopping how)
      : script_(script), how_(how), link_(std::make_shared<test_link>(io_.get_executor())) {
    link_->read_size = how.octet_reads ? 1 : test_link::everything;
    link_->peer = [this](std::string_view wire) {
      written_ += readable(wire);
      return std::string();
    };
  }

  std::string run() {
    for (const turn& t : script_.turns) {
      perform(t);
      std::optional<mismatch> wrong = compare_octets(script_, t, written_);
      if (!wrong) wrong = compare_events(script_, t, events_);
      if (wrong) {
        for (const seen_event& e : events_) wrong->detail += "   event  " + to_statement(e) + '\n';
        return to_string(*wrong);
      }
    }
    // Whatever is open ends with the client, and each mail is told once.
    client_.reset();
    rest();
    for (const auto& [number, m] : mails_) {
      if (m->streamed) continue;
      if (m->told != 1) {
        return script_.name + ": mail " + std::to_string(number) + " was told " +
               std::to_string(m->told) + " times";
      }
      if (!m->differs.empty())
        return script_.name + ": mail " + std::to_string(number) + m->differs;
    }
    if (link_->most_reads > 1 || link_->most_writes > 1) return "two reads or two writes at a time";
    return {};
  }

 private:
  struct mail {
    std::string lent;  // borrowed content, or the chunk lent last
    bool streamed = false;
    int told = 0;
    std::string differs;
    std::optional<seen_event> done;
  };

  void perform(const turn& t) {
    written_.clear();
    events_.clear();
    const auto& all = script_.statements;
    if (all[t.first].is_server()) {
      std::string octets;
      for (std::size_t i = t.first; i < t.expectations; ++i) {
        octets += all[i].get<server_says>()->octets;
      }
      say(octets);
    }
    for (std::size_t i = t.first; i < t.expectations; ++i) {
      const statement& s = all[i];
      if (const auto* time = s.get<time_passes>()) {
        pass(time->by);
      } else if (const auto* change = s.get<link_changes>()) {
        change_link(*change);
      } else if (!s.is_server()) {
        ask(s);
      }
    }
    rest();
  }

  void rest() {
    do {
      link_->write_size = !how_.octet_writes             ? test_link::everything
                          : link_->written.size() < 8192 ? 1
                                                         : 251;
      io_.restart();
    } while (io_.poll() > 0);
  }

  void say(std::string_view octets) {
    link_->say(protected_ ? as_text(peer_.say(octets)) : octets);
  }

  // What the server can read of octets of the wire: a record only when it is whole.
  std::string readable(std::string_view wire) {
    sealed_ = sealed_ || (client_ && client_->engine().awaits_handshake());
    return std::string(sealed_ ? peer_.feed(as_bytes(wire)) : wire);
  }

  void shake_hands(const std::string& verdict, const link_changes& change) {
    std::string all = verdict;
    if (!change.binding_type.empty()) all += ' ' + change.binding_type + ':' + change.binding;
    protected_ = true;
    link_->say(as_text(peer_.finish(all)));
  }

  void pass(std::chrono::milliseconds by) {
    const time_point target = test_clock::at + by;
    for (auto next = test_timer::next(); next && *next <= target; next = test_timer::next()) {
      test_timer::advance_to(std::max(*next, test_clock::at));
      rest();
    }
    test_timer::advance_to(target);
  }

  void change_link(const link_changes& change) {
    using what = link_changes::what;
    switch (change.how) {
      case what::end: link_->end(); break;
      case what::reset: link_->break_read(net::error::connection_reset); break;
      case what::tls_up: shake_hands("verified", change); break;
      case what::tls_unverified: shake_hands("unverified", change); break;
      case what::tls_rejected: shake_hands("weak", change); break;
      case what::tls_failed: link_->say(as_text(peer_.alert(handshake_failure))); break;
      case what::connected:
      case what::write_stuck:
      case what::write_failed:
      case what::sent: break;  // see `why_not`
    }
  }

  void ask(const statement& s) {
    if (const auto* open = s.get<open_session>()) {
      begin(*open);
    } else if (const auto* m = s.get<send_mail>()) {
      send(*m);
    } else if (const auto* chunk = s.get<lend_chunk>()) {
      // A chunk that nobody asked for is refused, and nobody keeps it.
      std::string refused;
      const auto wanting = mails_.find(streaming_);
      std::string& octets = wanting == mails_.end() ? refused : wanting->second->lent;
      if (!client_->engine().closed()) octets = chunk->octets;
      client_->command([&](session& e) { return e.lend(as_bytes(octets), chunk->last); });
    } else if (const auto* given_up = s.get<cancel_mail>()) {
      client_->command([&](session& e) { e.cancel(id_of(given_up->number)); });
    } else if (const auto* auth = s.get<authenticate_now>()) {
      note_command(client_->authenticate(mechanisms_of(auth->auth, script_.suite)));
    } else if (const auto* simple = s.get<simple_command>()) {
      ask_simple(*simple);
    }
    if (!asking_) next_event();
  }

  void begin(const open_session& open) {
    async_client_options options;
    options.session = open.config;
    options.read_buffer = std::size_t{1} << 20U;
    options.events = true;
    options.tls = [](const tls_target&) { return std::make_unique<memory_layer>(); };
    client_.emplace(test_stream(io_.get_executor(), link_), std::move(options));
    if (!open.auth.empty())
      last_id_ = client_->authenticate(mechanisms_of(open.auth, script_.suite));
    next_event();
  }

  void next_event() {
    asking_ = true;
    client_->async_next_event([this](net_error error, const event& e) {
      asking_ = false;
      if (error || !client_) return;  // over; what is asked later has an answer all the same
      take(e);
      next_event();
    });
  }

  void take(const event& e) {
    seen_event seen = see(e, number_of(e), client_->engine().peer());
    if (e.what == event::kind::ready_for_data) streaming_ = seen.number;
    if (e.what == event::kind::mail_done) {
      const auto m = mails_.find(seen.number);
      if (m == mails_.end()) throw std::logic_error(script_.name + ": an unknown mail is done");
      m->second->done = seen;
    }
    if (e.what == event::kind::content_sent && !events_.empty() && events_.back().what == e.what &&
        events_.back().number == seen.number) {
      seen.octets += events_.back().octets;
      events_.pop_back();
    }
    events_.push_back(std::move(seen));
  }

  void send(const send_mail& given) {
    auto& m = *(mails_[given.number] = std::make_unique<mail>());
    m.lent = given.content;
    m.streamed = given.from == send_mail::source::streamed;
    ids_[given.number] = ++last_id_;
    message made = m.streamed                               ? message::stream(given.size)
                   : given.from == send_mail::source::owned ? message::own(given.content)
                                                            : message::borrow(as_bytes(m.lent));
    message content = std::move(made)
                          .eight_bit(given.eight_bit)
                          .binary(given.binary)
                          .utf8_headers(given.utf8_headers);
    if (m.streamed) {
      client_->command([&](session& e) { return e.send(given.env, std::move(content)); });
      return;
    }
    client_->async_send(given.env, std::move(content),
                        [this, &m, number = given.number](net_error error, const delivery& report) {
                          ++m.told;
                          compare_report(m, number, error, report);
                        });
  }

  // The handler is told what the event tells.
  void compare_report(mail& m, std::uint32_t number, net_error error, const delivery& report) {
    if (report.id != ids_.at(number)) m.differs = ": another id";
    if (error != report.error) m.differs = ": two errors";
    if (!m.done) return;  // nobody took events any more
    if (m.done->failed != static_cast<bool>(error)) m.differs = ": another error than the event's";
    bool same = report.recipients.size() == m.done->results.size();
    for (std::size_t i = 0; same && i != report.recipients.size(); ++i) {
      same = report.recipients[i].result == m.done->results[i].result &&
             report.recipients[i].code == m.done->results[i].code;
    }
    if (!same) m.differs = ": another report than the event's";
  }

  void ask_simple(const simple_command& given) {
    using what = simple_command::what;
    const std::string& text = given.argument;
    if (given.command == what::abort) return client_->abort();
    const operation_id id = client_->command([&](session& e) -> operation_id {
      switch (given.command) {
        case what::hello: return e.hello();
        case what::noop: return e.noop(text);
        case what::reset: return e.reset();
        case what::verify: return e.verify(text);
        case what::expand: return e.expand(text);
        case what::help: return e.help(text);
        case what::raw: return e.raw(text);
        case what::quit: e.quit(); break;
        case what::quit_now: e.quit_now(); break;
        case what::abort: break;
      }
      return 0;
    });
    if (id != 0) note_command(id);
  }

  void note_command(operation_id id) {
    commands_.push_back(id);
    last_id_ = id;
  }

  [[nodiscard]] mail_id id_of(std::uint32_t number) const {
    const auto found = ids_.find(number);
    return found == ids_.end() ? 0 : found->second;
  }

  [[nodiscard]] std::uint32_t number_of(const event& e) const {
    if (e.what == event::kind::command_done || e.what == event::kind::authenticated) {
      const auto at = std::find(commands_.begin(), commands_.end(), e.id);
      return at == commands_.end() ? 0 : static_cast<std::uint32_t>(at - commands_.begin()) + 1;
    }
    for (const auto& [number, id] : ids_) {
      if (e.id != 0 && id == e.id) return number;
    }
    return 0;
  }

  const script_data& script_;
  chopping how_;
  asio::io_context io_;
  memory_peer peer_;        // the server's end of the record layer
  bool protected_ = false;  // the server speaks in records
  bool sealed_ = false;     // the client does
  std::shared_ptr<test_link> link_;
  std::map<std::uint32_t, std::unique_ptr<mail>> mails_;
  std::map<std::uint32_t, mail_id> ids_;
  std::vector<operation_id> commands_;
  operation_id last_id_ = 0;
  std::uint32_t streaming_ = 0;
  bool asking_ = false;
  std::string written_;
  std::vector<seen_event> events_;
  std::optional<async_client<test_stream, test_timer>> client_;
};

}  // namespace

namespace {

bool tells_of_injection(const statement& s) {
  const auto* const e = s.get<expected_event>();
  if (e == nullptr) return false;
  const auto is_it = [](const std::optional<expected_error>& why) {
    return why && why->name == "injection";
  };
  return is_it(e->error) || std::any_of(e->results.begin(), e->results.end(),
                                        [&](const expected_result& r) { return is_it(r.why); });
}

}  // namespace

std::string why_not(const script_data& script, chopping how) {
  for (const statement& s : script.statements) {
    if (const auto* open = s.get<open_session>()) {
      if (open->manual || !open->host.empty() || !open->address.empty() ||
          open->config.local_name.empty()) {
        return "it is about what the transport tells of this host";
      }
    }
    if (how.octet_reads && tells_of_injection(s)) {
      return "what comes in a later read than the 220 is an answer to the handshake";
    }
    if (s.is_write()) return "it decides itself what becomes of writes";
  }
  if (script.whole_only && (how.octet_reads || how.octet_writes)) return "it forbids the mode";
  if (script.no_split && how.octet_reads) return "it is about what comes in one piece";
  return {};
}

std::string play(const script_data& script, chopping how) { return player(script, how).run(); }

}  // namespace sansmtp::test
