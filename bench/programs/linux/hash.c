// A hash map with chains over some 8 MiB: look-ups, entries and removals at random, each a walk along pointers.

#include "bench.h"
#include <stdlib.h>

enum { BUCKETS = 1 << 17, NODES = 200000, KEYS = 1 << 18, ROUNDS = 4000 };

typedef struct Node {
  struct Node *next;
  uint64_t key;
  uint64_t value;
  uint64_t uses;
} Node;

static Node *buckets[BUCKETS];
static Node *free_nodes;
static uint32_t state = 0x8badf00d;

static Node **bucket_of(uint64_t key) { return &buckets[key * 0x9e3779b97f4a7c15 >> 47]; }

static Node *find(uint64_t key) {
  Node *node = *bucket_of(key);
  while (node != NULL && node->key != key) node = node->next;
  return node;
}

static void enter(uint64_t key, uint64_t value) {
  Node *const node = free_nodes;
  if (node == NULL) return;
  free_nodes = node->next;
  Node **const bucket = bucket_of(key);
  *node = (Node){*bucket, key, value, 0};
  *bucket = node;
}

static uint64_t take_out(uint64_t key) {
  for (Node **at = bucket_of(key); *at != NULL; at = &(*at)->next) {
    Node *const node = *at;
    if (node->key != key) continue;
    *at = node->next;
    node->next = free_nodes;
    free_nodes = node;
    return node->uses;
  }
  return 0;
}

static uint64_t some_key(void) { return next_random(&state) % KEYS; }

void prepare(void) {
  Node *const nodes = calloc(NODES, sizeof(Node));
  if (nodes == NULL) fail("there is no memory for the nodes");
  // Neighbours in a chain do not lie side by side: the free list goes through memory in large strides.
  for (uint32_t i = 0, at = 0; i < NODES; i++, at = (at + 77773) % NODES) {
    nodes[at].next = free_nodes;
    free_nodes = &nodes[at];
  }
  for (int i = 0; i < NODES * 3 / 4; i++) {
    const uint64_t key = some_key();
    if (find(key) == NULL) enter(key, key * 3);
  }
}

uint64_t step(uint64_t sum) {
  for (int i = 0; i < ROUNDS; i++) {
    const uint64_t key = some_key();
    Node *const node = find(key);
    if (node == NULL) enter(key, sum);
    else {
      node->uses++;
      sum = mix(sum, node->value);
    }
    if (i % 4 == 0) sum += take_out(some_key());
  }
  return sum;
}
