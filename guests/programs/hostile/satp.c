// A hostile kernel: switches to a page table that is nowhere, is itself, or is the device tree, and falls into its traps.

#include "../machine.h"

static u64 table[512] __attribute__((aligned(4096)));

int main(u64 hart, u64 tree) {
  (void)hart;
  const u64 pages[] = {(u64)table >> 12, tree >> 12, UART >> 12, 0xfffffffffffUL, 0};
  for (u64 i = 0; i < 512; i++) table[i] = (u64)table >> 12 << 10 | 1;
  CSR_WRITE(satp, 10UL << 60 | pages[HOW]);
  __asm__ volatile("sfence.vma");
  return 0;
}
