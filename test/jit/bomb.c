// A guest that makes code without end: writes function after function and calls each until it is hot. With STEADY instead
// one that does the same work for ever. PROGRESS tells how far it has come.

#include "../../guests/programs/machine.h"

#define AREA (RAM + 0x400000UL)
#define AREA_BYTES 0x3000000UL
/** A page each: to write beside a function is to change its page. */
#define STEP 4096UL
#define PROGRESS (RAM + 0x300000UL)
#define CALLS 40UL

typedef u64 function(u64);

/** Six additions of ever other numbers, a loop around them, and a return. */
static void write_function(u64 at, u64 seed) {
  for (u64 i = 0; i < 6; i++) AT(u32, at + 4 * i) = 0x00050513u | (u32)(seed * 7 + i) << 20;
  AT(u32, at + 24) = 0xfff58593u; // addi a1, a1, -1
  AT(u32, at + 28) = 0xfeb042e3u; // blt x0, a1, at
  AT(u32, at + 32) = 0x00008067u;
}

int main(void) {
#ifdef STEADY
  u64 state = 1;
  for (u64 round = 0;; round++) {
    for (u64 i = 0; i < 1000; i++) state = (state ^ state << 7 ^ state >> 9) + i;
    AT(u64, PROGRESS) = round;
    AT(u64, PROGRESS + 8) = state;
  }
#else
  u64 sum = 0;
  for (u64 count = 0;; count++) {
    u64 at = AREA + count * STEP % AREA_BYTES + count % 61 * 64;
    write_function(at, count);
    __asm__ volatile("fence.i" : : : "memory");
    for (u64 i = 0; i < CALLS; i++) {
      register u64 argument __asm__("a0") = sum;
      register u64 rounds __asm__("a1") = 20;
      __asm__ volatile("jalr ra, 0(%2)" : "+r"(argument), "+r"(rounds) : "r"(at) : "ra", "memory");
      sum = argument;
    }
    AT(u64, PROGRESS) = count;
  }
#endif
}
