// Envelopes and credentials of C as those of the engine.
#pragma once

#include <cstddef>

#include "sansmtp.h"
#include "sansmtp/sansmtp.hpp"

namespace sansmtp::c {

/// An envelope that is filled anew for each mail. Addresses that are those of the mail before are
/// neither copied nor checked again: a sender mostly stays the same.
class envelope_room {
 public:
  /// Input: `errc::none`, `bad_argument` for what cannot be read, or `bad_parameter`. Afterwards
  /// `get` is the envelope.
  [[nodiscard]] errc fill(const sansmtp_envelope* given);
  [[nodiscard]] const envelope& get() const noexcept { return env_; }

 private:
  [[nodiscard]] errc fill_recipient(const sansmtp_recipient& given, recipient& to);

  envelope env_;
  path_rules rules_;
  bool plain_ = true;  // no parameters were set
};

/// Input: content as the engine takes it. The same errors.
[[nodiscard]] errc read_content(const sansmtp_content* given, message& content);

}  // namespace sansmtp::c
