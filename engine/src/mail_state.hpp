// One mail on its way through a session.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

#include "event_queue.hpp"
#include "expected.hpp"
#include "parameters.hpp"
#include "sansmtp/envelope.hpp"
#include "sansmtp/event.hpp"
#include "sansmtp/message.hpp"
#include "text_buffer.hpp"

namespace sansmtp::detail {

/// A reply that a result shows: its text is kept in the mail.
struct kept_reply {
  std::uint16_t code = 0;
  text_span text;
};

/// How far a recipient is.
enum class rcpt_step : std::uint8_t {
  waiting,   // RCPT not formatted
  asked,     // RCPT formatted, no reply yet
  accepted,  // 2yz
  refused,   // 4yz or 5yz, or refused locally
};

/// What ends a mail, or a part of it.
struct verdict {
  verb stage = verb::mail;
  errc why = errc::none;
  hint advice = hint::none;
  kept_reply answer;
  enhanced_status suggested;
};

/// One recipient, and once it has its outcome what decided it.
struct rcpt_state : verdict {
  rcpt_step step = rcpt_step::waiting;
  outcome result = outcome::pending;  // set by `mail_state::decide` only
  std::uint64_t end = 0;              // output position behind its RCPT
  text_span line;  // without CRLF, in the mail's text; before its check without parameters
  std::uint32_t address_size = 0;
  errc bad = errc::none;  // what is wrong with the address
  bool utf8 = false;      // the address needs SMTPUTF8
};

/// Where the sender is with a mail. The order counts: up to `chunks` the envelope may still decide
/// the mail (`settle`).
enum class mail_step : std::uint8_t {
  queued,    // nothing formatted
  rcpts,     // MAIL formatted, some RCPT perhaps
  chunks,    // content by BDAT on its way
  data,      // DATA formatted
  content,   // 354 came, content on its way
  finished,  // terminator formatted
  over,      // its `mail_done` was made
};

/// Whether recipients answer to the content one by one before all do (PRDR-02).
enum class prdr : std::uint8_t {
  none,       // it was not asked for
  asked,      // by a parameter of MAIL
  announced,  // by 353
};

/// What changes while a mail is on its way.
struct mail_progress {
  mail_step step = mail_step::queued;
  std::uint32_t next_rcpt = 0;
  std::uint32_t accepted = 0;
  // The ledger: a mail is over when it is decided and owes nothing.
  std::uint32_t pending = 0;  // recipients without an outcome
  std::uint32_t owed = 0;     // entries that point to it, and a dot that is to be written
  errc why = errc::none;      // what ended it, where no recipient says so
  bool checked = false;       // nothing local is in its way
  bool sender_refused = false;
  bool rcpt_refused = false;  // by the server, at least one
  bool cancelled = false;
  bool enough_rcpts = false;  // the server takes no more in this transaction (TXN-10)
  bool rode = false;          // MAIL went out behind content without a reply (PIPE-17)
  bool delivered = false;
  bool each = false;  // each recipient has a reply of its own to the content (LMTP-04)
  prdr verdicts = prdr::none;
  bool chunked = false;        // its content goes by BDAT
  bool ahead = false;          // and does not wait for the replies to its envelope (BDAT-14)
  bool chunk_refused = false;  // `refusal` is a chunk's
  std::uint32_t chunks_owed = 0;

  // Content.
  bool wants_chunk = false;  // lend() is welcome
  bool lending = false;      // a chunk is lent and not released
  bool warned_long = false;
  std::uint64_t chunk_end = 0;                 // output position behind the chunk
  std::uint64_t content_end = expected::open;  // output position behind the terminator
};

/// A mail. Objects of this kind are recycled: `start` sets all that is read before it is set again;
/// strings keep their capacity.
struct mail_state : mail_progress {
  static constexpr std::string_view mail_from = "MAIL FROM:<";
  static constexpr std::string_view rcpt_to = "RCPT TO:<";

  operation_id id = 0;
  text_span mail_line;  // like the lines of the recipients
  std::uint32_t sender_size = 0;
  errc bad_sender = errc::none;
  bool utf8_sender = false;
  bool utf8_recipient = false;  // at least one
  bool skip_bad_recipients = false;
  bool parameters = false;  // `env` is set
  message content;
  content_facts facts;  // set when the mail is looked at
  std::vector<rcpt_state> rcpts;
  text_buffer text;                  // the lines, and the text of kept replies
  std::size_t place = 0;             // among all mails of the session
  std::uint32_t released = 0;        // by which count it became free
  mail_state* next_spare = nullptr;  // while it waits to be used again
  verdict refusal;                   // MAIL's or a chunk's, if one of them was refused
  envelope env;                      // for its parameters only

  mail_state() noexcept;
  mail_state(const mail_state&) = delete;
  mail_state& operator=(const mail_state&) = delete;
  ~mail_state();

  void start(operation_id new_id, const envelope& e, message&& m) {
    id = new_id;
    content = std::move(m);
    static_cast<mail_progress&>(*this) = mail_progress();
    parameters = has_parameters(e);
    if (parameters) keep_parameters(e);
    skip_bad_recipients = e.skip_bad_recipients;

    text.clear();
    bad_sender = e.sender.error();
    utf8_sender = e.sender.is_utf8();
    utf8_recipient = false;
    rcpts.resize(e.recipients.size());
    pending = static_cast<std::uint32_t>(rcpts.size());
    rcpt_state* to = rcpts.data();
    for (const recipient& r : e.recipients) {
      *to = rcpt_state{};
      to->line = begin_line(rcpt_to, r.address);
      to->address_size = static_cast<std::uint32_t>(r.address.text().size());
      to->bad = r.address.error();
      to->utf8 = r.address.is_utf8();
      utf8_recipient |= to->utf8;
      ++to;
    }
    // Last, so that its parameters can be appended where it stands.
    mail_line = begin_line(mail_from, e.sender);
    sender_size = static_cast<std::uint32_t>(e.sender.text().size());
  }

  /// Gives a recipient that has none yet its outcome, and what decided it.
  void decide(rcpt_state& r, outcome o, const verdict& v) noexcept {
    --pending;
    r.result = o;
    static_cast<verdict&>(r) = v;
  }

  /// Getter: the forward-path of a recipient, without its brackets.
  [[nodiscard]] std::string_view address_of(const rcpt_state& r) const noexcept {
    return text.view(r.line.at + rcpt_to.size(), r.address_size);
  }
  /// Getter: the reverse-path, without its brackets.
  [[nodiscard]] std::string_view sender() const noexcept {
    return text.view(mail_line.at + mail_from.size(), sender_size);
  }

  /// Makes a line the end of `text`, so that parameters can be appended to it.
  void open_line(text_span& line) {
    if (line.at + line.size == text.size()) return;
    const auto end = static_cast<std::uint32_t>(text.size());
    text.append_again(line.at, line.size);
    line.at = end;
  }
  /// Takes what was appended as a part of the line.
  void close_line(text_span& line) noexcept {
    line.size = static_cast<std::uint32_t>(text.size() - line.at);
  }

  // Inline since it is on the way of every mail.
  [[nodiscard, gnu::always_inline]] kept_reply keep(const reply& r) {
    const std::string_view kept = first_lines(r.text(), kept_reply_octets);
    const kept_reply k{
        static_cast<std::uint16_t>(r.code()),
        {static_cast<std::uint32_t>(text.size()), static_cast<std::uint32_t>(kept.size())}};
    text.append(kept);
    return k;
  }
  [[nodiscard]] reply show(const kept_reply& k) const noexcept {
    if (k.code == 0) return {};
    return {k.code, text.view(k.text.at, k.text.size)};
  }

  /// Getter: the envelope as it was given, copied.
  [[nodiscard]] envelope given_envelope() const;

  /// Frees owned content.
  void give_content_back() noexcept;

  [[nodiscard]] std::size_t memory() const noexcept;

 private:
  void keep_parameters(const envelope& e);
  /// A command up to the end of its path.
  [[nodiscard]] text_span begin_line(std::string_view command, const path& address) {
    const std::size_t at = text.size();
    text.append(command, address.text(), '>');
    return {static_cast<std::uint32_t>(at), static_cast<std::uint32_t>(text.size() - at)};
  }
};

/// The mails of a session: those in use, and those that wait to be used again.
class mail_pool {
 public:
  /// One that is free, or a new one.
  [[nodiscard]] mail_state& take() {
    return spare_ == nullptr ? make() : *std::exchange(spare_, spare_->next_spare);
  }
  /// One is free again. True if many were given back to the system (CORE-09).
  bool give_back(mail_state& m) {
    m.next_spare = std::exchange(spare_, &m);
    m.released = ++released_;
    return released_ % period == 0 && give_spares_back();
  }
  [[nodiscard]] std::size_t memory() const noexcept;

 private:
  /// Objects that none of so many mails needed are given back.
  static constexpr std::uint32_t period = 256;

  [[nodiscard, gnu::cold]] mail_state& make();
  [[nodiscard, gnu::cold]] bool give_spares_back();

  mail_state* spare_ = nullptr;                     // those that are free: the one used last
  std::uint32_t released_ = 0;                      // how many were given back, in all
  std::vector<std::unique_ptr<mail_state>> mails_;  // all there are
};

}  // namespace sansmtp::detail
