#include "outbox.hpp"

#include <fmt/format.h>

#include <utility>

#include "header_envelope.hpp"
#include "input.hpp"
#include "message_doubts.hpp"
#include "sansmtp/path.hpp"
#include "standard_streams.hpp"

namespace sansmtp::cli {
namespace {

[[noreturn]] void refuse_address(std::string_view role, const path& p, std::string_view fault,
                                 std::string_view way_out = {}) {
  throw failure(exit_code::data_error,
                fmt::format("bad {} address '{}': {}{}", role, p.text(), fault, way_out));
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
  if (options_.from_header) {
    try {
      take_header(m);
    } catch (const failure& why) {
      throw failure(why.code(), fmt::format("{}: {}", input_name(m.file), why.what()));
    }
  }
  doubt(m);
  // The signature comes last: it is of what leaves.
  if (options_.signer != nullptr) {
    try {
      m.content.insert(0, options_.signer->fields_for(m.content));
    } catch (const failure& why) {
      throw failure(why.code(), fmt::format("{}: {}", input_name(m.file), why.what()));
    }
  }
}

void outbox::doubt(const outgoing_mail& m) const {
  std::vector<std::string> doubts;
  if (!options_.from_header) doubts = doubts_about_header(m.content);
  if (options_.doubt_long_lines) doubts.push_back(doubt_about_lines(m.content));
  for (const std::string& text : doubts) {
    if (text.empty()) continue;
    complain(fmt::format("sansmtp send: warning: {}: {}", input_name(m.file), text));
  }
}

void outbox::take_header(outgoing_mail& m) const {
  header_envelope header = header_envelope::parse(m.content);
  for (std::string& address : header.recipients) m.addresses.push_back(std::move(address));
  if (m.addresses.empty()) {
    throw failure(exit_code::data_error,
                  fmt::format("{} no recipients; name them with --to",
                              header.resent ? "the Resent- fields name" : "the header has"));
  }
  address(m, options_.sender ? *options_.sender : header.sender());
  if (header.cleaned) m.content = std::move(*header.cleaned);
}

// Fills in the envelope. An address that the session would refuse is told here by its name.
void outbox::address(outgoing_mail& m, std::string_view sender) const {
  const address_options& how = options_.addresses;
  m.env.sender = how.read(sender);
  if (m.env.sender.error() != errc::none) {
    refuse_address("sender", m.env.sender, how.fault_of(m.env.sender));
  }
  m.env.skip_bad_recipients = options_.skip_bad;
  for (std::string& text : m.addresses) {
    path p = how.read(text);
    text = p.text();
    if (p.is_null() || p.error() != errc::none) {
      std::string fault = how.fault_of(p);
      if (!options_.skip_bad) {
        refuse_address(
            "recipient", p, fault,
            m.addresses.size() > 1 ? "; --skip-bad sends to the others all the same" : "");
      }
      m.faults.emplace(text, std::move(fault));
    }
    m.env.recipients.emplace_back(std::move(p));
  }
  options_.wishes.apply(m.env);
}

}  // namespace sansmtp::cli
