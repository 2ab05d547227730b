// A hostile guest: wild satp, page tables that map themselves, loop, lie in devices or nowhere, or are random.

#include "../machine.h"

#define ARENA (RAM + 0x400000)
#define TABLES ARENA
#define PAGES 64
#define LIMIT 300

#define V 1
#define R 2
#define W 4
#define X 8
#define U 16
#define A 64
#define D 128

static u64 attempts, trapped_attempts, causes[64];

static u64 page(u64 n) { return TABLES + n * 4096; }
static u64 pointer(u64 address) { return address >> 12 << 10 | V; }

/** What runs behind the tables: it lies in the arena as position-independent code. */
static const u32 probe[] = {
  0x00053283, // ld t0, 0(a0)
  0x00553023, // sd t0, 0(a0)
  0x0005a2af, // amoadd.w t0, zero, (a1)
  0x12000073, // sfence.vma
  0x000500e7, // jalr ra, a0
  0x00000073, // ecall
};

static void count(int did_trap) {
  attempts++;
  trapped_attempts += did_trap;
  const u64 cause = trapped[0];
  causes[(cause >> 63 ? 32 : 0) + (cause & 31)]++;
}

/** Loads and stores as if from `privilege` through MPRV. */
static void through_mprv(u64 address) {
  __asm__ volatile("csrs mstatus, %1\n ld t0, 0(%0)\n sd t0, 0(%0)\n lbu t0, -1(%0)\n" : : "r"(address), "r"(1UL << 17) : "t0");
}

static void with_satp(u64 satp) {
  CSR_WRITE(satp, satp);
  __asm__ volatile("sfence.vma");
  const u64 targets[] = {0, 0x1000, TABLES, RAM, UART, ~0UL - 4095, 1UL << 38, 1UL << 47, 1UL << 56, random64()};
  for (u64 i = 0; i < sizeof targets / sizeof *targets; i++) {
    limit(LIMIT);
    count(attempt(targets[i], targets[i], random64() & 1));
    limit(LIMIT);
    CSR_WRITE(mstatus, 0x6000);
    count(attempt((u64)through_mprv, targets[i], MACHINE));
  }
  limit(LIMIT);
  count(attempt(ARENA + PAGES * 4096, TABLES + 8, SUPERVISOR));
  CSR_WRITE(satp, 0);
}

static void every_mode(u64 root) {
  for (u64 mode = 0; mode < 16; mode++) with_satp(mode << 60 | random64() % 65536 << 44 | root >> 12);
}

static void fill(u64 n, u64 entry) {
  for (u64 i = 0; i < 512; i++) AT(u64, page(n) + i * 8) = entry;
}

int main(void) {
  protect_below(ARENA);
  for (u64 i = 0; i < sizeof probe / sizeof *probe; i++) AT(u32, ARENA + PAGES * 4096 + i * 4) = probe[i];
  __asm__ volatile("fence.i");

  print("tables where none are\n");
  const u64 roots[] = {0, POWER, UART, VIRTIO(0), PLIC, RAM - 4096, RAM + MEMORY, RAM + MEMORY - 4096, 1UL << 40, ~0UL << 12 >> 8};
  for (u64 i = 0; i < sizeof roots / sizeof *roots; i++) every_mode(roots[i]);

  print("tables that are their own tables\n");
  fill(0, pointer(page(0)));
  every_mode(page(0));
  for (u64 flags = V; flags < 1024; flags += 2) {
    fill(0, page(0) >> 12 << 10 | flags);
    with_satp((8 + flags % 3) << 60 | page(0) >> 12);
  }

  print("tables that go round\n");
  for (u64 n = 0; n < PAGES; n++) fill(n, pointer(page((n + 1) % PAGES)));
  every_mode(page(0));

  print("leaves at every level, out of place, beyond RAM, over the tables\n");
  for (u64 level = 0; level < 5; level++) {
    for (u64 n = 0; n < level; n++) fill(n, pointer(page(n + 1)));
    const u64 frames[] = {RAM, RAM + 4096, TABLES, UART, 0, RAM + MEMORY, 1UL << 55};
    for (u64 i = 0; i < sizeof frames / sizeof *frames; i++) {
      fill(level, frames[i] >> 12 << 10 | V | R | W | X | A | D | (i & 1 ? U : 0));
      every_mode(page(0));
      // Without A and D the walk writes to what it walks through.
      fill(level, frames[i] >> 12 << 10 | V | R | W | X | (i & 1 ? U : 0) | (i & 2 ? 1UL << 63 : 1UL << 61));
      every_mode(page(0));
    }
  }

  print("random tables\n");
  for (u64 round = 0; round < 200; round++) {
    for (u64 n = 0; n < 8; n++) {
      for (u64 i = 0; i < 512; i++) {
        const u64 kind = random64() % 8;
        const u64 flags = random64() % 256 | V;
        u64 entry = random64();
        if (kind < 4) entry = pointer(page(random64() % 8));
        else if (kind < 7) entry = (RAM + random64() % MEMORY) >> 12 << 10 | flags;
        AT(u64, page(n) + i * 8) = entry;
      }
    }
    with_satp((8 + round % 3) << 60 | page(0) >> 12);
    // The program is protected from what went on, and the probe is not.
    for (u64 i = 0; i < sizeof probe / sizeof *probe; i++) AT(u32, ARENA + PAGES * 4096 + i * 4) = probe[i];
  }
  reset_uart();
  print("survived ");
  print_number(attempts);
  print(" attempts, trapped ");
  print_number(trapped_attempts);
  print("\n");
  for (u64 i = 0; i < 64; i++) {
    if (causes[i] == 0) continue;
    print("cause ");
    print_number(i);
    print(": ");
    print_number(causes[i]);
    print("\n");
  }
  return 0;
}
