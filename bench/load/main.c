/*
 * The load generator of the benchmarks: a memcached text client that checks every byte of every
 * reply and costs a fraction of what it measures. C, because it shares a core with the backend:
 * in TypeScript it would cost more per operation than the proxies do and so be what is measured.
 * It is used by bench/ alone, compiled by bench/load-generator.ts, and not part of any package.
 * (Debian has nothing for the purpose: libmemcached-tools neither checks values under load nor
 * knows a fixed rate; memtier-benchmark and mc-crusher are not packaged.)
 *
 * It ends with exit code 0 and one line of JSON, 1 for wrong use, 3 for a wrong reply, 4 for a
 * connection that failed or a reply that never came.
 */
#include <sys/prctl.h>
#include <sys/resource.h>

#include "idle.h"
#include "items.h"
#include "options.h"
#include "run.h"

int main(int argc, char **argv) {
  struct options options = options_read(argc, argv);
  prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0);
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  struct items items;
  items_make(&items, options.keys, options.value_bytes, options.keys_per_get);
  if (options.idle) idle_run(&options, &items);
  else load_run(&options, &items);
  return 0;
}
