// Content by BDAT: chunks behind the envelope, within a window of their own (RFC 3030).
#include "session_impl.hpp"

namespace sansmtp {

using detail::mail_step;

/// MAIL of a mail whose content goes by BDAT is about to be written. At level `stream` the content
/// follows without waiting, and MAIL itself runs ahead of the verdicts on the mails before
/// (BDAT-14). A stream's content waits all the same, so that its caller is asked only for what is
/// wanted.
void session::impl::begin_ahead(mail_state& m) noexcept {
  m.ahead = streaming() && !m.content.is_streamed();
  m.rode |= streaming() && !active_.empty();
}

/// Tells whether the first chunk must wait for what could forbid it (BDAT-06).
bool session::impl::waits_for_chunk(const mail_state& m) const noexcept {
  return !m.ahead && (m.owed != 0 || rset_owed_ != 0);
}

/// Stages as much content as may leave now. False if the mail has more to come.
bool session::impl::write_chunks(mail_state& m) {
  if (m.step != mail_step::chunks) {
    m.step = mail_step::chunks;
    if (m.content.is_streamed()) {
      chunks_.start_stream(config_.line_ends, m.content.is_binary());
      m.wants_chunk = true;
      tell_event(event::kind::ready_for_data, verb::bdat).id = m.id;
    } else {
      chunks_.start(m.content.content(), m.facts.size, m.facts.canonical, config_.line_ends);
    }
  }
  do {
    // A chunk that was begun is written to its last octet, whatever is known by now (BDAT-14).
    chunks_.write(out_);
    if (!chunks_.chunk_written()) return false;
    if (chunks_.finished()) {
      m.step = mail_step::finished;
      sending_ = nullptr;
      return true;
    }
  } while (!out_.full() && begin_chunk(m));
  return sending_ == nullptr;
}

/// Stages the line of the next chunk. False if there is none to be sent now.
bool session::impl::begin_chunk(mail_state& m) {
  // No more of it is wanted. The mail is over when the outstanding replies are there.
  if (m.pending == 0 || m.cancelled || m.sender_refused || m.chunk_refused) return false;
  if (m.wants_chunk || held_reply_ != 0) return false;
  if (const errc wrong = chunks_.measured() ? errc::none : check_chunk(m); wrong != errc::none) {
    // Between two chunks it can be taken back (BDAT-13).
    reject_content(m, verb::bdat, wrong);
    settle(m);
    return false;
  }
  const limits& limit = config_.limits;
  const detail::chunk_size next = chunks_.next(limit.chunk_octets);
  if (next.octets == 0 && !next.last) {  // all that was lent is staged
    m.chunk_end = out_.staged();
    release_chunk();
    return false;
  }
  const verb v = next.last ? verb::bdat_last : verb::bdat;
  // By LMTP it is known how many replies the last one will have only behind all others (LMTP-03).
  const std::uint32_t chunks = next.last && lmtp() ? 1 : limit.chunks;
  if (m.chunks_owed >= chunks || !may_write(v)) return false;
  line_ = detail::row_of(v).wire;
  line_ += ' ';
  line_.append_number(next.octets);
  if (next.last) line_ += " LAST";
  if (!fits(line_.size()) || !window_.admits_body(next.octets, limit.body_octets)) return false;

  const std::uint64_t begin = out_.staged();
  out_.line(line_.view());
  chunks_.begin(next);
  m.each = next.last && lmtp();
  window_.owe_chunk(v, m, static_cast<std::uint32_t>(next.octets), begin, out_,
                    next.last && !m.ahead, now_);
  if (config_.trace) trace_line(v, {line_.view(), &m, 0, 0});
  if (!next.last) {
    ++m.chunks_owed;
    return true;
  }
  m.content_end = out_.staged() + next.octets;
  // Whether this mail fails is not known yet, so RSET goes before the next MAIL (BDAT-14).
  if (m.ahead) rset_due_ = true;
  return true;
}

/// Looks at what was lent, which nobody could before MAIL; returns what is wrong with it (DATA-12).
errc session::impl::check_chunk(mail_state& m) {
  if (const errc wrong = chunks_.measure(); wrong != errc::none) return wrong;
  return check_streamed(m, chunks_.counted(), chunks_.all_given());
}

/// Tells of octets of content that were written; `before` had been before.
void session::impl::trace_content(std::uint64_t before) {
  window_.for_bodies(before, out_.sent(), [&](const mail_state& m, std::uint64_t octets) {
    detail::pending_event& e =
        tell_event(event::kind::content_sent, m.chunked ? verb::bdat : verb::content);
    e.id = m.id;
    e.octets = octets;
  });
}

}  // namespace sansmtp
