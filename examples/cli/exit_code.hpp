// What the command says with its exit code.
#pragma once

#include <string>

namespace sansmtp::cli {

/// The exit codes, after sysexits.h; the ones that it does not know are `mismatch` and `in_doubt`.
enum class exit_code : int {
  ok = 0,
  mismatch = 1,        ///< `replay`: the engine did not do what the transcript says.
  usage = 64,          ///< EX_USAGE: an option that is wrong or missing.
  data_error = 65,     ///< EX_DATAERR: a bad address, message or transcript.
  no_input = 66,       ///< EX_NOINPUT: a file that is missing or cannot be read.
  no_host = 68,        ///< EX_NOHOST: the server's name is unknown, or a domain has none.
  unavailable = 69,    ///< EX_UNAVAILABLE: a refusal for good, by the network or by the server.
  software = 70,       ///< EX_SOFTWARE: a defect of this program.
  io_error = 74,       ///< EX_IOERR: standard output is closed or full.
  temporary = 75,      ///< EX_TEMPFAIL: not delivered now, and a retry is useful.
  protocol = 76,       ///< EX_PROTOCOL: the server broke the rules of SMTP.
  no_permission = 77,  ///< EX_NOPERM: the login was refused, or would have shown the secret.
  configuration = 78,  ///< EX_CONFIG: the host lacks something, such as a name to say.
  in_doubt = 80,       ///< The message was handed over and nobody knows whether it was accepted.
};

/// Getter: the one that more urgently wants a person's or a script's attention. The order is the
/// one that `exit_code_help` documents.
[[nodiscard]] exit_code worse(exit_code a, exit_code b) noexcept;

/// Getter: the paragraph of `--help` on exit codes, one of which stands for a whole run.
[[nodiscard]] std::string exit_code_help();

}  // namespace sansmtp::cli
