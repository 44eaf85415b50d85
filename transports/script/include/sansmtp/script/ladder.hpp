// A dialogue as a picture.
#pragma once

#include <string>
#include <string_view>

#include "sansmtp/script/dialogue.hpp"

namespace sansmtp::script {

/// Getter: the dialogue as a ladder diagram in SVG 1.1, time running down: a lifeline for the
/// client and one for the server, an arrow for each line between them, what the user asked and what
/// the engine told beside it, waits drawn to scale up to a minute and cut short beyond, the end of
/// the link and time-outs marked. Long lines are shortened, long content is shown by its first and
/// last lines. The SVG is complete in itself and holds no script, whatever the dialogue holds.
[[nodiscard]] std::string to_svg(const dialogue& d, std::string_view title);

}  // namespace sansmtp::script
