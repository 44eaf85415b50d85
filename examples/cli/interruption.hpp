// Signals that ask a run to end.
#pragma once

namespace sansmtp::cli {

/// SIGINT, SIGTERM and SIGHUP as a wish: a run that sends mail must not be killed by them, since
/// nobody would know what became of the mails under way (SEC-07). The first signal asks for an end
/// and leaves `grace_seconds` for it; then, or with the second signal, nothing is waited for any
/// more. A third one kills. A wait of the system ends with `EINTR` at each of these moments, and
/// from the second one on once a second: so also a wait that began just behind the question sees
/// it soon.
class interruption {
 public:
  /// What is under way may take so long after the first signal.
  static constexpr unsigned grace_seconds = 3;

  /// Command: from now on signals are a wish, but for those that are ignored, such as those that a
  /// shell keeps from what runs in the background. To be called once. Throws `failure` if the
  /// system refuses.
  static void watch();

  /// Getter: has somebody asked for the end? Nothing new is to be begun then.
  [[nodiscard]] static bool wanted() noexcept;
  /// Getter: is there no time left? What is under way is to be given up, honestly.
  [[nodiscard]] static bool overdue() noexcept;

  /// Getter: a descriptor that is readable once `wanted` or `overdue` became true, for who waits
  /// for several things; -1 before `watch`. Nothing but `drain` reads it.
  [[nodiscard]] static int descriptor() noexcept;
  /// Command: makes the descriptor unreadable until the next change.
  static void drain() noexcept;
};

}  // namespace sansmtp::cli
