// Every process makes another one, as fast as it can, for ever.

#include <unistd.h>

int main(void) {
  for (;;) fork();
}
