// A build's way to work: so many jobs, each a process of its own that is started when another one ends, as make -j does.
//
//   parallel JOBS AT_ONCE   each job is "work jobs 40", which lies beside this program

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void start(void) {
  const pid_t child = fork();
  if (child < 0) {
    printf("failed: no child can be made\n");
    exit(1);
  }
  if (child != 0) return;
  // What it says is of no use here; how it ends is.
  close(1);
  if (open("/dev/null", O_WRONLY) == 1) execl("/work", "work", "jobs", "40", (char *)NULL);
  _exit(127);
}

static void finish_one(void) {
  int status;
  if (wait(&status) > 0 && status == 0) return;
  printf("failed: a job did not end well\n");
  exit(1);
}

int main(int argc, char **argv) {
  const int jobs = argc == 3 ? atoi(argv[1]) : 0;
  const int at_once = argc == 3 ? atoi(argv[2]) : 0;
  if (jobs < 1 || at_once < 1) {
    printf("usage: parallel JOBS AT_ONCE\n");
    return 1;
  }
  struct timespec begin, end;
  clock_gettime(CLOCK_MONOTONIC, &begin);
  for (int i = 0; i < jobs; i++) {
    if (i >= at_once) finish_one();
    start();
  }
  for (int i = 0; i < at_once && i < jobs; i++) finish_one();
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("parallel %lld us\n", (end.tv_sec - begin.tv_sec) * 1000000ll + (end.tv_nsec - begin.tv_nsec) / 1000);
  return 0;
}
