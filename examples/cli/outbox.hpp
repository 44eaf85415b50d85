// The messages of the command line, one after the other.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "address_options.hpp"
#include "dkim_options.hpp"
#include "envelope_options.hpp"
#include "failure.hpp"
#include "sansmtp/envelope.hpp"
#include "sansmtp/message.hpp"

namespace sansmtp::cli {

/// What the command line says of messages and their envelopes.
struct outbox_options {
  std::vector<std::string> files;  ///< "-" is standard input.
  std::optional<std::string> sender;
  std::vector<std::string> recipients;
  address_options addresses;  ///< How they are read.
  envelope_options wishes;    ///< What the mail asks for beyond its addresses.
  bool from_header = false;   ///< Sender, if there is none here, and further recipients.
  bool skip_bad = false;      ///< Addresses that are none: the session reports them (TXN-28).
  bool utf8_header = false;
  bool doubt_long_lines = true;               ///< Warn of them.
  std::shared_ptr<const mail_signer> signer;  ///< Signs each message; nullptr: nobody does.
};

/// A mail between its reading and its report.
struct outgoing_mail {
  std::size_t number = 0;              ///< From 1, in the order of the command line.
  std::string file;                    ///< As on the command line.
  std::vector<std::string> addresses;  ///< Of the recipients, as they were given or are sent.
  /// What is wrong with addresses that `skip_bad` has let pass.
  std::map<std::string, std::string> faults;
  envelope env;
  std::string content;
  bool utf8_header = false;
  std::optional<failure> obstacle;  ///< Why it cannot be sent.

  /// Getter: the content, borrowed from here.
  [[nodiscard]] message borrowed() const {
    return message::borrow(as_bytes(content)).utf8_headers(utf8_header);
  }
};

/// Reads each message when it is asked for, so that memory holds only those that somebody has.
/// Warns of what is odd about a message on standard error.
class outbox {
 public:
  explicit outbox(outbox_options options) : options_(std::move(options)) {}

  /// Output: the next mail, read, or with an obstacle; nullptr if there is none.
  [[nodiscard]] std::unique_ptr<outgoing_mail> read_next();

  /// Output: the next mail without a look at its file: its recipients are those of the command
  /// line.
  [[nodiscard]] std::unique_ptr<outgoing_mail> name_next();

  /// Getter: how many mails are left?
  [[nodiscard]] std::size_t left() const noexcept { return options_.files.size() - taken_; }

 private:
  void prepare(outgoing_mail& m) const;
  void take_header(outgoing_mail& m) const;
  void address(outgoing_mail& m, std::string_view sender) const;
  void doubt(const outgoing_mail& m) const;

  outbox_options options_;
  std::size_t taken_ = 0;  // files
};

}  // namespace sansmtp::cli
