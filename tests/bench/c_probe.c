/* What engine_probe does for a mail, through the C interface: N mails of 1 KiB at a level, against
 * a server in memory that knows what is coming. instructions.py counts it.
 *
 * Usage: c_probe off|envelope|messages N
 */
#include <sansmtp.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SLICES = 64, CONTENT = 1024 };

static const int64_t now = INT64_C(3600000000000);
static sansmtp_session* session;
static char content[CONTENT];
static unsigned long delivered;

static void must(int right, const char* what) {
  if (right) return;
  fprintf(stderr, "c_probe: %s\n", what);
  exit(1);
}

static void take_events(void) {
  static sansmtp_event event;
  event.size = sizeof event;
  while (sansmtp_session_next_event(session, &event) == 1) {
    if (event.kind != SANSMTP_EVENT_MAIL_DONE) continue;
    /* That all were delivered is told by the event; who was not, by the results. */
    if (event.outcome == SANSMTP_OUTCOME_DELIVERED) ++delivered;
  }
}

static void write_all(void) {
  for (;;) {
    sansmtp_bytes slices[SLICES];
    size_t count = SLICES;
    size_t octets = 0;
    size_t i;
    must(sansmtp_session_output(session, now, slices, &count) == SANSMTP_ERRC_NONE, "output");
    if (count == 0) return;
    for (i = 0; i < count; ++i) octets += slices[i].size;
    must(sansmtp_session_sent(session, now, octets) == SANSMTP_ERRC_NONE, "sent");
  }
}

static void receive(const char* reply, size_t size) {
  must(sansmtp_session_receive(session, now, reply, size) == SANSMTP_ERRC_NONE, "receive");
}

/* The size of a literal is known when it is compiled, as it is to the engine's own probe. */
#define RECEIVE(reply) receive(reply, sizeof(reply) - 1)

static void ask(void) {
  static const char sender[] = "sender@client.example.test";
  static const char address[] = "recipient0@server.example.test";
  sansmtp_recipient recipient = {0};
  sansmtp_envelope envelope = {0};
  sansmtp_content what = {0};
  recipient.size = sizeof recipient;
  recipient.address.data = address;
  recipient.address.size = sizeof address - 1;
  envelope.size = sizeof envelope;
  envelope.sender.data = sender;
  envelope.sender.size = sizeof sender - 1;
  envelope.recipients = &recipient;
  envelope.recipient_count = 1;
  what.size = sizeof what;
  what.octets.data = content;
  what.octets.size = sizeof content;
  must(sansmtp_session_send(session, &envelope, &what, NULL) == SANSMTP_ERRC_NONE, "send");
}

static void answer_envelope(void) {
  RECEIVE("250 2.1.0 Ok\r\n");
  RECEIVE("250 2.1.5 Ok\r\n");
  RECEIVE("354 End data with <CR><LF>.<CR><LF>\r\n");
  take_events();
}

static void answer_content(void) {
  RECEIVE("250 2.0.0 Ok: queued as 4F8A12C0B7\r\n");
  take_events();
}

static void open_session(int32_t level) {
  static const char name[] = "client.example.test";
  const sansmtp_bytes none = {NULL, 0};
  sansmtp_options options = {0};
  options.size = sizeof options;
  options.local_name.data = name;
  options.local_name.size = sizeof name - 1;
  options.pipelining = level;
  must(sansmtp_session_create(&options, &session) == SANSMTP_ERRC_NONE, "create");
  must(sansmtp_session_connected(session, now, none, none) == SANSMTP_ERRC_NONE, "connected");
  RECEIVE("220 mail.example.test ESMTP Postfix\r\n");
  write_all();
  RECEIVE(
      "250-mail.example.test\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-VRFY\r\n250-ETRN\r\n"
      "250-STARTTLS\r\n250-AUTH PLAIN LOGIN\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n"
      "250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n");
  take_events();
}

/* The same lines as `message_of` in mail_loop.hpp. */
static void make_content(void) {
  static const char head[] =
      "From: Sender <sender@client.example.test>\r\nTo: recipient@server.example.test\r\n"
      "Subject: Measured\r\n\r\n";
  static const char line[] =
      "The quick brown fox jumps over the lazy dog, and then it does so once more.\r\n";
  size_t size = sizeof head - 1;
  memcpy(content, head, size);
  while (size + sizeof line - 1 + 2 <= CONTENT) {
    memcpy(content + size, line, sizeof line - 1);
    size += sizeof line - 1;
  }
  memset(content + size, 'x', CONTENT - 2 - size);
  memcpy(content + CONTENT - 2, "\r\n", 2);
}

int main(int argc, char** argv) {
  const char* row = argc > 1 ? argv[1] : "";
  const unsigned long mails = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
  const int together = strcmp(row, "messages") == 0;
  const int envelope = strcmp(row, "envelope") == 0;
  unsigned long i;
  make_content();
  open_session(together   ? SANSMTP_PIPELINING_MESSAGES
               : envelope ? SANSMTP_PIPELINING_ENVELOPE
                          : SANSMTP_PIPELINING_OFF);
  if (together) {
    ask();
    write_all();
    for (i = 1; i <= mails; ++i) {
      answer_envelope();
      if (i != mails) ask();
      write_all();
      answer_content();
    }
  } else {
    for (i = 0; i < mails; ++i) {
      ask();
      write_all();
      if (envelope) {
        answer_envelope();
      } else {
        RECEIVE("250 2.1.0 Ok\r\n");
        take_events();
        write_all();
        RECEIVE("250 2.1.5 Ok\r\n");
        take_events();
        write_all();
        RECEIVE("354 End data with <CR><LF>.<CR><LF>\r\n");
        take_events();
      }
      write_all();
      answer_content();
    }
  }
  sansmtp_session_destroy(session);
  return delivered == mails ? 0 : 1;
}
