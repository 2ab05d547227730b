// A hostile program of guests/programs/hostile without its end: what it does, it does again and again, and says nothing.

#include "../../../guests/programs/machine.h"

#define print(text) ((void)(text))
#define print_number(value) ((void)(value))
#define main once
#include PROGRAM
#undef main

/** The same, whether it takes arguments or not. */
extern int again(u64 hart, u64 tree) __asm__("once");

int main(u64 hart, u64 tree) {
  for (;;) {
    // Some begin with a look at the device tree, over which they have written.
    AT(u32, tree) = 0xedfe0dd0;
    again(hart, tree);
  }
}
