#include "sink/loop.hpp"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <utility>

namespace sansmtp::cli::serving {
namespace {

/// With more unsent replies than this a connection is not read any more, so a client that never
/// reads cannot make the sink grow.
constexpr std::size_t output_limit = 64U * 1024U;

/// One read: large enough that a 1 KiB mail is one read, and that a large body costs few.
constexpr std::size_t read_size = 256U * 1024U;

/// How long connections may go on after the last message that was wanted.
constexpr std::chrono::seconds grace{2};

}  // namespace

loop::loop(sink::options wanted)
    : all_(std::move(wanted)),
      epoll_(::epoll_create1(EPOLL_CLOEXEC)),
      wake_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)),
      buffer_(read_size) {
  all_.keep = [this](sink::message message) { return keep(std::move(message)); };
  if (all_.options.messages == sink::keep::in_store) store_.emplace(all_.options.store);
  if (all_.tls) certificate_ = all_.tls->self_made();
  listener_ = open_listener(all_.options.listen);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &wake_;
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, wake_.get(), &event) != 0) {
    fail(exit_code::unavailable, "cannot wait for events", errno);
  }
  set_accepting(true);
}

bool loop::keep(sink::message message) {
  if (store_) return store_->write(message);
  messages_.push_back(std::move(message));
  return true;
}

loop::~loop() {
  stop();
  join();
  if (!listener_.unix_path.empty()) ::unlink(listener_.unix_path.c_str());
}

void loop::stop() noexcept {
  // A signal may come between a call and the reading of its errno.
  const int saved = errno;
  const std::uint64_t one = 1;
  // It can only fail when it has been written before.
  [[maybe_unused]] const ssize_t ignored = ::write(wake_.get(), &one, sizeof one);
  errno = saved;
}

void loop::run() {
  if (all_.options.max_time.count() != 0) deadline_ = clock::now() + all_.options.max_time;
  std::array<epoll_event, 256> events{};
  bool stopped = false;
  const auto listening = [this] { return listener_.fd.get() >= 0; };
  while (!stopped && (listening() || !connections_.empty())) {
    const int n = ::epoll_wait(epoll_.get(), events.data(), static_cast<int>(events.size()),
                               wait_time(clock::now()));
    for (int i = 0; i < n; ++i) {
      const epoll_event& event = events[static_cast<std::size_t>(i)];
      if (event.data.ptr == &wake_) {
        stopped = true;
      } else if (event.data.ptr == &listener_) {
        accept_all();
      } else {
        handle(*static_cast<connection*>(event.data.ptr), event.events);
      }
    }
    const clock::time_point now = clock::now();
    release_due(now);
    remove_buried();
    if (deadline_ && now >= *deadline_) stopped = true;
    if (listening() && all_.options.max_messages != 0 &&
        all_.totals.messages >= all_.options.max_messages) {
      // The reply to the last message has been sent, and its client may still want to say QUIT.
      listener_.fd = descriptor();
      deadline_ = std::min(deadline_.value_or(clock::time_point::max()), now + grace);
    }
  }
  listener_.fd = descriptor();
  held_.clear();
  connections_.clear();
}

int loop::wait_time(clock::time_point now) const {
  std::optional<clock::time_point> next = deadline_;
  if (!held_.empty()) next = std::min(next.value_or(clock::time_point::max()), held_.front().due);
  if (!next) return -1;
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(*next - now);
  return static_cast<int>(std::clamp<std::int64_t>(left.count(), 0, 3'600'000));
}

void loop::release_due(clock::time_point now) {
  // The delay is the same for all, so the first one held is the first one due.
  while (!held_.empty() && held_.front().due <= now) {
    const held_reply held = held_.front();
    held_.pop_front();
    held.to->released += held.octets;
    if (!held.to->dead) send_replies(*held.to);
  }
}

void loop::set_accepting(bool wanted) {
  if (wanted == accepting_) return;
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.ptr = &listener_;
  ::epoll_ctl(epoll_.get(), wanted ? EPOLL_CTL_ADD : EPOLL_CTL_DEL, listener_.fd.get(), &event);
  accepting_ = wanted;
}

void loop::accept_all() {
  while (true) {
    descriptor fd(::accept4(listener_.fd.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (fd.get() < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      // Out of descriptors: whoever waits is taken when a connection has ended.
      if (errno != EAGAIN) set_accepting(false);
      return;
    }
    {
      const std::lock_guard lock(mutex_);
      ++all_.totals.connections;
    }
    const int on = 1;
    ::setsockopt(fd.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);  // Fails for a Unix socket.
    connection& c = connections_.emplace_back(std::move(fd), all_);
    c.self = std::prev(connections_.end());
    epoll_event event{};
    event.events = c.interest = EPOLLIN;
    event.data.ptr = &c;
    if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, c.fd.get(), &event) != 0) {
      bury(c);
      continue;
    }
    c.talk.begin();
    send_replies(c);
  }
}

void loop::handle(connection& c, std::uint32_t events) {
  if (c.dead) return;
  if ((events & EPOLLIN) != 0 && (c.interest & EPOLLIN) != 0) {
    receive(c);
  } else if ((events & (EPOLLERR | EPOLLHUP | EPOLLRDHUP)) != 0) {
    // There is nobody left to read what may still be unsent.
    bury(c);
  } else {
    send_replies(c);
  }
}

void loop::receive(connection& c) {
  const ssize_t n = ::recv(c.fd.get(), buffer_.data(), buffer_.size(), 0);
  if (n < 0) {
    if (errno != EAGAIN && errno != EINTR) bury(c);
    return;
  }
  if (n == 0) {
    // A client may have closed its side only and still wait for replies.
    c.talk.receive_end();
  } else {
    const std::lock_guard lock(mutex_);
    c.talk.receive({buffer_.data(), static_cast<std::size_t>(n)});
  }
  send_replies(c);
}

void loop::send_replies(connection& c) {
  std::string& output = c.talk.output();
  if (all_.options.delay.count() == 0) {
    c.released = output.size();
  } else if (c.scheduled < output.size()) {
    held_.push_back({clock::now() + all_.options.delay, &c, output.size() - c.scheduled});
    c.scheduled = output.size();
  }
  while (c.sent < c.released) {
    const ssize_t n = ::send(c.fd.get(), output.data() + c.sent, c.released - c.sent, MSG_NOSIGNAL);
    if (n >= 0) {
      c.sent += static_cast<std::size_t>(n);
    } else if (errno == EAGAIN) {
      break;
    } else if (errno != EINTR) {
      bury(c);
      return;
    }
  }
  if (c.sent == output.size()) {
    output.clear();
    c.sent = c.released = c.scheduled = 0;
    if (c.talk.state() == dialogue::life::closing) {
      bury(c);
      return;
    }
  }
  set_interest(c);
}

void loop::set_interest(connection& c) {
  std::uint32_t wanted = 0;
  const dialogue::life state = c.talk.state();
  const std::size_t unsent = c.talk.output().size() - c.sent;
  if (state == dialogue::life::open && unsent < output_limit) wanted |= EPOLLIN;
  if (c.sent < c.released) wanted |= EPOLLOUT;
  // Without reading, only this tells that the client has left.
  if (state == dialogue::life::stalled) wanted |= EPOLLRDHUP;
  if (wanted == c.interest) return;
  epoll_event event{};
  event.events = c.interest = wanted;
  event.data.ptr = &c;
  ::epoll_ctl(epoll_.get(), EPOLL_CTL_MOD, c.fd.get(), &event);
}

void loop::bury(connection& c) {
  // Events of this round may still point to it.
  c.dead = true;
  buried_.push_back(&c);
}

void loop::remove_buried() {
  if (buried_.empty()) return;
  for (const connection* const c : buried_) {
    if (!held_.empty()) std::erase_if(held_, [&](const held_reply& held) { return held.to == c; });
    connections_.erase(c->self);
  }
  buried_.clear();
  // There may be descriptors again.
  if (listener_.fd.get() >= 0) set_accepting(true);
}

}  // namespace sansmtp::cli::serving
