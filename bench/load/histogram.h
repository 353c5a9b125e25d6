/* Latencies in nanoseconds, in log-linear buckets: each is less than 0.8 % wide. */
#ifndef HISTOGRAM_H
#define HISTOGRAM_H

#include <stdint.h>

enum { SUB_BITS = 7, SUB_BUCKETS = 1 << SUB_BITS, BUCKETS = 64 * SUB_BUCKETS };

struct histogram {
  uint64_t total;
  uint64_t max_ns;
  uint64_t buckets[BUCKETS];
};

static inline uint32_t histogram_bucket(uint64_t ns) {
  if (ns < SUB_BUCKETS) return (uint32_t)ns;
  uint32_t shift = 63 - (uint32_t)__builtin_clzll(ns) - SUB_BITS;
  return (shift + 1) * SUB_BUCKETS + (uint32_t)((ns >> shift) & (SUB_BUCKETS - 1));
}

static inline void histogram_add(struct histogram *histogram, uint64_t ns) {
  histogram->buckets[histogram_bucket(ns)]++;
  histogram->total++;
  if (ns > histogram->max_ns) histogram->max_ns = ns;
}

void histogram_merge(struct histogram *into, const struct histogram *from);

/* The latency in microseconds that `share` (0..1) of the operations did not exceed. */
double histogram_us(const struct histogram *histogram, double share);

#endif
