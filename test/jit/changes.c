// Code that changes after it has become hot, in every way there is; CASE says which. The power device tells how it went:
// 0, or the number of the place where something was not as it must be.

#include "../../guests/programs/machine.h"

#define ADDI_A0(value) (0x00050513u | (u32)(value) << 20)
#define RET 0x00008067u
#define ROUNDS 10000UL
#define FENCE_I() __asm__ volatile("fence.i" : : : "memory")
#define EXPECT(place, condition)                                                                                       \
  do {                                                                                                                 \
    if (!(condition)) return place;                                                                                    \
  } while (0)

typedef u64 function(u64);

/** Code and data that cases write; far from the program, and from each other. */
#define FIRST (RAM + 0x400000UL)
#define SECOND (RAM + 0x500000UL)
#define TABLES (RAM + 0x600000UL)

/** Writes a function that adds `value` to its argument. */
static void write_adder(u64 at, u64 value) {
  AT(u32, at) = ADDI_A0(value);
  AT(u32, at + 4) = RET;
}

/** Calls it many times, so that it and this loop are hot; its sum. */
__attribute__((noinline)) static u64 run(u64 at, u64 rounds) {
  u64 sum = 0;
  for (u64 i = 0; i < rounds; i++) sum = ((function *)at)(sum);
  return sum;
}

#if CASE == 1 || CASE == 2
/** A store over a hot function; without fence.i our harts see it at once as well. */
int main(void) {
  for (u64 value = 1; value < 20; value++) {
    write_adder(FIRST, value);
    if (CASE == 2) FENCE_I();
    EXPECT(value, run(FIRST, ROUNDS) == value * ROUNDS);
  }
  return 0;
}

#elif CASE == 3
/** A loop that overwrites an instruction of its own body in the midst of its rounds, before and behind the store. */
int main(void) {
  u64 before = 0, behind = 0, left = 3 * ROUNDS;
  __asm__ volatile(
      "   la    t0, 2f\n"
      "   la    t1, 3f\n"
      "   li    t4, 5000\n"
      "   .option push\n"
      "   .option norvc\n"
      "1: \n"
      "2: addi  %0, %0, 1\n"
      "   addi  t4, t4, -1\n"
      "   bnez  t4, 3f\n"
      "   li    t4, 5000\n"
      "   lw    t2, 0(t0)\n"
      "   li    t3, 2 << 20\n"
      "   xor   t2, t2, t3\n"
      "   sw    t2, 0(t0)\n"
      "   lw    t2, 0(t1)\n"
      "   xor   t2, t2, t3\n"
      "   sw    t2, 0(t1)\n"
      "3: addi  %1, %1, 1\n"
      "   addi  %2, %2, -1\n"
      "   bnez  %2, 1b\n"
      "   .option pop\n"
      : "+r"(before), "+r"(behind), "+r"(left)
      :
      : "t0", "t1", "t2", "t3", "t4", "memory");
  // Ten thousand rounds with 1, as many with 3, and so on; behind the store it begins a round earlier, six times in all.
  EXPECT(1, before == 3 * ROUNDS * 2);
  EXPECT(2, behind == 3 * ROUNDS * 2);
  return 0;
}

#elif CASE == 4
/** A store in every round: elsewhere while the loop gets hot, then to the next instruction. */
__attribute__((noinline)) static u64 store_to(u32 *place, u64 left) {
  u64 sum = 0;
  __asm__ volatile(
      "   .option push\n"
      "   .option norvc\n"
      "   la    t0, 2f\n"
      "   lw    t2, 0(t0)\n"
      "   beqz  %2, 1f\n"
      "   mv    t0, %2\n"
      "1: xori  t2, t2, 0\n"
      "   li    t3, 2 << 20\n"
      "   xor   t2, t2, t3\n"
      "   sw    t2, 0(t0)\n"
      "2: addi  %0, %0, 1\n"
      "   addi  %1, %1, -1\n"
      "   bnez  %1, 1b\n"
      "   .option pop\n"
      : "+r"(sum), "+r"(left)
      : "r"(place)
      : "t0", "t2", "t3", "memory");
  return sum;
}
/** Not on a page of the program. */
static u32 elsewhere __attribute__((aligned(4096)));
int main(void) {
  EXPECT(1, store_to(&elsewhere, 4 * ROUNDS) == 4 * ROUNDS);
  EXPECT(2, store_to(0, 2 * ROUNDS) == ROUNDS * (3 + 1));
  EXPECT(3, store_to(&elsewhere, 4 * ROUNDS) == 4 * ROUNDS);
  return 0;
}

#elif CASE == 5
/** Code that the other hart changes: a store, a word that tells, and fence.i here. */
static volatile u64 wanted, written;
u8 second_stack[4096] __attribute__((aligned(16)));
__attribute__((used)) void other(void) {
  u64 value = 0;
  for (;;) {
    if (wanted == value) continue;
    value = wanted;
    write_adder(FIRST, value);
    FENCE();
    written = value;
  }
}
int main(u64 hart) {
  if (hart != 0) __asm__ volatile("la sp, second_stack + 4096\n j other");
  for (u64 value = 1; value < 12; value++) {
    wanted = value;
    while (written != value) {
    }
    FENCE();
    FENCE_I();
    EXPECT(value, run(FIRST, ROUNDS) == value * ROUNDS);
  }
  return 0;
}

#elif CASE == 6 || CASE == 7 || CASE == 8 || CASE == 9
#define V 1UL
#define R 2UL
#define W 4UL
#define X 8UL
#define U 16UL
#define AD 192UL
/** Virtual: one page that leads to FIRST or to SECOND. */
#define WINDOW 0x40000000UL
/** A root table at `root`: RAM at its own address, and WINDOW on `page`. */
static void map(u64 root, u64 page, u64 flags) {
  AT(u64, root + 8 * 2) = (RAM >> 12) << 10 | V | R | W | X | AD;
  AT(u64, root + 8) = (root + 4096) >> 12 << 10 | V;
  AT(u64, root + 4096) = (root + 8192) >> 12 << 10 | V;
  AT(u64, root + 8192) = page >> 12 << 10 | flags;
}
static void use(u64 root, u64 space) { CSR_WRITE(satp, 8UL << 60 | space << 44 | root >> 12); }
static void flush(void) { __asm__ volatile("sfence.vma" : : : "memory"); }
#define RWX (V | R | W | X | AD)

static u64 remap(u64 argument) {
  (void)argument;
#if CASE == 6
  // Another page under the same address, and the first one again.
  for (u64 i = 0; i < 20; i++) {
    map(TABLES, i & 1 ? SECOND : FIRST, RWX);
    flush();
    u64 value = i & 1 ? 2 : 1;
    EXPECT(i + 1, run(WINDOW, ROUNDS) == value * ROUNDS);
  }
#elif CASE == 7
  // Another address space, back and forth while both are hot.
  map(TABLES + 0x10000, SECOND, RWX);
  flush();
  for (u64 i = 0; i < 400; i++) {
    use(i & 1 ? TABLES + 0x10000 : TABLES, i & 1);
    flush();
    u64 value = i & 1 ? 2 : 1;
    EXPECT(i + 1, run(WINDOW, 100) == value * 100);
  }
#elif CASE == 8
  // The page may no longer be executed: the very next call must trap.
  EXPECT(1, run(WINDOW, ROUNDS) == ROUNDS);
  map(TABLES, FIRST, V | R | W | AD);
  flush();
  run(WINDOW, 1);
  return 2;
#else
  // Data that may no longer be written, by a loop that is hot.
  volatile u64 *word = (volatile u64 *)(WINDOW + 0x800);
  for (u64 i = 0; i < ROUNDS; i++) *word = i;
  EXPECT(1, AT(u64, FIRST + 0x800) == ROUNDS - 1);
  map(TABLES, FIRST, V | R | X | AD);
  flush();
  for (u64 i = 0; i < ROUNDS; i++) *word = i + 1;
  return 2;
#endif
  return 0;
}
int main(void) {
  write_adder(FIRST, 1);
  write_adder(SECOND, 2);
  CSR_WRITE(pmpaddr0, ~0UL);
  CSR_WRITE(pmpcfg0, 0x1f);
  map(TABLES, FIRST, RWX);
  use(TABLES, 0);
  int came = attempt((u64)remap, 0, SUPERVISOR);
#if CASE == 8
  return came == 1 && trapped[0] == 12 && trapped[1] == WINDOW ? 0 : 3;
#elif CASE == 9
  return came == 1 && trapped[0] == 15 && trapped[1] == WINDOW + 0x800 && AT(u64, FIRST + 0x800) == ROUNDS - 1 ? 0 : 3;
#else
  return came == 0 ? 0 : 3;
#endif
}

#elif CASE == 10
/** A page of code becomes data, and code again. */
int main(void) {
  for (u64 turn = 1; turn < 8; turn++) {
    write_adder(FIRST, turn);
    FENCE_I();
    EXPECT(2 * turn, run(FIRST, ROUNDS) == turn * ROUNDS);
    u64 sum = 0;
    for (u64 i = 0; i < ROUNDS; i++) {
      AT(u64, FIRST + i % 512 * 8) = i;
      sum += AT(u64, FIRST + i * 7 % 512 * 8) & 0;
    }
    EXPECT(2 * turn + 1, sum == 0 && AT(u64, FIRST) == (ROUNDS - 1) / 512 * 512);
  }
  return 0;
}

#elif CASE == 11
/** A hot function that counts in a word beside its own code. */
int main(void) {
  u32 *at = (u32 *)FIRST;
  at[0] = 0x00000297;                 // auipc t0, 0
  at[1] = 0x1002b303;                 // ld t1, 256(t0)
  at[2] = 0x00a30333;                 // add t1, t1, a0
  at[3] = 0x1062b023;                 // sd t1, 256(t0)
  at[4] = ADDI_A0(1);
  at[5] = RET;
  FENCE_I();
  EXPECT(1, run(FIRST, ROUNDS) == ROUNDS);
  EXPECT(2, AT(u64, FIRST + 256) == ROUNDS * (ROUNDS - 1) / 2);
  return 0;
}

#elif CASE == 12
/** A function whose instruction lies on two pages, of which the second one changes. */
int main(void) {
  u64 at = FIRST + 0xffe;
  for (u64 value = 1; value < 20; value++) {
    AT(u16, at) = (u16)ADDI_A0(value);
    AT(u16, at + 2) = ADDI_A0(value) >> 16;
    AT(u16, at + 4) = (u16)RET;
    AT(u16, at + 6) = RET >> 16;
    FENCE_I();
    EXPECT(value, run(at, ROUNDS) == value * ROUNDS);
  }
  return 0;
}

#elif CASE == 13
/** A disk writes over hot code: sector n of it holds a function that adds n + 1. */
#define DISK VIRTIO(1)
struct descriptor {
  u64 address;
  u32 length;
  u16 flags, next;
};
static struct descriptor table[8] __attribute__((aligned(4096)));
static volatile struct {
  u16 flags, index, ring[8];
} available __attribute__((aligned(4096)));
static volatile struct {
  u16 flags, index;
  struct {
    u32 id, length;
  } ring[8];
} used __attribute__((aligned(4096)));
static struct {
  u32 type, reserved;
  u64 sector;
} request;
static volatile u8 status;

static void set(u32 offset, u64 value) { AT(u32, DISK + offset) = value; }
static void set64(u32 offset, u64 value) {
  set(offset, value);
  set(offset + 4, value >> 32);
}
static int read_sector(u64 sector, u64 to) {
  request.sector = sector;
  status = 255;
  table[0] = (struct descriptor){(u64)&request, 16, 1, 1};
  table[1] = (struct descriptor){to, 512, 3, 2};
  table[2] = (struct descriptor){(u64)&status, 1, 2, 0};
  u16 index = available.index;
  available.ring[index % 8] = 0;
  FENCE();
  available.index = index + 1;
  FENCE();
  set(0x050, 0);
  while (used.index != (u16)(index + 1)) {
  }
  return status;
}
int main(void) {
  set(0x070, 0);
  set(0x070, 3);
  set(0x024, 1);
  set(0x020, 1);
  set(0x070, 11);
  set(0x030, 0);
  set(0x038, 8);
  set64(0x080, (u64)table);
  set64(0x090, (u64)&available);
  set64(0x0a0, (u64)&used);
  set(0x044, 1);
  set(0x070, 15);
  for (u64 sector = 0; sector < 16; sector++) {
    EXPECT(2 * sector + 1, read_sector(sector, FIRST) == 0);
    FENCE_I();
    EXPECT(2 * sector + 2, run(FIRST, ROUNDS) == (sector + 1) * ROUNDS);
  }
  return 0;
}

#elif CASE == 14
/** What is hot in S mode may not be executed by a user whose page it isn't, and the other way round. */
static u64 enter(u64 at) { return run(at, ROUNDS); }
int main(void) {
  CSR_WRITE(pmpaddr0, ~0UL);
  CSR_WRITE(pmpcfg0, 0x1f);
  write_adder(FIRST, 1);
  // All of RAM for S mode in one tree, for U mode in the other.
  AT(u64, TABLES + 8 * 2) = (RAM >> 12) << 10 | 0xcf;
  AT(u64, TABLES + 0x1000 + 8 * 2) = (RAM >> 12) << 10 | 0xdf;
  for (u64 turn = 0; turn < 6; turn++) {
    u64 tree = turn & 1 ? TABLES + 0x1000 : TABLES;
    CSR_WRITE(satp, 8UL << 60 | tree >> 12);
    __asm__ volatile("sfence.vma" : : : "memory");
    EXPECT(2 * turn + 1, attempt((u64)enter, FIRST, turn & 1 ? USER : SUPERVISOR) == 0);
    EXPECT(2 * turn + 2, attempt((u64)enter, FIRST, turn & 1 ? SUPERVISOR : USER) == 1 && trapped[0] == 12);
  }
  return 0;
}
#endif
