// What every program of the translator's benchmark offers to main.c, and the random numbers that most of them need.

#ifndef BENCH_H
#define BENCH_H

#include <stdint.h>

/** Called once, before the first step. */
void prepare(void);

/** One iteration, a millisecond or so of work: takes the checksum so far and gives the next one. */
uint64_t step(uint64_t sum);

/** Ends the program with exit status 1 after one line that says what went wrong. */
_Noreturn void fail(const char *what);

/** The program's own path, from which those beside it can be found. */
extern const char *own_path;

static inline uint32_t next_random(uint32_t *state) {
  *state ^= *state << 13;
  *state ^= *state >> 17;
  *state ^= *state << 5;
  return *state;
}

static inline uint64_t mix(uint64_t sum, uint64_t value) {
  sum = (sum ^ value) * 0x9e3779b97f4a7c15;
  return sum ^ sum >> 29;
}

#endif
