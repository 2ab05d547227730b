// Starts a small static program again and again (fork, exec, wait), as a shell or a build does.

#include "bench.h"
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static char program[4096];

// The program lies beside this one.
void prepare(void) {
  const char *const slash = strrchr(own_path, '/');
  const int length = slash == NULL ? 0 : (int)(slash - own_path + 1);
  snprintf(program, sizeof program, "%.*sseven", length, own_path);
}

uint64_t step(uint64_t sum) {
  const pid_t child = fork();
  if (child < 0) fail("no child can be made");
  if (child == 0) {
    execl(program, program, (char *)NULL);
    _exit(127);
  }
  int status;
  if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 7)
    fail("the program \"seven\" did not run");
  return sum + 7;
}
