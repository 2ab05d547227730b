// Runs a command at a fixed rate and compares the first line that it prints: job RATE SECONDS PHASE RESULT COMMAND.

#include "pace.h"
#include <string.h>

static const char *expected, *command;

static bool run(uint64_t n) {
  (void)n;
  char line[256];
  FILE *const output = popen(command, "r");
  if (output == NULL) return false;
  const bool is_there = fgets(line, sizeof line, output) != NULL;
  if (pclose(output) != 0 || !is_there) return false;
  line[strcspn(line, "\n")] = 0;
  return strcmp(line, expected) == 0;
}

int main(int argc, char **argv) {
  if (argc != 6) {
    printf("usage: job RATE SECONDS PHASE RESULT COMMAND\n");
    return 1;
  }
  expected = argv[4];
  command = argv[5];
  pace(atof(argv[1]), atof(argv[2]), atof(argv[3]), run);
  return 0;
}
