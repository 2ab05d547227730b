// Work at a fixed rate, whether or not the machine keeps up: operation n is due n periods after the start, and how long it
// took is counted from then. What has not been begun when the time is over is not done at all.

#ifndef PACE_H
#define PACE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MOST_OPERATIONS = 1 << 20 };

static uint64_t now_ns(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000000ull + time.tv_nsec;
}

static void sleep_until(uint64_t ns) {
  const struct timespec time = {ns / 1000000000, ns % 1000000000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) != 0) continue;
}

/**
 * Does operations at this rate per second for so many seconds; the first is due `phase` of a period after the start. Prints
 * how many were due, how many went wrong, and the microseconds of those that went right.
 */
static void pace(double rate, double seconds, double phase, bool (*operation)(uint64_t n)) {
  static uint32_t us[MOST_OPERATIONS];
  const uint64_t begin = now_ns();
  const uint64_t end = begin + seconds * 1e9;
  uint64_t offered = 0, right = 0, wrong = 0;
  for (; offered < MOST_OPERATIONS; offered++) {
    const uint64_t due = begin + (offered + phase) * 1e9 / rate;
    if (due >= end) break;
    if (now_ns() >= end) continue;
    sleep_until(due);
    if (operation(offered)) us[right++] = (now_ns() - due) / 1000;
    else wrong++;
  }
  printf("offered %llu wrong %llu\nus", (unsigned long long)offered, (unsigned long long)wrong);
  for (uint64_t i = 0; i < right; i++) printf(" %u", us[i]);
  printf("\n");
}

#endif
