#include "outbox.hpp"

#include <fmt/format.h>

#include <utility>

#include "header_envelope.hpp"
#include "input.hpp"
#include "sansmtp/path.hpp"

namespace sansmtp::cli {
namespace {

[[noreturn]] void refuse_address(std::string_view role, const path& p) {
  const errc why = p.is_null() ? errc::bad_address : p.error();
  throw failure(exit_code::data_error, fmt::format("bad {} address '{}': {}", role, p.text(),
                                                   make_error_code(why).message()));
}

}  // namespace

std::unique_ptr<outgoing_mail> outbox::name_next() {
  if (left() == 0) return nullptr;
  auto m = std::make_unique<outgoing_mail>();
  m->file = options_.files[taken_];
  m->number = ++taken_;
  m->addresses = options_.recipients;
  m->utf8_header = options_.utf8_header;
  return m;
}

std::unique_ptr<outgoing_mail> outbox::read_next() {
  auto m = name_next();
  if (!m) return m;
  try {
    prepare(*m);
  } catch (const failure& why) {
    m->obstacle = why;
    m->content = {};
  }
  return m;
}

void outbox::prepare(outgoing_mail& m) const {
  // A bad address is known without the message.
  if (!options_.from_header) address(m, options_.sender.value_or(""));
  m.content = read_input(m.file);
  if (!options_.from_header) return;
  try {
    take_header(m);
  } catch (const failure& why) {
    throw failure(why.code(), fmt::format("{}: {}", input_name(m.file), why.what()));
  }
}

void outbox::take_header(outgoing_mail& m) const {
  header_envelope header = header_envelope::parse(m.content);
  for (std::string& address : header.recipients) m.addresses.push_back(std::move(address));
  if (m.addresses.empty()) {
    throw failure(exit_code::data_error, "the header has no recipients; name them with --to");
  }
  if (!options_.sender && !header.sender) {
    throw failure(exit_code::data_error, "the header has no sender; name one with --from");
  }
  address(m, options_.sender ? *options_.sender : *header.sender);
  if (header.without_bcc) m.content = std::move(*header.without_bcc);
}

// Fills in the envelope. An address that the session would refuse is told here by its name.
void outbox::address(outgoing_mail& m, std::string_view sender) const {
  m.env.sender = path(sender == "<>" ? std::string_view{} : sender);
  if (m.env.sender.error() != errc::none) refuse_address("sender", m.env.sender);
  m.env.skip_bad_recipients = options_.skip_bad;
  for (const std::string& text : m.addresses) {
    path p(text);
    if (!options_.skip_bad && (p.is_null() || p.error() != errc::none)) {
      refuse_address("recipient", p);
    }
    m.env.recipients.emplace_back(std::move(p));
  }
}

}  // namespace sansmtp::cli
