// The init of a tile's guests: brings the network up and takes orders over TCP. Each connection carries one line: "beat
// WORD" gets WORD back, anything else is run by the shell, whose output is sent, and behind it "exit STATUS".

#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PORT = 7000, MOST_LINE = 4096 };

static int command(char *const words[]) {
  int status = -1;
  const pid_t child = fork();
  if (child == 0) {
    execv(words[0], words);
    _exit(127);
  }
  while (waitpid(-1, &status, 0) != child) continue;
  return status;
}

static int shell(char *line) {
  return command((char *[]){"/busybox", "sh", "-c", line, NULL});
}

static void obey(int s) {
  static char line[MOST_LINE];
  FILE *const in = fdopen(dup(s), "r");
  if (in == NULL || fgets(line, sizeof line, in) == NULL) return;
  line[strcspn(line, "\n")] = 0;
  if (strncmp(line, "beat ", 5) == 0) {
    dprintf(s, "%s\n", line + 5);
    return;
  }
  dup2(s, 1);
  dup2(s, 2);
  const int status = shell(line);
  dprintf(s, "\nexit %d\n", WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

// What the kernel does not know of its command line it hands to the init, as variables.
static char *word(const char *name) {
  char *const value = getenv(name);
  if (value != NULL) return value;
  printf("There is no %s on the kernel's command line.\n", name);
  exit(1);
}

int main(void) {
  mkdir("/proc", 0755);
  mkdir("/bin", 0755);
  mount("dev", "/dev", "devtmpfs", 0, NULL);
  mount("proc", "/proc", "proc", 0, NULL);
  setenv("PATH", "/bin", 1);
  command((char *[]){"/busybox", "--install", "-s", "/bin", NULL});
  char *const address = word("tile_address");
  const int status = command((char *[]){"/net", "up", word("tile_mac"), address, "24", word("tile_gateway"), NULL});
  const int s = socket(AF_INET, SOCK_STREAM, 0);
  const struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(PORT)};
  if (status != 0 || bind(s, (const void *)&a, sizeof a) != 0 || listen(s, 64) != 0) {
    printf("There is no network to take orders from.\n");
    return 1;
  }
  printf("tile ready\n");
  fflush(stdout);
  for (;;) {
    // Handlers and what they leave behind; none is waited for.
    while (waitpid(-1, NULL, WNOHANG) > 0) continue;
    const int order = accept(s, NULL, NULL);
    if (order < 0) continue;
    if (fork() == 0) {
      close(s);
      obey(order);
      exit(0);
    }
    close(order);
  }
}
