/*
 * One connection of the load: a ring of requests in flight, answered strictly in order. It knows
 * how to write requests and how to judge replies; which requests and when is the business of run.c.
 */
#ifndef CONNECTION_H
#define CONNECTION_H

#include <stdbool.h>
#include <stdint.h>

#include "items.h"

enum { RECEIVE_BYTES = 1 << 20 };

struct request {
  uint64_t intended_ns;
  uint32_t key;
  bool is_set;
};

struct connection {
  int fd;
  struct request *ring;
  uint32_t ring_size, first, outstanding;
  uint32_t keys_done; /* of the get at the head of the ring */
  uint32_t hits;
  char *carry; /* the beginning of a reply whose end has not come yet */
  uint32_t carry_bytes;
  char *unsent; /* what the socket did not take */
  uint32_t unsent_bytes;
  uint64_t due;       /* open loop: bursts whose time has come but which are not sent */
  uint64_t next_slot; /* open loop: the slot of the next burst */
};

/* One reply as `connection_receive` reports it. */
struct reply {
  uint64_t intended_ns;
  uint64_t done_ns;
  uint32_t misses;
  bool is_set;
};

typedef void on_reply(const struct reply *reply, void *context);

uint64_t now_ns(void);

/* Connects, or ends the program with the reason. */
void connection_open(struct connection *connection, const char *host, int port, uint32_t ring_size,
                     const struct items *items);

/* Requests are written one after another and then sent at once. */
void connection_add(struct connection *connection, const struct items *items,
                    const struct request *request);
/* False when a rest stays unsent: call again when the socket is writable. */
bool connection_send(struct connection *connection);

/*
 * Receives once, judges what came, returns the number of whole replies. The first wrong reply ends
 * the program with exit code 3, a closed connection with 4.
 */
uint32_t connection_receive(struct connection *connection, const struct items *items,
                            on_reply *report, void *context);

#endif
