// A hostile kernel: calls SBI with garbage, then writes over its own device tree, and asks again.

#include "../machine.h"

#define SRST 0x53525354
#define HSM 0x48534d
#define DBCN 0x4442434e
#define TIME 0x54494d45
#define IPI 0x735049
#define RFENCE 0x52464e43
#define PMU 0x504d55
#define BASE 0x10
#define SHUTDOWN_LEGACY 8

static u64 calls, done;

static long sbi(u64 extension, u64 function, const u64 *arguments) {
  register u64 a0 __asm__("a0") = arguments[0];
  register u64 a1 __asm__("a1") = arguments[1];
  register u64 a2 __asm__("a2") = arguments[2];
  register u64 a3 __asm__("a3") = arguments[3];
  register u64 a4 __asm__("a4") = arguments[4];
  register u64 a5 __asm__("a5") = arguments[5];
  register u64 a6 __asm__("a6") = function;
  register u64 a7 __asm__("a7") = extension;
  __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a3), "r"(a4), "r"(a5), "r"(a6), "r"(a7) : "memory");
  calls++;
  done += a0 == 0;
  return a0;
}

/** Numbers that programs get wrong. */
static u64 odd_number(void) {
  const u64 end = RAM + MEMORY;
  switch (random64() % 16) {
    case 0: return 0;
    case 1: return 1;
    case 2: return random64() % 64;
    case 3: return ~0UL;
    case 4: return ~0UL - random64() % 4096;
    case 5: return end - random64() % 64;
    case 6: return end + random64() % 4096;
    case 7: return UART;
    case 8: return RAM - 1;
    case 9: return 1UL << random64() % 64;
    case 10: return end - 0x10000 + random64() % 0x8000;
    default: return random64();
  }
}

static void everything(u64 rounds) {
  const u64 extensions[] = {BASE, TIME, IPI, RFENCE, HSM, DBCN, PMU, 0x535441, 0x53555350, 0x43505043, 0x4e41434c,
                            0x535345, 0x46574654, 0x0a000000, 0x09000000};
  for (u64 round = 0; round < rounds; round++) {
    u64 extension = extensions[random64() % (sizeof extensions / sizeof *extensions)];
    if (round % 16 == 0) extension = random64();
    if (round % 16 == 1) extension = random64() % 16;
    u64 function = random64() % 8;
    if (round % 8 == 3) function = odd_number();
    if (extension == SHUTDOWN_LEGACY || extension == SRST) continue;
    // Stopping or suspending ourselves is no mistake, and would end the test.
    if (extension == HSM && ((u32)function == 1 || (u32)function == 3)) continue;
    u64 arguments[6];
    for (int i = 0; i < 6; i++) arguments[i] = odd_number();
    sbi(extension, function, arguments);
  }
}

/** Resets with words that no reset has: refused, all of them. */
static int refused_resets(void) {
  int wrong = 0;
  for (u64 i = 0; i < 64; i++) {
    const u64 arguments[6] = {3 + random64() % 0xeffffffc, random64() % 3, 0, 0, 0, 0};
    wrong += sbi(SRST, 0, arguments) == 0;
    const u64 other[6] = {0, 2 + random64() % 0xdffffffd, 0, 0, 0, 0};
    wrong += sbi(SRST, 0, other) == 0;
  }
  return wrong;
}

int main(u64 hart, u64 tree) {
  (void)hart;
  // A supervisor timer that is far away, so that what TIME was told does not matter.
  CSR_WRITE(sie, 0);
  // The clock and the counters may be read from user mode from the first moment on, as under other firmware.
  if (CSR_READ(scounteren) != 7) return 4;
  everything(20000);
  if (refused_resets() != 0) return 1;
  if (AT(u32, tree) != 0xedfe0dd0) return 2;
  for (u64 at = tree; at < tree + 0x1000; at += 8) AT(u64, at) = random64();
  everything(20000);
  const u64 none[6] = {0};
  if (sbi(BASE, 0, none) != 0) return 3;
  print("\nsurvived ");
  print_number(calls);
  print(" calls, done ");
  print_number(done);
  print("\n");
  return 0;
}
