// Each function of the C interface, and what it refuses (CAPI-01, CAPI-02).
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "sansmtp.h"
#include "sansmtp/sansmtp.hpp"

namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr sansmtp_bytes nothing{nullptr, 0};

sansmtp_bytes text(std::string_view t) { return {t.data(), t.size()}; }
std::string string(sansmtp_bytes b) {
  return b.size == 0 ? std::string() : std::string(b.data, b.size);
}

/// A struct that says its size, all else zero.
template <class T>
T sized() {
  T t{};
  t.size = sizeof t;
  return t;
}

/// A session with a clock and a server that is played by the test.
class c_test : public testing::Test {
 protected:
  ~c_test() override { EXPECT_EQ(sansmtp_session_destroy(s), SANSMTP_ERRC_NONE); }

  void create(sansmtp_options options = sized<sansmtp_options>()) {
    if (options.local_name.size == 0) options.local_name = text("me.example.test");
    ASSERT_EQ(sansmtp_session_create(&options, &s), SANSMTP_ERRC_NONE);
  }

  /// Up to READY, with these capabilities.
  void open(std::string_view offers = "250-mx.test\r\n250-PIPELINING\r\n250 SIZE 1000\r\n",
            sansmtp_options options = sized<sansmtp_options>()) {
    create(options);
    ASSERT_EQ(sansmtp_session_connected(s, now, nothing, nothing), SANSMTP_ERRC_NONE);
    receive("220 mx.test hello\r\n");
    EXPECT_EQ(written(), "EHLO me.example.test\r\n");
    receive(offers);
    EXPECT_EQ(kinds(), "greeted ready ");
  }

  void receive(std::string_view octets) {
    EXPECT_EQ(sansmtp_session_receive(s, now, octets.data(), octets.size()), SANSMTP_ERRC_NONE);
  }

  std::string written() {
    std::string all;
    for (;;) {
      std::array<sansmtp_bytes, 2> slices{};
      std::size_t count = slices.size();
      EXPECT_EQ(sansmtp_session_output(s, now, slices.data(), &count), SANSMTP_ERRC_NONE);
      if (count == 0) return all;
      std::size_t n = 0;
      for (std::size_t i = 0; i < count; ++i) {
        all += string(slices[i]);
        n += slices[i].size;
      }
      EXPECT_EQ(sansmtp_session_sent(s, now, n), SANSMTP_ERRC_NONE);
    }
  }

  /// The names of all events that are there; the last one stays in `event`.
  std::string kinds() {
    std::string all;
    while (sansmtp_session_next_event(s, &event) == 1) {
      all += std::string(sansmtp_event_name(event.kind)) + ' ';
      last = event;
    }
    return all;
  }

  /// The envelope of a mail; what it shows lives as long as the test.
  sansmtp_envelope envelope(std::vector<sansmtp_recipient> to = {}) {
    recipients = std::move(to);
    if (recipients.empty()) {
      recipients.push_back(sized<sansmtp_recipient>());
      recipients.back().address = text("b@y.test");
    }
    auto e = sized<sansmtp_envelope>();
    e.sender = text("a@x.test");
    e.recipients = recipients.data();
    e.recipient_count = recipients.size();
    return e;
  }

  static sansmtp_content content(std::string_view octets = "Hi\r\n") {
    auto c = sized<sansmtp_content>();
    c.octets = text(octets);
    return c;
  }

  sansmtp_errc send(const sansmtp_envelope& e, const sansmtp_content& c) {
    return sansmtp_session_send(s, &e, &c, &mail);
  }

  sansmtp_session* s = nullptr;
  std::int64_t now = 3600 * second;
  std::uint64_t mail = 0;
  sansmtp_event event = sized<sansmtp_event>();
  sansmtp_event last{};
  std::vector<sansmtp_recipient> recipients;
};

TEST_F(c_test, one_mail_and_its_results) {
  open();
  std::vector<sansmtp_recipient> to(2, sized<sansmtp_recipient>());
  to[0].address = text("b@y.test");
  to[1].address = text("no@y.test");
  ASSERT_EQ(send(envelope(to), content()), SANSMTP_ERRC_NONE);
  EXPECT_EQ(written(),
            "MAIL FROM:<a@x.test> SIZE=4\r\nRCPT TO:<b@y.test>\r\nRCPT TO:<no@y.test>\r\nDATA\r\n");
  receive("250 ok\r\n250 ok\r\n550-5.1.1 no such\r\n550 5.1.1 user\r\n354 go\r\n");
  EXPECT_EQ(kinds(), "sender_accepted recipient_accepted recipient_rejected ready_for_data ");
  EXPECT_EQ(written(), "Hi\r\n.\r\n");
  auto result = sized<sansmtp_result>();
  EXPECT_EQ(sansmtp_session_result(s, 0, &result), SANSMTP_ERRC_BAD_STATE);
  receive("250 2.0.0 queued\r\n");
  ASSERT_EQ(sansmtp_session_next_event(s, &event), 1);
  EXPECT_EQ(event.kind, SANSMTP_EVENT_MAIL_DONE);
  EXPECT_EQ(event.id, mail);
  EXPECT_EQ(event.outcome, SANSMTP_OUTCOME_REJECTED);
  EXPECT_EQ(event.recipient, 1U);
  EXPECT_EQ(event.code, 550);
  EXPECT_EQ(event.status_class * 100 + event.status_subject * 10 + event.status_detail, 511);
  EXPECT_EQ(string(event.text), "5.1.1 no such\n5.1.1 user");
  ASSERT_EQ(event.result_count, 2U);
  ASSERT_EQ(sansmtp_session_result(s, 0, &result), SANSMTP_ERRC_NONE);
  EXPECT_EQ(string(result.address), "b@y.test");
  EXPECT_EQ(result.outcome, SANSMTP_OUTCOME_DELIVERED);
  EXPECT_EQ(result.code, 250);
  EXPECT_EQ(string(result.text), "2.0.0 queued");
  ASSERT_EQ(sansmtp_session_result(s, 1, &result), SANSMTP_ERRC_NONE);
  EXPECT_EQ(result.outcome, SANSMTP_OUTCOME_REJECTED);
  EXPECT_EQ(result.stage, SANSMTP_VERB_RCPT);
  EXPECT_EQ(result.error, SANSMTP_ERRC_REFUSED_PERMANENTLY);
  EXPECT_EQ(result.category, SANSMTP_CATEGORY_REPLY);
  EXPECT_EQ(result.status_class * 100 + result.status_subject * 10 + result.status_detail, 511);
  EXPECT_EQ(sansmtp_session_result(s, 2, &result), SANSMTP_ERRC_BAD_ARGUMENT);
  // What it shows is void with the next call.
  EXPECT_EQ(sansmtp_session_next_event(s, &event), 0);
  EXPECT_EQ(sansmtp_session_result(s, 0, &result), SANSMTP_ERRC_BAD_STATE);

  ASSERT_EQ(sansmtp_session_quit(s), SANSMTP_ERRC_NONE);
  EXPECT_EQ(written(), "QUIT\r\n");
  receive("221 bye\r\n");
  EXPECT_EQ(sansmtp_session_closed(s), 1);
  EXPECT_EQ(kinds(), "closed ");
  EXPECT_EQ(last.error, SANSMTP_ERRC_NONE);
}

TEST_F(c_test, null_pointers_are_refused) {
  const sansmtp_envelope e = envelope();
  const sansmtp_content c = content();
  auto who = sized<sansmtp_credentials>();
  std::size_t count = 1;
  sansmtp_bytes slice{};
  auto status = sized<sansmtp_status>();
  auto offer = sized<sansmtp_offer>();
  auto line = sized<sansmtp_capability>();
  auto result = sized<sansmtp_result>();
  const sansmtp_errc bad = SANSMTP_ERRC_BAD_ARGUMENT;
  EXPECT_EQ(sansmtp_session_create(nullptr, nullptr), bad);
  EXPECT_EQ(sansmtp_session_destroy(nullptr), SANSMTP_ERRC_NONE);
  EXPECT_EQ(sansmtp_session_connected(nullptr, now, nothing, nothing), bad);
  EXPECT_EQ(sansmtp_session_receive(nullptr, now, "x", 1), bad);
  EXPECT_EQ(sansmtp_session_receive_end(nullptr, now, 0, 0), bad);
  EXPECT_EQ(sansmtp_session_sent(nullptr, now, 0), bad);
  EXPECT_EQ(sansmtp_session_advance(nullptr, now), bad);
  EXPECT_EQ(sansmtp_session_tls_established(nullptr, now, nullptr), bad);
  EXPECT_EQ(sansmtp_session_tls_failed(nullptr, now, 0, 0, nothing), bad);
  EXPECT_EQ(sansmtp_session_tls_rejected(nullptr, now), bad);
  EXPECT_EQ(sansmtp_session_output(nullptr, now, &slice, &count), bad);
  EXPECT_EQ(sansmtp_session_deadline(nullptr), INT64_MAX);
  EXPECT_EQ(sansmtp_session_deadline_of(nullptr), SANSMTP_UNKNOWN);
  EXPECT_EQ(sansmtp_session_next_event(nullptr, &event), -1);
  EXPECT_EQ(sansmtp_session_result(nullptr, 0, &result), bad);
  EXPECT_EQ(sansmtp_session_send(nullptr, &e, &c, nullptr), bad);
  EXPECT_EQ(sansmtp_session_lend(nullptr, "x", 1, 1), bad);
  EXPECT_EQ(sansmtp_session_withdraw(nullptr, 1), bad);
  EXPECT_EQ(sansmtp_session_cancel(nullptr, 1), bad);
  EXPECT_EQ(sansmtp_session_authenticate(nullptr, &who, 1, nullptr, nullptr), bad);
  EXPECT_EQ(sansmtp_session_command(nullptr, SANSMTP_VERB_NOOP, nothing, nullptr), bad);
  EXPECT_EQ(sansmtp_session_quit(nullptr), bad);
  EXPECT_EQ(sansmtp_session_quit_now(nullptr), bad);
  EXPECT_EQ(sansmtp_session_abort(nullptr, 0), bad);
  EXPECT_EQ(sansmtp_session_closed(nullptr), 1);
  EXPECT_EQ(sansmtp_session_status(nullptr, &status), bad);
  EXPECT_EQ(sansmtp_session_offer(nullptr, &offer), bad);
  EXPECT_EQ(sansmtp_session_capability(nullptr, 0, &line), bad);
  EXPECT_EQ(sansmtp_session_offers(nullptr, text("SIZE"), nullptr), 0);
  sansmtp_session_prefetch(nullptr);

  open();
  EXPECT_EQ(sansmtp_session_receive(s, now, nullptr, 1), bad);
  EXPECT_EQ(sansmtp_session_output(s, now, nullptr, &count), bad);
  EXPECT_EQ(sansmtp_session_output(s, now, &slice, nullptr), bad);
  EXPECT_EQ(sansmtp_session_next_event(s, nullptr), -1);
  EXPECT_EQ(sansmtp_session_send(s, nullptr, &c, nullptr), bad);
  EXPECT_EQ(sansmtp_session_send(s, &e, nullptr, nullptr), bad);
  EXPECT_EQ(sansmtp_session_authenticate(s, nullptr, 1, nullptr, nullptr), bad);
  EXPECT_EQ(sansmtp_session_authenticate(s, &who, 0, nullptr, nullptr), bad);
  EXPECT_EQ(sansmtp_session_status(s, nullptr), bad);
  EXPECT_EQ(sansmtp_session_offer(s, nullptr), bad);
  EXPECT_EQ(sansmtp_session_capability(s, 0, nullptr), bad);
  EXPECT_EQ(sansmtp_session_command(s, SANSMTP_VERB_NOOP, {nullptr, 3}, nullptr), bad);
  // Nothing of it has left a trace.
  EXPECT_EQ(written(), "");
  EXPECT_EQ(kinds(), "");
}

// Lengths that cannot be, and numbers that mean nothing.
TEST_F(c_test, numbers_out_of_bounds_are_refused) {
  const sansmtp_errc bad = SANSMTP_ERRC_BAD_ARGUMENT;
  open();
  for (const std::int64_t time :
       {std::int64_t{-1}, INT64_MIN, INT64_MAX, (std::int64_t{1} << 62) + 1}) {
    EXPECT_EQ(sansmtp_session_advance(s, time), bad) << time;
    EXPECT_EQ(sansmtp_session_receive(s, time, "", 0), bad) << time;
    std::size_t count = 0;
    EXPECT_EQ(sansmtp_session_output(s, time, nullptr, &count), bad) << time;
  }
  EXPECT_EQ(sansmtp_session_receive(s, now, "x", SIZE_MAX), bad);
  EXPECT_EQ(sansmtp_session_lend(s, "x", SIZE_MAX, 0), bad);
  sansmtp_envelope e = envelope();
  sansmtp_content c = content();
  const auto refused = [&] { EXPECT_EQ(send(e, c), bad); };
  e.flags = 1U << 31;
  refused();
  e = envelope();
  e.reserved = 1;
  refused();
  e = envelope();
  e.sender.size = SIZE_MAX;
  refused();
  e = envelope();
  e.recipient_count = SIZE_MAX;
  refused();
  e = envelope();
  e.parameter_count = 1;
  refused();
  e = envelope();
  recipients[0].address = {nullptr, 1};
  refused();
  e = envelope();
  recipients[0].parameter_count = 1;
  refused();
  e = envelope();
  c.flags = 1U << 31;
  refused();
  c = content();
  c.kind = 3;
  refused();
  c = content();
  c.octets.size = SIZE_MAX;
  refused();
  c = content();
  c.kind = SANSMTP_CONTENT_STREAMED;  // with octets
  refused();
  c = content();
  c.flags = SANSMTP_CONTENT_SIZED;  // what is there has its size
  refused();
  c = content();
  c.stream_size = 1;
  refused();
  c = content();
  c.kind = SANSMTP_CONTENT_STREAMED;
  c.octets = {};
  c.stream_size = 1;  // without the flag that says so
  refused();
  for (const std::int32_t verb :
       {-1, 1000, static_cast<int>(SANSMTP_VERB_MAIL), static_cast<int>(SANSMTP_VERB_LHLO)}) {
    EXPECT_EQ(sansmtp_session_command(s, verb, nothing, nullptr), bad) << verb;
  }
  EXPECT_EQ(sansmtp_session_command(s, SANSMTP_VERB_EHLO, text("x"), nullptr), bad);
  EXPECT_EQ(sansmtp_session_command(s, SANSMTP_VERB_RSET, text("x"), nullptr), bad);
  EXPECT_EQ(sansmtp_session_receive_end(s, now, 1000, 0), bad);
  EXPECT_EQ(sansmtp_session_tls_failed(s, now, 1000, 0, nothing), bad);
  EXPECT_EQ(sansmtp_session_tls_failed(s, now, -1, 0, nothing), bad);
  auto result = sized<sansmtp_capability>();
  EXPECT_EQ(sansmtp_session_capability(s, 2, &result), bad);
  EXPECT_EQ(written(), "");
  EXPECT_EQ(kinds(), "");
}

TEST_F(c_test, options_that_cannot_be_followed_make_no_session) {
  const auto made = [this](const sansmtp_options& o) {
    sansmtp_session* const before = s;
    s = reinterpret_cast<sansmtp_session*>(&event);  // must become null
    const sansmtp_errc error = sansmtp_session_create(&o, &s);
    EXPECT_EQ(s == nullptr, error != SANSMTP_ERRC_NONE);
    sansmtp_session_destroy(s);
    s = before;
    return error;
  };
  using options = sansmtp_options;
  auto t = sized<sansmtp_timeouts>();
  auto l = sized<sansmtp_limits>();
  const std::uint16_t code = 450;
  const sansmtp_bytes word{nullptr, 2};
  const auto with = [](auto change) {
    auto o = sized<options>();
    change(o);
    return o;
  };
  EXPECT_EQ(made(sized<options>()), SANSMTP_ERRC_NONE);
  const sansmtp_errc bad = SANSMTP_ERRC_BAD_ARGUMENT;
  EXPECT_EQ(made(with([](options& o) { o.protocol = 2; })), bad);
  EXPECT_EQ(made(with([](options& o) { o.tls = -1; })), bad);
  EXPECT_EQ(made(with([](options& o) { o.tls = 4; })), bad);
  EXPECT_EQ(made(with([](options& o) { o.pipelining = 5; })), bad);
  EXPECT_EQ(made(with([](options& o) { o.pipelining = INT32_MIN; })), bad);
  EXPECT_EQ(made(with([](options& o) { o.flags = 1U << 20; })), bad);
  EXPECT_EQ(made(with([](options& o) { o.ignored_keyword_count = 1; })), bad);
  EXPECT_EQ(
      made(with([&](options& o) { o.ignored_keywords = &word, o.ignored_keyword_count = 1; })),
      bad);
  EXPECT_EQ(made(with([](options& o) { o.helo_fallback_code_count = 1; })), bad);
  EXPECT_EQ(made(with([](options& o) { o.local_name = {nullptr, 1}; })), bad);
  using namespace std::string_view_literals;
  for (const std::string_view name : {"a b.test"sv, "a.test\r\nRSET"sv, "a\0.test"sv}) {
    EXPECT_EQ(made(with([name](options& o) { o.local_name = text(name); })), bad) << name;
  }
  EXPECT_EQ(made(with([&](options& o) {
              o.helo_fallback_codes = &code, o.helo_fallback_code_count = 1;
            })),
            SANSMTP_ERRC_BAD_CONFIGURATION);
  t.mail = -2;
  EXPECT_EQ(made(with([&](options& o) { o.timeouts = &t; })), bad);
  t.mail = INT64_MAX;  // more than a year
  EXPECT_EQ(made(with([&](options& o) { o.timeouts = &t; })), SANSMTP_ERRC_BAD_CONFIGURATION);
  t.mail = SANSMTP_FOREVER;
  EXPECT_EQ(made(with([&](options& o) { o.timeouts = &t; })), SANSMTP_ERRC_NONE);
  t.size = 3;
  EXPECT_EQ(made(with([&](options& o) { o.timeouts = &t; })), bad);
  l.reply_line = 511;
  EXPECT_EQ(made(with([&](options& o) { o.limits = &l; })), SANSMTP_ERRC_BAD_CONFIGURATION);
  l.size = 0;
  EXPECT_EQ(made(with([&](options& o) { o.limits = &l; })), bad);
}

// A struct of an older version lacks members, one of a newer has some that are not known here.
TEST_F(c_test, sizes_of_structs) {
  struct newer {
    sansmtp_options options;
    std::uint64_t more[2];
  } n{};
  const auto create = [&](std::size_t size) {
    n.options.size = size;
    sansmtp_session* made = nullptr;
    const sansmtp_errc error = sansmtp_session_create(&n.options, &made);
    sansmtp_session_destroy(made);
    return error;
  };
  n.options.flags = 1U << 31;  // what is beyond the size is not looked at
  EXPECT_EQ(create(sizeof(std::size_t)), SANSMTP_ERRC_NONE);
  EXPECT_EQ(create(24), SANSMTP_ERRC_NONE);
  EXPECT_EQ(create(sizeof(sansmtp_options)), SANSMTP_ERRC_BAD_ARGUMENT);
  n.options.flags = 0;
  for (const std::size_t size : {sizeof(sansmtp_options), sizeof n}) {
    EXPECT_EQ(create(size), SANSMTP_ERRC_NONE) << size;
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, std::size_t{4}, std::size_t{12},
                                 sizeof n + 1, std::size_t{4104}, SIZE_MAX, SIZE_MAX - 7}) {
    EXPECT_EQ(create(size), SANSMTP_ERRC_BAD_ARGUMENT) << size;
  }
  n.more[1] = 1;
  EXPECT_EQ(create(sizeof n), SANSMTP_ERRC_BAD_ARGUMENT);

  // What is filled ends where the caller's struct does, and is zero behind what is known here.
  open();
  struct {
    sansmtp_status status;
    std::uint64_t more;
  } out;
  std::memset(&out, 0xAA, sizeof out);
  out.status.size = 16;
  ASSERT_EQ(sansmtp_session_status(s, &out.status), SANSMTP_ERRC_NONE);
  EXPECT_EQ(out.status.phase, SANSMTP_PHASE_READY);
  EXPECT_EQ(out.status.idle, 1U);
  EXPECT_EQ(out.status.closed, 0xAAAAAAAAU);
  out.status.size = sizeof out;
  ASSERT_EQ(sansmtp_session_status(s, &out.status), SANSMTP_ERRC_NONE);
  EXPECT_EQ(string(out.status.server_name), "mx.test");
  EXPECT_EQ(string(out.status.banner), "hello");
  EXPECT_EQ(out.status.size, sizeof out);
  EXPECT_EQ(out.more, 0U);
  out.status.size = 17;
  EXPECT_EQ(sansmtp_session_status(s, &out.status), SANSMTP_ERRC_BAD_ARGUMENT);
  event.size = 0;
  EXPECT_EQ(sansmtp_session_next_event(s, &event), -1);
  event.size = 16;
  ASSERT_EQ(sansmtp_session_command(s, SANSMTP_VERB_NOOP, nothing, nullptr), SANSMTP_ERRC_NONE);
  written();
  receive("250 ok\r\n");
  event.id = 77;
  ASSERT_EQ(sansmtp_session_next_event(s, &event), 1);
  EXPECT_EQ(event.kind, SANSMTP_EVENT_COMMAND_DONE);
  EXPECT_EQ(event.id, 77U);
  event.size = sizeof event;

  // In an array each has the size of the first.
  std::vector<sansmtp_recipient> two(2, sized<sansmtp_recipient>());
  two[0].address = text("b@y.test");
  two[1].address = text("c@y.test");
  two[1].size = 24;
  EXPECT_EQ(send(envelope(two), content()), SANSMTP_ERRC_BAD_ARGUMENT);
  struct older {
    std::size_t size;
    sansmtp_bytes address;
  };
  const std::array<older, 2> old{
      {{sizeof(older), text("b@y.test")}, {sizeof(older), text("c@y.test")}}};
  sansmtp_envelope e = envelope();
  e.recipients = reinterpret_cast<const sansmtp_recipient*>(old.data());
  e.recipient_count = old.size();
  EXPECT_EQ(send(e, content()), SANSMTP_ERRC_NONE);
  EXPECT_EQ(written(),
            "MAIL FROM:<a@x.test> SIZE=4\r\nRCPT TO:<b@y.test>\r\nRCPT TO:<c@y.test>\r\nDATA\r\n");
}

TEST_F(c_test, calls_in_the_wrong_phase_are_refused) {
  const sansmtp_errc state = SANSMTP_ERRC_BAD_STATE;
  create();
  EXPECT_EQ(sansmtp_session_receive(s, now, "220 x\r\n", 7), state);
  EXPECT_EQ(sansmtp_session_sent(s, now, 1), state);
  EXPECT_EQ(sansmtp_session_lend(s, "x", 1, 1), state);
  EXPECT_EQ(sansmtp_session_withdraw(s, 9), state);
  EXPECT_EQ(sansmtp_session_tls_established(s, now, nullptr), state);
  EXPECT_EQ(sansmtp_session_tls_rejected(s, now), state);
  EXPECT_EQ(sansmtp_session_tls_failed(s, now, 0, 0, nothing), state);
  EXPECT_EQ(sansmtp_session_deadline(s), INT64_MAX);
  EXPECT_EQ(sansmtp_session_connected(s, now, nothing, nothing), SANSMTP_ERRC_NONE);
  EXPECT_EQ(sansmtp_session_connected(s, now, nothing, nothing), state);
  EXPECT_EQ(sansmtp_session_deadline(s), now + 300 * second);
  EXPECT_EQ(sansmtp_session_deadline_of(s), SANSMTP_VERB_GREETING);
  receive("220 mx.test\r\n");
  sansmtp_bytes slice{};
  std::size_t count = 1;
  ASSERT_EQ(sansmtp_session_output(s, now, &slice, &count), SANSMTP_ERRC_NONE);
  ASSERT_EQ(count, 1U);
  EXPECT_EQ(sansmtp_session_sent(s, now, slice.size + 1), SANSMTP_ERRC_BAD_ARGUMENT);
  EXPECT_EQ(sansmtp_session_sent(s, now, slice.size), SANSMTP_ERRC_NONE);
  EXPECT_EQ(sansmtp_session_sent(s, now, 1), state);
  EXPECT_EQ(sansmtp_session_sent(s, now, 0), SANSMTP_ERRC_NONE);
  EXPECT_EQ(sansmtp_session_abort(s, 0), SANSMTP_ERRC_NONE);
  const sansmtp_errc closed = SANSMTP_ERRC_SESSION_CLOSED;
  EXPECT_EQ(sansmtp_session_abort(s, 0), closed);
  EXPECT_EQ(sansmtp_session_quit(s), closed);
  EXPECT_EQ(sansmtp_session_quit_now(s), closed);
  EXPECT_EQ(sansmtp_session_receive_end(s, now, 0, 0), closed);
  EXPECT_EQ(sansmtp_session_lend(s, "x", 1, 1), closed);
  EXPECT_EQ(sansmtp_session_tls_failed(s, now, 0, 0, nothing), closed);
  EXPECT_EQ(sansmtp_session_receive(s, now, "250 late\r\n", 10), SANSMTP_ERRC_NONE);  // ignored
  EXPECT_EQ(kinds(), "greeted session_failed closed ");
  EXPECT_EQ(last.error, SANSMTP_ERRC_ABORTED);
  EXPECT_EQ(sansmtp_session_receive(s, now, "250 late\r\n", 10), closed);
  // A mail and a command are completed by their events, however late they come.
  EXPECT_EQ(send(envelope(), content()), SANSMTP_ERRC_NONE);
  EXPECT_EQ(sansmtp_session_command(s, SANSMTP_VERB_NOOP, nothing, nullptr), SANSMTP_ERRC_NONE);
  EXPECT_EQ(kinds(), "mail_done command_done ");
}

// Octets that must not get into a line, told where everything else is told of a mail or a command.
TEST_F(c_test, line_breaks_and_nul_never_leave) {
  open();
  for (const std::string_view octets : {"\r", "\n", "\r\nRSET"}) {
    const std::string bad = "b@y.test" + std::string(octets);
    std::vector<sansmtp_recipient> to(1, sized<sansmtp_recipient>());
    to[0].address = text(bad);
    ASSERT_EQ(send(envelope(to), content()), SANSMTP_ERRC_NONE);
    EXPECT_EQ(written(), "");
    EXPECT_EQ(kinds(), "mail_done ");
    EXPECT_EQ(last.error, SANSMTP_ERRC_BAD_ARGUMENT);
    std::uint64_t id = 0;
    ASSERT_EQ(sansmtp_session_command(s, SANSMTP_VERB_VRFY, text(bad), &id), SANSMTP_ERRC_NONE);
    EXPECT_EQ(written(), "");
    EXPECT_EQ(kinds(), "command_done ");
    EXPECT_EQ(last.error, SANSMTP_ERRC_BAD_ARGUMENT);
    EXPECT_EQ(last.id, id);
  }
  using namespace std::string_view_literals;
  sansmtp_envelope e = envelope();
  e.sender = text("a\0@x.test"sv);
  ASSERT_EQ(send(e, content()), SANSMTP_ERRC_NONE);
  ASSERT_EQ(send(envelope(), content("a\0b\r\n"sv)), SANSMTP_ERRC_NONE);
  EXPECT_EQ(written(), "");
  EXPECT_EQ(kinds(), "mail_done mail_done ");
  EXPECT_EQ(last.error, SANSMTP_ERRC_NUL_IN_CONTENT);
}

TEST_F(c_test, parameters_as_text) {
  open("250-mx.test\r\n250-DSN\r\n250-XFOO\r\n250 PIPELINING\r\n");
  const std::array<sansmtp_bytes, 3> of_mail{text("RET=HDRS"), text("envid=a b"), text("XFOO=1")};
  const std::array<sansmtp_bytes, 2> of_rcpt{text("NOTIFY=SUCCESS,DELAY"),
                                             text("ORCPT=rfc822;c+d@y.test")};
  sansmtp_envelope e = envelope();
  e.parameters = of_mail.data();
  e.parameter_count = of_mail.size();
  recipients[0].parameters = of_rcpt.data();
  recipients[0].parameter_count = of_rcpt.size();
  ASSERT_EQ(send(e, content()), SANSMTP_ERRC_NONE);
  EXPECT_EQ(written(),
            "MAIL FROM:<a@x.test> RET=HDRS ENVID=a+20b XFOO=1\r\n"
            "RCPT TO:<b@y.test> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;c+2Bd@y.test\r\nDATA\r\n");
  // Nothing of it is left for the next mail.
  ASSERT_EQ(send(envelope(), content()), SANSMTP_ERRC_NONE);
  receive("250 ok\r\n250 ok\r\n354 go\r\n");
  written();
  receive("250 ok\r\n");
  EXPECT_EQ(written(), "MAIL FROM:<a@x.test>\r\nRCPT TO:<b@y.test>\r\nDATA\r\n");
  kinds();
  for (const std::string_view wrong :
       {"RET=SOME", "MT-PRIORITY=x", "MT-PRIORITY=1000", "REQUIRETLS=1"}) {
    const sansmtp_bytes one = text(wrong);
    e = envelope();
    e.parameters = &one;
    e.parameter_count = 1;
    EXPECT_EQ(send(e, content()), SANSMTP_ERRC_BAD_PARAMETER) << wrong;
  }
  const sansmtp_bytes wrong = text("NOTIFY=SOMETIMES");
  e = envelope();
  recipients[0].parameters = &wrong;
  recipients[0].parameter_count = 1;
  EXPECT_EQ(send(e, content()), SANSMTP_ERRC_BAD_PARAMETER);
  EXPECT_EQ(kinds(), "");
}

TEST_F(c_test, flags_of_an_envelope) {
  auto options = sized<sansmtp_options>();
  options.pipelining = SANSMTP_PIPELINING_OFF;
  open("250 mx.test\r\n", options);
  sansmtp_envelope e = envelope();
  e.sender = text("a@x_y.test");
  ASSERT_EQ(send(e, content()), SANSMTP_ERRC_NONE);
  EXPECT_EQ(written(), "");
  EXPECT_EQ(kinds(), "mail_done ");
  EXPECT_EQ(last.error, SANSMTP_ERRC_BAD_ADDRESS);
  e.flags = SANSMTP_ALLOW_UNDERSCORE;
  ASSERT_EQ(send(e, content()), SANSMTP_ERRC_NONE);
  EXPECT_EQ(written(), "MAIL FROM:<a@x_y.test>\r\n");
  receive("550 no\r\n");
  kinds();
  e.flags = 0;
  ASSERT_EQ(send(e, content()), SANSMTP_ERRC_NONE);  // the rules are those of each mail
  EXPECT_EQ(written(), "");
  std::vector<sansmtp_recipient> to(2, sized<sansmtp_recipient>());
  to[0].address = text("bad");
  to[1].address = text("b@y.test");
  e = envelope(to);
  e.flags = SANSMTP_SKIP_BAD_RECIPIENTS;
  ASSERT_EQ(send(e, content()), SANSMTP_ERRC_NONE);
  EXPECT_EQ(written(), "RSET\r\n");  // behind the refused one
  receive("250 ok\r\n");
  EXPECT_EQ(written(), "MAIL FROM:<a@x.test>\r\n");
}

TEST_F(c_test, streamed_content) {
  open();
  auto c = sized<sansmtp_content>();
  c.kind = SANSMTP_CONTENT_STREAMED;
  c.flags = SANSMTP_CONTENT_SIZED;
  c.stream_size = 6;
  ASSERT_EQ(send(envelope(), c), SANSMTP_ERRC_NONE);
  EXPECT_EQ(written(), "MAIL FROM:<a@x.test> SIZE=6\r\nRCPT TO:<b@y.test>\r\nDATA\r\n");
  EXPECT_EQ(sansmtp_session_lend(s, "a\r\n", 3, 0), SANSMTP_ERRC_BAD_STATE);
  receive("250 ok\r\n250 ok\r\n354 go\r\n");
  EXPECT_EQ(kinds(), "sender_accepted recipient_accepted ready_for_data ");
  EXPECT_EQ(sansmtp_session_lend(s, nullptr, 3, 0), SANSMTP_ERRC_BAD_ARGUMENT);
  ASSERT_EQ(sansmtp_session_lend(s, ".\r\n", 3, 0), SANSMTP_ERRC_NONE);
  EXPECT_EQ(sansmtp_session_lend(s, "b\r\n", 3, 1), SANSMTP_ERRC_BAD_STATE);
  EXPECT_EQ(written(), "..\r\n");
  EXPECT_EQ(kinds(), "chunk_released ");
  ASSERT_EQ(sansmtp_session_lend(s, "b\r\n", 3, 0), SANSMTP_ERRC_NONE);
  EXPECT_EQ(written(), "b\r\n");
  kinds();
  ASSERT_EQ(sansmtp_session_lend(s, nullptr, 0, 1), SANSMTP_ERRC_NONE);
  EXPECT_EQ(written(), ".\r\n");
  receive("250 ok\r\n");
  EXPECT_NE(kinds().find("mail_done"), std::string::npos);
  EXPECT_EQ(last.outcome, SANSMTP_OUTCOME_DELIVERED);
}

TEST_F(c_test, copied_content_may_go_at_once) {
  open();
  std::string octets = "Hi\r\n";
  sansmtp_content c = content(octets);
  c.kind = SANSMTP_CONTENT_COPIED;
  ASSERT_EQ(send(envelope(), c), SANSMTP_ERRC_NONE);
  octets.assign(4, 'x');
  written();
  receive("250 ok\r\n250 ok\r\n354 go\r\n");
  EXPECT_EQ(written(), "Hi\r\n.\r\n");
}

TEST_F(c_test, withdraw_cancel_and_quit_now) {
  open();
  std::array<std::uint64_t, 3> ids{};
  const sansmtp_envelope e = envelope();
  const sansmtp_content c = content();
  for (std::uint64_t& id : ids) {
    ASSERT_EQ(sansmtp_session_send(s, &e, &c, &id), SANSMTP_ERRC_NONE);
  }
  written();
  EXPECT_EQ(sansmtp_session_withdraw(s, ids[0]), SANSMTP_ERRC_BAD_STATE);
  EXPECT_EQ(sansmtp_session_withdraw(s, ids[2]), SANSMTP_ERRC_NONE);
  EXPECT_EQ(kinds(), "mail_done ");
  EXPECT_EQ(last.id, ids[2]);
  EXPECT_EQ(last.outcome, SANSMTP_OUTCOME_NOT_ATTEMPTED);
  EXPECT_EQ(sansmtp_session_cancel(s, ids[1]), SANSMTP_ERRC_NONE);
  EXPECT_EQ(kinds(), "mail_done ");
  EXPECT_EQ(sansmtp_session_cancel(s, 999), SANSMTP_ERRC_NONE);
  EXPECT_EQ(sansmtp_session_quit_now(s), SANSMTP_ERRC_NONE);
  auto status = sized<sansmtp_status>();
  ASSERT_EQ(sansmtp_session_status(s, &status), SANSMTP_ERRC_NONE);
  EXPECT_EQ(status.idle, 0U);
  EXPECT_GT(status.in_flight, 0U);
  EXPECT_GT(status.memory, 0U);
  receive("250 ok\r\n250 ok\r\n354 go\r\n");
  EXPECT_EQ(written(), "");  // DATA was handed out, and there is nothing to be said behind 354
  EXPECT_EQ(sansmtp_session_closed(s), 1);
}

TEST_F(c_test, what_the_server_offers) {
  open("250-mx.test\r\n250-SIZE 1000\r\n250-AUTH PLAIN LOGIN\r\n250 LIMITS RCPTMAX=7\r\n");
  auto offer = sized<sansmtp_offer>();
  ASSERT_EQ(sansmtp_session_offer(s, &offer), SANSMTP_ERRC_NONE);
  EXPECT_EQ(offer.size_limit, 1000U);
  EXPECT_EQ(string(offer.mechanisms), "PLAIN LOGIN");
  EXPECT_EQ(offer.max_recipients, 7U);
  EXPECT_EQ(offer.capability_count, 3U);
  auto line = sized<sansmtp_capability>();
  ASSERT_EQ(sansmtp_session_capability(s, 1, &line), SANSMTP_ERRC_NONE);
  EXPECT_EQ(string(line.keyword), "AUTH");
  EXPECT_EQ(string(line.parameters), "PLAIN LOGIN");
  sansmtp_bytes parameters = text("x");
  EXPECT_EQ(sansmtp_session_offers(s, text("size"), &parameters), 1);
  EXPECT_EQ(string(parameters), "1000");
  EXPECT_EQ(sansmtp_session_offers(s, text("DSN"), &parameters), 0);
  EXPECT_EQ(parameters.size, 0U);
  EXPECT_EQ(sansmtp_session_offers(s, {nullptr, 3}, nullptr), 0);
}

TEST_F(c_test, time_runs_out) {
  auto options = sized<sansmtp_options>();
  auto timeouts = sized<sansmtp_timeouts>();
  timeouts.greeting = 1;  // rounded up to a millisecond
  options.timeouts = &timeouts;
  create(options);
  sansmtp_session_connected(s, now, nothing, nothing);
  EXPECT_EQ(sansmtp_session_deadline(s), now + 1'000'000);
  EXPECT_EQ(sansmtp_session_advance(s, now + 999'999), SANSMTP_ERRC_NONE);
  EXPECT_EQ(kinds(), "");
  EXPECT_EQ(sansmtp_session_advance(s, now + 1'000'000), SANSMTP_ERRC_NONE);
  EXPECT_EQ(kinds(), "session_failed closed ");
  EXPECT_EQ(last.error, SANSMTP_ERRC_TIMED_OUT);
  EXPECT_EQ(last.category, SANSMTP_CATEGORY_TIMEOUT);
}

TEST_F(c_test, numbers_of_the_caller_come_back) {
  open();
  EXPECT_EQ(sansmtp_session_receive_end(s, now, 0, 104), SANSMTP_ERRC_NONE);
  EXPECT_EQ(kinds(), "closed ");
  EXPECT_EQ(last.foreign, 104);
  EXPECT_EQ(last.error, SANSMTP_ERRC_NONE);
  EXPECT_EQ(last.category, SANSMTP_CATEGORY_CONNECTION_LOST);
}

TEST_F(c_test, abort_with_a_number) {
  open();
  EXPECT_EQ(sansmtp_session_abort(s, 4), SANSMTP_ERRC_NONE);
  EXPECT_EQ(kinds(), "closed ");
  EXPECT_EQ(last.foreign, 4);
  EXPECT_EQ(last.category, SANSMTP_CATEGORY_ABORTED);
}

TEST_F(c_test, tls_by_the_caller) {
  auto options = sized<sansmtp_options>();
  options.tls = SANSMTP_TLS_REQUIRED;
  create(options);
  sansmtp_session_connected(s, now, nothing, nothing);
  receive("220 mx.test\r\n");
  written();
  receive("250-mx.test\r\n250 STARTTLS\r\n");
  EXPECT_EQ(written(), "STARTTLS\r\n");
  receive("220 go\r\n");
  EXPECT_EQ(kinds(), "greeted upgrade_to_tls ");
  auto info = sized<sansmtp_tls_info>();
  info.binding_type = text("tls-unknown");
  EXPECT_EQ(sansmtp_session_tls_established(s, now, &info), SANSMTP_ERRC_BAD_ARGUMENT);
  info.binding_type = text("tls-exporter");
  info.binding = {nullptr, 1};
  EXPECT_EQ(sansmtp_session_tls_established(s, now, &info), SANSMTP_ERRC_BAD_ARGUMENT);
  info.binding = text("secret");
  info.reserved = 1;
  EXPECT_EQ(sansmtp_session_tls_established(s, now, &info), SANSMTP_ERRC_BAD_ARGUMENT);
  info.reserved = 0;
  info.verified = 1;
  info.size = 5;
  EXPECT_EQ(sansmtp_session_tls_established(s, now, &info), SANSMTP_ERRC_BAD_ARGUMENT);
  info.size = sizeof info;
  auto status = sized<sansmtp_status>();
  ASSERT_EQ(sansmtp_session_status(s, &status), SANSMTP_ERRC_NONE);
  EXPECT_EQ(status.awaits_handshake, 1U);
  ASSERT_EQ(sansmtp_session_tls_established(s, now, &info), SANSMTP_ERRC_NONE);
  ASSERT_EQ(sansmtp_session_status(s, &status), SANSMTP_ERRC_NONE);
  EXPECT_EQ(status.tls_active + status.tls_verified, 2U);
  EXPECT_EQ(sansmtp_session_tls_established(s, now, &info), SANSMTP_ERRC_BAD_STATE);
  EXPECT_EQ(sansmtp_session_tls_failed(s, now, SANSMTP_ERRC_NONE, -71, nothing), SANSMTP_ERRC_NONE);
  EXPECT_EQ(kinds(), "session_failed closed ");
  EXPECT_EQ(last.foreign, -71);
  EXPECT_EQ(last.category, SANSMTP_CATEGORY_TLS);
  EXPECT_EQ(last.tls, 1U);
}

TEST_F(c_test, tls_that_is_too_weak) {
  auto options = sized<sansmtp_options>();
  options.tls = SANSMTP_TLS_IMPLICIT;
  create(options);
  sansmtp_session_connected(s, now, nothing, nothing);
  EXPECT_EQ(kinds(), "upgrade_to_tls ");
  EXPECT_EQ(sansmtp_session_tls_rejected(s, now), SANSMTP_ERRC_NONE);
  receive("220 mx.test\r\n");
  EXPECT_EQ(written(), "QUIT\r\n");
}

TEST_F(c_test, login_by_name) {
  auto options = sized<sansmtp_options>();
  options.flags = SANSMTP_ALLOW_AUTH_CLEARTEXT;
  open("250-mx.test\r\n250 AUTH PLAIN LOGIN\r\n", options);
  auto who = sized<sansmtp_credentials>();
  who.name = text("user");
  who.secret = text("pencil");
  const auto refused = [&](auto change) {
    sansmtp_credentials wrong = who;
    change(wrong);
    EXPECT_EQ(sansmtp_session_authenticate(s, &wrong, 1, nullptr, nullptr),
              SANSMTP_ERRC_BAD_ARGUMENT);
  };
  refused([](auto& w) { w.kind = 3; });
  refused([](auto& w) { w.kind = -1; });
  refused([](auto& w) { w.minimum = 4; });
  refused([](auto& w) { w.port = 65536; });
  refused([](auto& w) { w.flags = 2; });
  refused([](auto& w) { w.reserved = 1; });
  refused([](auto& w) { w.size = 7; });
  refused([](auto& w) { w.secret = {nullptr, 1}; });
  refused([](auto& w) { w.mechanism_count = 1; });
  const sansmtp_bytes bad_name{nullptr, 4};
  refused([&](auto& w) { w.mechanisms = &bad_name, w.mechanism_count = 1; });
  auto suite = sized<sansmtp_hash_suite>();
  EXPECT_EQ(sansmtp_session_authenticate(s, &who, 1, &suite, nullptr), SANSMTP_ERRC_BAD_ARGUMENT);
  EXPECT_EQ(kinds(), "");
  const sansmtp_bytes login = text("login");
  who.mechanisms = &login;
  who.mechanism_count = 1;
  std::uint64_t id = 0;
  ASSERT_EQ(sansmtp_session_authenticate(s, &who, 1, nullptr, &id), SANSMTP_ERRC_NONE);
  EXPECT_EQ(written(), "AUTH LOGIN\r\n");
  receive("334 VXNlcm5hbWU6\r\n");
  EXPECT_EQ(written(), "dXNlcg==\r\n");
  receive("334 UGFzc3dvcmQ6\r\n");
  EXPECT_EQ(written(), "cGVuY2ls\r\n");
  receive("235 ok\r\n");
  EXPECT_EQ(kinds(), "authenticated ");
  EXPECT_EQ(last.id, id);
  EXPECT_EQ(string(last.detail), "LOGIN");
}

/// Hash functions that try all that a callback must not do.
struct intruder {
  sansmtp_session* session;
  int calls;
  std::string refused;

  void intrude() {
    ++calls;
    auto e = sized<sansmtp_event>();
    auto status = sized<sansmtp_status>();
    auto offer = sized<sansmtp_offer>();
    auto line = sized<sansmtp_capability>();
    auto result = sized<sansmtp_result>();
    sansmtp_bytes slice{};
    std::size_t count = 1;
    const std::int64_t t = 4000 * second;
    const bool all = sansmtp_session_destroy(session) == SANSMTP_ERRC_BAD_STATE &&
                     sansmtp_session_receive(session, t, "x", 1) == SANSMTP_ERRC_BAD_STATE &&
                     sansmtp_session_output(session, t, &slice, &count) == SANSMTP_ERRC_BAD_STATE &&
                     sansmtp_session_advance(session, t) == SANSMTP_ERRC_BAD_STATE &&
                     sansmtp_session_abort(session, 0) == SANSMTP_ERRC_BAD_STATE &&
                     sansmtp_session_status(session, &status) == SANSMTP_ERRC_BAD_STATE &&
                     sansmtp_session_offer(session, &offer) == SANSMTP_ERRC_BAD_STATE &&
                     sansmtp_session_capability(session, 0, &line) == SANSMTP_ERRC_BAD_STATE &&
                     sansmtp_session_result(session, 0, &result) == SANSMTP_ERRC_BAD_STATE &&
                     sansmtp_session_offers(session, text("AUTH"), nullptr) == 0 &&
                     sansmtp_session_deadline(session) == INT64_MAX &&
                     sansmtp_session_next_event(session, &e) == -1;
    refused += all ? 'y' : 'n';
  }
};

int fill(void* context, char* out, std::size_t room) {
  static_cast<intruder*>(context)->intrude();
  std::memset(out, 'x', room);
  return 1;
}
int hash(void* context, std::int32_t, sansmtp_bytes, char* out, std::size_t room) {
  return fill(context, out, room);
}
int hmac(void* context, std::int32_t, sansmtp_bytes, sansmtp_bytes, char* out, std::size_t room) {
  return fill(context, out, room);
}
int pbkdf2(void* context, std::int32_t, sansmtp_bytes, sansmtp_bytes, std::uint32_t, char* out,
           std::size_t room) {
  return fill(context, out, room);
}

TEST_F(c_test, a_callback_may_not_call_the_session) {
  auto options = sized<sansmtp_options>();
  options.flags = SANSMTP_ALLOW_CHALLENGE_CLEARTEXT;
  open("250-mx.test\r\n250 AUTH CRAM-MD5\r\n", options);
  intruder context{s, 0, {}};
  const sansmtp_hash_suite suite{sizeof suite, &context, hash, hmac, pbkdf2, fill};
  auto who = sized<sansmtp_credentials>();
  who.name = text("user");
  who.secret = text("pencil");
  ASSERT_EQ(sansmtp_session_authenticate(s, &who, 1, &suite, nullptr), SANSMTP_ERRC_NONE);
  EXPECT_EQ(written(), "AUTH CRAM-MD5\r\n");
  receive("334 PDFAeC50ZXN0Pg==\r\n");
  EXPECT_EQ(context.calls, 1);
  EXPECT_EQ(context.refused, "y");
  EXPECT_NE(written(), "");
  receive("235 ok\r\n");
  EXPECT_EQ(kinds(), "authenticated ");
}

// From an event any function may be called, and the event stays as it is.
TEST_F(c_test, calls_from_an_event) {
  open();
  ASSERT_EQ(send(envelope(), content()), SANSMTP_ERRC_NONE);
  written();
  receive("550 5.7.1 go away\r\n503 no\r\n503 no\r\n");
  while (sansmtp_session_next_event(s, &event) == 1 && event.kind != SANSMTP_EVENT_MAIL_DONE) {
  }
  ASSERT_EQ(event.kind, SANSMTP_EVENT_MAIL_DONE);
  ASSERT_EQ(send(envelope(), content()), SANSMTP_ERRC_NONE);
  written();
  receive("250 ok\r\n");
  sansmtp_session_abort(s, 0);
  EXPECT_EQ(string(event.text), "5.7.1 go away");
  auto result = sized<sansmtp_result>();
  ASSERT_EQ(sansmtp_session_result(s, 0, &result), SANSMTP_ERRC_NONE);
  EXPECT_EQ(string(result.text), "5.7.1 go away");
}

TEST(c_words, names_are_those_of_the_engine) {
  using namespace sansmtp;
  const auto same = [](auto last, auto name) {
    using value = decltype(last);
    for (int i = 0; i <= static_cast<int>(last); ++i) {
      // Each has a number, and that number has its name.
      int found = 0;
      for (int number = 0; number < 256; ++number) {
        found += name(number) == to_string(static_cast<value>(i)) ? 1 : 0;
      }
      EXPECT_EQ(found, 1) << to_string(static_cast<value>(i));
    }
    for (const int wrong : {-1, -2, 256, INT32_MAX, INT32_MIN})
      EXPECT_STREQ(name(wrong), "unknown");
  };
  same(errc::aborted, sansmtp_errc_name);
  same(failure_category::aborted, sansmtp_category_name);
  same(outcome::in_doubt, sansmtp_outcome_name);
  same(hint::another_connection, sansmtp_hint_name);
  same(verb::quit, sansmtp_verb_name);
  same(event::kind::closed, sansmtp_event_name);
  EXPECT_STREQ(sansmtp_errc_name(SANSMTP_ERRC_BAD_STATE), "bad_state");
  EXPECT_STREQ(sansmtp_event_name(SANSMTP_EVENT_CLOSED), "closed");
  EXPECT_STREQ(sansmtp_verb_name(SANSMTP_VERB_QUIT), "quit");
}

TEST(c_words, texts) {
  char buffer[8];
  const std::string whole = make_error_code(sansmtp::errc::timed_out).message();
  EXPECT_EQ(sansmtp_errc_message(SANSMTP_ERRC_TIMED_OUT, buffer, sizeof buffer), whole.size());
  EXPECT_EQ(buffer, whole.substr(0, 7));
  EXPECT_EQ(sansmtp_errc_message(SANSMTP_ERRC_TIMED_OUT, nullptr, 0), whole.size());
  EXPECT_NE(sansmtp_errc_message(-1, buffer, sizeof buffer), 0U);
  EXPECT_EQ(sansmtp_display_text(text("a\nb\x1b"), buffer, sizeof buffer), 6U);
  EXPECT_STREQ(buffer, "a / b?");
  EXPECT_EQ(sansmtp_display_text({nullptr, 5}, buffer, sizeof buffer), 0U);
  EXPECT_STREQ(buffer, "");
  EXPECT_EQ(sansmtp_category_of(SANSMTP_ERRC_BAD_STATE), SANSMTP_CATEGORY_LOCAL);
  EXPECT_EQ(sansmtp_category_of(1000), SANSMTP_UNKNOWN);
  EXPECT_EQ(sansmtp_is_retry_useful(SANSMTP_ERRC_REFUSED_TRANSIENTLY, 450), 1);
  EXPECT_EQ(sansmtp_is_permanent(SANSMTP_ERRC_REFUSED_PERMANENTLY, 550), 1);
  EXPECT_EQ(sansmtp_is_session_usable(SANSMTP_ERRC_TIMED_OUT), 0);
  EXPECT_EQ(sansmtp_is_session_usable(SANSMTP_ERRC_REFUSED_PERMANENTLY), 1);
  EXPECT_EQ(sansmtp_is_retry_useful(1000, 450) + sansmtp_is_permanent(-1, 550), 0);
  EXPECT_EQ(sansmtp_text("abc").size, 3U);
  EXPECT_EQ(sansmtp_text(nullptr).size, 0U);
}

TEST(c_words, versions_are_that_of_the_build) {
  EXPECT_STREQ(sansmtp_version(), PROJECT_VERSION);
  EXPECT_EQ(sansmtp::version, PROJECT_VERSION);
  EXPECT_EQ(std::to_string(sansmtp::version_major) + '.' + std::to_string(sansmtp::version_minor) +
                '.' + std::to_string(sansmtp::version_patch),
            PROJECT_VERSION);
}

}  // namespace
