/*
 * CPU time of other processes, read by the load generator itself because only it knows the exact
 * moments between which it measures.
 */
#ifndef CPU_H
#define CPU_H

#include <stdint.h>

/* Nanoseconds on CPU of all threads of the processes in "PID,PID,..." (schedstat: exact). */
uint64_t cpu_of_pids_ns(const char *pids);

struct core_time {
  uint64_t busy_ns;
  uint64_t stolen_ns; /* what the host gave to others */
};

/* What a core did (/proc/stat: sampled by the tick, good to about 1 %). */
struct core_time cpu_of_core(int core);

uint64_t cpu_of_self_ns(void);

#endif
