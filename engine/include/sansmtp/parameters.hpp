// The parameters of MAIL and RCPT by name: for whoever reads an envelope from options, from a file
// or from another protocol, or shows one to a person.
#pragma once

#include <string_view>
#include <vector>

#include "sansmtp/envelope.hpp"
#include "sansmtp/error.hpp"

namespace sansmtp {

/// Command: sets the field of an envelope or of a recipient that becomes the parameter `keyword`
/// (in any case): RET, ENVID, AUTH, REQUIRETLS, BY, MT-PRIORITY, HOLDFOR and HOLDUNTIL of MAIL,
/// NOTIFY and ORCPT of RCPT. `value` is as a person writes it, before xtext: "HDRS", "-3",
/// "SUCCESS,DELAY", "rfc822;a@b.test", and "<>" for an unknown AUTH; empty for REQUIRETLS. `rules`
/// hold for the mailbox of AUTH. Returns false, and changes nothing, if there is no such keyword or
/// the field cannot hold the value. What a field holds may still be outside the grammar: see
/// `check_parameters`.
[[nodiscard]] bool set_parameter(envelope& env, std::string_view keyword, std::string_view value,
                                 path_rules rules = {});
[[nodiscard]] bool set_parameter(recipient& to, std::string_view keyword, std::string_view value);

/// Getter: the fields that are set, as keyword and value in the form that `set_parameter` takes, in
/// the order in which they stand on the line (CMD-15). The raw `parameters` are not among them.
[[nodiscard]] std::vector<parameter> parameters_of(const envelope& env);
[[nodiscard]] std::vector<parameter> parameters_of(const recipient& to);

/// Getter: would a server that offers everything, with no bounds of its own, get the parameters of
/// MAIL and of each RCPT? `errc::none`, or what a session would say of them: `bad_parameter` or
/// `bad_argument` for a value outside its grammar or a raw parameter given twice, `line_too_long`,
/// or what is wrong with the mailbox of AUTH. It does not look at the addresses.
[[nodiscard]] errc check_parameters(const envelope& env);

}  // namespace sansmtp
