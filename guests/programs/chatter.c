// A guest that says a little, thinks a little, and says a little more, for two seconds: numbered lines, none of them to be lost.

#include "machine.h"

int main(void) {
  const u64 end = AT(u64, ACLINT + 0xbff8) + 20000000;
  u64 lines = 0;
  while (AT(u64, ACLINT + 0xbff8) < end) {
    print("line ");
    print_number(lines++);
    print("\n");
    const u64 next = AT(u64, ACLINT + 0xbff8) + random64() % 20000;
    while (AT(u64, ACLINT + 0xbff8) < next) {
    }
  }
  print("said ");
  print_number(lines);
  print(" lines\n");
  return 0;
}
