#include "sansmtp/sasl.hpp"

#include <cstddef>
#include <utility>

#include "ascii.hpp"
#include "utf8.hpp"

namespace sansmtp {
namespace {

enum class non_ascii : bool { refused, allowed };

// Is it text without controls, NUL among them (SASL-01, SASL-02)? Characters beyond ASCII need
// SASLprep, which the engine does not do: the caller has to say that it is done.
bool is_clean(std::string_view text, non_ascii others) noexcept {
  while (!text.empty()) {
    const utf8::character c = utf8::decode(text);
    if (c.size == 0 || utf8::is_c1(c.value)) return false;
    if (c.size == 1 && ascii::is_control(text.front())) return false;
    if (c.size > 1 && others == non_ascii::refused) return false;
    text.remove_prefix(c.size);
  }
  return true;
}

// A name and a password, wiped when they go (SEC-03).
class credentials {
 public:
  credentials(std::string& name, std::string& password, bool already_prepared)
      : name_(std::move(name)),
        password_(std::move(password)),
        others_(already_prepared ? non_ascii::allowed : non_ascii::refused) {
    // A short string leaves its octets behind when it is moved.
    wipe(name);
    wipe(password);
  }
  credentials(const credentials&) = delete;
  credentials& operator=(const credentials&) = delete;
  ~credentials() {
    wipe(name_);
    wipe(password_);
  }

  [[nodiscard]] const std::string& name() const noexcept { return name_; }
  [[nodiscard]] const std::string& password() const noexcept { return password_; }
  [[nodiscard]] non_ascii others() const noexcept { return others_; }

  [[nodiscard]] bool usable() const noexcept {
    return !name_.empty() && !password_.empty() && is_clean(name_, others_) &&
           is_clean(password_, others_);
  }

 private:
  std::string name_;
  std::string password_;
  non_ascii others_;
};

class plain final : public sasl_mechanism {
 public:
  plain(std::string& name, std::string& password, std::string authorization_id,
        bool already_prepared)
      : credentials_(name, password, already_prepared),
        authorization_id_(std::move(authorization_id)) {}

  std::string_view name() const noexcept override { return "PLAIN"; }
  bool reveals_secret() const noexcept override { return true; }
  errc check() const noexcept override {
    const bool good = credentials_.usable() && is_clean(authorization_id_, credentials_.others());
    return good ? errc::none : errc::bad_argument;
  }

  std::optional<std::string> initial_response() override {
    std::string message;
    // All at once: growing would leave copies of the password in freed memory.
    message.reserve(authorization_id_.size() + credentials_.name().size() +
                    credentials_.password().size() + 2);
    message += authorization_id_;
    message += '\0';
    message += credentials_.name();
    message += '\0';
    message += credentials_.password();
    return message;
  }

  // PLAIN has one message and no more (RFC 4616 section 2).
  std::optional<std::string> respond(std::string_view) override { return std::nullopt; }
  bool satisfied() const noexcept override { return true; }

 private:
  credentials credentials_;
  std::string authorization_id_;
};

class login final : public sasl_mechanism {
 public:
  login(std::string& name, std::string& password, bool already_prepared)
      : credentials_(name, password, already_prepared) {}

  std::string_view name() const noexcept override { return "LOGIN"; }
  bool reveals_secret() const noexcept override { return true; }
  errc check() const noexcept override {
    return credentials_.usable() ? errc::none : errc::bad_argument;
  }

  // The server speaks first (AUTH-05).
  std::optional<std::string> initial_response() override { return std::nullopt; }

  // Prompts are for people and differ between servers: only their number counts (SASL-03).
  std::optional<std::string> respond(std::string_view) override {
    switch (next_) {
      case answer::name: next_ = answer::password; return credentials_.name();
      case answer::password: next_ = answer::none; return credentials_.password();
      case answer::none: break;
    }
    return std::nullopt;
  }
  // A server that says yes before it has heard both has not looked at them (AUTH-10).
  bool satisfied() const noexcept override { return next_ == answer::none; }

 private:
  enum class answer { name, password, none };

  credentials credentials_;
  answer next_ = answer::name;
};

class external final : public sasl_mechanism {
 public:
  explicit external(std::string authorization_id)
      : authorization_id_(std::move(authorization_id)) {}

  std::string_view name() const noexcept override { return "EXTERNAL"; }
  bool reveals_secret() const noexcept override { return false; }
  // The server prepares an authorization identity, not the client (RFC 4422 section 3.4.1).
  errc check() const noexcept override {
    return is_clean(authorization_id_, non_ascii::allowed) ? errc::none : errc::bad_argument;
  }

  // Empty, it is still a response: "=" on the line (SASL-05, AUTH-03).
  std::optional<std::string> initial_response() override { return authorization_id_; }
  std::optional<std::string> respond(std::string_view) override { return std::nullopt; }
  bool satisfied() const noexcept override { return true; }

 private:
  std::string authorization_id_;
};

}  // namespace

void wipe(std::string& secret) noexcept {
  // The capacity too: what was longer before may still lie there.
  secret.resize(secret.capacity());
  volatile char* const octets = secret.data();
  for (std::size_t i = 0; i < secret.size(); ++i) octets[i] = 0;
  secret.clear();
}

std::unique_ptr<sasl_mechanism> make_plain(std::string name, std::string password,
                                           std::string authorization_id, bool already_prepared) {
  return std::make_unique<plain>(name, password, std::move(authorization_id), already_prepared);
}

std::unique_ptr<sasl_mechanism> make_login(std::string name, std::string password,
                                           bool already_prepared) {
  return std::make_unique<login>(name, password, already_prepared);
}

std::unique_ptr<sasl_mechanism> make_external(std::string authorization_id) {
  return std::make_unique<external>(std::move(authorization_id));
}

}  // namespace sansmtp
