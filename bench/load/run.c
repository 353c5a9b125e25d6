/*
 * The course of one load: fill (all keys stored once, on one connection), warm-up, the measured
 * window, then a drain in which nothing is sent and every reply still owed must come.
 *
 * Closed loop: each connection keeps `depth` requests in flight; a burst of them is sent when the
 * last burst is answered whole (as clients that pipeline do), or with --sliding one for each reply.
 * Open loop: slot s, a burst of `depth` requests on connection s % N, is due at a fixed time. A
 * connection that is still busy sends it late, but its latency counts from when it was due.
 */
#define _GNU_SOURCE
#include "run.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

#include "connection.h"
#include "cpu.h"
#include "histogram.h"

enum { FILL_DEPTH = 32, EVENTS_MAX = 1024, EXIT_NO_REPLY = 4 };
static const uint64_t NS = 1000000000ull;
static const uint64_t DRAIN_NS = 5000000000ull;
static const uint64_t FILL_STALL_NS = 10000000000ull;

enum phase { PHASE_FILL, PHASE_WARM_UP, PHASE_MEASURE, PHASE_DRAIN };

struct cpu {
  uint64_t at_ns, self_ns, proxy_ns, backend_ns;
  struct core_time proxy_core;
};

struct load {
  const struct options *options;
  const struct items *items;
  struct connection *connections;
  int epoll;
  enum phase phase;
  uint64_t random;
  uint64_t get_threshold;
  uint32_t filled;
  uint64_t outstanding;
  uint64_t start_ns, slot;
  double slot_ns;
  uint64_t behind;
  uint64_t last_reply_ns;
  uint64_t misses;
  struct histogram gets, sets;
  struct cpu before, after;
};

static struct cpu cpu_read(const struct options *options) {
  struct cpu cpu = {
      .at_ns = now_ns(), .self_ns = cpu_of_self_ns(),
      .proxy_ns = cpu_of_pids_ns(options->proxy_pids),
      .backend_ns = cpu_of_pids_ns(options->backend_pids),
      .proxy_core = cpu_of_core(options->proxy_core),
  };
  return cpu;
}

static uint64_t next_random(struct load *load) {
  load->random ^= load->random << 13;
  load->random ^= load->random >> 7;
  load->random ^= load->random << 17;
  return load->random;
}

static void add(struct load *load, struct connection *connection, uint64_t intended_ns) {
  struct request request = {.intended_ns = intended_ns, .is_set = true};
  if (load->phase == PHASE_FILL) {
    request.key = load->filled++;
  } else {
    uint64_t random = next_random(load);
    request.key = (uint32_t)((random >> 32) * load->options->keys >> 32);
    request.is_set = (random & 0xffffffff) >= load->get_threshold;
  }
  connection_add(connection, load->items, &request);
  load->outstanding++;
}

static void send_burst(struct load *load, struct connection *connection, uint32_t requests,
                       uint64_t intended_ns) {
  bool was_clear = connection->unsent_bytes == 0;
  for (uint32_t i = 0; i < requests; i++) add(load, connection, intended_ns);
  if (!was_clear || connection_send(connection)) return;
  struct epoll_event event = {.events = EPOLLIN | EPOLLOUT, .data.ptr = connection};
  epoll_ctl(load->epoll, EPOLL_CTL_MOD, connection->fd, &event);
}

static void send_rest(struct load *load, struct connection *connection) {
  if (!connection_send(connection)) return;
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
  epoll_ctl(load->epoll, EPOLL_CTL_MOD, connection->fd, &event);
}

static void count_reply(const struct reply *reply, void *context) {
  struct load *load = context;
  load->outstanding--;
  load->last_reply_ns = reply->done_ns;
  if (load->phase != PHASE_MEASURE) return;
  load->misses += reply->misses;
  histogram_add(reply->is_set ? &load->sets : &load->gets, reply->done_ns - reply->intended_ns);
}

static uint64_t slot_time_ns(const struct load *load, uint64_t slot) {
  return load->start_ns + (uint64_t)((double)slot * load->slot_ns);
}

static void send_due(struct load *load, struct connection *connection) {
  uint64_t intended_ns = slot_time_ns(load, connection->next_slot);
  connection->next_slot += load->options->connections;
  connection->due--;
  send_burst(load, connection, load->options->depth, intended_ns);
}

/*
 * At saturation the backend on the same core is not interrupted for each of its replies: they are
 * then read many at a time, which halves what the load costs. At a fixed rate requests must leave
 * when they are due, so there the load wakes up like any other process.
 */
static void yield_to_backend(void) {
  struct sched_param param = {0};
  sched_setscheduler(0, SCHED_BATCH, &param);
}

/* What follows when replies came: the next burst, one for each reply, the next due burst. */
static void go_on(struct load *load, struct connection *connection, uint32_t replies) {
  const struct options *options = load->options;
  if (load->phase == PHASE_DRAIN || replies == 0) return;
  if (load->phase == PHASE_FILL) {
    uint32_t left = options->keys - load->filled;
    if (connection->outstanding > 0 || left == 0) return;
    send_burst(load, connection, left < FILL_DEPTH ? left : FILL_DEPTH, load->last_reply_ns);
  } else if (options->rate > 0) {
    if (connection->outstanding == 0 && connection->due > 0) send_due(load, connection);
  } else if (options->sliding) {
    send_burst(load, connection, replies, load->last_reply_ns);
  } else if (connection->outstanding == 0) {
    send_burst(load, connection, options->depth, load->last_reply_ns);
  }
}

/* Marks the slots whose time has come; returns the nanoseconds until the next one. */
static uint64_t send_slots(struct load *load) {
  for (;;) {
    uint64_t at_ns = slot_time_ns(load, load->slot);
    uint64_t time_ns = now_ns();
    if (at_ns > time_ns) return at_ns - time_ns;
    uint32_t place = (uint32_t)(load->slot++ % load->options->connections);
    struct connection *connection = &load->connections[place];
    connection->due++;
    if (connection->outstanding == 0) send_due(load, connection);
  }
}

static void wait_and_handle(struct load *load, uint64_t wait_ns) {
  struct epoll_event events[EVENTS_MAX];
  struct timespec timeout = {.tv_sec = (time_t)(wait_ns / NS), .tv_nsec = (long)(wait_ns % NS)};
  int count = epoll_pwait2(load->epoll, events, EVENTS_MAX, &timeout, NULL);
  for (int i = 0; i < count; i++) {
    struct connection *connection = events[i].data.ptr;
    if (events[i].events & EPOLLOUT) send_rest(load, connection);
    if ((events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) == 0) continue;
    go_on(load, connection, connection_receive(connection, load->items, count_reply, load));
  }
}

static void open_connections(struct load *load) {
  const struct options *options = load->options;
  load->epoll = epoll_create1(EPOLL_CLOEXEC);
  load->connections = calloc(options->connections, sizeof *load->connections);
  if (load->connections == NULL) abort();
  uint32_t ring_size = options->depth > FILL_DEPTH ? options->depth : FILL_DEPTH;
  for (uint32_t i = 0; i < options->connections; i++) {
    struct connection *connection = &load->connections[i];
    connection_open(connection, options->host, options->port, ring_size, load->items);
    connection->next_slot = i;
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
    epoll_ctl(load->epoll, EPOLL_CTL_ADD, connection->fd, &event);
  }
}

static void fill(struct load *load) {
  load->phase = PHASE_FILL;
  load->last_reply_ns = now_ns();
  uint32_t first = load->options->keys < FILL_DEPTH ? load->options->keys : FILL_DEPTH;
  send_burst(load, &load->connections[0], first, load->last_reply_ns);
  while (load->outstanding > 0 || load->filled < load->options->keys) {
    wait_and_handle(load, NS);
    if (now_ns() - load->last_reply_ns < FILL_STALL_NS) continue;
    fprintf(stderr, "load: filling stopped after %u keys\n", load->filled);
    exit(EXIT_NO_REPLY);
  }
}

/* One phase with requests being sent: until its time is over or enough operations are measured. */
static void send_for(struct load *load, enum phase phase, double seconds) {
  const struct options *options = load->options;
  load->phase = phase;
  uint64_t end_ns = now_ns() + (uint64_t)(seconds * (double)NS);
  uint64_t operations = phase == PHASE_MEASURE ? options->operations : 0;
  for (;;) {
    uint64_t time_ns = now_ns();
    if (time_ns >= end_ns) return;
    if (operations > 0 && load->gets.total + load->sets.total >= operations) return;
    uint64_t wait_ns = end_ns - time_ns;
    if (options->rate > 0) {
      uint64_t slot_ns = send_slots(load);
      if (slot_ns < wait_ns) wait_ns = slot_ns;
    }
    wait_and_handle(load, wait_ns);
  }
}

static void drain(struct load *load) {
  load->behind = load->outstanding;
  for (uint32_t i = 0; i < load->options->connections; i++) {
    load->behind += load->connections[i].due * load->options->depth;
  }
  load->phase = PHASE_DRAIN;
  uint64_t end_ns = now_ns() + DRAIN_NS;
  while (load->outstanding > 0 && now_ns() < end_ns) wait_and_handle(load, NS / 10);
  if (load->outstanding == 0) return;
  fprintf(stderr, "load: %lu requests were never answered\n", (unsigned long)load->outstanding);
  exit(EXIT_NO_REPLY);
}

static void print_result(struct load *load) {
  static struct histogram all;
  histogram_merge(&all, &load->gets);
  histogram_merge(&all, &load->sets);
  const struct cpu *a = &load->before, *b = &load->after;
  double window_ns = (double)(b->at_ns - a->at_ns);
  double operations = all.total > 0 ? (double)all.total : 1;
  double per_op = 1 / operations / 1000;
  printf("{\"seconds\":%.3f,\"operations\":%lu,\"gets\":%lu,\"sets\":%lu,\"misses\":%lu,",
         window_ns / (double)NS, (unsigned long)all.total, (unsigned long)load->gets.total,
         (unsigned long)load->sets.total, (unsigned long)load->misses);
  printf("\"behind\":%lu,", (unsigned long)load->behind);
  printf("\"p50Us\":%.1f,\"p99Us\":%.1f,\"p999Us\":%.1f,\"maxUs\":%.1f,", histogram_us(&all, 0.5),
         histogram_us(&all, 0.99), histogram_us(&all, 0.999), (double)all.max_ns / 1000);
  printf("\"setP50Us\":%.1f,\"setP99Us\":%.1f,", histogram_us(&load->sets, 0.5),
         histogram_us(&load->sets, 0.99));
  printf("\"loadCpuUsPerOp\":%.3f,\"proxyCpuUsPerOp\":%.3f,\"backendCpuUsPerOp\":%.3f,",
         (double)(b->self_ns - a->self_ns) * per_op, (double)(b->proxy_ns - a->proxy_ns) * per_op,
         (double)(b->backend_ns - a->backend_ns) * per_op);
  printf("\"proxyBusyShare\":%.4f,\"proxyCoreBusyShare\":%.4f,\"stolenShare\":%.4f}\n",
         (double)(b->proxy_ns - a->proxy_ns) / window_ns,
         (double)(b->proxy_core.busy_ns - a->proxy_core.busy_ns) / window_ns,
         (double)(b->proxy_core.stolen_ns - a->proxy_core.stolen_ns) / window_ns);
}

void load_run(const struct options *options, const struct items *items) {
  static struct load load;
  load.options = options;
  load.items = items;
  load.random = now_ns() | 1;
  load.get_threshold = (uint64_t)(options->get_share * 4294967296.0);
  open_connections(&load);
  if (options->rate == 0) yield_to_backend();
  if (options->fill) fill(&load);
  load.start_ns = now_ns();
  load.phase = PHASE_WARM_UP;
  if (options->rate > 0) {
    load.slot_ns = (double)options->depth * (double)NS / options->rate;
  } else {
    for (uint32_t i = 0; i < options->connections; i++) {
      send_burst(&load, &load.connections[i], options->depth, now_ns());
    }
  }
  send_for(&load, PHASE_WARM_UP, options->warm_up_seconds);
  load.before = cpu_read(options);
  send_for(&load, PHASE_MEASURE, options->seconds);
  load.after = cpu_read(options);
  drain(&load);
  print_result(&load);
}
