// A mix like CoreMark's: a linked list that is searched, reversed and merge-sorted, a small integer matrix, a state
// machine that reads numbers, and a 16-bit CRC over all results.

#include "bench.h"
#include <stddef.h>

enum { NODES = 120, SIDE = 16, TEXT = 600, ROUNDS = 10 };

typedef struct Node {
  struct Node *next;
  int16_t value;
  int16_t index;
} Node;

static Node nodes[NODES];
static Node *list;
static int16_t left[SIDE][SIDE], right[SIDE][SIDE];
static int32_t product[SIDE][SIDE];
static char text[TEXT + 1];
static uint32_t state = 0x2545f491;

static uint16_t crc16(uint16_t crc, uint32_t value) {
  for (int bit = 0; bit < 32; bit++) {
    const int odd = (crc ^ value) & 1;
    value >>= 1;
    crc >>= 1;
    if (odd) crc ^= 0xa001;
  }
  return crc;
}

static const Node *find(const Node *from, int16_t value) {
  while (from != NULL && from->value != value) from = from->next;
  return from;
}

static Node *reverse(Node *from) {
  Node *done = NULL;
  while (from != NULL) {
    Node *const rest = from->next;
    from->next = done;
    done = from;
    from = rest;
  }
  return done;
}

static int by_value(const Node *a, const Node *b) {
  return a->value != b->value ? a->value - b->value : a->index - b->index;
}

static int by_index(const Node *a, const Node *b) { return a->index - b->index; }

static Node *merge(Node *a, Node *b, int (*compare)(const Node *, const Node *)) {
  Node head, *last = &head;
  while (a != NULL && b != NULL) {
    Node **const from = compare(a, b) <= 0 ? &a : &b;
    last->next = *from;
    last = *from;
    *from = last->next;
  }
  last->next = a != NULL ? a : b;
  return head.next;
}

static Node *sort(Node *from, int count, int (*compare)(const Node *, const Node *)) {
  if (count == 1) {
    from->next = NULL;
    return from;
  }
  Node *middle = from;
  for (int i = 0; i < count / 2; i++) middle = middle->next;
  Node *const second = sort(middle, count - count / 2, compare);
  return merge(sort(from, count / 2, compare), second, compare);
}

static uint16_t do_list(uint16_t crc, int16_t round) {
  for (int i = 0; i < 20; i++) {
    const Node *const found = find(list, (int16_t)((i * 7 + round) % 128));
    crc = crc16(crc, found == NULL ? 0xffff : (uint32_t)found->index);
    list = reverse(list);
  }
  list = sort(list, NODES, by_value);
  for (const Node *node = list; node != NULL; node = node->next) crc = crc16(crc, (uint32_t)node->value);
  list = sort(list, NODES, by_index);
  nodes[round % NODES].value = (int16_t)(crc & 127);
  return crc;
}

static uint16_t do_matrix(uint16_t crc, int16_t round) {
  for (int i = 0; i < SIDE; i++)
    for (int j = 0; j < SIDE; j++) {
      int32_t sum = 0;
      for (int k = 0; k < SIDE; k++) sum += left[i][k] * right[k][j];
      product[i][j] = sum;
    }
  int32_t total = 0;
  for (int i = 0; i < SIDE; i++)
    for (int j = 0; j < SIDE; j++) {
      total += product[i][j] > total ? 10 : product[i][j] >> 4 & 7;
      left[i][j] = (int16_t)(left[i][j] + (product[j][i] & 3) - 1 + (round & 1));
    }
  return crc16(crc, (uint32_t)total);
}

enum State { START, SIGN, WHOLE, POINT, FRACTION, EXPONENT, POWER, INVALID, STATES };

static enum State read_number(const char **at) {
  enum State now = START;
  const char *p = *at;
  for (; *p != ',' && *p != 0; p++) {
    const char c = *p;
    const int digit = c >= '0' && c <= '9';
    switch (now) {
      case START: now = digit ? WHOLE : c == '+' || c == '-' ? SIGN : c == '.' ? POINT : INVALID; break;
      case SIGN: now = digit ? WHOLE : c == '.' ? POINT : INVALID; break;
      case WHOLE: now = digit ? WHOLE : c == '.' ? POINT : c == 'e' ? EXPONENT : INVALID; break;
      case POINT: now = digit ? FRACTION : INVALID; break;
      case FRACTION: now = digit ? FRACTION : c == 'e' ? EXPONENT : INVALID; break;
      case EXPONENT: now = digit || c == '-' ? POWER : INVALID; break;
      case POWER: now = digit ? POWER : INVALID; break;
      default: break;
    }
  }
  *at = *p == ',' ? p + 1 : p;
  return now;
}

static uint16_t do_states(uint16_t crc, int16_t round) {
  uint32_t counts[STATES] = {0};
  for (const char *at = text; *at != 0;) counts[read_number(&at)]++;
  for (int i = 0; i < STATES; i++) crc = crc16(crc, counts[i]);
  // Another letter somewhere, so that no two rounds read the same text.
  text[(round * 31 + crc) % (TEXT - 1)] = "0123456789+-.,e"[crc % 15];
  return crc;
}

void prepare(void) {
  for (int i = 0; i < NODES; i++) {
    nodes[i] = (Node){i + 1 < NODES ? &nodes[i + 1] : NULL, (int16_t)(next_random(&state) & 127), (int16_t)i};
  }
  list = nodes;
  for (int i = 0; i < SIDE; i++)
    for (int j = 0; j < SIDE; j++) {
      left[i][j] = (int16_t)(next_random(&state) & 0xff);
      right[i][j] = (int16_t)(next_random(&state) & 0xff);
    }
  static const char *const words[] = {"5012,", "-73.25,", "+.5e-3,", "1e99,", "T0.3e-1F,", "8.125,"};
  for (int i = 0, at = 0; at < TEXT; i = next_random(&state) % 6)
    for (const char *c = words[i]; *c != 0 && at < TEXT; c++) text[at++] = *c;
}

uint64_t step(uint64_t sum) {
  uint16_t crc = (uint16_t)sum;
  for (int16_t round = 0; round < ROUNDS; round++) {
    crc = do_list(crc, round);
    crc = do_matrix(crc, round);
    crc = do_states(crc, round);
  }
  return (mix(sum, crc) & ~0xffffull) | crc;
}
