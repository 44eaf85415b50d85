// AUTH on the server's side, for the sink.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sansmtp::cli {

/// One login of the one user that there is (RFC 4954). It shares no code with the engine's SASL, so
/// that tests may use it as an independent witness.
class server_auth {
 public:
  /// What the server says next.
  struct step {
    enum class kind { challenge, accepted, refused, malformed };
    kind what;
    std::string challenge{};  ///< For `challenge`: base64, to follow "334 ".
  };

  server_auth() = default;
  server_auth(const server_auth&) = delete;
  server_auth& operator=(const server_auth&) = delete;
  virtual ~server_auth() = default;

  /// Getter: the mechanisms that this build knows, from PLAIN to SCRAM-SHA-256.
  [[nodiscard]] static std::vector<std::string_view> mechanisms();

  /// Output: the exchange of one of the mechanisms, in upper case; nothing if it is not known.
  [[nodiscard]] static std::unique_ptr<server_auth> make(std::string_view mechanism,
                                                         std::string user, std::string password);

  /// Input: begins. `initial` is the argument behind the mechanism: base64, or "=" for an empty
  /// response; nothing if there was none.
  [[nodiscard]] step begin(std::optional<std::string_view> initial);

  /// Input: a line of the client without its CRLF. "*", which cancels, is the caller's.
  [[nodiscard]] step answer(std::string_view line);

 protected:
  [[nodiscard]] static step challenge(std::string_view raw);
  [[nodiscard]] static step verdict(bool right) {
    return {right ? step::kind::accepted : step::kind::refused};
  }

  /// Input: the client's next response, decoded; nothing if it waits for the server.
  virtual step take(std::optional<std::string> response) = 0;
};

}  // namespace sansmtp::cli
