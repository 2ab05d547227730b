// Introsort over numbers, written out, and the C library's qsort over records with a function that compares.

#include "bench.h"
#include <stdlib.h>
#include <string.h>

enum { NUMBERS = 8000, RECORDS = 2000, SMALL = 16 };

typedef struct {
  char name[12];
  uint32_t key;
} Record;

static uint32_t numbers[NUMBERS];
static Record records[RECORDS];
static uint32_t state = 0x1234567;

static void swap(uint32_t *a, uint32_t *b) {
  const uint32_t value = *a;
  *a = *b;
  *b = value;
}

static void insertion_sort(uint32_t *list, int count) {
  for (int i = 1; i < count; i++) {
    const uint32_t value = list[i];
    int j = i;
    for (; j > 0 && list[j - 1] > value; j--) list[j] = list[j - 1];
    list[j] = value;
  }
}

static void sink(uint32_t *list, int at, int count) {
  for (int child; (child = 2 * at + 1) < count; at = child) {
    if (child + 1 < count && list[child + 1] > list[child]) child++;
    if (list[at] >= list[child]) return;
    swap(&list[at], &list[child]);
  }
}

static void heap_sort(uint32_t *list, int count) {
  for (int i = count / 2 - 1; i >= 0; i--) sink(list, i, count);
  for (int i = count - 1; i > 0; i--) {
    swap(&list[0], &list[i]);
    sink(list, 0, i);
  }
}

static void introsort(uint32_t *list, int count, int depth) {
  while (count > SMALL) {
    if (depth-- == 0) {
      heap_sort(list, count);
      return;
    }
    uint32_t *const middle = &list[count / 2], *const last = &list[count - 1];
    if (*middle < *list) swap(middle, list);
    if (*last < *list) swap(last, list);
    if (*last < *middle) swap(last, middle);
    const uint32_t pivot = *middle;
    int i = 0, j = count - 1;
    while (i <= j) {
      while (list[i] < pivot) i++;
      while (list[j] > pivot) j--;
      if (i <= j) swap(&list[i++], &list[j--]);
    }
    introsort(list, j + 1, depth);
    list += i;
    count -= i;
  }
  insertion_sort(list, count);
}

static int compare(const void *a, const void *b) {
  const int order = strcmp(((const Record *)a)->name, ((const Record *)b)->name);
  if (order != 0) return order;
  return ((const Record *)a)->key < ((const Record *)b)->key ? -1 : 1;
}

void prepare(void) {}

uint64_t step(uint64_t sum) {
  for (int i = 0; i < NUMBERS; i++) numbers[i] = next_random(&state);
  introsort(numbers, NUMBERS, 26);
  for (int i = 1; i < NUMBERS; i++)
    if (numbers[i - 1] > numbers[i]) fail("the numbers are not in order");
  // Nearly sorted, as most lists of real programs are.
  for (int i = 0; i < NUMBERS / 16; i++) numbers[next_random(&state) % NUMBERS] = next_random(&state);
  introsort(numbers, NUMBERS, 26);
  for (int i = 0; i < RECORDS; i++) {
    uint32_t value = next_random(&state);
    for (int c = 0; c < 8; c++, value >>= 4) records[i].name[c] = (char)('a' + (c < 3 ? value & 1 : value & 15));
    records[i].key = (uint32_t)i;
  }
  qsort(records, RECORDS, sizeof(Record), compare);
  for (int i = 0; i < RECORDS; i += 97) sum = mix(sum, records[i].key);
  for (int i = 0; i < NUMBERS; i += 97) sum = mix(sum, numbers[i]);
  return sum;
}
