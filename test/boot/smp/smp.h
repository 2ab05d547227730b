/* What the proofs of several harts share. Each is a function that gives the number of its failures. */

#pragma once

#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS 4
/** What no two harts shall share by accident: far more than a cache line. */
#define APART 256

typedef int Proof(long rounds);
Proof atomics, futexes, litmus;

/** Runs `work` in `count` threads, which get their number; on a hart of its own each, if they are to be pinned. */
void together(int count, bool isPinned, void *(*work)(void *number));

/** The next of a row of random numbers. */
static inline uint32_t next(uint32_t *state) {
  uint32_t x = *state;
  x ^= x << 13;
  x ^= x >> 17;
  return *state = x ^ x << 5;
}

/** Tells of a number that is not what it must be; gives the number of failures, 0 or 1. */
static inline int expect(const char *what, uint64_t found, uint64_t expected) {
  if (found == expected) return 0;
  printf("FAILED: %s is %llu, not %llu\n", what, (unsigned long long)found, (unsigned long long)expected);
  return 1;
}
