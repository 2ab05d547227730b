// A hostile guest: touches every offset of every device with every width, and the places where nothing is.

#include "../machine.h"

static u64 accesses, refused;

/** One access; `argument` is what to do where: address, width's logarithm in bits 60..61, a write in bit 62. */
static void access(u64 argument) {
  const u64 address = (long)(argument << 4) >> 4;
  const u64 value = address * 0x9e3779b97f4a7c15UL;
  switch (argument >> 60 & 7) {
    case 0: __asm__ volatile("lbu x0, 0(%0)" : : "r"(address)); break;
    case 1: __asm__ volatile("lhu x0, 0(%0)" : : "r"(address)); break;
    case 2: __asm__ volatile("lw x0, 0(%0)" : : "r"(address)); break;
    case 3: __asm__ volatile("ld x0, 0(%0)" : : "r"(address)); break;
    case 4: __asm__ volatile("sb %1, 0(%0)" : : "r"(address), "r"(value)); break;
    case 5: __asm__ volatile("sh %1, 0(%0)" : : "r"(address), "r"(value)); break;
    case 6: __asm__ volatile("sw %1, 0(%0)" : : "r"(address), "r"(value)); break;
    case 7: __asm__ volatile("sd %1, 0(%0)" : : "r"(address), "r"(value)); break;
  }
}

/** Atomics, floats and cache operations are accesses, too. */
static void strange(u64 address) {
  u64 value = 0;
  __asm__ volatile("lr.w %0, (%1)" : "=r"(value) : "r"(address));
}
static void strange2(u64 address) {
  u64 value = 0;
  __asm__ volatile("amoadd.d %0, %0, (%1)" : "+r"(value) : "r"(address));
}
static void strange3(u64 address) {
  __asm__ volatile("cbo.zero (%0)" : : "r"(address));
}
static void strange4(u64 address) {
  __asm__ volatile("fld f0, 0(%0)\n fsd f0, 0(%0)" : : "r"(address));
}

static void touch(u64 address) {
  for (u64 how = 0; how < 8; how++) {
    accesses++;
    refused += attempt((u64)access, (address & ~0UL >> 4) | how << 60, MACHINE);
  }
}

/** A page in full, but for the word that would switch us off. */
static void sweep(u64 base, u64 size, u64 step) {
  for (u64 offset = 0; offset < size; offset += step) touch(base + offset);
  for (u64 offset = 0; offset < size; offset += step * 64) {
    refused += attempt((u64)strange, base + offset, MACHINE);
    refused += attempt((u64)strange2, base + offset, MACHINE);
    refused += attempt((u64)strange3, base + offset, MACHINE);
    refused += attempt((u64)strange4, base + offset, MACHINE);
    accesses += 4;
  }
  reset_uart();
}

int main(void) {
  const u64 end = RAM + MEMORY;
  print("virtio\n");
  for (u64 n = 0; n < 8; n++) sweep(VIRTIO(n), 0x1000, n < 3 ? 1 : 5);
  print("board\n");
  sweep(RTC, 0x1000, 1);
  sweep(ACLINT, 0x40, 1);
  sweep(ACLINT + 0x3ff8, 0x50, 1);
  sweep(ACLINT + 0xbff0, 0x10, 1);
  sweep(ACLINT, 0x10000, 61);
  sweep(PLIC, 0x300, 1);
  sweep(PLIC, 0x600000, 1021);
  sweep(PLIC + 0x200000, 0x40, 1);
  sweep(UART, 0x100, 1);
  sweep(POWER + 4, 0xffc, 3);
  print("holes\n");
  for (u64 page = 0; page < 0x80000000; page += 0x10000) {
    if (page >= PLIC && page < PLIC + 0x600000) continue;
    if (page == ACLINT || page == POWER || page == (UART & ~0xffffUL)) continue;
    touch(page + (random64() & 0xffff));
  }
  print("ends\n");
  for (u64 at = end - 8; at < end + 16; at++) touch(at);
  for (u64 at = RAM - 16; at < RAM; at++) touch(at);
  for (int bit = 32; bit < 60; bit++) {
    touch(1UL << bit);
    touch((1UL << bit) - 4);
    touch(-(1UL << bit));
  }
  for (u64 i = 0; i < 16; i++) touch(-i);
  print("survived ");
  print_number(accesses);
  print(" accesses, refused ");
  print_number(refused);
  print("\n");
  return 0;
}
