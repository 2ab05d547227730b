/* Four threads change the same words by every kind of atomic instruction; in the end the totals must be exact. */

#include "smp.h"

static struct {
  _Alignas(APART) uint32_t addW;
  _Alignas(APART) uint64_t addD;
  _Alignas(APART) uint32_t pairW;
  _Alignas(APART) uint64_t pairD;
  _Alignas(APART) uint64_t compared;
  _Alignas(APART) uint32_t xored;
  _Alignas(APART) uint32_t ored;
  _Alignas(APART) uint32_t anded;
  _Alignas(APART) uint32_t greatest;
  _Alignas(APART) int32_t least;
  _Alignas(APART) uint64_t swapped;
  /** A lock by amoswap and one by lr/sc, each with a number that is changed by plain loads and stores. */
  _Alignas(APART) uint32_t swapLock;
  _Alignas(APART) uint64_t swapGuarded;
  _Alignas(APART) uint32_t pairLock;
  _Alignas(APART) uint64_t pairGuarded;
  /** Neighbours: each thread has a byte and a halfword of its own. */
  _Alignas(APART) uint8_t bytes[THREADS];
  _Alignas(APART) uint16_t halves[THREADS];
} all;

static long rounds;
/** What the swaps of each thread have brought it. */
static uint64_t taken[THREADS];

static uint32_t addPairW(uint32_t *at, uint32_t value) {
  uint32_t old, failed, fresh;
  do {
    asm volatile("lr.w %0, (%3)\n add %2, %0, %4\n sc.w %1, %2, (%3)"
                 : "=&r"(old), "=&r"(failed), "=&r"(fresh) : "r"(at), "r"(value) : "memory");
  } while (failed);
  return old;
}

static uint64_t addPairD(uint64_t *at, uint64_t value) {
  uint64_t old, failed, fresh;
  do {
    asm volatile("lr.d %0, (%3)\n add %2, %0, %4\n sc.d %1, %2, (%3)"
                 : "=&r"(old), "=&r"(failed), "=&r"(fresh) : "r"(at), "r"(value) : "memory");
  } while (failed);
  return old;
}

static void lockBySwap(uint32_t *lock) {
  uint32_t held;
  for (;;) {
    asm volatile("amoswap.w.aq %0, %2, (%1)" : "=r"(held) : "r"(lock), "r"(1) : "memory");
    if (!held) return;
    sched_yield();
  }
}

static void lockByPair(uint32_t *lock) {
  uint32_t held;
  for (;;) {
    asm volatile("1: lr.w.aq %0, (%1)\n bnez %0, 2f\n sc.w %0, %2, (%1)\n bnez %0, 1b\n2:"
                 : "=&r"(held) : "r"(lock), "r"(1) : "memory");
    if (!held) return;
    sched_yield();
  }
}

static void unlock(uint32_t *lock) {
  asm volatile("amoswap.w.rl zero, zero, (%0)" : : "r"(lock) : "memory");
}

static void *work(void *argument) {
  long me = (long)argument;
  uint32_t chance = 12345 + me;
  uint64_t mine = 0;
  for (long i = 1; i <= rounds; i++) {
    asm volatile("amoadd.w zero, %1, (%0)" : : "r"(&all.addW), "r"(me + 1) : "memory");
    asm volatile("amoadd.d zero, %1, (%0)" : : "r"(&all.addD), "r"(i) : "memory");
    addPairW(&all.pairW, me + 1);
    addPairD(&all.pairD, i);
    uint64_t old = __atomic_load_n(&all.compared, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&all.compared, &old, old + i, true, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    asm volatile("amoxor.w zero, %1, (%0)" : : "r"(&all.xored), "r"((uint32_t)(i * 2654435761u) ^ me) : "memory");
    asm volatile("amoor.w zero, %1, (%0)" : : "r"(&all.ored), "r"(1u << (next(&chance) & 7) << 8 * me) : "memory");
    asm volatile("amoand.w zero, %1, (%0)" : : "r"(&all.anded), "r"(~(1u << (next(&chance) & 7) << 8 * me)) : "memory");
    asm volatile("amomaxu.w zero, %1, (%0)" : : "r"(&all.greatest), "r"(0x80000000u + i * THREADS + me) : "memory");
    asm volatile("amomin.w zero, %1, (%0)" : : "r"(&all.least), "r"(-(i * THREADS + me)) : "memory");
    // Each number is put in once; whatever is taken out and whatever is left must be all of them.
    uint64_t got;
    asm volatile("amoswap.d %0, %2, (%1)" : "=r"(got) : "r"(&all.swapped), "r"(i * THREADS + me) : "memory");
    mine += got;
    lockBySwap(&all.swapLock);
    *(volatile uint64_t *)&all.swapGuarded += i;
    unlock(&all.swapLock);
    lockByPair(&all.pairLock);
    *(volatile uint64_t *)&all.pairGuarded += i;
    unlock(&all.pairLock);
    ++*(volatile uint8_t *)&all.bytes[me];
    *(volatile uint16_t *)&all.halves[me] += 3;
  }
  taken[me] = mine;
  return NULL;
}

int atomics(long count) {
  rounds = count;
  all.anded = ~0u;
  together(THREADS, true, work);

  uint64_t sum = (uint64_t)rounds * (rounds + 1) / 2, numbers = THREADS * (1 + 2 + 3 + 4) / 4;
  uint32_t mixed = 0;
  uint64_t swaps = all.swapped, put = 0;
  for (long me = 0; me < THREADS; me++) {
    swaps += taken[me];
    for (long i = 1; i <= rounds; i++) {
      mixed ^= (uint32_t)(i * 2654435761u) ^ me;
      put += i * THREADS + me;
    }
  }
  int failures = expect("amoadd.w", all.addW, (uint32_t)(numbers * rounds));
  failures += expect("amoadd.d", all.addD, sum * THREADS);
  failures += expect("lr.w and sc.w", all.pairW, (uint32_t)(numbers * rounds));
  failures += expect("lr.d and sc.d", all.pairD, sum * THREADS);
  failures += expect("compare and exchange", all.compared, sum * THREADS);
  failures += expect("amoxor.w", all.xored, mixed);
  failures += expect("amoor.w", all.ored, rounds >= 1000 ? ~0u : all.ored);
  failures += expect("amoand.w", all.anded, rounds >= 1000 ? 0 : all.anded);
  failures += expect("amomaxu.w", all.greatest, 0x80000000u + rounds * THREADS + THREADS - 1);
  failures += expect("amomin.w", (uint32_t)all.least, (uint32_t)-(rounds * THREADS + THREADS - 1));
  failures += expect("amoswap.d", swaps, put);
  failures += expect("what amoswap guards", all.swapGuarded, sum * THREADS);
  failures += expect("what lr and sc guard", all.pairGuarded, sum * THREADS);
  for (int me = 0; me < THREADS; me++) {
    failures += expect("a byte among neighbours", all.bytes[me], (uint8_t)rounds);
    failures += expect("a halfword among neighbours", all.halves[me], (uint16_t)(3 * rounds));
  }
  return failures;
}
