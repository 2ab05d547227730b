// Touches all memory that there is and goes on asking for more. What the system kills for it is started anew.

#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PIECE = 1 << 20 };

static void take_all(void) {
  for (unsigned char mark = 1;; mark++) {
    unsigned char *const piece = mmap(NULL, PIECE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (piece == MAP_FAILED) _exit(1);
    // No two pages are alike, so that none can be shared.
    for (int at = 0; at < PIECE; at += 4096) memcpy(piece + at, (void *[]){piece + at}, sizeof piece);
    piece[8] = mark;
  }
}

int main(void) {
  for (;;) {
    const pid_t child = fork();
    if (child == 0) take_all();
    if (child > 0) waitpid(child, NULL, 0);
  }
}
