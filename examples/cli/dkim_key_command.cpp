#include "dkim_key_command.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <memory>
#include <string>
#include <system_error>

#include "connection_options.hpp"
#include "dkim_options.hpp"
#include "failure.hpp"
#include "output_file.hpp"
#include "sansmtp/dkim/key_record.hpp"
#include "sansmtp/sasl.hpp"
#include "standard_streams.hpp"

namespace sansmtp::cli {
namespace {

/// What the command line says.
struct dkim_key_arguments {
  std::string domain;
  std::string selector;
  dkim::key_type type = dkim::key_type::rsa;
  std::string file;
};

void make_key(const dkim_key_arguments& given) {
  const dkim::refusal bad_name = dkim::check_names(given.domain, given.selector);
  if (bad_name != dkim::refusal::none) {
    throw failure(exit_code::data_error, std::string(words_of(bad_name)));
  }
  const dkim::key_result made = require_dkim_crypto()->make_key(given.type);
  if (made.why != dkim::refusal::none) {
    throw failure(
        made.why == dkim::refusal::key_unavailable ? exit_code::configuration : exit_code::software,
        std::string(words_of(made.why)));
  }
  const auto public_key = made.key->public_key();
  auto pem = made.key->to_pem();
  if (!public_key || !pem) {
    throw failure(exit_code::software, std::string(words_of(dkim::refusal::crypto_failed)));
  }
  const std::string file =
      given.file.empty() ? fmt::format("{}.{}.key", given.selector, given.domain) : given.file;
  try {
    write_secret(file, *pem);
  } catch (...) {
    wipe(*pem);
    throw;
  }
  wipe(*pem);
  try {
    print(
        dkim::zone_line(given.domain, given.selector, dkim::record_text(given.type, *public_key)) +
        '\n');
  } catch (...) {
    // A key whose record nobody has seen is of no use, and would stand in the way of the next try.
    std::error_code ignored;
    std::filesystem::remove(file, ignored);
    throw;
  }
  complain(
      fmt::format("sansmtp dkim-key: the key is in {}; once DNS has this record, sign with "
                  "--dkim-domain {} --dkim-selector {} --dkim-key {}",
                  file, given.domain, given.selector, file));
}

}  // namespace

void add_dkim_key_command(CLI::App& app, int& exit_code) {
  CLI::App* const command =
      app.add_subcommand("dkim-key", "Make a key for DKIM and print its record for DNS");
  const auto given = std::make_shared<dkim_key_arguments>();
  command->add_option("--domain", given->domain, "The domain that signs")
      ->type_name("DOMAIN")
      ->required();
  command
      ->add_option("--selector", given->selector,
                   "The name of this key among those of the domain, such as a date")
      ->type_name("SELECTOR")
      ->required();
  add_choice<dkim::key_type>(
      *command, "--type", given->type,
      {{"rsa", dkim::key_type::rsa}, {"ed25519", dkim::key_type::ed25519}},
      "rsa (the default, 2048 bits), which all receivers know, or ed25519, which only some do: "
      "sign with both, or with RSA")
      ->type_name("TYPE");
  command
      ->add_option("--out", given->file,
                   "Where the key goes, by default SELECTOR.DOMAIN.key; only its owner can read "
                   "the file, and a file that is there is never overwritten")
      ->type_name("FILE");
  command->footer(
      "The record goes to standard output as a line of a zone file.\n\nExample:\n"
      "  sansmtp dkim-key --domain example.org --selector mail2026\n\n"
      "Exit codes: 0 the key is made; 64 wrong usage; 65 a bad domain or selector; 70 the crypto "
      "library\nfailed; 74 the file is there already or cannot be written, or standard output is "
      "full; 78 this build\ncannot make such a key.");
  command->callback([given, &exit_code] {
    make_key(*given);
    exit_code = static_cast<int>(exit_code::ok);
  });
}

}  // namespace sansmtp::cli
