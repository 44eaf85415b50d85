/* One mail from C: a session on a socket that does not block, in a loop made of poll.
 *
 *   poll_send HOST PORT FROM TO
 */
#define _POSIX_C_SOURCE 200809L

#include <sansmtp.h>

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { SLICES = 64, INPUT = 4096 };

static int64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Writes what the session offers; 0: nothing left, 1: some was written, -1: full, or broken. */
static int write_some(sansmtp_session* session, int fd) {
  sansmtp_bytes slices[SLICES];
  struct iovec vector[SLICES];
  struct msghdr all;
  size_t count = SLICES;
  size_t i;
  ssize_t n;
  if (sansmtp_session_output(session, now(), slices, &count) != 0 || count == 0) return 0;
  for (i = 0; i < count; ++i) {
    vector[i].iov_base = (void*)(uintptr_t)slices[i].data;
    vector[i].iov_len = slices[i].size;
  }
  memset(&all, 0, sizeof all);
  all.msg_iov = vector;
  all.msg_iovlen = count;
  n = sendmsg(fd, &all, MSG_NOSIGNAL);
  sansmtp_session_sent(session, now(), n < 0 ? 0 : (size_t)n);
  return n < 0 ? -1 : 1;
}

/* [loop] */
static void run(sansmtp_session* session, int fd,
                void (*on_event)(sansmtp_session*, const sansmtp_event*, void*), void* context) {
  sansmtp_event event = {.size = sizeof event};
  int over = 0;
  for (;;) {
    char input[INPUT];
    struct pollfd entry = {fd, POLLIN, 0};
    int64_t left;
    ssize_t n;
    int wrote = write_some(session, fd);
    int told = 0;
    for (; sansmtp_session_next_event(session, &event) == 1; told = 1) {
      on_event(session, &event, context);
    }
    if (over) return;
    over = sansmtp_session_closed(session);   /* then a QUIT may be left, which is worth one try */
    if (wrote == 1 || told || over) continue; /* perhaps there is more of either */
    if (wrote == -1) entry.events |= POLLOUT; /* full; or broken, and reading tells why */
    left = (sansmtp_session_deadline(session) - now()) / 1000000 + 1;
    poll(&entry, 1, left < 0 ? 0 : left > 60000 ? 60000 : (int)left);
    n = recv(fd, input, sizeof input, 0);
    if (n > 0) sansmtp_session_receive(session, now(), input, (size_t)n);
    if (n == 0) sansmtp_session_receive_end(session, now(), SANSMTP_ERRC_NONE, 0);
    if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR) {
      sansmtp_session_receive_end(session, now(), SANSMTP_ERRC_NONE, errno);
    }
    sansmtp_session_advance(session, now());
  }
}
/* [loop] */

static int connect_to(const char* host, const char* port) {
  struct addrinfo hints;
  struct addrinfo* list = NULL;
  const struct addrinfo* a;
  int fd = -1;
  memset(&hints, 0, sizeof hints);
  hints.ai_socktype = SOCK_STREAM;
  if (getaddrinfo(host, port, &hints, &list) != 0) return -1;
  for (a = list; a != NULL && fd < 0; a = a->ai_next) {
    fd = socket(a->ai_family, a->ai_socktype, a->ai_protocol);
    if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) != 0) {
      close(fd);
      fd = -1;
    }
  }
  freeaddrinfo(list);
  if (fd >= 0) fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
  return fd;
}

/* Prints what became of each recipient; a server's text is made safe for a terminal. */
static void show(sansmtp_session* session, const sansmtp_event* event, void* context) {
  size_t i;
  if (event->kind == SANSMTP_EVENT_MAIL_DONE) {
    *(int*)context = event->outcome == SANSMTP_OUTCOME_DELIVERED;
    for (i = 0; i < event->result_count; ++i) {
      sansmtp_result result = {.size = sizeof result};
      char text[512];
      sansmtp_session_result(session, i, &result);
      if (result.code != 0) {
        sansmtp_display_text(result.text, text, sizeof text);
      } else {
        sansmtp_errc_message(result.error, text, sizeof text);
      }
      printf("%.*s: %s %u %s\n", (int)result.address.size, result.address.data,
             sansmtp_outcome_name(result.outcome), (unsigned)result.code, text);
    }
    sansmtp_session_quit(session);
  }
}

int main(int argc, char** argv) {
  static const char message[] = "Subject: Hello\r\n\r\nIt works.\r\n";
  const sansmtp_bytes none = {NULL, 0};
  sansmtp_options options = {.size = sizeof options};
  sansmtp_recipient to = {.size = sizeof to};
  sansmtp_envelope envelope = {.size = sizeof envelope};
  sansmtp_content content = {.size = sizeof content};
  sansmtp_session* session = NULL;
  int delivered = 0;
  int fd;
  if (argc != 5) {
    fputs("usage: poll_send HOST PORT FROM TO\n", stderr);
    return 64;
  }
  fd = connect_to(argv[1], argv[2]);
  if (fd < 0) {
    fputs("poll_send: no connection\n", stderr);
    return 1;
  }
  options.local_name = sansmtp_text("client.example");
  if (sansmtp_session_create(&options, &session) != SANSMTP_ERRC_NONE) {
    close(fd);
    return 70;
  }
  sansmtp_session_connected(session, now(), none, none);

  to.address = sansmtp_text(argv[4]);
  envelope.sender = sansmtp_text(argv[3]);
  envelope.recipients = &to;
  envelope.recipient_count = 1;
  content.octets = sansmtp_text(message); /* borrowed: it stays until MAIL_DONE */
  if (sansmtp_session_send(session, &envelope, &content, NULL) != SANSMTP_ERRC_NONE) {
    sansmtp_session_quit(session); /* no mail, and so no MAIL_DONE that would say it */
  }

  run(session, fd, show, &delivered);
  sansmtp_session_destroy(session);
  close(fd);
  return delivered ? 0 : 1;
}
