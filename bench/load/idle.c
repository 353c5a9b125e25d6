#include "idle.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "connection.h"

enum { REPLY_TIMEOUT_MS = 10000 };

static void ignore_reply(const struct reply *reply, void *context) {
  (void)reply;
  (void)context;
}

static void get_once(struct connection *connection, const struct items *items, uint32_t key) {
  struct request request = {.key = key};
  connection_add(connection, items, &request);
  connection_send(connection);
  while (connection->outstanding > 0) {
    struct pollfd poller = {.fd = connection->fd, .events = POLLIN};
    if (poll(&poller, 1, REPLY_TIMEOUT_MS) != 1) {
      fprintf(stderr, "load: no reply within %d ms\n", REPLY_TIMEOUT_MS);
      exit(4);
    }
    connection_receive(connection, items, ignore_reply, NULL);
  }
}

void idle_run(const struct options *options, const struct items *items) {
  struct connection *connections = calloc(options->connections, sizeof *connections);
  if (connections == NULL) abort();
  for (uint32_t i = 0; i < options->connections; i++) {
    connection_open(&connections[i], options->host, options->port, 1, items);
  }
  puts("open");
  fflush(stdout);
  char line[16];
  while (fgets(line, sizeof line, stdin) != NULL) {
    for (uint32_t i = 0; i < options->connections; i++) {
      get_once(&connections[i], items, i % items->count);
    }
    puts("served");
    fflush(stdout);
  }
}
