// Start of every program of the translator's benchmark: PROGRAM ITERATIONS prints the checksum of so many steps;
// PROGRAM for MILLISECONDS makes steps for so long, then prints how many were done after each slice of 50 ms or more.

#include "bench.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { SLICE_US = 50000, MOST_SLICES = 2000 };

const char *own_path;

static struct {
  uint64_t us;
  uint64_t steps;
} slices[MOST_SLICES];

void fail(const char *what) {
  printf("failed: %s\n", what);
  exit(1);
}

static uint64_t now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000ull + time.tv_nsec / 1000;
}

// Nothing is printed on the way: a console is slow, and not equally so in every machine.
static void run_for(uint64_t start, uint64_t us) {
  uint64_t sum = 0, steps = 0;
  int count = 0;
  uint64_t slice_end = start + SLICE_US;
  while (count < MOST_SLICES) {
    sum = step(sum);
    steps++;
    const uint64_t now = now_us();
    if (now < slice_end) continue;
    slices[count].us = now - start;
    slices[count++].steps = steps;
    slice_end = now + SLICE_US;
    if (now - start >= us) break;
  }
  for (int i = 0; i < count; i++)
    printf("slice %llu %llu\n", (unsigned long long)slices[i].us, (unsigned long long)slices[i].steps);
}

int main(int argc, char **argv) {
  const uint64_t start = now_us();
  own_path = argv[0];
  const int is_timed = argc == 3 && strcmp(argv[1], "for") == 0;
  if (argc != 2 && !is_timed) fail("usage: PROGRAM ITERATIONS, or PROGRAM for MILLISECONDS");
  prepare();
  if (is_timed) {
    run_for(start, strtoull(argv[2], NULL, 10) * 1000);
    return 0;
  }
  uint64_t sum = 0;
  for (uint64_t left = strtoull(argv[1], NULL, 10); left > 0; left--) sum = step(sum);
  printf("checksum %016llx\n", (unsigned long long)sum);
  return 0;
}
