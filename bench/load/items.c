/*
 * Heads are prepared once (64 bytes a key: 10,000 keys stay in the second-level cache). A value is
 * its key followed by a window of one shared pattern, at an offset that depends on the key, so that
 * checking costs one memcmp over bytes that are in the first-level cache already.
 */
#include "items.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATTERN_OFFSETS = 4093, FLAGS_BYTES = 5, FLAGS_MIN = 10000, FLAGS_SPAN = 50000 };

static const char VALUE_WORD[] = "VALUE ";
static const uint32_t KEY_AT = sizeof VALUE_WORD - 1;
static const char END_LINE[] = "END\r\n";
static const uint32_t END_BYTES = sizeof END_LINE - 1;

void items_make(struct items *items, uint32_t count, uint32_t value_bytes, uint32_t keys_per_get) {
  items->count = count;
  items->value_bytes = value_bytes;
  items->keys_per_get = keys_per_get;
  items->heads = aligned_alloc(HEAD_BYTES_MAX, (size_t)count * HEAD_BYTES_MAX);
  items->pattern = malloc((size_t)value_bytes + PATTERN_OFFSETS);
  if (items->heads == NULL || items->pattern == NULL) abort();
  for (uint32_t key = 0; key < count; key++) {
    items->head_bytes = (uint32_t)snprintf(
        items->heads + (size_t)key * HEAD_BYTES_MAX, HEAD_BYTES_MAX, "VALUE bench:%010u %u %u\r\n",
        key, FLAGS_MIN + key % FLAGS_SPAN, value_bytes);
  }
  uint64_t random = 88172645463325252ull;
  for (uint32_t i = 0; i < value_bytes + PATTERN_OFFSETS; i++) {
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    items->pattern[i] = (char)random;
  }
  items->item_bytes = items->head_bytes + value_bytes + 2;
  uint32_t set_bytes_max = HEAD_BYTES_MAX + value_bytes + 2;
  uint32_t get_bytes_max = 8 + keys_per_get * (KEY_BYTES + 1);
  items->request_bytes_max = set_bytes_max > get_bytes_max ? set_bytes_max : get_bytes_max;
}

static const char *head_of(const struct items *items, uint32_t key) {
  return items->heads + (size_t)key * HEAD_BYTES_MAX;
}

static const char *pattern_of(const struct items *items, uint32_t key) {
  return items->pattern + (uint64_t)key * 61 % PATTERN_OFFSETS;
}

uint32_t items_write_get(const struct items *items, char *to, uint32_t first) {
  char *at = to;
  memcpy(at, "get", 3);
  at += 3;
  for (uint32_t i = 0; i < items->keys_per_get; i++) {
    *at++ = ' ';
    memcpy(at, head_of(items, item_of_get(items, first, i)) + KEY_AT, KEY_BYTES);
    at += KEY_BYTES;
  }
  memcpy(at, "\r\n", 2);
  return (uint32_t)(at + 2 - to);
}

uint32_t items_write_set(const struct items *items, char *to, uint32_t key) {
  const char *head = head_of(items, key);
  uint32_t flags_end = KEY_AT + KEY_BYTES + 1 + FLAGS_BYTES;
  char *at = to;
  memcpy(at, "set ", 4);
  at += 4;
  memcpy(at, head + KEY_AT, flags_end - KEY_AT);
  at += flags_end - KEY_AT;
  memcpy(at, " 0", 2);
  at += 2;
  memcpy(at, head + flags_end, items->head_bytes - flags_end);
  at += items->head_bytes - flags_end;
  memcpy(at, head + KEY_AT, KEY_BYTES);
  memcpy(at + KEY_BYTES, pattern_of(items, key), items->value_bytes - KEY_BYTES);
  at += items->value_bytes;
  memcpy(at, "\r\n", 2);
  return (uint32_t)(at + 2 - to);
}

enum check items_check(const struct items *items, const char *from, uint32_t have, uint32_t key) {
  if (have < END_BYTES) return CHECK_MORE;
  if (memcmp(from, END_LINE, END_BYTES) == 0) return CHECK_END;
  const char *head = head_of(items, key);
  uint32_t head_have = have < items->head_bytes ? have : items->head_bytes;
  if (memcmp(from, head, head_have) != 0) return CHECK_WRONG;
  if (have < items->item_bytes) return CHECK_MORE;
  const char *value = from + items->head_bytes;
  uint32_t pattern_bytes = items->value_bytes - KEY_BYTES;
  bool right = memcmp(value, head + KEY_AT, KEY_BYTES) == 0 &&
               memcmp(value + KEY_BYTES, pattern_of(items, key), pattern_bytes) == 0 &&
               memcmp(value + items->value_bytes, "\r\n", 2) == 0;
  return right ? CHECK_HIT : CHECK_WRONG;
}
