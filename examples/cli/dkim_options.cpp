#include "dkim_options.hpp"

#include <fmt/format.h>

#include <chrono>
#include <utility>

#include "failure.hpp"
#include "input.hpp"
#include "sansmtp/dkim/key_record.hpp"
#include "sansmtp/message.hpp"
#include "sansmtp/sasl.hpp"
#include "tls_library.hpp"

namespace sansmtp::cli {

std::unique_ptr<dkim::crypto> require_dkim_crypto() {
  auto crypto = make_dkim_crypto();
  if (crypto == nullptr) {
    throw failure(
        exit_code::configuration,
        "this sansmtp was built without TLS and so cannot sign; build it where OpenSSL or "
        "wolfSSL is installed");
  }
  return crypto;
}

void dkim_options::add_to(CLI::App& command) {
  domain_option_ = command
                       .add_option("--dkim-domain", domain_,
                                   "Sign each message with DKIM for this domain, which should be "
                                   "that of its From field")
                       ->type_name("DOMAIN");
  command
      .add_option("--dkim-selector", selectors_,
                  "Where DNS has the public key: SELECTOR._domainkey.DOMAIN (repeatable, one for "
                  "each --dkim-key, which makes a signature each)")
      ->type_name("SELECTOR")
      ->allow_extra_args(false);
  command
      .add_option("--dkim-key", key_files_,
                  "The private key, RSA or Ed25519, as 'sansmtp dkim-key' makes it (repeatable)")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command.add_flag("--dkim-8bit", eight_bit_,
                   "Sign also octets above 127, though a host on the way that has to convert them "
                   "breaks the signature");
}

void dkim_options::check() const {
  if (!wanted() && selectors_.empty() && key_files_.empty() && !eight_bit_) return;
  if (!wanted()) throw CLI::RequiredError("--dkim-domain");
  if (selectors_.empty()) throw CLI::RequiredError("--dkim-selector");
  if (key_files_.empty()) throw CLI::RequiredError("--dkim-key");
  if (selectors_.size() != key_files_.size()) {
    throw CLI::ValidationError("--dkim-key", "each key wants a --dkim-selector of its own");
  }
  for (const std::string& file : key_files_) {
    if (file == "-") throw CLI::ValidationError("--dkim-key", "a key is read from a file only");
  }
}

namespace {

std::chrono::sys_seconds now() {
  return std::chrono::time_point_cast<std::chrono::seconds>(std::chrono::system_clock::now());
}

}  // namespace

mail_signer::mail_signer(const dkim_options& given, line_end_policy line_ends)
    : crypto_(require_dkim_crypto()) {
  options_.domain = given.domain_;
  options_.signed_at = now();  // for the check; each mail has its own
  options_.line_ends = line_ends;
  options_.allow_eight_bit = given.eight_bit_;
  for (std::size_t i = 0; i != given.key_files_.size(); ++i) {
    const std::string& file = given.key_files_[i];
    std::string pem = read_input(file);
    dkim::key_result read = crypto_->read_key(as_bytes(pem));
    wipe(pem);
    if (read.why == dkim::refusal::none) read.why = check_key(*read.key);
    if (read.why != dkim::refusal::none) {
      throw failure(exit_code::data_error, fmt::format("bad key {}: {}", file, words_of(read.why)));
    }
    options_.keys.push_back({given.selectors_[i], read.key.get()});
    keys_.push_back(std::move(read.key));
  }
  const dkim::refusal why = dkim::signer(options_, *crypto_).check();
  if (why != dkim::refusal::none) {
    throw failure(exit_code::data_error, fmt::format("cannot sign: {}", words_of(why)));
  }
}

std::string mail_signer::fields_for(std::string_view content) const {
  dkim::signer_options options = options_;
  options.signed_at = now();
  dkim::signing_result result =
      sign(message::borrow(as_bytes(content)), std::move(options), *crypto_);
  if (result.why == dkim::refusal::none) return std::move(result.fields);
  std::string words(words_of(result.why));
  if (result.why == dkim::refusal::bad_content) words = make_error_code(result.problem).message();
  if (result.why == dkim::refusal::eight_bit) words += ", or take --dkim-8bit";
  throw failure(exit_code::data_error, "not signed and not sent: " + words);
}

}  // namespace sansmtp::cli
