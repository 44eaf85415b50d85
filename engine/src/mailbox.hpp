// The Mailbox grammar without a path around it.
#pragma once

#include <string_view>

#include "sansmtp/error.hpp"
#include "sansmtp/path.hpp"

namespace sansmtp {

struct mailbox_check {
  errc error = errc::none;
  bool utf8 = false;  // valid only because of RFC 6531
};

/// Getter: what the constructor of `path` finds out, without owning the text.
[[nodiscard]] mailbox_check check_mailbox(std::string_view mailbox, path_rules rules) noexcept;

}  // namespace sansmtp
