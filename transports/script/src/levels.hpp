// `% levels`: one dialogue, played at several levels of pipelining.
#pragma once

#include "sansmtp/script/transcript.hpp"
#include "statement.hpp"

namespace sansmtp::script {

/// Getter: the same dialogue, grouped as a session at this level plays it: which commands leave
/// together, and which replies arrive together. It is a transcript without `% levels`, to be played
/// like any other. Only the groups come from a session that is run for it; what is said and told,
/// and in which order, is the file's, so that a session that does otherwise fails the play.
[[nodiscard]] transcript at_level(const transcript& t, pipelining_level level);

}  // namespace sansmtp::script
