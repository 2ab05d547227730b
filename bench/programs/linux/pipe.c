// Two processes that throw a number to each other through two pipes; each adds one, and the other wakes.

#include "bench.h"
#include <unistd.h>

enum { ROUNDS = 50 };

static int to_child, from_child;

void prepare(void) {
  int there[2], back[2];
  if (pipe(there) != 0 || pipe(back) != 0) fail("no pipe can be made");
  const pid_t child = fork();
  if (child < 0) fail("no child can be made");
  if (child == 0) {
    close(there[1]);
    close(back[0]);
    uint64_t number;
    // The parent's end closes the pipe, and that ends this process.
    while (read(there[0], &number, sizeof number) == sizeof number) {
      number++;
      if (write(back[1], &number, sizeof number) != sizeof number) break;
    }
    _exit(0);
  }
  close(there[0]);
  close(back[1]);
  to_child = there[1];
  from_child = back[0];
}

uint64_t step(uint64_t sum) {
  for (int i = 0; i < ROUNDS; i++) {
    sum++;
    if (write(to_child, &sum, sizeof sum) != sizeof sum || read(from_child, &sum, sizeof sum) != sizeof sum)
      fail("the other process is gone");
  }
  return sum;
}
