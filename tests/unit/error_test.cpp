#include "sansmtp/error.hpp"

#include <gtest/gtest.h>

#include <cctype>
#include <set>
#include <string>
#include <system_error>
#include <typeinfo>

#include "sansmtp/capabilities.hpp"
#include "sansmtp/event.hpp"
#include "sansmtp/outcome.hpp"
#include "sansmtp/verb.hpp"

namespace {

using namespace sansmtp;
using category = failure_category;

// The questions of ERR-02, with the answer to the second implied: a retry is useful unless it would
// fail again.
enum class permanent : std::uint8_t { never, always, if_5yz };

struct expectation {
  errc condition;
  category belongs_to;
  permanent lasts;
  bool session_usable;
};

const expectation expectations[] = {
    {errc::none, category::none, permanent::never, true},

    {errc::refused_transiently, category::reply, permanent::never, true},
    {errc::refused_permanently, category::reply, permanent::always, true},
    {errc::recipient_limit, category::reply, permanent::never, true},  // TXN-09: a 552 too.

    // The answer is about a place in the dialogue, not about the mail.
    {errc::ran_ahead, category::reply, permanent::never, true},
    {errc::reset_refused, category::reply, permanent::never, false},

    {errc::service_closing, category::closing, permanent::never, false},  // SESS-22
    {errc::connection_lost, category::connection_lost, permanent::never, false},
    {errc::tls_truncated, category::connection_lost, permanent::never, false},
    {errc::handshake_lost, category::connection_lost, permanent::never, false},
    {errc::route_failed, category::connection_lost, permanent::never, false},
    {errc::timed_out, category::timeout, permanent::never, false},
    {errc::handshake_timed_out, category::timeout, permanent::never, false},

    // ERR-03: what breaks the rules says nothing lasting about the mail.
    {errc::malformed_reply, category::protocol, permanent::never, false},
    {errc::bad_reply_code, category::protocol, permanent::never, false},
    {errc::mixed_reply_codes, category::protocol, permanent::never, false},
    {errc::bare_lf_in_reply, category::protocol, permanent::never, false},
    {errc::bare_cr_in_reply, category::protocol, permanent::never, false},
    {errc::nul_in_reply, category::protocol, permanent::never, false},
    {errc::unsolicited_reply, category::protocol, permanent::never, false},
    {errc::unexpected_reply, category::protocol, permanent::never, false},
    {errc::injection, category::protocol, permanent::never, false},
    {errc::contradictory_reply, category::protocol, permanent::never, false},
    {errc::reply_line_too_long, category::limit, permanent::never, false},
    {errc::reply_too_long, category::limit, permanent::never, false},
    {errc::tls_flood, category::limit, permanent::never, false},

    // TLS-03, TLS-07: transient for both classes of reply.
    {errc::tls_not_offered, category::tls, permanent::never, false},
    {errc::tls_refused, category::tls, permanent::never, false},
    {errc::tls_failed, category::tls, permanent::never, false},
    {errc::plaintext_peer, category::tls, permanent::never, false},
    {errc::tls_too_weak, category::tls, permanent::never, false},

    // AUTH-11, AUTH-10
    {errc::auth_not_offered, category::auth, permanent::never, true},
    {errc::auth_needs_tls, category::auth, permanent::never, true},
    {errc::auth_refused, category::auth, permanent::if_5yz, true},
    {errc::auth_bad_challenge, category::auth, permanent::never, true},
    {errc::server_not_proven, category::auth, permanent::never, false},

    // OUT-05: obstacles in the mail itself last.
    {errc::bad_argument, category::local, permanent::always, true},
    {errc::bad_address, category::local, permanent::always, true},
    {errc::address_too_long, category::local, permanent::always, true},
    {errc::line_too_long, category::local, permanent::always, true},
    {errc::bad_parameter, category::local, permanent::always, true},
    {errc::parameter_not_offered, category::local, permanent::always, true},
    {errc::parameter_out_of_range, category::local, permanent::always, true},
    {errc::no_recipients, category::local, permanent::always, true},
    {errc::too_many_recipients, category::local, permanent::always, true},
    {errc::empty_content, category::local, permanent::always, true},
    {errc::bare_lf_in_content, category::local, permanent::always, true},
    {errc::bare_cr_in_content, category::local, permanent::always, true},
    {errc::nul_in_content, category::local, permanent::always, true},
    {errc::content_line_too_long, category::local, permanent::always, true},
    {errc::eight_bit_not_offered, category::local, permanent::always, true},
    {errc::binary_not_offered, category::local, permanent::always, true},
    {errc::content_too_big, category::local, permanent::always, true},
    {errc::utf8_not_offered, category::local, permanent::always, true},
    {errc::require_tls_not_offered, category::local, permanent::always, true},
    // Those of another recipient (TXN-08) or of the session do not.
    {errc::envelope_refused, category::local, permanent::never, true},
    {errc::bad_state, category::local, permanent::never, true},
    {errc::session_closed, category::local, permanent::never, false},
    {errc::session_exhausted, category::local, permanent::never, false},
    {errc::no_local_name, category::local, permanent::never, false},
    {errc::xclient_not_offered, category::local, permanent::never, false},  // EXT-14
    {errc::bad_configuration, category::local, permanent::never, false},
    {errc::no_route, category::local, permanent::always, true},

    {errc::recipient_refused, category::aborted, permanent::never, true},
    {errc::session_aborted, category::aborted, permanent::never, false},
    {errc::aborted, category::aborted, permanent::never, false},
};

bool is_snake_case(std::string_view name) {
  for (const char c : name) {
    if (c != '_' && std::islower(static_cast<unsigned char>(c)) == 0 && c != '8') return false;
  }
  return !name.empty();
}

TEST(error, answers_three_questions_for_each_condition) {  // ERR-02 ERR-03 OUT-05
  int number = 0;
  for (const expectation& e : expectations) {
    SCOPED_TRACE(to_string(e.condition));
    EXPECT_EQ(static_cast<int>(e.condition), number++) << "a condition is missing in the table";
    EXPECT_EQ(category_of(e.condition), e.belongs_to);
    for (const int code : {0, 250, 354, 421, 450, 552, 599}) {
      SCOPED_TRACE(code);
      const bool lasts =
          e.lasts == permanent::always || (e.lasts == permanent::if_5yz && code / 100 == 5);
      EXPECT_EQ(is_permanent(e.condition, code), lasts);
      EXPECT_EQ(is_retry_useful(e.condition, code), e.condition != errc::none && !lasts);
    }
    EXPECT_EQ(is_session_usable(e.condition), e.session_usable);
  }
  EXPECT_EQ(static_cast<int>(errc::aborted), number - 1);
}

TEST(error, has_a_name_and_a_sentence_for_each_condition) {  // ERR-01
  std::set<std::string> names;
  std::set<std::string> sentences;
  for (const expectation& e : expectations) {
    const std::error_code code = e.condition;
    EXPECT_TRUE(is_snake_case(to_string(e.condition))) << to_string(e.condition);
    names.emplace(to_string(e.condition));
    EXPECT_EQ(code.message().back(), '.') << code.message();
    EXPECT_NE(code.message(), "Unknown error.");
    sentences.insert(code.message());
  }
  EXPECT_EQ(names.size(), std::size(expectations));
  EXPECT_EQ(sentences.size(), std::size(expectations));
  EXPECT_EQ(to_string(errc::mixed_reply_codes), "mixed_reply_codes");
  EXPECT_EQ(to_string(errc::aborted), "aborted");
}

TEST(error, is_an_error_code) {  // ERR-01
  const std::error_code code = errc::timed_out;
  EXPECT_TRUE(code);
  EXPECT_STREQ(code.category().name(), "sansmtp");
  EXPECT_EQ(&code.category(), &smtp_category());
  EXPECT_TRUE(code == errc::timed_out);
  EXPECT_FALSE(code == errc::aborted);
  EXPECT_EQ(code.message(), "The server did not answer in time.");
  EXPECT_FALSE(std::error_code(errc::none));
}

TEST(error, category_has_a_type_that_others_may_ask_for) {  // ERR-01
  // As Boost does, to make its own code of ours: without run-time type information that crashes.
  const std::error_category& ours = make_error_code(errc::timed_out).category();
  EXPECT_NE(typeid(ours), typeid(std::error_category));
}

TEST(error, condition_of_knows_its_own_codes_only) {  // CORE-10
  for (const expectation& e : expectations) {
    EXPECT_EQ(condition_of(make_error_code(e.condition)), e.condition);
  }
  EXPECT_EQ(condition_of(std::make_error_code(std::errc::connection_reset)), errc::none);
  EXPECT_EQ(condition_of(std::error_code(3, std::generic_category())), errc::none);
  EXPECT_EQ(condition_of({}), errc::none);
}

TEST(error, survives_numbers_that_are_no_condition) {  // ERR-02
  for (const int number : {-1, static_cast<int>(std::size(expectations)), 255, 1 << 20}) {
    const std::error_code code(number, smtp_category());
    EXPECT_EQ(code.message(), "Unknown error.");
    EXPECT_EQ(condition_of(code), errc::none);
  }
  EXPECT_EQ(to_string(static_cast<errc>(255)), "unknown");
  EXPECT_EQ(category_of(static_cast<errc>(255)), category::none);
}

// Each name is the enumerator's own, and no two are the same.
template <class enumeration>
void expect_names(enumeration last, std::initializer_list<const char*> names) {
  auto name = names.begin();
  for (int i = 0; i <= static_cast<int>(last); ++i, ++name) {
    ASSERT_NE(name, names.end());
    EXPECT_EQ(to_string(static_cast<enumeration>(i)), *name);
  }
  EXPECT_EQ(name, names.end());
  EXPECT_EQ(to_string(static_cast<enumeration>(200)), "unknown");
}

TEST(names, are_those_of_the_enumerators) {  // ERR-01
  expect_names(verb::quit,
               {"greeting", "ehlo", "helo",        "lhlo",    "starttls", "handshake", "xclient",
                "xforward", "auth", "auth_cancel", "mail",    "rcpt",     "data",      "content",
                "lone_dot", "bdat", "bdat_last",   "verdict", "rset",     "noop",      "help",
                "vrfy",     "expn", "raw",         "quit"});
  expect_names(outcome::in_doubt,
               {"pending", "delivered", "rejected", "deferred", "not_attempted", "in_doubt"});
  expect_names(hint::another_connection,
               {"none", "auth_or_tls_required", "too_many_recipients", "retry_without_tls",
                "password_transition", "server_speaks_tls", "other_host", "another_connection"});
  expect_names(category::aborted, {"none", "reply", "closing", "connection_lost", "timeout",
                                   "protocol", "limit", "tls", "auth", "local", "aborted"});
  expect_names(event::kind::closed,
               {"reply_parsed", "line_sent", "content_sent", "greeted", "upgrade_to_tls",
                "authenticated", "ready", "session_failed", "sender_accepted", "sender_rejected",
                "recipient_accepted", "recipient_rejected", "ready_for_data", "chunk_released",
                "mail_done", "command_done", "warning", "closed"});
}

}  // namespace
