// A client over a stream in memory: tokens, order, cancellation, faults and ends.
#include "sansmtp/asio/async_client.hpp"

#include <gtest/gtest.h>

#include <future>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "fixture.hpp"

namespace sansmtp::test {
namespace {

using namespace std::chrono_literals;

/// A report and how often it came.
struct answer {
  int times = 0;
  net_error error;
  delivery report;

  auto handler() {
    return [this](net_error e, delivery d) {
      ++times;
      error = e;
      report = std::move(d);
    };
  }
  [[nodiscard]] outcome result() const {
    return report.recipients.empty() ? outcome::pending : report.recipients.front().result;
  }
};

std::size_t count(std::string_view text, std::string_view what) {
  std::size_t n = 0;
  for (std::size_t at = text.find(what); at != std::string_view::npos; at = text.find(what, at + 1))
    ++n;
  return n;
}

TEST(asio_client, sends_a_mail_and_quits) {
  net::io_context io;
  memory_session s(io);
  s.serve();
  answer mail;
  bool opened = false;
  bool over = false;
  s.client->async_open([&](net_error e) { opened = !e; });
  s.client->async_send(mail_to({"r1@b.test", "r2@b.test"}), small_message(), mail.handler());
  s.client->async_quit([&](net_error e) { over = !e; });
  rest(io);
  EXPECT_TRUE(opened);
  EXPECT_TRUE(over);
  EXPECT_EQ(mail.times, 1);
  EXPECT_FALSE(mail.error);
  EXPECT_EQ(mail.report.count(outcome::delivered), 2U);
  EXPECT_TRUE(s.link->closed);
  EXPECT_NE(s.link->written.find(std::string(small_content) + ".\r\n"), std::string::npos);
  EXPECT_TRUE(s.link->written.ends_with("QUIT\r\n"));
}

// -- tokens -------------------------------------------------------------------------------------

TEST(asio_client, takes_coroutines_and_tuples) {
  net::io_context io;
  memory_session s(io);
  s.serve([](std::string_view word, std::string_view who) {
    return word == "data" ? 354 : who == "bad@b.test" ? 550 : 250;
  });
  std::vector<outcome> results;
  const envelope to_good = mail_to({"r@b.test"});
  const envelope to_bad = mail_to({"bad@b.test"});
  net::co_spawn(
      io,
      [&]() -> net::awaitable<void> {
        co_await s.client->async_open(net::use_awaitable);
        const delivery good =
            co_await s.client->async_send(to_good, small_message(), net::use_awaitable);
        results.push_back(good.recipients.at(0).result);
        // The tuple keeps the report although the mail has failed.
        auto [error, bad] = co_await s.client->async_send(
            to_bad, small_message(), net::experimental::as_tuple(net::use_awaitable));
        EXPECT_EQ(std::error_code(error), errc::refused_permanently);
        results.push_back(bad.recipients.at(0).result);
        co_await s.client->async_quit(net::use_awaitable);
      },
      net::detached);
  rest(io);
  EXPECT_EQ(results, (std::vector{outcome::delivered, outcome::rejected}));
}

TEST(asio_client, takes_futures) {
  net::io_context io;
  memory_session s(io);
  s.serve();
  std::future<delivery> report =
      s.client->async_send(mail_to({"r@b.test"}), small_message(), net::use_future);
  rest(io);
  ASSERT_EQ(report.wait_for(0s), std::future_status::ready);
  EXPECT_TRUE(report.get().delivered_to_all());
}

TEST(asio_client, takes_deferred_operations) {
  net::io_context io;
  memory_session s(io);
  s.serve();
  answer mail;
  {
    // It has what it was given, though that is gone when it begins.
    auto operation =
        s.client->async_send(mail_to({"r@b.test"}), small_message(), net::experimental::deferred);
    rest(io);
    EXPECT_EQ(s.link->written, "EHLO client.test\r\n");  // it has not begun
    std::move(operation)(mail.handler());
  }
  rest(io);
  EXPECT_EQ(mail.result(), outcome::delivered);
}

/// A token of the user's own: what an operation came to is put where it points to.
struct into {
  std::optional<delivery>* where;
};

}  // namespace
}  // namespace sansmtp::test

template <typename... Arguments>
class sansmtp::net::async_result<sansmtp::test::into, void(Arguments...)> {
 public:
  using return_type = void;
  template <typename Initiation, typename... Given>
  static void initiate(Initiation&& initiation, const sansmtp::test::into& token,
                       Given&&... given) {
    std::forward<Initiation>(initiation)(
        [where = token.where](sansmtp::net_error, sansmtp::delivery report) {
          *where = std::move(report);
        },
        std::forward<Given>(given)...);
  }
};

namespace sansmtp::test {
namespace {

TEST(asio_client, takes_a_token_of_ones_own) {
  net::io_context io;
  memory_session s(io);
  s.serve();
  std::optional<delivery> report;
  s.client->async_send(mail_to({"r@b.test"}), small_message(), into{&report});
  EXPECT_FALSE(report);
  rest(io);
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->delivered_to_all());
}

/// Counts what it hands out.
template <typename T>
struct counting_allocator {
  using value_type = T;
  explicit counting_allocator(int& n) : used(&n) {}
  template <typename U>
  counting_allocator(const counting_allocator<U>& other) : used(other.used) {}  // NOLINT
  T* allocate(std::size_t n) {
    ++*used;
    return std::allocator<T>().allocate(n);
  }
  void deallocate(T* p, std::size_t n) { std::allocator<T>().deallocate(p, n); }
  friend bool operator==(const counting_allocator&, const counting_allocator&) = default;
  int* used;
};

/// A handler with all that can be associated.
struct rich_handler {
  using executor_type = net::any_io_executor;
  using allocator_type = counting_allocator<void>;
  using cancellation_slot_type = net::cancellation_slot;
  [[nodiscard]] executor_type get_executor() const noexcept { return executor; }
  [[nodiscard]] allocator_type get_allocator() const noexcept { return allocator_type(*used); }
  [[nodiscard]] cancellation_slot_type get_cancellation_slot() const noexcept { return slot; }
  void operator()(net_error e, delivery d) const { (*done)(e, std::move(d)); }

  net::any_io_executor executor;
  int* used;
  net::cancellation_slot slot;
  std::function<void(net_error, delivery)>* done;
};

TEST(asio_client, keeps_what_is_associated) {
  net::io_context io;
  net::io_context other;
  memory_session s(io);
  s.serve();
  int used = 0;
  answer mail;
  std::function<void(net_error, delivery)> done = mail.handler();
  net::cancellation_signal signal;
  s.client->async_send(mail_to({"r@b.test"}), small_message(),
                       rich_handler{other.get_executor(), &used, signal.slot(), &done});
  EXPECT_GE(used, 1);
  rest(io);
  EXPECT_EQ(mail.times, 0) << "the handler ran on the stream's executor";
  EXPECT_GT(other.run(), 0U);  // it waited for the handler: work was outstanding
  EXPECT_EQ(mail.times, 1);
  EXPECT_EQ(mail.result(), outcome::delivered);
}

TEST(asio_client, completes_nothing_inside_of_what_begins_it) {
  net::io_context io;
  memory_session s(io);
  s.serve();
  answer before;
  answer streamed;
  answer after;
  s.client->async_send(mail_to({}), small_message(), before.handler());  // a usage error
  s.client->async_send(mail_to({"r@b.test"}), message::stream(), streamed.handler());
  EXPECT_EQ(before.times + streamed.times, 0);
  rest(io);
  EXPECT_EQ(before.times, 1);
  EXPECT_EQ(std::error_code(before.error), errc::no_recipients);
  EXPECT_EQ(std::error_code(streamed.error), errc::bad_argument);
  s.client->abort();
  rest(io);
  s.client->async_send(mail_to({"r@b.test"}), small_message(), after.handler());
  EXPECT_EQ(after.times, 0);
  rest(io);
  EXPECT_EQ(after.times, 1);
  EXPECT_EQ(std::error_code(after.error), errc::aborted);
  EXPECT_EQ(after.result(), outcome::not_attempted);
}

// -- order --------------------------------------------------------------------------------------

TEST(asio_client, many_mails_ride_in_one_pipeline) {
  net::io_context io;
  async_client_options options = named_options();
  options.session.pipelining = pipelining_level::messages;
  memory_session s(io, std::move(options));
  s.serve();
  std::vector<answer> mails(20);
  for (answer& a : mails) {
    s.client->async_send(mail_to({"r@b.test"}), small_message(), a.handler());
  }
  rest(io);
  for (const answer& a : mails) EXPECT_EQ(a.result(), outcome::delivered);
  // EHLO, the first envelope, and then each content with the next envelope behind it.
  EXPECT_LE(s.link->writes, mails.size() + 2);
  EXPECT_EQ(s.link->most_reads, 1U);
  EXPECT_EQ(s.link->most_writes, 1U);
  EXPECT_EQ(test_timer::most_waits, 1);
}

TEST(asio_client, mails_are_queued_from_handlers_and_drained) {
  net::io_context io;
  memory_session s(io);
  s.serve();
  int left = 50;
  int drained_at = -1;
  std::function<void(net_error, delivery)> again = [&](net_error error, const delivery&) {
    EXPECT_FALSE(error);
    if (--left > 0) s.client->async_send(mail_to({"r@b.test"}), small_message(), again);
  };
  s.client->async_send(mail_to({"r@b.test"}), small_message(), again);
  s.client->async_drain([&](net_error error) {
    EXPECT_FALSE(error);
    drained_at = left;
  });
  rest(io);
  EXPECT_EQ(left, 0);
  EXPECT_EQ(drained_at, 0);
  EXPECT_TRUE(s.client->connected());
}

TEST(asio_client, a_read_stays_armed_while_a_write_waits) {
  net::io_context io;
  memory_session s(io);
  s.serve();
  rest(io);
  s.link->hold_writes = true;
  answer mail;
  s.client->async_send(mail_to({"r@b.test"}), small_message(), mail.handler());
  rest(io);
  EXPECT_TRUE(s.link->writing());
  EXPECT_TRUE(s.link->reading());
  // A server that is full and closes: its 421 is heard although the write is stuck.
  s.link->say("421 4.3.2 closing\r\n");
  rest(io);
  EXPECT_EQ(mail.times, 1);
  EXPECT_EQ(std::error_code(mail.error), errc::service_closing);
  EXPECT_TRUE(s.link->closed);
}

// -- content piece by piece -----------------------------------------------------------------------

TEST(asio_client, streams_content) {
  net::io_context io;
  memory_session s(io);
  s.serve([](std::string_view word, std::string_view who) {
    return word == "data" ? 354 : who == "bad@b.test" ? 550 : 250;
  });
  std::optional<delivery> report;
  const envelope env = mail_to({"r@b.test", "bad@b.test"});
  net::co_spawn(
      io,
      [&]() -> net::awaitable<void> {
        auto t = co_await s.client->async_transaction(env, net::use_awaitable);
        EXPECT_TRUE(t.wants_content());
        EXPECT_EQ(t.recipients()[1].code, 550);
        const std::string header = "Subject: x\r\n\r\n";
        co_await net::async_write(t, net::buffer(header), net::use_awaitable);
        const std::string text = std::string(100'000, 'x') + "\r\n";
        co_await net::async_write(t, net::buffer(text), net::use_awaitable);
        report = co_await t.async_finish(net::use_awaitable);
      },
      net::detached);
  rest(io);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->recipients.at(0).result, outcome::delivered);
  EXPECT_EQ(report->recipients.at(1).result, outcome::rejected);
  EXPECT_NE(s.link->written.find("\r\n\r\nxxx"), std::string::npos);
}

TEST(asio_client, finish_tells_why_a_mail_has_ended_before) {
  for (const bool lost : {false, true}) {
    net::io_context io;
    memory_session s(io);
    s.serve([lost](std::string_view word, std::string_view) {
      return word == "data" ? 354 : word == "rcpt" && !lost ? 550 : 250;
    });
    std::optional<async_transaction> t;
    s.client->async_transaction(mail_to({"r@b.test"}), [&](net_error, async_transaction begun) {
      t.emplace(std::move(begun));
    });
    rest(io);
    ASSERT_TRUE(t);
    EXPECT_EQ(t->wants_content(), lost);
    if (lost) s.link->end();
    rest(io);
    answer end;
    t->async_finish(end.handler());
    rest(io);
    EXPECT_EQ(end.times, 1);
    EXPECT_TRUE(end.error);
    EXPECT_EQ(end.result(), lost ? outcome::deferred : outcome::rejected);
  }
}

TEST(asio_client, who_waits_for_the_end_of_no_link_has_it) {
  net::io_context io;
  async_client<> c(io);
  int told = 0;
  c.async_wait_closed([&](net_error) { ++told; });
  io.run();
  EXPECT_EQ(told, 1);
}

TEST(asio_client, its_handlers_leave_the_loop_a_turn) {
  net::io_context io;
  memory_session s(io);
  s.serve();
  int called = 0;
  std::function<void()> again = [&] {
    s.client->async_next_event([&](net_error, const event&) {  // refused at once
      if (++called < 100'000) again();
    });
  };
  again();
  int called_before_turn = -1;
  net::post(io, [&] { net::post(io, [&] { called_before_turn = called; }); });
  while (called_before_turn < 0) io.run_one();
  EXPECT_LT(called_before_turn, 100);
  rest(io);
}

TEST(asio_client, a_transaction_that_goes_gives_its_mail_up) {
  net::io_context io;
  memory_session s(io);
  s.serve();
  answer next;
  s.client->async_transaction(mail_to({"r@b.test"}), [&](net_error e, async_transaction t) {
    EXPECT_FALSE(e);
    EXPECT_TRUE(t.wants_content());
    // It is destroyed here. After DATA the only way out is to close the link (TXN-20).
  });
  s.client->async_send(mail_to({"r@b.test"}), small_message(), next.handler());
  rest(io);
  EXPECT_EQ(next.times, 1);
  EXPECT_EQ(next.result(), outcome::not_attempted);
  EXPECT_TRUE(s.link->closed);
  EXPECT_EQ(count(s.link->written, "\r\n.\r\n"), 0U);
}

// -- cancellation ---------------------------------------------------------------------------------

struct cancelled_mails {
  explicit cancelled_mails(net::io_context& io) : s(io) {
    s.link->say("220 mx.test\r\n");
    rest(io);
    s.link->say("250-mx.test\r\n250 PIPELINING\r\n");
    rest(io);
    send(first, first_signal);
    send(second, second_signal);
    rest(io);  // the first one's envelope is out
  }
  void send(answer& a, net::cancellation_signal& signal) {
    s.client->async_send(mail_to({"r@b.test"}), small_message(),
                         net::bind_cancellation_slot(signal.slot(), a.handler()));
  }

  answer first;
  answer second;
  net::cancellation_signal first_signal;
  net::cancellation_signal second_signal;
  memory_session s;  // goes before the signals that its operations know
};

TEST(asio_client, a_queued_mail_is_withdrawn) {
  for (const auto type : {net::cancellation_type::total, net::cancellation_type::partial,
                          net::cancellation_type::terminal}) {
    net::io_context io;
    cancelled_mails c(io);
    c.second_signal.emit(type);
    EXPECT_EQ(c.second.times, 0);
    rest(io);
    EXPECT_EQ(c.second.times, 1);
    EXPECT_EQ(c.second.result(), outcome::not_attempted);
    EXPECT_EQ(std::error_code(c.second.error), errc::aborted);
    c.s.link->say("250 ok\r\n250 ok\r\n354 go\r\n");
    rest(io);
    c.s.link->say("250 ok\r\n");
    rest(io);
    EXPECT_EQ(c.first.result(), outcome::delivered);
    EXPECT_EQ(count(c.s.link->written, "MAIL"), 1U);
  }
}

TEST(asio_client, total_cancellation_leaves_a_mail_that_has_begun) {
  net::io_context io;
  cancelled_mails c(io);
  c.first_signal.emit(net::cancellation_type::total);
  rest(io);
  EXPECT_EQ(c.first.times, 0);
  EXPECT_FALSE(c.s.link->closed);
}

TEST(asio_client, terminal_cancellation_ends_with_honest_outcomes) {
  {  // before the content: it surely was not accepted
    net::io_context io;
    cancelled_mails c(io);
    c.first_signal.emit(net::cancellation_type::terminal);
    rest(io);
    EXPECT_EQ(c.first.times, 1);
    EXPECT_EQ(std::error_code(c.first.error), errc::aborted);
    EXPECT_EQ(c.first.result(), outcome::deferred);
    EXPECT_EQ(c.first.report.recipients.at(0).why, errc::aborted);
    // Its neighbour only shared the session.
    EXPECT_EQ(c.second.result(), outcome::not_attempted);
    EXPECT_EQ(c.second.report.recipients.at(0).why, errc::session_aborted);
    EXPECT_TRUE(c.s.link->closed);
  }
  {  // behind the terminator: nobody knows
    net::io_context io;
    cancelled_mails c(io);
    c.s.link->say("250 ok\r\n250 ok\r\n354 go\r\n");
    rest(io);
    c.first_signal.emit(net::cancellation_type::terminal);
    rest(io);
    EXPECT_EQ(c.first.result(), outcome::in_doubt);
    EXPECT_EQ(c.second.result(), outcome::not_attempted);
  }
}

TEST(asio_client, watching_is_cancelled_without_a_trace) {
  net::io_context io;
  cancelled_mails c(io);
  net::cancellation_signal signal;
  net_error told;
  c.s.client->async_drain(
      net::bind_cancellation_slot(signal.slot(), [&](net_error e) { told = e; }));
  rest(io);
  signal.emit(net::cancellation_type::total);
  rest(io);
  EXPECT_EQ(told, net::error::operation_aborted);
  EXPECT_FALSE(c.s.link->closed);
}

// -- ends -----------------------------------------------------------------------------------------

TEST(asio_client, is_destroyed_with_operations_pending) {
  for (const bool in_flight : {false, true}) {
    net::io_context io;
    memory_session s(io);
    s.serve();
    rest(io);
    s.link->peer = nullptr;
    s.link->hold_writes = in_flight;
    answer mail;
    int others = 0;
    auto content = std::make_unique<std::string>(small_content);
    s.client->async_send(mail_to({"r@b.test"}), message::borrow(as_bytes(*content)),
                         [&](net_error e, delivery d) {
                           content.reset();  // borrowed until now
                           mail.handler()(e, std::move(d));
                         });
    s.client->async_drain([&](net_error) { ++others; });
    s.client->async_quit([&](net_error) { ++others; });
    rest(io);
    s.client.reset();
    EXPECT_EQ(mail.times + others, 0);
    rest(io);
    EXPECT_EQ(mail.times, 1);
    EXPECT_EQ(mail.result(), outcome::deferred);
    EXPECT_EQ(others, 2);
    EXPECT_TRUE(s.link->closed);
  }
}

TEST(asio_client, is_destroyed_by_a_handler) {
  net::io_context io;
  memory_session s(io);
  s.serve();
  answer second;
  s.client->async_send(mail_to({"r@b.test"}), small_message(),
                       [&](net_error, const delivery&) { s.client.reset(); });
  s.client->async_send(mail_to({"r@b.test"}), small_message(), second.handler());
  rest(io);
  EXPECT_EQ(second.times, 1);
  EXPECT_NE(second.result(), outcome::delivered);
}

TEST(asio_client, a_loop_that_is_destroyed_destroys_handlers) {
  const auto witness = std::make_shared<int>(0);
  auto link = std::shared_ptr<test_link>();
  {
    net::io_context io;
    memory_session s(io);
    link = s.link;
    s.client->async_send(mail_to({"r@b.test"}), small_message(),
                         [witness](net_error, const delivery&) { ++*witness; });
    rest(io);
    s.client.reset();
    EXPECT_EQ(witness.use_count(), 2);
    s.link.reset();
  }
  link.reset();
  EXPECT_EQ(*witness, 0);
  EXPECT_EQ(witness.use_count(), 1);
}

TEST(asio_client, a_handler_that_throws_disturbs_nobody) {
  net::io_context io;
  memory_session s(io);
  s.serve();
  answer second;
  s.client->async_send(mail_to({"r@b.test"}), small_message(),
                       [](net_error, const delivery&) { throw std::runtime_error("mine"); });
  s.client->async_send(mail_to({"r@b.test"}), small_message(), second.handler());
  EXPECT_THROW(rest(io), std::runtime_error);
  rest(io);
  EXPECT_EQ(second.result(), outcome::delivered);
}

TEST(asio_client, deadlines_fire_by_name) {
  net::io_context io;
  memory_session s(io);
  answer mail;
  s.client->async_send(mail_to({"r@b.test"}), small_message(), mail.handler());
  rest(io);
  test_timer::advance_to(test_clock::at + 5min - 1ms);
  rest(io);
  EXPECT_EQ(mail.times, 0);
  test_timer::advance_to(test_clock::at + 1ms);  // the greeting's
  rest(io);
  EXPECT_EQ(mail.times, 1);
  EXPECT_EQ(std::error_code(mail.error), errc::timed_out);
  EXPECT_EQ(mail.report.recipients.at(0).result, outcome::not_attempted);
  EXPECT_TRUE(s.link->closed);
}

TEST(asio_client, a_socket_that_stays_full_meets_the_deadline_of_content) {
  net::io_context io;
  memory_session s(io);
  s.serve();
  answer mail;
  rest(io);
  const std::string content(1'000'000, 'x');
  s.link->write_size = 1000;
  s.client->async_send(mail_to({"r@b.test"}), message::borrow(as_bytes(content)), mail.handler());
  for (int i = 0; i != 300; ++i) io.restart(), io.poll_one();
  s.link->hold_writes = true;
  rest(io);
  ASSERT_TRUE(s.link->writing());
  test_timer::advance_to(test_clock::at + 3min - 1ms);
  rest(io);
  EXPECT_EQ(mail.times, 0);
  test_timer::advance_to(test_clock::at + 1ms);
  rest(io);
  EXPECT_EQ(mail.times, 1);
  EXPECT_EQ(std::error_code(mail.error), errc::timed_out);
  EXPECT_EQ(mail.result(), outcome::deferred);
  EXPECT_TRUE(s.link->closed);
}

// What a server with Nagle's algorithm on says piece by piece: each waits for our acknowledgement
// of the one before, which the kernel puts off.
class asio_client_hears_in_pieces : public testing::Test {
 protected:
  void SetUp() override {
    say("220 b.test\r\n");
    say("250-b.test\r\n250 PIPELINING\r\n");
  }

  void say(std::string_view octets) {
    s.link->say(octets);
    rest(io);
  }
  static void pass(std::chrono::milliseconds time) {
    test_timer::advance_to(test_clock::at + time);
  }
  /// One mail whose envelope is answered in these pieces, so far apart. Returns how often TCP was
  /// asked to acknowledge at once.
  int send(const std::vector<std::string_view>& pieces, std::chrono::milliseconds apart) {
    const int before = s.link->quick_acknowledgements;
    answer mail;
    s.client->async_send(mail_to({"r@b.test"}), small_message(), mail.handler());
    rest(io);
    for (std::size_t i = 0; i != pieces.size(); ++i) {
      if (i != 0) pass(apart);
      say(pieces[i]);
    }
    pass(1min);  // what a server thinks of content takes its time, and holds nothing back
    say("250 taken\r\n");
    pass(1min);
    EXPECT_EQ(mail.result(), outcome::delivered);
    return s.link->quick_acknowledgements - before;
  }

  net::io_context io;
  memory_session s{io};
};

TEST_F(asio_client_hears_in_pieces, acknowledges_at_once_after_a_stall_and_not_before) {
  const std::vector<std::string_view> three{"250 ok\r\n", "250 ok\r\n", "354 go\r\n"};
  EXPECT_EQ(send(three, 0ms), 0);
  EXPECT_EQ(send(three, 29ms), 0);
  EXPECT_EQ(send({three[0], "250 ok\r\n354 go\r\n"}, 30ms), 0) << "the stall";
  EXPECT_EQ(send({three[0], "250 ok\r\n354 go\r\n"}, 0ms), 1) << "before the rest";
  EXPECT_EQ(send(three, 0ms), 2);
  EXPECT_EQ(send({"250 ok\r\n250 ok\r\n354 go\r\n"}, 0ms), 0) << "there is no rest";
}

TEST_F(asio_client_hears_in_pieces, what_nobody_asked_for_is_no_rest) {
  const std::string_view all = "250 ok\r\n250 ok\r\n354 go\r\n";
  EXPECT_EQ(send({all}, 0ms), 0);
  say("42");  // a minute behind the last reply
  pass(50ms);
  say("1 bye\r\n");
  EXPECT_EQ(s.link->quick_acknowledgements, 0);
  EXPECT_FALSE(s.client->connected());
}

TEST(asio_client, after_a_broken_write_the_last_words_are_heard) {
  for (const bool speaks : {true, false}) {
    net::io_context io;
    memory_session s(io);
    s.serve();
    rest(io);
    s.link->peer = nullptr;
    s.link->fail_write_at = s.link->writes;
    s.link->fault = net::error::broken_pipe;
    answer mail;
    s.client->async_send(mail_to({"r@b.test"}), small_message(), mail.handler());
    rest(io);
    EXPECT_EQ(mail.times, 0);
    if (speaks) {
      s.link->say("421 4.7.0 too many mails\r\n");
    } else {
      test_timer::advance_to(test_clock::at + 2s);
    }
    rest(io);
    EXPECT_EQ(mail.times, 1);
    EXPECT_EQ(std::error_code(mail.error), speaks ? std::error_code(errc::service_closing)
                                                  : std::error_code(net_error(s.link->fault)));
    EXPECT_TRUE(s.link->closed);
  }
}

/// A stream whose operations end early only if it is closed.
class stubborn_stream {
 public:
  using executor_type = test_stream::executor_type;

  explicit stubborn_stream(test_stream stream) : stream_(std::move(stream)) {}

  [[nodiscard]] executor_type get_executor() const noexcept { return stream_.get_executor(); }
  template <typename Buffers, typename Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    return stream_.async_read_some(buffers, std::forward<Token>(token));
  }
  template <typename Buffers, typename Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    return stream_.async_write_some(buffers, std::forward<Token>(token));
  }
  void close(net_error& error) { stream_.close(error); }

 private:
  test_stream stream_;
};

// A mail that waits for the end of a write is told once the time is up, whether the write can be
// taken back or only ends with its stream (LINK-03).
TEST(asio_client, a_write_that_is_stuck_at_the_end_is_taken_back) {
  const auto play = [](auto make) {
    net::io_context io;
    const auto link = std::make_shared<test_link>(io.get_executor());
    auto client = make(test_stream(io.get_executor(), link));
    server_model model(
        [](std::string_view word, std::string_view) { return word == "data" ? 354 : 250; }, true);
    link->peer = [&](std::string_view octets) {
      link->hold_writes = octets.ends_with("DATA\r\n");  // the next one is of content
      return model.take(octets);
    };
    link->say(server_model::greeting());
    rest(io);
    answer mail;
    const std::string content(1'000'000, 'x');
    client.async_send(mail_to({"r@b.test"}), message::borrow(as_bytes(content)), mail.handler());
    rest(io);
    EXPECT_TRUE(link->writing());
    test_timer::advance_to(test_clock::at + 3min);
    rest(io);
    EXPECT_EQ(mail.times, 1);
    EXPECT_EQ(std::error_code(mail.error), errc::timed_out);
    EXPECT_TRUE(link->closed);
  };
  play([](test_stream stream) { return test_client(std::move(stream), named_options()); });
  play([](test_stream stream) {
    return async_client<stubborn_stream, test_timer>(stubborn_stream(std::move(stream)),
                                                     named_options());
  });
}

// QUIT that cannot be written behind the end has its time, and then the stream is closed (LINK-02).
TEST(asio_client, quit_behind_the_end_has_its_time) {
  net::io_context io;
  memory_session s(io);
  s.serve();
  rest(io);
  s.link->hold_writes = true;
  s.link->say("421 going down\r\n");
  rest(io);
  EXPECT_EQ(s.link->offered(), "QUIT\r\n");
  test_timer::advance_to(test_clock::at + 10s - 1ns);
  rest(io);
  EXPECT_FALSE(s.link->closed);
  test_timer::advance_to(test_clock::at + 1ns);
  rest(io);
  EXPECT_TRUE(s.link->closed);
}

// Whatever fails, each mail has one outcome, it is honest, and the client comes to its end.
TEST(asio_client, survives_a_fault_at_every_read_and_write) {
  const auto run = [](std::size_t fail_read, std::size_t fail_write, std::size_t piece) {
    net::io_context io;
    async_client_options options = named_options();
    options.session.pipelining = pipelining_level::messages;
    memory_session s(io, std::move(options));
    s.link->fail_read_at = fail_read;
    s.link->fail_write_at = fail_write;
    s.link->read_size = s.link->write_size = piece;
    auto accepted = std::make_shared<int>(0);
    s.serve([accepted](std::string_view word, std::string_view who) {
      if (word == "content") ++*accepted;
      return word == "data" ? 354 : who == "bad@b.test" ? 550 : 250;
    });
    std::vector<answer> mails(4);
    for (answer& a : mails) {
      s.client->async_send(mail_to({"r@b.test", "bad@b.test"}), small_message(), a.handler());
    }
    bool over = false;
    s.client->async_quit([&](net_error) { over = true; });
    rest(io);
    for (int i = 0; i != 5 && !over; ++i) {
      test_timer::advance_to(test_clock::at + 10min);
      rest(io);
    }
    EXPECT_TRUE(over);
    EXPECT_TRUE(s.link->closed);
    int delivered = 0;
    int in_doubt = 0;
    for (const answer& a : mails) {
      EXPECT_EQ(a.times, 1);
      EXPECT_EQ(a.report.recipients.size(), 2U);
      EXPECT_EQ(a.report.count(outcome::pending), 0U);
      delivered += a.result() == outcome::delivered;
      in_doubt += a.result() == outcome::in_doubt;
    }
    // What the server took is delivered, or at least in doubt; what it did not is never delivered.
    EXPECT_LE(delivered, *accepted);
    EXPECT_GE(delivered + in_doubt, *accepted);
    return std::pair(s.link->reads, s.link->writes);
  };
  for (const std::size_t piece : {test_link::everything, std::size_t{7}}) {
    const auto [reads, writes] = run(test_link::everything, test_link::everything, piece);
    ASSERT_GT(reads + writes, 10U);
    for (std::size_t i = 0; i != reads; ++i) run(i, test_link::everything, piece);
    for (std::size_t i = 0; i != writes; ++i) run(test_link::everything, i, piece);
  }
}

TEST(asio_client, hands_out_events_one_by_one) {
  net::io_context io;
  async_client_options options = named_options();
  options.events = true;
  memory_session s(io, std::move(options));
  s.serve();
  std::vector<event::kind> kinds;
  net_error end;
  net::co_spawn(
      io,
      [&]() -> net::awaitable<void> {
        s.client->command([](session& e) { e.noop(); });
        for (;;) {
          auto [error, e] =
              co_await s.client->async_next_event(net::experimental::as_tuple(net::use_awaitable));
          end = error;
          if (error) break;
          kinds.push_back(e.what);
          if (e.what == event::kind::command_done) s.client->command([](session& x) { x.quit(); });
        }
      },
      net::detached);
  rest(io);
  EXPECT_EQ(kinds, (std::vector{event::kind::greeted, event::kind::ready, event::kind::command_done,
                                event::kind::closed}));
  EXPECT_EQ(std::error_code(end), errc::session_closed);
}

}  // namespace
}  // namespace sansmtp::test
