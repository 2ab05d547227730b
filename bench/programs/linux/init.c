// The first and only service of the translator's benchmark guest: reads a line from the console, runs the program that
// it names with the words behind it, says how it ended, and reads the next. The line "off" switches the machine off.

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { MOST_WORDS = 16 };

// No echo, no carriage returns: what the host reads is what the programs print.
static void make_console_plain(void) {
  struct termios mode;
  tcgetattr(0, &mode);
  mode.c_lflag &= ~(ECHO | ISIG);
  mode.c_oflag &= ~OPOST;
  mode.c_iflag &= ~(ICRNL | IXON);
  tcsetattr(0, TCSANOW, &mode);
}

static void run(char *line) {
  char *words[MOST_WORDS + 1] = {0};
  int count = 0;
  for (char *word = strtok(line, " \n"); word != NULL && count < MOST_WORDS; word = strtok(NULL, " \n"))
    words[count++] = word;
  int status = 0;
  if (count > 0) {
    const pid_t child = fork();
    if (child == 0) {
      execv(words[0], words);
      printf("%s cannot be started\n", words[0]);
      exit(127);
    }
    // Orphans of earlier programs come here, too.
    while (waitpid(-1, &status, 0) != child) continue;
  }
  printf("\norlop-bench done %d\n", status);
}

int main(void) {
  static char line[512];
  make_console_plain();
  setvbuf(stdout, NULL, _IOLBF, 0);
  printf("\norlop-bench ready\n");
  while (fgets(line, sizeof line, stdin) != NULL && strcmp(line, "off\n") != 0) run(line);
  reboot(RB_POWER_OFF);
  return 1;
}
