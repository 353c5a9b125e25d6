#include "histogram.h"

static uint64_t bucket_start_ns(uint32_t bucket) {
  if (bucket < SUB_BUCKETS) return bucket;
  uint32_t shift = bucket / SUB_BUCKETS - 1;
  return (uint64_t)(SUB_BUCKETS + bucket % SUB_BUCKETS) << shift;
}

void histogram_merge(struct histogram *into, const struct histogram *from) {
  for (uint32_t i = 0; i < BUCKETS; i++) into->buckets[i] += from->buckets[i];
  into->total += from->total;
  if (from->max_ns > into->max_ns) into->max_ns = from->max_ns;
}

double histogram_us(const struct histogram *histogram, double share) {
  uint64_t wanted = (uint64_t)((double)histogram->total * share);
  uint64_t seen = 0;
  for (uint32_t i = 0; i < BUCKETS; i++) {
    seen += histogram->buckets[i];
    if (seen > wanted) return (double)bucket_start_ns(i) / 1000;
  }
  return (double)histogram->max_ns / 1000;
}
