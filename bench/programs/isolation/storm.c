// A bare guest that does one thing without end, on all its harts. HOW is one of the numbers below.

#include "../../../guests/programs/machine.h"

#define MMIO 0
#define TIMER 1
#define IPI 2
#define FENCE_AND_SATP 3
#define CODE 4
#define TOUCH 5

#define SBI_IPI 0x735049
#define SBI_HSM 0x48534d
#define SBI_DBCN 0x4442434e
#define SIE_SOFTWARE 2
#define SIE_TIMER 32
#define SIE_EXTERNAL 512
#define CAUSE_TIMER (1UL << 63 | 5)

extern char begin[];

/** Behind the program and its stacks. */
#define ARENA (RAM + 0x800000)
#define ARENA_PAGES 256UL

static long sbi(u64 extension, u64 function, u64 first, u64 second, u64 third) {
  register u64 a0 __asm__("a0") = first;
  register u64 a1 __asm__("a1") = second;
  register u64 a2 __asm__("a2") = third;
  register u64 a6 __asm__("a6") = function;
  register u64 a7 __asm__("a7") = extension;
  __asm__ volatile("ecall" : "+r"(a0), "+r"(a1) : "r"(a2), "r"(a6), "r"(a7) : "memory");
  return a0;
}

static u64 now(void) { return CSR_READ(time); }

/** The next timer interrupt is due at once; `stimecmp` by its number, as assemblers do not know it. */
static void set_timer(u64 when) { CSR_WRITE(0x14d, when); }

void interrupted(u64 cause) {
  if (cause == CAUSE_TIMER) set_timer(now());
  else if (cause >> 63 != 0) CSR_WRITE(sip, 0);
  // What has trapped otherwise is a word of four bytes.
  else CSR_WRITE(sepc, CSR_READ(sepc) + 4);
}

static void read_devices(void) {
  const u64 places[] = {UART + 5, RTC, VIRTIO(0), VIRTIO(0) + 0x70, VIRTIO(1) + 0x60};
  for (u64 i = 0;; i++) {
    const u64 place = places[i % 5];
    if (place == UART + 5) (void)AT(u8, place);
    else (void)AT(u32, place);
  }
}

static void interrupt_by_timer(void) {
  CSR_WRITE(sie, SIE_TIMER);
  CSR_WRITE(sstatus, 2);
  for (;;) set_timer(now());
}

static void interrupt_each_other(void) {
  CSR_WRITE(sie, SIE_SOFTWARE);
  CSR_WRITE(sstatus, 2);
  for (;;) sbi(SBI_IPI, 0, 0xff, 0, 0);
}

/** A root of a table that maps everything to itself in pieces of 1 GiB (Sv39), and another space each time. */
static void change_spaces(u64 hart) {
  static u64 root[8][512] __attribute__((aligned(4096)));
  for (u64 i = 0; i < 4; i++) root[hart][i] = i << 28 | 0xcf;
  for (u64 space = 0;; space++) {
    CSR_WRITE(satp, 8UL << 60 | (space & 0xffff) << 44 | (u64)root[hart] >> 12);
    __asm__ volatile("sfence.vma" : : : "memory");
    for (u64 page = 0; page < 16; page++) AT(u64, ARENA + (hart * 16 + page) * 4096) += space;
    __asm__ volatile("sfence.vma %0, %1" : : "r"(ARENA), "r"(space & 0xffff) : "memory");
  }
}

/** A loop in each of many pages, long enough to become hot; each is written anew before it runs again. */
static void change_code(u64 hart) {
  for (u64 round = 0;; round++) {
    const u64 at = ARENA + (hart * ARENA_PAGES / 8 + round % (ARENA_PAGES / 8)) * 4096;
    AT(u32, at) = (round % 2048) << 20 | 0x00050513; // addi a0, a0, round
    AT(u32, at + 4) = 0xfff58593;                    // addi a1, a1, -1
    AT(u32, at + 8) = 0xfe059ce3;                    // bnez a1, -8
    AT(u32, at + 12) = 0x00008067;                   // ret
    __asm__ volatile("fence.i" : : : "memory");
    ((u64(*)(u64, u64))at)(round, 2000);
  }
}

static void touch_all(u64 hart) {
  for (u64 mark = 1;; mark++)
    for (u64 at = ARENA + hart * 4096; at < RAM + MEMORY; at += HARTS * 4096) AT(u64, at) = at ^ mark;
}

void main(u64 hart) {
  if (hart == 0) {
    const char *const ready = "storm\n";
    sbi(SBI_DBCN, 0, 6, (u64)ready, 0);
    for (u64 other = 1; other < HARTS; other++) sbi(SBI_HSM, 0, other, (u64)begin, 0);
  }
  if (HOW == MMIO) read_devices();
  if (HOW == TIMER) interrupt_by_timer();
  if (HOW == IPI) interrupt_each_other();
  if (HOW == FENCE_AND_SATP) change_spaces(hart);
  if (HOW == CODE) change_code(hart);
  if (HOW == TOUCH) touch_all(hart);
}
