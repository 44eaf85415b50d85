// What the layers of one context share, without the library's own part of it.
#pragma once

#include <memory>
#include <mutex>
#include <system_error>

#include "link_terms.hpp"
#include "sansmtp/tls/tls_options.hpp"
#include "sansmtp/tls_layer.hpp"
#include "session_cache.hpp"

namespace sansmtp::tls {

/// A library derives from it, and does what needs the library.
class shared_context : public std::enable_shared_from_this<shared_context> {
 public:
  explicit shared_context(tls_options o);
  shared_context(const shared_context&) = delete;
  shared_context& operator=(const shared_context&) = delete;
  virtual ~shared_context() = default;

  /// Command: sets up the library and reads what the options name. Once, before all else.
  void prepare();
  /// Output: the layer of a new link, see `tls_context::make_layer`.
  [[nodiscard]] std::unique_ptr<tls_layer> make_layer(const tls_target& target);

  const tls_options options;
  std::error_code error;  // why no link can be made
  session_cache sessions;

 private:
  /// Command: makes the library ready and loads the credentials of `options`.
  virtual std::error_code set_up() = 0;
  /// Command: reads `options.ca_file`, or the system's authorities. False: they cannot be read.
  virtual bool read_trust() = 0;
  /// Output: a layer for what was agreed, or a null pointer if memory ran out.
  virtual std::unique_ptr<tls_layer> open(link_terms terms) = 0;

  /// Command: reads the trusted authorities, once: not before somebody has to be verified, since
  /// the system's are many and need not be there. Any number of threads may call it.
  [[nodiscard]] std::error_code load_trust();

  std::once_flag trust_once_;
  std::error_code trust_error_;
};

}  // namespace sansmtp::tls
