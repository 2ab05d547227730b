// A hostile guest: runs garbage with every privilege below its own, code that changes under its own feet at the ends of
// pages and of RAM, jumps into devices and holes, and writes over its own device tree.

#include "../machine.h"

#define ARENA (RAM + 0x400000)
#define LIMIT 500

static u64 attempts, trapped_attempts;

static void count(int did_trap) {
  attempts++;
  trapped_attempts += did_trap;
}

static void run(u64 entry, u64 argument, u64 privilege) {
  limit(LIMIT);
  count(attempt(entry, argument, privilege));
  CSR_WRITE(satp, 0);
}

/** Most random words are no instructions; these have an opcode that is one, and all else random. */
static u32 likely(void) {
  static const u8 opcodes[] = {0x03, 0x07, 0x0f, 0x13, 0x17, 0x1b, 0x23, 0x27, 0x2f, 0x33, 0x37, 0x3b,
                               0x43, 0x47, 0x4b, 0x4f, 0x53, 0x63, 0x67, 0x6f, 0x73};
  const u32 word = random64();
  if ((word & 0x80000000) != 0) return word;
  return (random64() & ~0x7fUL) | opcodes[word % sizeof opcodes];
}

static void garbage(u64 privilege) {
  for (u64 round = 0; round < 1500; round++) {
    const u64 start = ARENA + (random64() % 64) * 4096 + (random64() % 2048) * 2;
    for (u64 i = 0; i < 512; i++) AT(u32, (start & ~3UL) + i * 4) = likely();
    __asm__ volatile("fence.i");
    run(start, round & 1 ? random64() : ARENA + random64() % 0x40000, privilege);
  }
}

/** `addi a0, a0, n; ret` written so that the first instruction lies across the end of a page. */
static void plant(u64 at, u32 n) {
  const u32 addi = n << 20 | 0x00050513, ret = 0x00008067;
  AT(u16, at) = addi;
  AT(u16, at + 2) = addi >> 16;
  AT(u16, at + 4) = ret;
  AT(u16, at + 6) = ret >> 16;
  __asm__ volatile("fence.i");
}

static int across_pages(void) {
  int wrong = 0;
  for (u64 n = 0; n < 1000; n++) {
    const u64 at = ARENA + 4096 * (1 + n % 7) - 2;
    plant(at, n % 2048);
    // Only the half behind the boundary changes, then only the one before it.
    if (n % 3 == 1) AT(u16, at + 2) = (n / 2 % 2048) << 4 | 5;
    if (n % 3 == 2) AT(u16, at) = 0x0513;
    __asm__ volatile("fence.i");
    u64 (*planted)(u64) = (u64(*)(u64))at;
    const u64 expected = n % 3 == 1 ? 1000 + ((n / 2 % 2048) << 52 >> 52) : 1000 + n % 2048;
    wrong += planted(1000) != expected;
  }
  return wrong;
}

/** Code that writes over the instruction it is about to run, with no fence between: either is right, neither may break. */
static void under_feet(void) {
  static const u32 code[] = {
    0x00c52023, // sw a2, 0(a0)
    0x00000013, // nop, or what was written
    0x00052023, // sw zero, 0(a0)
    0xff5ff06f, // j -12
  };
  for (u64 round = 0; round < 200; round++) {
    const u64 at = ARENA + 8192 - 4 * (round % 6) - 2 * (round & 1);
    for (u64 i = 0; i < 4; i++) {
      AT(u16, at + i * 4) = code[i];
      AT(u16, at + i * 4 + 2) = code[i] >> 16;
    }
    __asm__ volatile("fence.i");
    run(at, at + 4 + 4 * (round % 3), round % 3 == 2 ? MACHINE : round % 3);
  }
}

static void out_of_memory_and_into_devices(void) {
  const u64 end = RAM + MEMORY;
  for (u64 back = 2; back <= 16; back += 2) {
    for (u64 at = end - back; at < end; at += 2) AT(u16, at) = 0x0001;
    __asm__ volatile("fence.i");
    for (u64 privilege = 0; privilege < 4; privilege++) {
      if (privilege != 2) run(end - back, 0, privilege);
    }
    // The first half of a long instruction is the last that there is.
    AT(u16, end - 2) = 0x0513;
    __asm__ volatile("fence.i");
    run(end - back, 0, MACHINE);
  }
  const u64 places[] = {0, 4, POWER, RTC, ACLINT, ACLINT + 0xbff8, PLIC, UART, VIRTIO(0), VIRTIO(1) + 0x100, VIRTIO(7),
                        RAM - 2, RAM - 4, end, end + 2, 1UL << 32, 1UL << 55, 1UL << 63, ~0UL, ~0UL - 1, ~0UL - 3};
  for (u64 i = 0; i < sizeof places / sizeof *places; i++) {
    for (u64 privilege = 0; privilege < 4; privilege++) {
      if (privilege != 2) run(places[i], 0, privilege);
    }
  }
}

int main(u64 hart, u64 tree) {
  (void)hart;
  protect_below(ARENA);
  print("device tree\n");
  if (AT(u32, tree) != 0xedfe0dd0) return 2;
  for (u64 at = tree; at < tree + 4096; at += 8) AT(u64, at) = random64();
  print("across pages\n");
  const int wrong = across_pages();
  if (wrong != 0) {
    print_number(wrong);
    print(" results were wrong\n");
    return 3;
  }
  print("under its own feet\n");
  under_feet();
  print("out of memory and into devices\n");
  out_of_memory_and_into_devices();
  print("garbage\n");
  garbage(SUPERVISOR);
  garbage(USER);
  reset_uart();
  print("survived ");
  print_number(attempts);
  print(" attempts, trapped ");
  print_number(trapped_attempts);
  print("\n");
  return 0;
}
