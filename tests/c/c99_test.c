/* A consumer in C99, with all warnings (CAPI-01): one mail against a server in memory. */
#include <sansmtp.h>

#include <stdio.h>
#include <string.h>

static const int64_t now = 1000;

static int answers(sansmtp_session* session, const char* reply) {
  return sansmtp_session_receive(session, now, reply, strlen(reply)) == SANSMTP_ERRC_NONE;
}

static void write_all(sansmtp_session* session) {
  sansmtp_bytes slices[8];
  size_t count = 8;
  while (sansmtp_session_output(session, now, slices, &count) == SANSMTP_ERRC_NONE && count != 0) {
    size_t octets = 0;
    size_t i;
    for (i = 0; i < count; ++i) octets += slices[i].size;
    sansmtp_session_sent(session, now, octets);
    count = 8;
  }
}

int main(void) {
  sansmtp_options options = {.size = sizeof options};
  sansmtp_recipient to = {.size = sizeof to};
  sansmtp_envelope envelope = {.size = sizeof envelope};
  sansmtp_content content = {.size = sizeof content};
  sansmtp_event event = {.size = sizeof event};
  const sansmtp_bytes none = {NULL, 0};
  sansmtp_session* session = NULL;
  int delivered = 0;
  options.local_name = sansmtp_text("me.example.test");
  if (sansmtp_session_create(&options, &session) != SANSMTP_ERRC_NONE) return 1;
  to.address = sansmtp_text("b@y.test");
  envelope.sender = sansmtp_text("a@x.test");
  envelope.recipients = &to;
  envelope.recipient_count = 1;
  content.octets = sansmtp_text("Subject: Hi\r\n\r\nHello.\r\n");
  sansmtp_session_connected(session, now, none, none);
  if (sansmtp_session_send(session, &envelope, &content, NULL) != SANSMTP_ERRC_NONE) return 1;
  sansmtp_session_quit(session);
  answers(session, "220 mx.test\r\n");
  write_all(session);
  answers(session, "250-mx.test\r\n250 PIPELINING\r\n");
  write_all(session);
  answers(session, "250 ok\r\n250 ok\r\n354 go\r\n");
  write_all(session);
  answers(session, "250 ok\r\n");
  write_all(session);
  answers(session, "221 bye\r\n");
  while (sansmtp_session_next_event(session, &event) == 1) {
    printf("%s\n", sansmtp_event_name(event.kind));
    if (event.kind == SANSMTP_EVENT_MAIL_DONE)
      delivered = event.outcome == SANSMTP_OUTCOME_DELIVERED;
  }
  if (!sansmtp_session_closed(session)) return 1;
  sansmtp_session_destroy(session);
  return delivered ? 0 : 1;
}
