#include "connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_WRONG_REPLY = 3, EXIT_CONNECTION = 4, SHOWN_BYTES_MAX = 120 };

static const char STORED[] = "STORED\r\n";
static const uint32_t STORED_BYTES = sizeof STORED - 1;

/* All connections read into one buffer, which stays in the cache. */
static char received[RECEIVE_BYTES];

uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (uint64_t)time.tv_sec * 1000000000ull + (uint64_t)time.tv_nsec;
}

static void fail(const char *what) {
  fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  exit(EXIT_CONNECTION);
}

static void wrong_reply(const struct request *request, const char *from, uint32_t have) {
  fprintf(stderr, "load: wrong reply to %s of key %u: ", request->is_set ? "set" : "get",
          request->key);
  for (uint32_t i = 0; i < have && i < SHOWN_BYTES_MAX; i++) {
    if (from[i] >= ' ' && from[i] <= '~') fputc(from[i], stderr);
    else fprintf(stderr, "\\x%02x", (unsigned char)from[i]);
  }
  fputc('\n', stderr);
  exit(EXIT_WRONG_REPLY);
}

void connection_open(struct connection *connection, const char *host, int port, uint32_t ring_size,
                     const struct items *items) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  if (inet_pton(AF_INET, host, &address.sin_addr) != 1) fail("address");
  connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connection->fd < 0) fail("socket");
  if (connect(connection->fd, (struct sockaddr *)&address, sizeof address) != 0) fail("connect");
  int on = 1;
  setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  fcntl(connection->fd, F_SETFL, O_NONBLOCK);
  connection->ring_size = ring_size;
  connection->ring = malloc(ring_size * sizeof *connection->ring);
  connection->carry = malloc(items->item_bytes + sizeof STORED);
  connection->unsent = malloc((size_t)ring_size * items->request_bytes_max);
  if (!connection->ring || !connection->carry || !connection->unsent) fail("memory");
}

void connection_add(struct connection *connection, const struct items *items,
                    const struct request *request) {
  uint32_t at = connection->first + connection->outstanding;
  if (at >= connection->ring_size) at -= connection->ring_size;
  connection->ring[at] = *request;
  connection->outstanding++;
  char *to = connection->unsent + connection->unsent_bytes;
  connection->unsent_bytes += request->is_set ? items_write_set(items, to, request->key)
                                              : items_write_get(items, to, request->key);
}

bool connection_send(struct connection *connection) {
  ssize_t sent = send(connection->fd, connection->unsent, connection->unsent_bytes, MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) fail("send");
  if (sent < 0) return false;
  connection->unsent_bytes -= (uint32_t)sent;
  if (connection->unsent_bytes == 0) return true;
  memmove(connection->unsent, connection->unsent + sent, connection->unsent_bytes);
  return false;
}

/* Bytes of the step it could take towards the end of the reply; 0 when more must come. */
static uint32_t step(struct connection *connection, const struct items *items, const char *from,
                     uint32_t have, bool *whole) {
  const struct request *request = &connection->ring[connection->first];
  *whole = false;
  if (request->is_set) {
    uint32_t compared = have < STORED_BYTES ? have : STORED_BYTES;
    if (memcmp(from, STORED, compared) != 0) wrong_reply(request, from, have);
    *whole = compared == STORED_BYTES;
    return *whole ? compared : 0;
  }
  /* A key that was missed leaves no trace: the next VALUE belongs to a later key. */
  uint32_t place = connection->keys_done;
  for (; place < items->keys_per_get; place++) {
    uint32_t key = item_of_get(items, request->key, place);
    switch (items_check(items, from, have, key)) {
      case CHECK_MORE: return 0;
      case CHECK_HIT:
        connection->keys_done = place + 1;
        connection->hits++;
        return items->item_bytes;
      case CHECK_END: *whole = true; return 5;
      case CHECK_WRONG: break;
    }
  }
  if (connection->keys_done < items->keys_per_get) wrong_reply(request, from, have);
  uint32_t compared = have < 5 ? have : 5;
  if (memcmp(from, "END\r\n", compared) != 0) wrong_reply(request, from, have);
  *whole = compared == 5;
  return *whole ? compared : 0;
}

uint32_t connection_receive(struct connection *connection, const struct items *items,
                            on_reply *report, void *context) {
  memcpy(received, connection->carry, connection->carry_bytes);
  ssize_t got = recv(connection->fd, received + connection->carry_bytes,
                     RECEIVE_BYTES - connection->carry_bytes, 0);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
  if (got < 0) fail("receive");
  if (got == 0) {
    fprintf(stderr, "load: the other side closed a connection with %u requests in flight\n",
            connection->outstanding);
    exit(EXIT_CONNECTION);
  }
  uint64_t done_ns = now_ns();
  const char *from = received;
  uint32_t have = connection->carry_bytes + (uint32_t)got;
  uint32_t replies = 0;
  while (connection->outstanding > 0 && have > 0) {
    bool whole;
    uint32_t bytes = step(connection, items, from, have, &whole);
    if (bytes == 0) break;
    from += bytes;
    have -= bytes;
    if (!whole) continue;
    const struct request *request = &connection->ring[connection->first];
    struct reply reply = {request->intended_ns, done_ns, 0, request->is_set};
    if (!request->is_set) reply.misses = items->keys_per_get - connection->hits;
    connection->keys_done = connection->hits = 0;
    if (++connection->first == connection->ring_size) connection->first = 0;
    connection->outstanding--;
    replies++;
    report(&reply, context);
  }
  if (have > 0 && connection->outstanding == 0) {
    struct request nothing = {0};
    fprintf(stderr, "load: bytes that answer no request\n");
    wrong_reply(&nothing, from, have);
  }
  memcpy(connection->carry, from, have);
  connection->carry_bytes = have;
  return replies;
}
