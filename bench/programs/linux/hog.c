// Burns CPU time in several processes: hog PROCESSES SECONDS.

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void burn(time_t seconds) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  const time_t end = time.tv_sec + seconds;
  const long end_ns = time.tv_nsec;
  do {
    for (volatile int i = 0; i < 100000; i++) continue;
    clock_gettime(CLOCK_MONOTONIC, &time);
  } while (time.tv_sec < end || (time.tv_sec == end && time.tv_nsec < end_ns));
}

int main(int argc, char **argv) {
  if (argc != 3) {
    printf("usage: hog PROCESSES SECONDS\n");
    return 1;
  }
  for (int left = atoi(argv[1]); left > 1; left--) {
    if (fork() != 0) continue;
    burn(atol(argv[2]));
    _exit(0);
  }
  burn(atol(argv[2]));
  while (wait(NULL) > 0) continue;
  return 0;
}
