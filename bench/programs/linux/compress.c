// An LZ77 compressor with hash chains and its decompressor, over text that repeats itself as real text does.
//
// A token is a byte of two nibbles (letters, match - 4; 15: more bytes follow), letters, and the distance in two bytes.

#include "bench.h"
#include <string.h>

enum { SIZE = 96 * 1024, HASH_BITS = 13, CHAIN = 12, WINDOW = 1 << 15, LEAST = 4, END = 8 };

static uint8_t text[SIZE], packed[SIZE + SIZE / 64 + 64], unpacked[SIZE];
static int32_t newest[1 << HASH_BITS], older[WINDOW];
static uint32_t state = 0xbadcafe;

static uint32_t word_at(const uint8_t *p) {
  uint32_t word;
  memcpy(&word, p, sizeof word);
  return word;
}

static uint8_t *put_length(uint8_t *to, int length) {
  for (length -= 15; length >= 255; length -= 255) *to++ = 255;
  *to++ = (uint8_t)length;
  return to;
}

static uint8_t *put_token(uint8_t *to, const uint8_t *letters, int count, int match, int distance) {
  const int more = match - LEAST;
  *to++ = (uint8_t)((count < 15 ? count : 15) << 4 | (match == 0 ? 0 : more < 15 ? more : 15));
  if (count >= 15) to = put_length(to, count);
  memcpy(to, letters, (size_t)count);
  to += count;
  if (match == 0) return to;
  *to++ = (uint8_t)distance;
  *to++ = (uint8_t)(distance >> 8);
  return more >= 15 ? put_length(to, more) : to;
}

static void enter(int at) {
  int32_t *const head = &newest[word_at(text + at) * 2654435761u >> (32 - HASH_BITS)];
  older[at % WINDOW] = *head;
  *head = at;
}

static int pack(void) {
  memset(newest, -1, sizeof newest);
  uint8_t *to = packed;
  int done = 0;
  for (int at = 0; at < SIZE - END;) {
    int best = 0, distance = 0;
    int candidate = newest[word_at(text + at) * 2654435761u >> (32 - HASH_BITS)];
    for (int i = 0; i < CHAIN && candidate >= 0 && at - candidate < WINDOW; i++) {
      if (word_at(text + candidate) == word_at(text + at)) {
        int length = LEAST;
        while (at + length < SIZE - END && text[candidate + length] == text[at + length]) length++;
        if (length > best) {
          best = length;
          distance = at - candidate;
        }
      }
      candidate = older[candidate % WINDOW];
    }
    if (best == 0) {
      enter(at++);
      continue;
    }
    to = put_token(to, text + done, at - done, best, distance);
    for (const int end = at + best; at < end; at++) enter(at);
    done = at;
  }
  to = put_token(to, text + done, SIZE - done, 0, 0);
  return (int)(to - packed);
}

static int get_length(const uint8_t **from, int length) {
  if (length < 15) return length;
  uint8_t byte;
  do length += byte = *(*from)++;
  while (byte == 255);
  return length;
}

static int unpack(int size) {
  const uint8_t *from = packed, *const end = packed + size;
  uint8_t *to = unpacked;
  while (from < end) {
    const uint8_t token = *from++;
    const int count = get_length(&from, token >> 4);
    memcpy(to, from, (size_t)count);
    to += count;
    from += count;
    if (from >= end) break;
    const int distance = from[0] | from[1] << 8;
    from += 2;
    const int match = get_length(&from, token & 15) + LEAST;
    // Source and target may overlap: that is how a run is said.
    for (int i = 0; i < match; i++, to++) *to = to[-distance];
  }
  return (int)(to - unpacked);
}

void prepare(void) {
  static const char *const words[] = {"the ", "machine ", "of ", "memory ", "and ", "a ", "guest ", "runs ",
                                      "on ", "deck ", "where ", "translated ", "code ", "is ", "kept, ", "so "};
  for (int at = 0; at < SIZE;) {
    const uint32_t random = next_random(&state);
    // One word in eight is a new one.
    if (random % 8 == 0)
      for (int i = 0; i < 5 && at < SIZE; i++) text[at++] = (uint8_t)('a' + next_random(&state) % 26);
    for (const char *word = words[random >> 8 & 15]; *word != 0 && at < SIZE; word++) text[at++] = (uint8_t)*word;
  }
}

uint64_t step(uint64_t sum) {
  const int size = pack();
  if (unpack(size) != SIZE || memcmp(text, unpacked, SIZE) != 0) fail("what was unpacked is not what was packed");
  for (int i = 0; i < 16; i++) text[next_random(&state) % SIZE] = (uint8_t)('a' + i);
  return mix(sum, (uint64_t)size << 32 | packed[sum % (uint64_t)size]);
}
