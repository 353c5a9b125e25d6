#include "options.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

static const char USAGE[] =
    "usage: load --port PORT [options]\n"
    "  --host ADDRESS         IPv4 address, 127.0.0.1\n"
    "  --connections N        50\n"
    "  --depth N              requests in flight per connection, 1\n"
    "  --sliding              send one for each reply, not a burst when all are answered\n"
    "  --keys N               10000\n"
    "  --keys-per-get N       1\n"
    "  --value-bytes N        100, at least 16\n"
    "  --get-share SHARE      0.9; the rest are sets\n"
    "  --rate OPS             open loop at this many operations a second; 0: closed loop\n"
    "  --warm-up-seconds S    1\n"
    "  --seconds S            2\n"
    "  --operations N         end when so many are measured\n"
    "  --no-fill              do not store all keys first\n"
    "  --idle                 hold connections: see idle.c\n"
    "  --proxy-pids A,B       report their CPU time\n"
    "  --backend-pids A,B     report their CPU time\n"
    "  --proxy-core N         report how busy this core was\n";

static void refuse(const char *why) {
  fprintf(stderr, "load: %s\n%s", why, USAGE);
  exit(1);
}

static double number(const char *text) {
  char *end;
  double value = strtod(text, &end);
  if (end == text || *end != '\0' || value < 0) refuse("an option needs a number of 0 or more");
  return value;
}

enum option_name {
  HOST = 1, PORT, CONNECTIONS, DEPTH, SLIDING, KEYS, KEYS_PER_GET, VALUE_BYTES, GET_SHARE, RATE,
  WARM_UP_SECONDS, SECONDS, OPERATIONS, NO_FILL, IDLE, PROXY_PIDS, BACKEND_PIDS, PROXY_CORE
};

static const struct option LONG_OPTIONS[] = {
    {"host", required_argument, NULL, HOST},
    {"port", required_argument, NULL, PORT},
    {"connections", required_argument, NULL, CONNECTIONS},
    {"depth", required_argument, NULL, DEPTH},
    {"sliding", no_argument, NULL, SLIDING},
    {"keys", required_argument, NULL, KEYS},
    {"keys-per-get", required_argument, NULL, KEYS_PER_GET},
    {"value-bytes", required_argument, NULL, VALUE_BYTES},
    {"get-share", required_argument, NULL, GET_SHARE},
    {"rate", required_argument, NULL, RATE},
    {"warm-up-seconds", required_argument, NULL, WARM_UP_SECONDS},
    {"seconds", required_argument, NULL, SECONDS},
    {"operations", required_argument, NULL, OPERATIONS},
    {"no-fill", no_argument, NULL, NO_FILL},
    {"idle", no_argument, NULL, IDLE},
    {"proxy-pids", required_argument, NULL, PROXY_PIDS},
    {"backend-pids", required_argument, NULL, BACKEND_PIDS},
    {"proxy-core", required_argument, NULL, PROXY_CORE},
    {NULL, 0, NULL, 0},
};

static void apply(struct options *options, int option) {
  switch (option) {
    case HOST: options->host = optarg; break;
    case PORT: options->port = (int)number(optarg); break;
    case CONNECTIONS: options->connections = (uint32_t)number(optarg); break;
    case DEPTH: options->depth = (uint32_t)number(optarg); break;
    case SLIDING: options->sliding = true; break;
    case KEYS: options->keys = (uint32_t)number(optarg); break;
    case KEYS_PER_GET: options->keys_per_get = (uint32_t)number(optarg); break;
    case VALUE_BYTES: options->value_bytes = (uint32_t)number(optarg); break;
    case GET_SHARE: options->get_share = number(optarg); break;
    case RATE: options->rate = number(optarg); break;
    case WARM_UP_SECONDS: options->warm_up_seconds = number(optarg); break;
    case SECONDS: options->seconds = number(optarg); break;
    case OPERATIONS: options->operations = (uint64_t)number(optarg); break;
    case NO_FILL: options->fill = false; break;
    case IDLE: options->idle = true; break;
    case PROXY_PIDS: options->proxy_pids = optarg; break;
    case BACKEND_PIDS: options->backend_pids = optarg; break;
    case PROXY_CORE: options->proxy_core = (int)number(optarg); break;
    default: refuse("unknown option");
  }
}

struct options options_read(int argc, char **argv) {
  struct options options = {
      .host = "127.0.0.1", .connections = 50, .depth = 1, .keys = 10000, .keys_per_get = 1,
      .value_bytes = 100, .get_share = 0.9, .warm_up_seconds = 1, .seconds = 2, .fill = true,
      .proxy_pids = "", .backend_pids = "", .proxy_core = -1,
  };
  int option;
  while ((option = getopt_long(argc, argv, "", LONG_OPTIONS, NULL)) != -1) apply(&options, option);
  if (optind < argc) refuse("unknown argument");
  if (options.port < 1 || options.port > 65535) refuse("--port is needed");
  if (options.connections < 1 || options.connections > 60000) refuse("--connections: 1 to 60000");
  if (options.depth < 1 || options.depth > 1000) refuse("--depth: 1 to 1000");
  if (options.keys < 1 || options.keys > 10000000) refuse("--keys: 1 to 10000000");
  if (options.keys_per_get < 1 || options.keys_per_get > 1000) refuse("--keys-per-get: 1 to 1000");
  if (options.value_bytes < 16 || options.value_bytes > 1000000) {
    refuse("--value-bytes: 16 to 1000000");
  }
  if (options.get_share > 1) refuse("--get-share: 0 to 1");
  if (options.rate > 0 && options.sliding) refuse("--sliding is for the closed loop");
  return options;
}
