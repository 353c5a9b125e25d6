/* The command line of the load generator. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
  const char *host;
  int port;
  uint32_t connections;
  uint32_t depth;
  uint32_t keys;
  uint32_t keys_per_get;
  uint32_t value_bytes;
  double get_share;
  double rate; /* operations per second; 0: closed loop */
  double warm_up_seconds;
  double seconds;
  uint64_t operations; /* ends the run earlier than `seconds`; 0: no such end */
  bool fill;
  bool sliding;
  bool idle;
  const char *proxy_pids;
  const char *backend_pids;
  int proxy_core;
};

/* Reads the command line; says what is wrong with it and exits with 1. */
struct options options_read(int argc, char **argv);

#endif
