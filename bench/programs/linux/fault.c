// A storm of page faults: memory is mapped, touched once a page, read once a page, and given back.

#define _DEFAULT_SOURCE
#include "bench.h"
#include <stddef.h>
#include <sys/mman.h>

enum { PAGE = 4096, PAGES = 256 };

void prepare(void) {}

uint64_t step(uint64_t sum) {
  uint8_t *const memory = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("no memory can be mapped");
  // One fault a page, also where the kernel would like to give larger ones. It may not know how: then it never does.
  madvise(memory, PAGES * PAGE, MADV_NOHUGEPAGE);
  for (int i = 0; i < PAGES; i++) memory[i * PAGE] = (uint8_t)(sum + (uint64_t)i);
  for (int i = 0; i < PAGES; i++) sum += memory[i * PAGE];
  if (munmap(memory, PAGES * PAGE) != 0) fail("mapped memory cannot be given back");
  return sum;
}
