// What a bare-metal test guest knows of its computer: addresses, accesses of every width, a console, random numbers.

#ifndef MACHINE_H
#define MACHINE_H

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long u64;

#define POWER 0x100000UL
#define RTC 0x101000UL
#define ACLINT 0x2000000UL
#define PLIC 0xc000000UL
#define UART 0x10000000UL
#define VIRTIO(n) (0x10001000UL + (n) * 0x1000UL)
#define RAM 0x80000000UL

#define USER 0UL
#define SUPERVISOR 1UL
#define MACHINE 3UL

/** start.S */
extern u64 trapped[3];
extern int attempt(u64 entry, u64 argument, u64 privilege);
extern char _end[];

#define AT(type, address) (*(volatile type *)(address))
#define CSR_WRITE(name, value) __asm__ volatile("csrw " #name ", %0" : : "r"((u64)(value)) : "memory")
#define CSR_READ(name)                                                                                                 \
  ({                                                                                                                   \
    u64 value_;                                                                                                        \
    __asm__ volatile("csrr %0, " #name : "=r"(value_));                                                                \
    value_;                                                                                                            \
  })
#define FENCE() __asm__ volatile("fence" : : : "memory")

static inline void put(char letter) {
  while ((AT(u8, UART + 5) & 0x20) == 0) {
  }
  AT(u8, UART) = letter;
}

static inline void print(const char *text) {
  for (; *text != 0; text++) put(*text);
}

static inline void print_number(u64 value) {
  char digits[20];
  int count = 0;
  do {
    digits[count++] = '0' + value % 10;
    value /= 10;
  } while (value != 0);
  while (count > 0) put(digits[--count]);
}

static inline void print_hex(u64 value) {
  for (int shift = 60; shift >= 0; shift -= 4) put("0123456789abcdef"[value >> shift & 15]);
}

/** The UART as it is after reset, whatever was written to it. */
static inline void reset_uart(void) {
  AT(u8, UART + 3) = 3;
  AT(u8, UART + 1) = 0;
  AT(u8, UART + 2) = 7;
  AT(u8, UART + 4) = 0;
}

/** xorshift64*; the seed is the test's. */
#ifndef SEED
#define SEED 1
#endif
static u64 random_state = SEED * 0x9e3779b97f4a7c15UL + 1;
static inline u64 random64(void) {
  random_state ^= random_state >> 12;
  random_state ^= random_state << 25;
  random_state ^= random_state >> 27;
  return random_state * 0x2545f4914f6cdd1dUL;
}

/** The compiler calls these two for what it takes for them. */
__attribute__((weak, optimize("no-tree-loop-distribute-patterns"))) void *memset(void *start, int value, u64 length) {
  for (u64 i = 0; i < length; i++) ((volatile u8 *)start)[i] = value;
  return start;
}
__attribute__((weak, optimize("no-tree-loop-distribute-patterns"))) void *memcpy(void *to, const void *from, u64 length) {
  for (u64 i = 0; i < length; i++) ((volatile u8 *)to)[i] = ((const u8 *)from)[i];
  return to;
}

/** After so many ticks of 100 ns the timer interrupts whatever is attempted; it must be set anew each time. */
static inline void limit(u64 ticks) {
  AT(u64, ACLINT + 0x4000) = AT(u64, ACLINT + 0xbff8) + ticks;
  CSR_WRITE(mie, 1 << 7);
}

/** Supervisor and user may only read below `floor`, where the program lies, and do anything elsewhere. */
static inline void protect_below(u64 floor) {
  CSR_WRITE(pmpaddr0, RAM >> 2);
  CSR_WRITE(pmpaddr1, floor >> 2);
  CSR_WRITE(pmpaddr2, ~0UL >> 10);
  CSR_WRITE(pmpcfg0, 0x0f090f);
}

static inline void fill_random(u64 start, u64 end) {
  for (u64 at = start; at < end; at += 8) AT(u64, at) = random64();
}

#endif
