// The pool: limits, moving, what is in doubt, fairness, ends.
#include "sansmtp/asio/async_pool.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "pool_fixture.hpp"
#include "sink.hpp"

namespace sansmtp::test {
namespace {

using namespace std::chrono_literals;

TEST_F(asio_pool, keeps_to_its_limit_and_uses_connections_again) {
  cli::sink server({});
  server.start();
  start(named_pool(4));
  for (int i = 0; i != 200; ++i) send(server.port());
  EXPECT_EQ(order_.size(), 0U);
  close_and_run();
  EXPECT_EQ(count(outcome::delivered), 200U);
  EXPECT_EQ(server.totals().messages, 200U);
  EXPECT_EQ(server.totals().connections, 4U);
}

TEST_F(asio_pool, pipelines_across_mails) {
  cli::sink server({});
  server.start();
  pool_options options = named_pool(2);
  options.client.session.pipelining = pipelining_level::messages;
  options.mails_per_connection = 10;
  start(std::move(options));
  for (int i = 0; i != 100; ++i) send(server.port());
  close_and_run();
  EXPECT_EQ(count(outcome::delivered), 100U);
  EXPECT_GE(server.totals().connections, 10U);
  EXPECT_LE(server.totals().connections, 12U);
}

TEST_F(asio_pool, ends_connections_that_are_idle) {
  cli::sink server({});
  server.start();
  pool_options options = named_pool(2);
  options.idle_timeout = 50ms;
  start(std::move(options));
  send(server.port());
  send(server.port());
  run();  // ends only since the connections do
  EXPECT_EQ(count(outcome::delivered), 2U);
  EXPECT_EQ(pool_->status().connections, 0U);
}

TEST_F(asio_pool, an_end_while_idle_is_no_error) {
  for (const bool says_421 : {true, false}) {
    scripted_server server(connections(2), [&](server_link& link) {
      link.open();
      link.take_mail();
      if (says_421) link.say("421 4.4.2 idle for too long\r\n");
    });
    start(named_pool(1));
    const told& first = send(server.port());
    run();
    EXPECT_EQ(first.result(), outcome::delivered);
    const told& second = send(server.port());
    run();
    EXPECT_EQ(second.result(), outcome::delivered);
  }
}

TEST_F(asio_pool, moves_what_certainly_was_not_accepted) {
  int connection = 0;
  scripted_server server(connections(2), [&](server_link& link) {
    link.open("250 mx.test\r\n");
    if (++connection == 1) {
      link.hear();
      link.say("250 ok\r\n");
      link.hear();
      link.say("550 5.1.1 no such user\r\n");
      link.hear();
      link.say("250 ok\r\n");
      link.hear();
      return;  // hangs up upon DATA
    }
    EXPECT_EQ(link.hear(), "MAIL FROM:<s@a.test>\r\n");
    link.say("250 ok\r\n");
    // Only the recipient without an answer comes again.
    EXPECT_EQ(link.hear(), "RCPT TO:<good@b.test>\r\n");
    link.say("250 ok\r\n");
    link.hear();
    link.say("354 go\r\n");
    link.hear("\r\n.\r\n");
    link.say("250 taken\r\n");
    link.hear();
    link.say("221 bye\r\n");
  });
  start(named_pool(1));
  const told& mail = send(server.port(), {"bad@b.test", "good@b.test"});
  close_and_run();
  EXPECT_FALSE(mail.error);
  ASSERT_EQ(mail.report.recipients.size(), 2U);
  EXPECT_EQ(mail.report.recipients[0].result, outcome::rejected);
  EXPECT_EQ(mail.report.recipients[0].address, "bad@b.test");
  EXPECT_EQ(mail.report.recipients[1].result, outcome::delivered);
  EXPECT_EQ(mail.report.recipients[1].address, "good@b.test");
}

TEST_F(asio_pool, never_moves_what_is_in_doubt) {
  int seen = 0;
  {
    scripted_server server(connections(2), [&](server_link& link) {
      ++seen;
      link.open();
      link.hear("DATA\r\n");
      link.say("250 ok\r\n250 ok\r\n354 go\r\n");
      link.hear("\r\n.\r\n");
      if (seen == 1) return;  // took it, perhaps
      link.say("250 taken\r\n");
      link.hear();
      link.say("221 bye\r\n");
    });
    start(named_pool(1));
    const told& doubtful = send(server.port());
    const told& next = send(server.port());
    close_and_run();
    EXPECT_EQ(doubtful.result(), outcome::in_doubt);
    EXPECT_EQ(next.result(), outcome::delivered);
  }
  EXPECT_EQ(seen, 2);
}

TEST_F(asio_pool, gives_up_moving) {
  scripted_server server(connections(3), [](server_link& link) {
    link.open();
    link.hear();
    link.say("421 4.3.2 not now\r\n");
  });
  start(named_pool(1));
  const told& mail = send(server.port());
  close_and_run();
  EXPECT_EQ(mail.result(), outcome::deferred);
  EXPECT_EQ(mail.report.recipients.at(0).code, 421);
}

// What ended one mail's connection is told to those that waited for it, and no more than that.
TEST_F(asio_pool, others_are_told_what_was_not_about_a_recipient) {
  std::atomic<int> n = 0;
  scripted_server server(connections(12), [&](server_link& link) {
    if (n++ != 0) return static_cast<void>(link.say("421 4.3.2 not now\r\n"));
    link.open();
    for (int i = 0; i != 4; ++i) link.hear();
    link.say("250 ok\r\n550 5.1.1 no such user\r\n421 4.3.2 restart\r\n");
  });
  pool_options options = named_pool(1);
  options.retry_delay = 1ms;
  start(std::move(options));
  const told& first = send(server.port(), {"bad@b.test", "good@b.test"});
  const told& second = send(server.port());
  close_and_run();
  ASSERT_EQ(first.report.recipients.size(), 2U);
  EXPECT_EQ(first.report.recipients[0].code, 550);
  EXPECT_EQ(first.report.recipients[1].code, 421);
  EXPECT_NE(second.result(), outcome::rejected);
  EXPECT_EQ(second.report.recipients.at(0).code, 421);
}

// A server with a limit of its own: what works goes on, though it has its last mail already.
TEST_F(asio_pool, a_refused_connection_says_nothing_where_another_works) {
  std::atomic<int> n = 0;
  std::promise<void> refused;
  scripted_server server(connections(6, true), [&](server_link& link) {
    const int number = n++;
    if (number == 1) {
      link.say("421 4.7.0 too many connections\r\n");
      link.hear_all();  // until the client has left
      return refused.set_value();
    }
    link.open();
    link.hear("DATA\r\n");
    link.say("250 ok\r\n250 ok\r\n354 go\r\n");
    link.hear("\r\n.\r\n");
    if (number == 0) refused.get_future().wait();
    link.say("250 taken\r\n");
    link.hear_all();
  });
  pool_options options = named_pool(2);
  options.mails_per_connection = 1;
  options.client.session.quit_no_wait = true;
  options.retry_delay = 10ms;
  start(std::move(options));
  for (int i = 0; i != 5; ++i) send(server.port());
  close_and_run();
  EXPECT_EQ(count(outcome::delivered), 5U);
}

// After a restart of the server every idle connection is dead: none of that counts as a move.
TEST_F(asio_pool, stale_connections_use_up_no_moves) {
  scripted_server server(connections(5, true), [](server_link& link) {
    link.open();
    link.take_mail();
    if (link.hear().starts_with("MAIL")) link.reset();
  });
  start(named_pool(4));
  for (int i = 0; i != 4; ++i) send(server.port());
  while (count(outcome::delivered) != 4) io_.run_one();
  const told& late = send(server.port());
  while (late.times == 0) io_.run_one();
  EXPECT_EQ(late.result(), outcome::delivered);
  close_and_run();
}

TEST_F(asio_pool, tries_again_when_the_delay_is_over) {
  std::atomic<int> n = 0;
  std::promise<void> delivered;
  scripted_server server(connections(3, true), [&](server_link& link) {
    const int number = n++;
    if (number == 1) return static_cast<void>(link.say("421 4.3.2 later\r\n"));
    link.open();
    if (number == 0) delivered.get_future().wait();
    link.take_mail();
    link.hear_all();
  });
  pool_options options = named_pool(2);
  options.client.session.quit_no_wait = true;
  options.retry_delay = 50ms;
  start(std::move(options));
  for (int i = 0; i != 2; ++i) send(server.port());
  while (order_.empty()) io_.run_one();
  EXPECT_EQ(n, 3);  // the one with the slow server was not waited for
  delivered.set_value();
  close_and_run();
  EXPECT_EQ(count(outcome::delivered), 2U);
}

TEST_F(asio_pool, a_server_that_is_not_there_ends_what_waits_for_it) {
  cli::sink server({});
  server.start();
  start(named_pool(2));
  for (int i = 0; i != 20; ++i) send(1);
  const told& other = send(server.port());
  close_and_run();
  EXPECT_EQ(other.result(), outcome::delivered);
  EXPECT_EQ(count(outcome::not_attempted), 20U);
  for (int i = 0; i != 20; ++i) {
    EXPECT_EQ(told_[static_cast<std::size_t>(i)]->error, net::error::connection_refused);
  }
}

// Why no connection is even begun is what all are told (LMTP-02).
TEST_F(asio_pool, a_port_that_is_refused_ends_what_waits_for_it) {
  pool_options options = named_pool(2);
  options.client.session.protocol = mail_protocol::lmtp;
  start(std::move(options));
  for (int i = 0; i != 3; ++i) send(25);
  close_and_run();
  EXPECT_EQ(count(outcome::not_attempted), 3U);
  for (const auto& t : told_) EXPECT_EQ(t->error, errc::bad_configuration);
}

// What is said of a message is said of it by the pool as well (BDAT-11).
TEST_F(asio_pool, binary_content_stays_binary) {
  std::vector<std::string> lines;
  {
    scripted_server server([&](server_link& link) {
      link.open("250-mx.test\r\n250-8BITMIME\r\n250-BINARYMIME\r\n250 CHUNKING\r\n");
      lines.push_back(link.hear());
      if (lines.back().find("BINARYMIME") != std::string::npos) {
        link.say("250 ok\r\n");
        lines.push_back(link.hear());
        link.say("250 ok\r\n");
        lines.push_back(link.hear());
        lines.push_back(link.hear("\nb"));
        link.say("250 taken\r\n");
      } else {
        link.say("550 5.6.1 this is not what was asked for\r\n");
      }
      link.hear();
      link.say("221 bye\r\n");
    });
    start(named_pool(1));
    outcome result = outcome::pending;
    pool_->async_send(destination{"127.0.0.1", server.port()}, mail_to({"r@b.test"}),
                      message::own("a\nb").binary(),
                      [&](net_error, const delivery& d) { result = d.recipients.at(0).result; });
    close_and_run();
    EXPECT_EQ(result, outcome::delivered);
  }
  EXPECT_EQ(lines, (std::vector<std::string>{"MAIL FROM:<s@a.test> BODY=BINARYMIME\r\n",
                                             "RCPT TO:<r@b.test>\r\n", "BDAT 3 LAST\r\n", "a\nb"}));
}

TEST_F(asio_pool, pushes_back) {
  cli::sink server({});
  server.start();
  pool_options options = named_pool(1);
  options.queue = 3;
  start(std::move(options));
  for (int i = 0; i != 3; ++i) send(server.port());
  const told& too_many = send(server.port());
  std::size_t done_when_room = 99;
  pool_->async_room([&](net_error) { done_when_room = order_.size(); });
  close_and_run();
  EXPECT_EQ(too_many.error, net::error::no_buffer_space);
  EXPECT_EQ(too_many.result(), outcome::not_attempted);
  EXPECT_EQ(count(outcome::delivered), 3U);
  EXPECT_NE(done_when_room, 99U);
}

TEST_F(asio_pool, destinations_take_turns) {
  cli::sink a({});
  cli::sink b({});
  a.start();
  b.start();
  pool_options options = named_pool(1);
  options.connections = 1;
  start(std::move(options));
  for (int i = 0; i != 30; ++i) send(a.port());
  const told& waiting = send(b.port());
  close_and_run();
  EXPECT_EQ(count(outcome::delivered), 31U);
  // It did not wait for all of the others.
  const auto at = std::find(order_.begin(), order_.end(), &waiting) - order_.begin();
  EXPECT_LE(at, 3);
}

TEST_F(asio_pool, cancels_one_mail) {
  cli::sink server({});
  server.start();
  start(named_pool(1));
  send(server.port());
  net::cancellation_signal signal;
  const told& t = send(server.port(), {"r@b.test"}, &signal);
  signal.emit(net::cancellation_type::total);
  EXPECT_EQ(t.times, 0);
  close_and_run();
  EXPECT_EQ(std::error_code(t.error), errc::aborted);
  EXPECT_EQ(server.totals().messages, 1U);
}

// The first mail goes along with its connection; without it the connection is there for others.
TEST_F(asio_pool, a_connection_whose_first_mail_was_taken_back_is_not_forgotten) {
  std::promise<void> withdrew;
  scripted_server slow(connections(1), [&](server_link& link) {
    withdrew.get_future().wait();
    link.open();
    link.hear();
    link.say("221 bye\r\n");
  });
  cli::sink other({});
  other.start();
  pool_options options = named_pool(1);
  options.connections = 1;
  options.idle_timeout = 10s;
  start(std::move(options));
  net::cancellation_signal signal;
  const told& withdrawn = send(slow.port(), {"r@b.test"}, &signal);
  const told& next = send(other.port());
  io_.run_for(10ms);
  signal.emit(net::cancellation_type::total);
  withdrew.set_value();
  while (next.times == 0) io_.run_one();
  EXPECT_EQ(withdrawn.result(), outcome::not_attempted);
  EXPECT_EQ(next.result(), outcome::delivered);
  close_and_run();
}

TEST_F(asio_pool, one_mails_terminal_cancellation_leaves_its_neighbour) {
  std::atomic<int> n = 0;
  std::atomic<bool> has_content = false;
  scripted_server server(connections(2), [&](server_link& link) {
    link.open();
    if (n++ != 0) return static_cast<void>(link.take_mail());
    link.hear("DATA\r\n");
    link.say("250 ok\r\n250 ok\r\n354 go\r\n");
    link.hear("\r\n.\r\n");
    has_content = true;
    link.hear_all();
  });
  pool_options options = named_pool(1);
  options.client.session.pipelining = pipelining_level::messages;
  start(std::move(options));
  net::cancellation_signal signal;
  const told& cancelled = send(server.port(), {"r@b.test"}, &signal);
  const told& neighbour = send(server.port());
  while (!has_content) io_.run_for(5ms);
  signal.emit(net::cancellation_type::terminal);
  close_and_run();
  EXPECT_EQ(cancelled.result(), outcome::in_doubt);
  EXPECT_EQ(neighbour.result(), outcome::delivered);
}

TEST_F(asio_pool, drain_waits_for_what_handlers_queue) {
  start(named_pool(1));
  int told = 0;
  int told_before_drain = 0;
  std::function<void()> next = [&] {
    pool_->async_send({"127.0.0.1", 1}, mail_to({"r@b.test"}), small_message(),
                      [&](net_error e, const delivery&) {
                        EXPECT_EQ(e, net::error::connection_refused);
                        if (++told < 9) next();
                      });
  };
  next();
  next();
  pool_->async_drain([&](net_error) { told_before_drain = told; });
  run();
  EXPECT_EQ(told, 10);
  EXPECT_EQ(told_before_drain, 10);
}

TEST_F(asio_pool, room_is_for_one_at_a_time) {
  cli::sink server({});
  server.start();
  pool_options options = named_pool(1);
  options.queue = 1;
  start(std::move(options));
  send(server.port());
  for (int i = 0; i != 4; ++i) pool_->async_room([&](net_error) { send(server.port()); });
  while (count(outcome::delivered) != 5) io_.run_one();
  close_and_run();
}

TEST_F(asio_pool, its_handlers_leave_the_loop_a_turn) {
  start(named_pool(1));
  int called = 0;
  std::function<void()> again = [&] {
    // Refused at once, since a pool sends no streams.
    pool_->async_send({"127.0.0.1", 1}, mail_to({"r@b.test"}), message::stream(),
                      [&](net_error, const delivery&) {
                        if (++called < 100'000) again();
                      });
  };
  again();
  int called_before_turn = -1;
  net::post(io_, [&] { net::post(io_, [&] { called_before_turn = called; }); });
  while (called_before_turn < 0) io_.run_one();
  EXPECT_LT(called_before_turn, 100);
  run();
}

TEST_F(asio_pool, goes_with_the_loop_and_what_its_handlers_own) {
  cli::sink::options stalls;
  stalls.stall = cli::sink::stage::ehlo;
  cli::sink server(stalls);
  server.start();
  const auto witness = std::make_shared<int>(0);
  {
    net::io_context loop;
    auto pool = std::make_shared<async_pool>(loop.get_executor(), named_pool(1));
    for (int i = 0; i != 4; ++i) {
      pool->async_send({"127.0.0.1", server.port()}, mail_to({"r@b.test"}), small_message(),
                       [pool, witness](net_error, const delivery&) { ADD_FAILURE(); });
    }
    pool.reset();
    loop.run_for(50ms);
  }
  EXPECT_EQ(witness.use_count(), 1);
}

TEST_F(asio_pool, is_destroyed_with_mails_pending) {
  cli::sink::options stalls;
  stalls.stall = cli::sink::stage::rcpt;
  cli::sink server(stalls);
  server.start();
  start(named_pool(2));
  for (int i = 0; i != 10; ++i) send(server.port());
  io_.run_for(100ms);
  EXPECT_EQ(order_.size(), 0U);
  pool_.reset();
  EXPECT_EQ(order_.size(), 0U);
  run();
  EXPECT_EQ(order_.size(), 10U);
  EXPECT_EQ(count(outcome::delivered), 0U);
}

TEST_F(asio_pool, each_mail_has_one_outcome_whatever_happens) {
  // Every connection ends after some mails, in every way there is.
  std::atomic<int> connection = 0;
  std::atomic<int> accepted = 0;
  std::size_t delivered = 0;
  {
    scripted_server server(connections(60), [&](server_link& link) {
      const int how = connection++ % 4;
      link.open();
      if (how == 3) return;
      if (link.take_mail().empty()) return;
      ++accepted;
      if (how == 0) return;
      link.hear("DATA\r\n");
      if (how == 1) return link.reset();
      link.say("250 ok\r\n250 ok\r\n354 go\r\n");
      if (!link.hear("\r\n.\r\n").empty()) ++accepted;  // but says nothing
    });
    start(named_pool(1));
    for (int i = 0; i != 20; ++i) send(server.port());
    close_and_run();
    // Whatever connections were not needed are made, so that the server ends.
    while (connection < 60) {
      net::ip::tcp::socket extra(io_);
      net_error ignored;
      extra.connect({net::ip::address_v4::loopback(), server.port()}, ignored);
      if (ignored) break;
    }
  }
  delivered = count(outcome::delivered);
  EXPECT_EQ(count(outcome::pending), 0U);
  EXPECT_EQ(count(outcome::not_attempted), 0U);
  EXPECT_EQ(delivered + count(outcome::in_doubt), 20U);
  EXPECT_EQ(accepted.load(), 20);  // nothing was sent twice
}

}  // namespace
}  // namespace sansmtp::test
