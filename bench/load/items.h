/*
 * The items that the load is made of: key number -> key, flags, value, request bytes, and the check
 * of a reply against them. Everything is a function of the key number and the value length, so any
 * two runs and any two connections agree, and a reply that belongs to another key cannot pass.
 */
#ifndef ITEMS_H
#define ITEMS_H

#include <stdbool.h>
#include <stdint.h>

enum { KEY_BYTES = 16, VALUE_BYTES_MIN = KEY_BYTES, HEAD_BYTES_MAX = 64 };

/* What one look at the bytes of a reply found. */
enum check { CHECK_MORE, CHECK_HIT, CHECK_END, CHECK_WRONG };

struct items {
  uint32_t count;
  uint32_t value_bytes;
  uint32_t head_bytes; /* "VALUE key flags bytes\r\n", equally long for all keys */
  uint32_t item_bytes; /* head, value, line end */
  uint32_t request_bytes_max;
  uint32_t keys_per_get;
  char *heads;
  char *pattern;
};

void items_make(struct items *items, uint32_t count, uint32_t value_bytes, uint32_t keys_per_get);

/* The key at place `index` of a get that begins with `first`. */
static inline uint32_t item_of_get(const struct items *items, uint32_t first, uint32_t index) {
  return (uint32_t)(((uint64_t)first + (uint64_t)index * 7919) % items->count);
}

/* Write one request, return its length. */
uint32_t items_write_get(const struct items *items, char *to, uint32_t first);
uint32_t items_write_set(const struct items *items, char *to, uint32_t key);

/* Judge what stands at `from`: a VALUE block of exactly this key, or the END line. */
enum check items_check(const struct items *items, const char *from, uint32_t have, uint32_t key);

#endif
