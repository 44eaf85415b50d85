#include "sink/message_store.hpp"

#include <unistd.h>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <ios>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include "sink/descriptor.hpp"
#include "sink/text.hpp"

namespace sansmtp::cli::serving {
namespace {

/// A file under a name that nobody looks for, until it is published; gone without that.
class draft {
 public:
  draft(std::filesystem::path name, std::string_view octets)
      : name_(std::move(name)), written_as_(name_.string() + ".tmp") {
    std::ofstream file(written_as_, std::ios::binary | std::ios::trunc);
    file.write(octets.data(), static_cast<std::streamsize>(octets.size()));
    file.close();
    whole_ = !file.fail();
  }
  draft(const draft&) = delete;
  draft& operator=(const draft&) = delete;
  ~draft() { remove(written_as_); }

  [[nodiscard]] explicit operator bool() const noexcept { return whole_; }

  [[nodiscard]] bool publish() const {
    std::error_code error;
    std::filesystem::rename(written_as_, name_, error);
    return !error;
  }
  void withdraw() const { remove(name_); }

 private:
  static void remove(const std::filesystem::path& file) {
    std::error_code ignored;
    std::filesystem::remove(file, ignored);
  }

  std::filesystem::path name_;
  std::filesystem::path written_as_;
  bool whole_ = false;
};

}  // namespace

message_store::message_store(std::filesystem::path directory) : directory_(std::move(directory)) {
  std::error_code error;
  std::filesystem::create_directories(directory_, error);
  // Messages of an earlier run are never overwritten: the numbers go on after theirs.
  std::filesystem::directory_iterator files(directory_, error);
  if (error || ::access(directory_.c_str(), W_OK | X_OK) != 0) {
    fail(exit_code::io_error, fmt::format("cannot store into {}", directory_.string()),
         error ? error.value() : errno);
  }
  for (const auto& file : files) {
    last_ = std::max(last_, parse_number(file.path().stem().string()).value_or(0));
  }
}

bool message_store::write(const sink::message& message) {
  const auto show = [](const sink::path& path) {
    return nlohmann::json{{"address", path.address}, {"parameters", path.parameters}};
  };
  nlohmann::json envelope{{"helo", message.helo},
                          {"sender", show(message.sender)},
                          {"recipients", nlohmann::json::array()},
                          {"size", message.content.size()},
                          {"tls", message.tls},
                          {"user", message.user},
                          {"via", message.chunked ? "BDAT" : "DATA"}};
  if (!message.xclient.empty()) envelope["xclient"] = message.xclient;
  if (!message.xforward.empty()) envelope["xforward"] = message.xforward;
  for (const sink::path& path : message.recipients) envelope["recipients"].push_back(show(path));
  const std::string name = fmt::format("{:06}", last_ + 1);
  // What a client sends need not be UTF-8, but a JSON file must.
  const std::string text =
      envelope.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + '\n';
  const draft content(directory_ / (name + ".eml"), message.content);
  const draft facts(directory_ / (name + ".json"), text);
  if (!content || !facts) return false;
  // The envelope is last, so who sees it finds the content complete.
  if (!content.publish()) return false;
  if (!facts.publish()) {
    content.withdraw();
    return false;
  }
  ++last_;
  return true;
}

}  // namespace sansmtp::cli::serving
