/* Proofs that several harts work together: smp PROOF ROUNDS. The exit status is 0 where nothing failed. */

#include "smp.h"
#include <string.h>

static int harts;

/** Starts a thread, on a hart of its own if it can be had. */
static int start(pthread_t *thread, bool isPinned, void *(*work)(void *number), long number) {
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 128 << 10);
  if (isPinned) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(number % harts, &set);
    pthread_attr_setaffinity_np(&attributes, sizeof set, &set);
  }
  int error = pthread_create(thread, &attributes, work, (void *)number);
  pthread_attr_destroy(&attributes);
  return error;
}

void together(int count, bool isPinned, void *(*work)(void *number)) {
  pthread_t threads[count];
  for (long i = 0; i < count; i++) {
    // A hart that has just been taken away runs no thread.
    if (start(&threads[i], isPinned, work, i) == 0 || start(&threads[i], false, work, i) == 0) continue;
    fprintf(stderr, "There is no room for %d threads.\n", count);
    exit(2);
  }
  for (int i = 0; i < count; i++) pthread_join(threads[i], NULL);
}

int main(int argc, char **argv) {
  static const struct { const char *name; Proof *run; } proofs[] = {
    {"atomics", atomics}, {"futexes", futexes}, {"litmus", litmus},
  };
  cpu_set_t set;
  sched_getaffinity(0, sizeof set, &set);
  harts = CPU_COUNT(&set);
  setvbuf(stdout, NULL, _IOLBF, 0);
  for (unsigned i = 0; argc == 3 && i < sizeof proofs / sizeof *proofs; i++) {
    if (strcmp(argv[1], proofs[i].name) != 0) continue;
    int failures = proofs[i].run(atol(argv[2]));
    printf("%s: %d failures on %d harts\n", argv[1], failures, harts);
    return failures != 0;
  }
  fprintf(stderr, "usage: smp atomics|futexes|litmus ROUNDS\n");
  return 2;
}
