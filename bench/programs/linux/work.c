// The good work of a tenant: jobs whose checksum is known, as many as it can do (full), or at a fixed rate, each to be
// done by its deadline (service). One job takes a millisecond or two.
//
//   work jobs COUNT                                  how long so many take
//   work full MILLISECONDS                           how many are done in that time
//   work service MILLISECONDS PERIOD_US DEADLINE_US  how many of those that come are done in time

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { WORDS = 8192, ROUNDS = 6 };

static uint32_t table[WORDS];
static uint64_t expected;

static uint64_t now_us(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1000000ull + time.tv_nsec / 1000;
}

// Each job begins with the same table, so that it ends with the same checksum.
static uint64_t job(void) {
  uint32_t state = 0x5eed;
  for (int i = 0; i < WORDS; i++) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    table[i] = state;
  }
  uint64_t sum = 1;
  for (int round = 0; round < ROUNDS; round++) {
    for (int i = 0; i < WORDS; i++) {
      sum = (sum ^ table[(i + (sum >> 51)) % WORDS]) * 0x9e3779b97f4a7c15;
      table[i] += (uint32_t)(sum >> 32);
    }
  }
  return sum;
}

static void do_job(void) {
  if (job() == expected) return;
  printf("failed: a job has computed something else than the first one\n");
  exit(1);
}

static void tell(uint64_t jobs, uint64_t us) {
  printf("work %llu jobs in %llu us, checksum %016llx\n", (unsigned long long)jobs, (unsigned long long)us,
         (unsigned long long)expected);
}

static void sleep_until(uint64_t us) {
  const struct timespec time = {us / 1000000, us % 1000000 * 1000};
  while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &time, NULL) != 0) continue;
}

// Jobs come whether those before are done or not, and wait their turn.
static uint64_t serve(uint64_t start, uint64_t end, uint64_t period, uint64_t deadline) {
  uint64_t good = 0;
  for (uint64_t due = start; due < end; due += period) {
    if (now_us() < due) sleep_until(due);
    // One that is too late to be done at all is not begun: else a queue, once it is long, would stay.
    if (now_us() > due + deadline) continue;
    do_job();
    good += now_us() <= due + deadline;
  }
  return good;
}

int main(int argc, char **argv) {
  const char *const how = argc > 2 ? argv[1] : "";
  const uint64_t amount = argc > 2 ? strtoull(argv[2], NULL, 10) : 0;
  // The first job touches all that the others need, too.
  expected = job();
  const uint64_t start = now_us();
  uint64_t jobs = 0;
  if (strcmp(how, "jobs") == 0) {
    for (; jobs < amount; jobs++) do_job();
  } else if (strcmp(how, "full") == 0) {
    for (; now_us() < start + amount * 1000; jobs++) do_job();
  } else if (strcmp(how, "service") == 0 && argc == 5) {
    jobs = serve(start, start + amount * 1000, strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
  } else {
    printf("usage: work jobs COUNT | full MS | service MS PERIOD_US DEADLINE_US\n");
    return 1;
  }
  tell(jobs, now_us() - start);
  return 0;
}
