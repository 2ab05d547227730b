/* Threads and processes that wait for each other: what they hand on must arrive once each, in order, and whole. */

#include "smp.h"
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/** More than there are harts, so that most of them sleep. */
#define PLAYERS 12
#define PROCESSES 4

static long rounds;

// A ball goes round: each player waits until it is his, changes it, and hands it on.
static pthread_mutex_t ballMutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ballHere[PLAYERS];
static long ballOwner;
static uint64_t ball;

static void *play(void *argument) {
  long me = (long)argument;
  for (long i = 0; i < rounds; i++) {
    pthread_mutex_lock(&ballMutex);
    while (ballOwner != me) pthread_cond_wait(&ballHere[me], &ballMutex);
    ball = ball * 31 + me;
    ballOwner = (me + 1) % PLAYERS;
    pthread_mutex_unlock(&ballMutex);
    pthread_cond_signal(&ballHere[ballOwner]);
  }
  return NULL;
}

static int passBall(void) {
  for (int i = 0; i < PLAYERS; i++) pthread_cond_init(&ballHere[i], NULL);
  together(PLAYERS, false, play);
  uint64_t expected = 0;
  for (long i = 0; i < rounds * PLAYERS; i++) expected = expected * 31 + i % PLAYERS;
  return expect("the ball", ball, expected);
}

// A shelf with few places, between as many who fill it as who empty it.
#define PLACES 3
static pthread_mutex_t shelfMutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t shelfFuller = PTHREAD_COND_INITIALIZER, shelfEmptier = PTHREAD_COND_INITIALIZER;
static uint64_t shelf[PLACES], given, got;
static long filled;

static void *trade(void *argument) {
  long me = (long)argument;
  uint64_t sum = 0;
  for (long i = 1; i <= rounds; i++) {
    pthread_mutex_lock(&shelfMutex);
    if (me % 2 == 0) {
      while (filled == PLACES) pthread_cond_wait(&shelfEmptier, &shelfMutex);
      sum += shelf[filled++] = (uint64_t)me << 32 | i;
      pthread_cond_signal(&shelfFuller);
    } else {
      while (filled == 0) pthread_cond_wait(&shelfFuller, &shelfMutex);
      sum += shelf[--filled];
      pthread_cond_signal(&shelfEmptier);
    }
    pthread_mutex_unlock(&shelfMutex);
  }
  __atomic_fetch_add(me % 2 == 0 ? &given : &got, sum, __ATOMIC_RELAXED);
  return NULL;
}

static int useShelf(void) {
  together(PLAYERS, false, trade);
  uint64_t expected = 0;
  for (uint64_t me = 0; me < PLAYERS; me += 2) expected += (me << 32) * rounds + (uint64_t)rounds * (rounds + 1) / 2;
  return expect("what was put on the shelf", given, expected) + expect("what was taken from it", got, expected)
       + expect("what is left there", filled, 0);
}

// Nobody begins a round before everybody has ended the one before.
static pthread_barrier_t barrier;
static long finished[THREADS];
static int early;

static void *march(void *argument) {
  long me = (long)argument;
  for (long i = 1; i <= rounds; i++) {
    finished[me] = i;
    pthread_barrier_wait(&barrier);
    for (int other = 0; other < THREADS; other++)
      if (finished[other] != i) __atomic_fetch_add(&early, 1, __ATOMIC_RELAXED);
    pthread_barrier_wait(&barrier);
  }
  return NULL;
}

static int keepStep(void) {
  pthread_barrier_init(&barrier, NULL, THREADS);
  together(THREADS, true, march);
  return expect("who began a round early", early, 0);
}

// The same between processes, which share nothing but a page.
struct Shared { pthread_mutex_t mutex; uint64_t sum; uint64_t parts[PROCESSES]; };

static int share(void) {
  struct Shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (shared == MAP_FAILED) return expect("mmap", 1, 0);
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutex_init(&shared->mutex, &attributes);
  for (int child = 0; child < PROCESSES; child++) {
    if (fork() != 0) continue;
    for (long i = 1; i <= rounds; i++) {
      pthread_mutex_lock(&shared->mutex);
      shared->sum += i;
      shared->parts[child] += i;
      if (i % 64 == 0) sched_yield();
      pthread_mutex_unlock(&shared->mutex);
    }
    _exit(0);
  }
  int failures = 0, status;
  while (wait(&status) > 0) failures += expect("how a process ended", status, 0);
  uint64_t sum = (uint64_t)rounds * (rounds + 1) / 2;
  failures += expect("the sum of all processes", shared->sum, sum * PROCESSES);
  for (int child = 0; child < PROCESSES; child++) failures += expect("the sum of a process", shared->parts[child], sum);
  return failures;
}

int futexes(long count) {
  rounds = count;
  return passBall() + useShelf() + keepStep() + share();
}
