// What a handler of ours keeps alive.
#pragma once

#include <memory>
#include <utility>

namespace sansmtp::detail {

/// Keeps the state that a handler is about. A handler that is destroyed uncalled means that the
/// loop itself goes: then the state discards the operations that it has, as the loop does with its
/// own. Otherwise a handler of the user that owns the client, a coroutine for example, and the
/// client that has the handler would keep each other for ever.
template <typename Owner>
class keeper {
 public:
  explicit keeper(std::shared_ptr<Owner> owner) noexcept : owner_(std::move(owner)) {}
  keeper(keeper&&) noexcept = default;
  keeper& operator=(keeper&&) = delete;
  keeper(const keeper&) = delete;
  keeper& operator=(const keeper&) = delete;
  ~keeper() {
    if (owner_) owner_->loop_gone();
  }

  /// Command: the handler is called.
  [[nodiscard]] std::shared_ptr<Owner> take() noexcept { return std::move(owner_); }

 private:
  std::shared_ptr<Owner> owner_;
};

}  // namespace sansmtp::detail
