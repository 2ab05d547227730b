// Sleeps again and again and tells how late it woke: late COUNT SLEEP_US prints a line of microseconds, one for each.

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { MOST = 10000 };

static uint64_t now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000ull + time.tv_nsec / 1000;
}

int main(int argc, char **argv) {
  static uint64_t late[MOST];
  const int count = argc == 3 ? atoi(argv[1]) : 0;
  const long us = argc == 3 ? atol(argv[2]) : 0;
  if (count < 1 || count > MOST || us < 1 || us > 999999) {
    printf("usage: late COUNT SLEEP_US, with a COUNT up to %d\n", MOST);
    return 1;
  }
  const struct timespec time = {0, us * 1000};
  for (int i = 0; i < count; i++) {
    const uint64_t due = now_us() + us;
    nanosleep(&time, NULL);
    const uint64_t now = now_us();
    late[i] = now > due ? now - due : 0;
  }
  printf("late");
  for (int i = 0; i < count; i++) printf(" %llu", (unsigned long long)late[i]);
  printf("\n");
  return 0;
}
