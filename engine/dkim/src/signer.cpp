#include "sansmtp/dkim/signer.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <utility>

#include "ascii.hpp"
#include "header_fields.hpp"
#include "relaxed_body.hpp"
#include "sansmtp/base64.hpp"
#include "sansmtp/dkim/key_record.hpp"
#include "sansmtp/line_end_normalizer.hpp"
#include "signature_field.hpp"

namespace sansmtp::dkim {
namespace {

constexpr std::string_view empty_line = "\r\n";
constexpr std::string_view end_of_header = "\r\n\r\n";

// In the order of RFC 6376 section 5.4.1.
constexpr std::string_view usual[] = {
    "from",
    "sender",
    "reply-to",
    "subject",
    "date",
    "message-id",
    "to",
    "cc",
    "mime-version",
    "content-type",
    "content-transfer-encoding",
    "content-id",
    "content-description",
    "in-reply-to",
    "references",
    "resent-date",
    "resent-from",
    "resent-sender",
    "resent-to",
    "resent-cc",
    "resent-message-id",
    "list-id",
    "list-help",
    "list-unsubscribe",
    "list-unsubscribe-post",
    "list-subscribe",
    "list-post",
    "list-owner",
    "list-archive",
};

/// Fields that hosts on the way add, take away or change, and the signature itself.
constexpr std::string_view unsteady[] = {
    "authentication-results",
    "dkim-signature",
    "received",
    "return-path",
};

bool holds(std::span<const std::string_view> names, std::string_view name) noexcept {
  return std::any_of(names.begin(), names.end(),
                     [&](std::string_view each) { return ascii::iequals(each, name); });
}

refusal check_options(const signer_options& o) noexcept {
  if (o.keys.empty()) return refusal::no_key;
  for (const signing_key& k : o.keys) {
    if (const refusal why = check_names(o.domain, k.selector); why != refusal::none) return why;
    if (k.key == nullptr) return refusal::no_key;
    if (const refusal why = check_key(*k.key); why != refusal::none) return why;
    const auto same = [&](const signing_key& other) {
      return ascii::iequals(other.selector, k.selector);
    };
    if (std::count_if(o.keys.begin(), o.keys.end(), same) > 1) return refusal::selector_twice;
  }
  for (const std::string& name : o.fields) {
    if (!is_field_name(name) || name.find(';') != std::string::npos || holds(unsteady, name)) {
      return refusal::bad_field_list;
    }
  }
  const std::chrono::seconds at = o.signed_at.time_since_epoch();
  if (at <= at.zero()) return refusal::no_time;
  if (o.valid_for && (*o.valid_for <= at.zero() || *o.valid_for > at.max() - at)) {
    return refusal::bad_lifetime;
  }
  return refusal::none;
}

/// The names to be signed, each once, in lower case. From comes first if nobody has named it.
std::vector<std::string> names_of(const signer_options& o) {
  std::vector<std::string> names;
  const auto take = [&](std::string_view name) {
    std::string lower;
    for (const char c : name) lower += ascii::to_lower(c);
    if (std::find(names.begin(), names.end(), lower) == names.end()) {
      names.push_back(std::move(lower));
    }
  };
  if (o.fields.empty()) {
    for (const std::string_view name : usual) take(name);
    return names;
  }
  const auto is_from = [](const std::string& name) { return ascii::iequals(name, "from"); };
  if (std::none_of(o.fields.begin(), o.fields.end(), is_from)) take("from");
  for (const std::string& name : o.fields) take(name);
  return names;
}

std::string_view algorithm_of(key_type type) noexcept {
  return type == key_type::rsa ? "a=rsa-sha256;" : "a=ed25519-sha256;";
}

std::string decimal(std::int64_t number) {
  std::array<char, 20> digits;
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number);
  return {digits.data(), end.ptr};
}

}  // namespace

std::span<const std::string_view> usual_fields() noexcept { return usual; }

struct signer::state {
  state(signer_options given, crypto& by)
      : options(std::move(given)),
        hash(&by),
        why(check_options(options)),
        source(options.line_ends) {
    if (why != refusal::none) return;
    body_hash = by.begin_sha256();
    if (body_hash == nullptr) {
      why = refusal::crypto_failed;
      return;
    }
    body = std::make_unique<relaxed_body>(*body_hash);
  }

  refusal refuse(refusal r) {
    why = r;
    fields.clear();
    return why;
  }
  refusal refuse_content(errc e) {
    problem = e;
    return refuse(refusal::bad_content);
  }

  refusal take(bytes octets);
  refusal take_header(bytes& octets);
  refusal sign_all();
  refusal sign_by(const signing_key& k, const std::vector<std::string>& signed_names,
                  std::string_view canonical, std::string_view body_digest);

  signer_options options;
  crypto* hash;
  refusal why;
  errc problem = errc::none;
  line_end_normalizer source;
  std::string header;  // its lines, without the empty one that ends it
  bool in_body = false;
  bool finished = false;
  std::unique_ptr<sha256_stream> body_hash;
  std::unique_ptr<relaxed_body> body;
  std::string fields;
};

signer::signer(signer_options options, crypto& hash)
    : state_(std::make_unique<state>(std::move(options), hash)) {}
signer::signer(signer&&) noexcept = default;
signer& signer::operator=(signer&&) noexcept = default;
signer::~signer() = default;

refusal signer::check() const noexcept { return state_->why; }
const std::string& signer::fields() const noexcept { return state_->fields; }
errc signer::problem() const noexcept { return state_->problem; }

refusal signer::give(bytes piece) {
  state& s = *state_;
  if (s.why != refusal::none) return s.why;
  if (s.finished) return s.refuse_content(errc::bad_state);
  while (!piece.empty()) {
    content_run run;
    if (const errc wrong = s.source.next(piece, run); wrong != errc::none) {
      return s.refuse_content(wrong);
    }
    if (s.source.eight_bit() && !s.options.allow_eight_bit) return s.refuse(refusal::eight_bit);
    if (s.take(run.octets) != refusal::none || s.take(run.line_end) != refusal::none) return s.why;
  }
  return refusal::none;
}

refusal signer::finish() {
  state& s = *state_;
  if (s.why != refusal::none) return s.why;
  if (s.finished) return s.refuse_content(errc::bad_state);
  s.finished = true;
  content_run run;
  if (const errc wrong = s.source.finish(run); wrong != errc::none) return s.refuse_content(wrong);
  if (s.take(run.line_end) != refusal::none) return s.why;
  return s.sign_all();
}

refusal signer::state::take(bytes octets) {
  while (!octets.empty() && !in_body) {
    if (take_header(octets) != refusal::none) return why;
  }
  if (!octets.empty()) body->give(octets);
  return refusal::none;
}

/// Takes what belongs to the header from the front of `octets`, some of it at least.
refusal signer::state::take_header(bytes& octets) {
  constexpr std::size_t at_a_time = 4096;
  const std::size_t known = header.size();
  const bytes piece = octets.first(std::min(at_a_time, octets.size()));
  header.append(piece.data(), piece.size());
  std::size_t end = std::string::npos;  // where the empty line begins
  if (header.starts_with(empty_line)) {
    end = 0;
  } else {
    const std::size_t from = known - std::min(known, end_of_header.size() - 1);
    end = header.find(end_of_header, from);
    if (end != std::string::npos) end += empty_line.size();
  }
  if (end == std::string::npos) {
    octets = octets.subspan(piece.size());
  } else {
    octets = octets.subspan(end + empty_line.size() - known);
    header.resize(end);
    in_body = true;
  }
  return header.size() > header_limit ? refuse(refusal::header_too_long) : refusal::none;
}

refusal signer::state::sign_all() {
  std::vector<header_field> present;
  if (!split_header(header, present)) return refuse(refusal::bad_header);
  const auto is_from = [](const header_field& f) { return ascii::iequals(f.name, "from"); };
  const auto from = std::count_if(present.begin(), present.end(), is_from);
  if (from == 0) return refuse(refusal::no_from);
  if (from > 1) return refuse(refusal::several_from);

  std::array<char, sha256_size> digest;
  if (!body->finish() || !body_hash->finish(digest)) return refuse(refusal::crypto_failed);
  const std::string body_digest = base64_encode({digest.data(), digest.size()});

  // Of fields with one name the last one comes first (RFC 6376 section 5.4.2).
  std::vector<std::string> signed_names;
  std::string canonical;
  for (const std::string& name : names_of(options)) {
    for (std::size_t i = present.size(); i != 0; --i) {
      const header_field& f = present[i - 1];
      if (!ascii::iequals(f.name, name)) continue;
      signed_names.push_back(name);
      append_relaxed(canonical, f.name, f.value);
      canonical += empty_line;
    }
    if (name == "from") signed_names.push_back(name);
  }
  // Each is named in the signature, and a field of hundreds of kilobytes is cut or refused.
  constexpr std::size_t most_signed = 300;
  if (signed_names.size() > most_signed) return refuse(refusal::too_many_fields);
  for (const signing_key& k : options.keys) {
    if (sign_by(k, signed_names, canonical, body_digest) != refusal::none) return why;
  }
  return refusal::none;
}

refusal signer::state::sign_by(const signing_key& k, const std::vector<std::string>& signed_names,
                               std::string_view canonical, std::string_view body_digest) {
  signature_field field;
  field.add("v=1;");
  field.add(algorithm_of(k.key->type()));
  field.add("c=relaxed/relaxed;");
  field.add("d=" + options.domain + ';');
  field.add("s=" + k.selector + ';');
  const std::chrono::seconds at = options.signed_at.time_since_epoch();
  field.add("t=" + decimal(at.count()) + ';');
  if (options.valid_for) field.add("x=" + decimal((at + *options.valid_for).count()) + ';');
  field.add("h=" + signed_names.front());
  for (std::size_t i = 1; i != signed_names.size(); ++i) field.go_on(':', signed_names[i]);
  field.close(';');
  field.add("bh=" + std::string(body_digest) + ';');
  field.add("b=");

  std::string last;  // of what is hashed: this field itself, without its signature and line end
  append_relaxed(last, signature_field::name, field.value());
  const std::unique_ptr<sha256_stream> stream = hash->begin_sha256();
  std::array<char, sha256_size> digest;
  if (stream == nullptr || !stream->add(as_bytes(canonical)) || !stream->add(as_bytes(last)) ||
      !stream->finish(digest)) {
    return refuse(refusal::crypto_failed);
  }
  const std::optional<std::string> signature = k.key->sign(digest);
  if (!signature || signature->empty()) return refuse(refusal::crypto_failed);
  field.fill(base64_encode(*signature));
  fields += field.text();
  fields += empty_line;
  return refusal::none;
}

signing_result sign(const message& mail, signer_options options, crypto& hash) {
  if (mail.is_streamed()) return {refusal::read_once, errc::none, {}};
  if (mail.is_binary()) return {refusal::binary_content, errc::none, {}};
  signer s(std::move(options), hash);
  refusal why = s.give(mail.content());
  if (why == refusal::none) why = s.finish();
  return {why, s.problem(), s.fields()};
}

}  // namespace sansmtp::dkim
