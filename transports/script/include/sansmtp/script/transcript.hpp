// A dialogue as text: what the server says, what the engine must write and tell, what the user
// asks.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sansmtp/config.hpp"
#include "sansmtp/script/mode.hpp"

namespace sansmtp::script {

struct script_data;

/// A transcript that was understood: an immutable value, cheap to copy. `parse` makes it, `play`
/// plays it; the grammar is in transcripts.md.
class transcript {
 public:
  /// For `parse`: takes what was understood.
  explicit transcript(std::shared_ptr<const script_data> data) noexcept : data_(std::move(data)) {}

  /// Getter: the name that was given to `parse`; it stands before the line number in every message.
  [[nodiscard]] const std::string& name() const noexcept;

  /// Getter: the modes that it may be played in: all of them unless its `%` directives or a `!
  /// sent` statement forbid some. `mode::whole` is always the first.
  [[nodiscard]] std::vector<mode> modes() const;

  /// Getter: the levels that `% levels` names, in its order: `play` plays all of them. Empty: it is
  /// played at the level that `> open` says.
  [[nodiscard]] const std::vector<pipelining_level>& levels() const noexcept;

  /// Getter: what the server says, in order and without what stands between: a seed for a fuzzer.
  [[nodiscard]] std::string server_octets() const;

  /// Getter: what was understood, for the player; lives as long as any copy of this transcript.
  [[nodiscard]] const script_data& data() const noexcept { return *data_; }

 private:
  std::shared_ptr<const script_data> data_;
};

}  // namespace sansmtp::script
