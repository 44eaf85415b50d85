#include "machine.hpp"

#include <algorithm>
#include <utility>

#include "mechanisms.hpp"
#include "octet_text.hpp"
#include "sansmtp/script/memory_layer.hpp"

namespace sansmtp::script {
namespace {

using speaker = dialogue_entry::speaker;

// An engine that writes more than this has lost its way: a transcript's content is far smaller.
constexpr std::size_t max_writes = std::size_t{64} * 1024 * 1024;
// One-octet writes cost time: longer runs go on in pieces of this size (transcripts.md).
constexpr std::size_t octet_writes = 8192;
constexpr std::size_t piece = 251;
// The alert of a server that refuses the handshake.
constexpr char handshake_failure = 40;
// Timers that fire one behind the other without an end are an error too.
constexpr int max_deadlines = 100'000;

std::unique_ptr<char[]> copy_of(std::string_view octets) {
  auto block = std::make_unique<char[]>(octets.size());
  std::copy(octets.begin(), octets.end(), block.get());
  return block;
}

}  // namespace

const std::string& machine::problem() const noexcept {
  return problem_.empty() ? audit_.problem() : problem_;
}

void machine::fail(std::string what) {
  if (problem_.empty()) problem_ = std::move(what);
}

void machine::note(speaker who, std::string_view text) {
  if (!record_) return;
  const auto at = std::chrono::duration_cast<std::chrono::milliseconds>(now_ - start_);
  const bool octets = who == speaker::server || who == speaker::client;
  if (octets && !said_.empty() && said_.back().who == who && said_.back().at == at) {
    said_.back().text += text;
  } else {
    said_.push_back({who, at, std::string(text)});
  }
}

void machine::note_source(const statement& s) {
  if (record_) note(speaker::user, printable(source_of(script_, s)));
}

// -- turns --------------------------------------------------------------------------------------

void machine::perform(const turn& t) { perform_until(t, pace::everything, pace::everything); }

void machine::perform_until(const turn& t, std::size_t reads, std::size_t writes) {
  begin(t);
  writes_left_ = writes;
  run_inputs(t, reads);
}

void machine::perform_in_flight(const turn& t) {
  begin(t);
  taking_ = taking::offer_only;
  run_inputs(t, pace::everything);
}

void machine::begin(const turn& t) {
  written_.clear();
  events_.clear();
  lend_error_ = errc::none;
  turn_writes_ = 0;
  asked_ = false;
  writes_left_ = pace::everything;

  // A `! sent` wants to decide itself how much of this turn's output is taken; and behind one,
  // output is looked at only if the transcript looks at it.
  const auto& all = script_.statements;
  taking_ = taking::all;
  if (stuck_ || (t.end < all.size() && all[t.end].is_sent())) {
    taking_ = taking::offer_only;
  } else if (all[t.first].is_sent() &&
             std::none_of(all.begin() + static_cast<std::ptrdiff_t>(t.expectations),
                          all.begin() + static_cast<std::ptrdiff_t>(t.end),
                          [](const statement& s) { return s.get<client_writes>() != nullptr; })) {
    taking_ = taking::nothing;
  }
}

void machine::run_inputs(const turn& t, std::size_t reads) {
  const auto& all = script_.statements;
  if (all[t.first].is_server()) {
    std::string octets;
    for (std::size_t i = t.first; i < t.expectations; ++i)
      octets += all[i].get<server_says>()->octets;
    receive(std::string_view(octets).substr(0, reads));
    return;
  }
  for (std::size_t i = t.first; i < t.expectations; ++i) {
    const statement& s = all[i];
    note_source(s);
    if (const auto* time = s.get<time_passes>()) {
      pass(time->by);
    } else if (const auto* link = s.get<link_changes>()) {
      do_link(*link);
    } else {
      do_command(s);
    }
  }
  pump();
}

void machine::break_link(fault f) {
  writes_left_ = pace::everything;
  taking_ = taking::all;
  // What was not handed out yet has no timer of its own.
  if (f == fault::timeout && !(asked_ && channel_->deadline())) return;
  audit_.fault(channel_->engine(), in_flight_);
  switch (f) {
    case fault::end: channel_->read_end(now_); break;
    case fault::timeout:
      now_ = std::max(now_, *channel_->deadline());
      channel_->advance(now_);
      break;
    case fault::abort: channel_->engine().abort(); break;
  }
  pump();
  if (in_flight_) {
    take_back();
    pump();
  }
  audit_.after_fault(channel_->engine());
  // Whatever comes later finds a session that is over (CORE-07).
  channel_->receive(now_, as_bytes("250 late\r\n"));
  channel_->read_end(now_);
  now_ += std::chrono::hours(24);
  channel_->advance(now_);
  pump();
}

void machine::take_back() {
  channel_->sent(now_, 0);
  in_flight_ = false;
}

// -- what the user asks -------------------------------------------------------------------------

void machine::do_command(const statement& s) {
  if (const auto* open = s.get<open_session>()) {
    audit_.open(open->config);
    watch(open->auth);
    std::unique_ptr<tls_layer> layer;
    if (open->config.tls != tls_mode::off) layer = std::make_unique<memory_layer>();
    channel_.emplace(open->config, std::move(layer));
    if (!open->auth.empty())
      channel_->engine().authenticate(mechanisms_of(open->auth, script_.suite));
    if (!open->manual) connect(open->host, open->address);
  } else if (const auto* m = s.get<send_mail>()) {
    send(*m);
  } else if (const auto* chunk = s.get<lend_chunk>()) {
    lend(*chunk);
  } else if (const auto* cancelled = s.get<cancel_mail>()) {
    channel_->engine().cancel(mails_[cancelled->number].id);
  } else if (const auto* auth = s.get<authenticate_now>()) {
    watch(auth->auth);
    commands_.push_back(channel_->engine().authenticate(mechanisms_of(auth->auth, script_.suite)));
    audit_.command(channel_->engine(), commands_.back(), true);
  } else if (const auto* simple = s.get<simple_command>()) {
    do_simple(*simple);
  }
}

/// Command: has no event show what is authenticated with.
void machine::watch(const std::vector<authentication>& auth) {
  for (const authentication& one : auth) audit_.watch_for(one.who.secret);
}

void machine::do_simple(const simple_command& command) {
  using what = simple_command::what;
  // The argument is the engine's only during the call.
  const auto block = copy_of(command.argument);
  const std::string_view argument(block.get(), command.argument.size());
  operation_id id = 0;
  switch (command.command) {
    case what::hello: id = channel_->engine().hello(); break;
    case what::noop: id = channel_->engine().noop(argument); break;
    case what::reset: id = channel_->engine().reset(); break;
    case what::verify: id = channel_->engine().verify(argument); break;
    case what::expand: id = channel_->engine().expand(argument); break;
    case what::help: id = channel_->engine().help(argument); break;
    case what::raw:
      audit_.raw(argument);
      id = channel_->engine().raw(argument);
      break;
    case what::quit: channel_->engine().quit(); return;
    case what::quit_now: channel_->engine().quit_now(); return;
    case what::abort: channel_->engine().abort(); return;
  }
  commands_.push_back(id);
  audit_.command(channel_->engine(), id, false);
}

void machine::send(const send_mail& m) {
  mail& state = mails_[m.number];
  message content;
  switch (m.from) {
    case send_mail::source::borrowed:
      state.lent = copy_of(m.content);
      content = message::borrow({state.lent.get(), m.content.size()});
      break;
    case send_mail::source::owned: content = message::own(m.content); break;
    case send_mail::source::streamed: content = message::stream(m.size); break;
  }
  const envelope copy = m.env;  // which dies at once
  content = std::move(content).eight_bit(m.eight_bit).binary(m.binary).utf8_headers(m.utf8_headers);
  const message told = content;
  state.id = channel_->engine().send(copy, std::move(content));
  audit_.mail(channel_->engine(), state.id, m.env, told);
}

void machine::lend(const lend_chunk& chunk) {
  auto block = copy_of(chunk.octets);
  lend_error_ = channel_->engine().lend({block.get(), chunk.octets.size()}, chunk.last);
  if (lend_error_ != errc::none) return;
  mails_[streaming_].lent = std::move(block);
  audit_.lent(as_bytes(chunk.octets), chunk.last);
}

// -- what the world does ------------------------------------------------------------------------

void machine::connect(const std::string& host, const std::string& address) {
  const auto host_block = copy_of(host);
  const auto address_block = copy_of(address);
  channel_->connected(now_,
                      {{host_block.get(), host.size()}, {address_block.get(), address.size()}});
}

void machine::do_link(const link_changes& link) {
  using what = link_changes::what;
  const std::string binding =
      link.binding_type.empty() ? std::string() : ' ' + link.binding_type + ':' + link.binding;
  switch (link.how) {
    case what::end: channel_->read_end(now_); break;
    case what::reset:
      channel_->read_end(now_, std::make_error_code(std::errc::connection_reset));
      break;
    case what::connected: connect(link.host, link.address); break;
    case what::tls_up: shake_hands("verified" + binding); break;
    case what::tls_unverified: shake_hands("unverified" + binding); break;
    case what::tls_rejected: shake_hands("weak"); break;  // for the caller, but up
    case what::tls_failed: arrive(peer_.alert(handshake_failure)); break;
    case what::write_stuck:
      stuck_ = true;
      taking_ = taking::offer_only;
      break;
    case what::write_failed:
    case what::sent: end_write(link); break;
  }
}

// What became of the write in flight, of which so many octets were taken.
void machine::end_write(const link_changes& link) {
  if (link.octets > offered_.size() || !in_flight_) {
    fail("only " + std::to_string(in_flight_ ? offered_.size() : 0) + " octets are offered");
    return;
  }
  const bool asked_back = channel_->cancel_write();
  const std::size_t plain = arrived(std::string_view(offered_).substr(0, link.octets)).size();
  stuck_ = in_flight_ = false;
  if (link.how == link_changes::what::sent) {
    channel_->sent(now_, link.octets);
  } else {
    channel_->write_failed(now_, std::make_error_code(std::errc::broken_pipe), link.octets);
    broken_ = !asked_back;
  }
  audit_.sent(plain);
  unsent_ -= plain;
}

void machine::receive(std::string_view octets) {
  if (pace_.octet_reads) {
    for (std::size_t i = 0; i < octets.size(); ++i) {
      receive_piece(octets.substr(i, 1));
      if (pace_.rest_between_reads) rest();
    }
  } else {
    const std::size_t cut =
        pace_.cut == 0 || octets.size() < 2 ? 0 : 1 + (pace_.cut - 1) % (octets.size() - 1);
    if (cut > 0) {
      receive_piece(octets.substr(0, cut));
      rest();
    }
    receive_piece(octets.substr(cut));
  }
  pump();
}

// Between two pieces of what the server says in one breath. What stands behind the 220 came before
// the client spoke TLS (TLS-05), so its first record does not leave in between.
void machine::rest() {
  if (!channel_->engine().awaits_handshake()) pump();
}

void machine::receive_piece(std::string_view octets) {
  note(speaker::server, octets);
  audit_.received(octets);
  arrive(protected_ ? peer_.say(octets) : as_bytes(octets));
}

// Octets of the wire. Those of a record layer come as the octets of the transcript do.
void machine::arrive(bytes wire) {
  const std::size_t step =
      protected_ && pace_.octet_reads ? 1 : std::max<std::size_t>(wire.size(), 1);
  for (std::size_t i = 0; i < wire.size(); i += step) {
    const std::string_view part = as_text(wire).substr(i, step);
    const auto block = copy_of(part);
    channel_->receive(now_, {block.get(), part.size()});
  }
}

void machine::shake_hands(std::string_view verdict) {
  audit_.tls_up(verdict.starts_with("verified"));
  protected_ = true;
  arrive(peer_.finish(verdict));
}

// What the server can read of octets of the wire: a record only when it is whole.
std::string machine::arrived(std::string_view wire) {
  if (!sealed_) return std::string(wire);
  std::string plain(peer_.feed(as_bytes(wire)));
  if (peer_.confused()) fail("what was written is no sequence of records");
  return plain;
}

void machine::pass(std::chrono::milliseconds by) {
  const time_point target = now_ + by;
  for (int i = 0; i < max_deadlines; ++i) {
    const auto deadline = channel_->deadline();
    if (!deadline || *deadline > target || !problem().empty()) break;
    now_ = std::max(now_, *deadline);
    channel_->advance(now_);
    pump();
    if (channel_->deadline() == deadline) fail("the deadline stays where it is (TIME-02)");
  }
  now_ = target;
  channel_->advance(now_);
}

// -- the pump -----------------------------------------------------------------------------------

void machine::pump() {
  // From here on the client writes records, unless a write of clear text is still in flight.
  if (!in_flight_) sealed_ = sealed_ || (channel_ && channel_->engine().awaits_handshake());
  for (bool more = true; more && problem_.empty();) {
    more = take_output();
    more = take_events() || more;
  }
  if (channel_ && !in_flight_ && taking_ == taking::all && writes_left_ != 0 &&
      channel_->closed() != channel_->finished()) {
    fail("a link on which all was written is finished once it is closed (LINK-02)");
  }
  if (!in_flight_) audit_.rest(channel_->engine(), now_, asked_);
}

std::size_t machine::write_size(std::size_t offered) const noexcept {
  std::size_t size = std::min(offered, writes_left_);
  if (pace_.octet_writes) size = std::min(size, turn_writes_ < octet_writes ? 1 : piece);
  return size;
}

bool machine::take_output() {
  if (taking_ == taking::nothing || writes_left_ == 0) return false;
  asked_ = true;
  if (in_flight_) {
    // The views must be the same until `sent`, whatever happened since (CORE-03).
    const std::span<const bytes> again = channel_->output(now_);
    std::string octets;
    for (const bytes view : lent_) octets += as_text(view);
    const auto same = [](bytes a, bytes b) { return a.data() == b.data() && a.size() == b.size(); };
    if (octets != offered_) fail("octets that output() lent changed before sent()");
    // A session that is over may withdraw what it offered, though not what it lent.
    if (!channel_->closed() &&
        !std::equal(again.begin(), again.end(), lent_.begin(), lent_.end(), same)) {
      fail("the views of output() changed before sent()");
    }
    return false;
  }
  bool any = false;
  while (writes_left_ > 0) {
    const std::span<const bytes> views = channel_->output(now_);
    std::size_t offered = 0;
    for (const bytes view : views) offered += view.size();
    if (offered == 0) break;
    if (broken_) {
      fail("something is offered behind a write that failed (LINK-01)");
      break;
    }
    any = true;
    const bool offer_only = taking_ == taking::offer_only;
    const std::size_t size = offer_only ? offered : write_size(offered);
    std::string taken;
    taken.reserve(size);
    for (const bytes view : views) {
      taken += as_text(view).substr(0, size - taken.size());
      if (taken.size() == size) break;
    }
    if (offer_only) {
      lent_.assign(views.begin(), views.end());
      memory_peer peek = peer_;  // the octets have not arrived yet
      const std::string plain = sealed_ ? std::string(peek.feed(as_bytes(taken))) : taken;
      written_ += plain;
      note(speaker::client, plain);
      if (channel_->closed()) unsent_ = 0;  // what was offered before is withdrawn
      // What is left of an offer that was withdrawn in part has been looked at.
      audit_.handed_out(channel_->engine(),
                        std::string_view(plain).substr(std::min(unsent_, plain.size())));
      unsent_ = plain.size();
      offered_ = std::move(taken);
      in_flight_ = true;
      break;
    }
    channel_->sent(now_, size);
    // A handshake is asked for by an input, never by output: these octets are of one kind.
    const std::string plain = arrived(taken);
    written_ += plain;
    note(speaker::client, plain);
    if (channel_->closed()) unsent_ = 0;
    const std::size_t known = std::min(unsent_, plain.size());
    audit_.handed_out(channel_->engine(), std::string_view(plain).substr(known));
    audit_.sent(plain.size());
    unsent_ -= known;
    if (writes_left_ != pace::everything) writes_left_ -= size;
    turn_writes_ += size;
    total_writes_ += size;
    if (total_writes_ > max_writes) {
      fail("the engine does not stop writing");
      break;
    }
  }
  return any;
}

bool machine::take_events() {
  bool any = false;
  while (const event* e = channel_->next_event()) {
    any = true;
    audit_.event_taken(*e);
    note_event(see(*e, number_of(*e), channel_->engine().peer()));
    if (mail* about = mail_of(e->id)) {
      if (e->what == event::kind::ready_for_data) streaming_ = events_.back().number;
      if (e->what == event::kind::chunk_released || e->what == event::kind::mail_done) {
        about->lent.reset();
      }
    }
    if (!audit_.problem().empty()) break;
  }
  return any && audit_.problem().empty();
}

void machine::note_event(seen_event e) {
  // How many writes the content took is the transport's matter: only their sum is the engine's.
  if (e.what == event::kind::content_sent && !events_.empty() && events_.back().what == e.what &&
      events_.back().number == e.number) {
    e.octets += events_.back().octets;
    events_.pop_back();
    if (record_) said_.pop_back();
  }
  if (record_) note(speaker::engine, to_statement(e));
  events_.push_back(std::move(e));
}

machine::mail* machine::mail_of(mail_id id) {
  for (auto& [number, m] : mails_) {
    if (id != 0 && m.id == id) return &m;
  }
  return nullptr;
}

std::uint32_t machine::number_of(const event& e) const {
  if (e.what == event::kind::command_done || e.what == event::kind::authenticated) {
    const auto found = std::find(commands_.begin(), commands_.end(), e.id);
    return found == commands_.end() ? 0 : static_cast<std::uint32_t>(found - commands_.begin()) + 1;
  }
  for (const auto& [number, m] : mails_) {
    if (e.id != 0 && m.id == e.id) return number;
  }
  return 0;
}

}  // namespace sansmtp::script
