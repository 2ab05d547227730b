// Both ends of the network benchmark: net up MAC ADDRESS PREFIX [GATEWAY] | net serve PORT |
// net send|receive|echo|flood HOST PORT SECONDS. Clients print what they have moved, and in how many ns.
//
// A connection begins with a letter that says what the server is to do: S take all, and tell how many bytes that were; G give
// until the other end closes; E echo; U tell how many UDP datagrams have reached this system so far, whether or not anybody had the
// time to read them.

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { PIECE = 128 << 10, DATAGRAM = 18, ECHO = 64 };

static char piece[PIECE];

static void check(bool isWell, const char *what) {
  if (isWell) return;
  perror(what);
  exit(1);
}

static uint64_t now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000ull + t.tv_nsec;
}

static struct sockaddr_in address(const char *host, const char *port) {
  struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(atoi(port))};
  check(inet_pton(AF_INET, host, &a.sin_addr) == 1, host);
  return a;
}

/** Names the device with this MAC: which is first is another matter in each machine. */
static void find(int s, struct ifreq *request, const char *mac) {
  for (int i = 0; i < 4; i++) {
    char text[18];
    snprintf(request->ifr_name, IFNAMSIZ, "eth%d", i);
    if (ioctl(s, SIOCGIFHWADDR, request) != 0) continue;
    const uint8_t *b = (const uint8_t *)request->ifr_hwaddr.sa_data;
    snprintf(text, sizeof text, "%02x:%02x:%02x:%02x:%02x:%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
    if (strcmp(text, mac) == 0) return;
  }
  printf("There is no device with the address %s.\n", mac);
  exit(1);
}

static void up(char **words) {
  const int s = socket(AF_INET, SOCK_DGRAM, 0);
  struct ifreq request = {0};
  find(s, &request, words[0]);
  struct sockaddr_in a = address(words[1], "0");
  memcpy(&request.ifr_addr, &a, sizeof a);
  check(ioctl(s, SIOCSIFADDR, &request) == 0, "SIOCSIFADDR");
  a.sin_addr.s_addr = htonl(~0u << (32 - atoi(words[2])));
  memcpy(&request.ifr_netmask, &a, sizeof a);
  check(ioctl(s, SIOCSIFNETMASK, &request) == 0, "SIOCSIFNETMASK");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  check(ioctl(s, SIOCSIFFLAGS, &request) == 0, "SIOCSIFFLAGS");
  if (words[3] == NULL) return;
  struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY};
  a = address("0.0.0.0", "0");
  memcpy(&route.rt_dst, &a, sizeof a);
  memcpy(&route.rt_genmask, &a, sizeof a);
  a = address(words[3], "0");
  memcpy(&route.rt_gateway, &a, sizeof a);
  check(ioctl(s, SIOCADDRT, &route) == 0, "SIOCADDRT");
}

/** Writes all of it; false: the other end has gone. */
static bool put(int s, const void *bytes, size_t count) {
  while (count > 0) {
    const ssize_t done = write(s, bytes, count);
    if (done <= 0) return false;
    bytes = (const char *)bytes + done;
    count -= done;
  }
  return true;
}

/** Reads all of it; false: the other end has gone. */
static bool get(int s, void *bytes, size_t count) {
  while (count > 0) {
    const ssize_t done = read(s, bytes, count);
    if (done <= 0) return false;
    bytes = (char *)bytes + done;
    count -= done;
  }
  return true;
}

/** Datagrams that have come for a UDP port that is open: those that were queued, and those for which a queue had no room. */
static uint64_t arrived(void) {
  char line[512];
  unsigned long long in, errors;
  FILE *file = fopen("/proc/net/snmp", "r");
  check(file != NULL, "/proc/net/snmp");
  while (fgets(line, sizeof line, file) != NULL) {
    if (sscanf(line, "Udp: %llu %*u %llu", &in, &errors) != 2) continue;
    fclose(file);
    return in + errors;
  }
  printf("There is no count of datagrams.\n");
  exit(1);
}

static void answer(int s) {
  char wish;
  if (!get(s, &wish, 1)) return;
  uint64_t count = 0;
  if (wish == 'S') {
    for (ssize_t got; (got = read(s, piece, PIECE)) > 0;) count += got;
    put(s, &count, sizeof count);
  } else if (wish == 'G') {
    while (put(s, piece, PIECE)) continue;
  } else if (wish == 'E') {
    while (get(s, piece, ECHO) && put(s, piece, ECHO)) continue;
  } else if (wish == 'U') {
    count = arrived();
    put(s, &count, sizeof count);
  }
}

static void serve(const char *port) {
  mkdir("/proc", 0755);
  check(mount("proc", "/proc", "proc", 0, NULL) == 0 || errno == EBUSY, "/proc");
  const struct sockaddr_in a = address("0.0.0.0", port);
  const int one = 1;
  const int tcp = socket(AF_INET, SOCK_STREAM, 0);
  const int udp = socket(AF_INET, SOCK_DGRAM, 0);
  setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  check(bind(tcp, (const void *)&a, sizeof a) == 0 && listen(tcp, 16) == 0, "listen");
  check(bind(udp, (const void *)&a, sizeof a) == 0, "bind");
  // Whoever has asked for it goes on; nobody waits for those who serve.
  if (fork() != 0) exit(0);
  signal(SIGCHLD, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  if (fork() == 0) {
    for (;;) recv(udp, piece, PIECE, 0);
  }
  for (;;) {
    const int s = accept(tcp, NULL, NULL);
    if (s < 0) continue;
    setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (fork() == 0) {
      answer(s);
      exit(0);
    }
    close(s);
  }
}

/** Connects, and says what is wished. Who serves may not be there yet. */
static int ask(const struct sockaddr_in *a, char wish) {
  const int one = 1;
  for (int tries = 0;; tries++) {
    const int s = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(s, (const void *)a, sizeof *a) == 0) {
      setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      check(put(s, &wish, 1), "write");
      return s;
    }
    check(tries < 50, "connect");
    close(s);
    usleep(100000);
  }
}

static void tell(const char *what, uint64_t count, uint64_t ns) {
  printf("%s %llu ns %llu\n", what, (unsigned long long)count, (unsigned long long)ns);
}

static void send_all(const struct sockaddr_in *a, double seconds) {
  const int s = ask(a, 'S');
  const uint64_t begin = now();
  const uint64_t end = begin + seconds * 1e9;
  uint64_t sent = 0;
  uint64_t taken;
  for (; now() < end; sent += PIECE) check(put(s, piece, PIECE), "write");
  shutdown(s, SHUT_WR);
  check(get(s, &taken, sizeof taken), "read");
  const uint64_t ns = now() - begin;
  if (taken != sent) {
    printf("%llu bytes were sent and %llu taken\n", (unsigned long long)sent, (unsigned long long)taken);
    exit(1);
  }
  tell("bytes", taken, ns);
}

static void receive_all(const struct sockaddr_in *a, double seconds) {
  const int s = ask(a, 'G');
  const uint64_t begin = now();
  const uint64_t end = begin + seconds * 1e9;
  uint64_t count = 0;
  while (now() < end) {
    const ssize_t got = read(s, piece, PIECE);
    check(got > 0, "read");
    count += got;
  }
  tell("bytes", count, now() - begin);
}

static void echo(const struct sockaddr_in *a, double seconds) {
  const int s = ask(a, 'E');
  const uint64_t begin = now();
  const uint64_t end = begin + seconds * 1e9;
  uint64_t rounds = 0;
  for (; now() < end; rounds++) check(put(s, piece, ECHO) && get(s, piece, ECHO), "echo");
  tell("rounds", rounds, now() - begin);
}

static uint64_t came(const struct sockaddr_in *a) {
  uint64_t count;
  const int s = ask(a, 'U');
  check(get(s, &count, sizeof count), "read");
  close(s);
  return count;
}

static void flood(const struct sockaddr_in *a, double seconds) {
  const int s = socket(AF_INET, SOCK_DGRAM, 0);
  check(connect(s, (const void *)a, sizeof *a) == 0, "connect");
  const uint64_t before = came(a);
  const uint64_t begin = now();
  const uint64_t end = begin + seconds * 1e9;
  uint64_t sent = 0;
  while (now() < end) {
    // Refused, when nobody listens yet; no room, when the device has not kept up.
    for (int i = 0; i < 64; i++) sent += write(s, piece, DATAGRAM) == DATAGRAM;
  }
  const uint64_t ns = now() - begin;
  usleep(200000);
  tell("sent", sent, ns);
  tell("datagrams", came(a) - before, ns);
}

int main(int count, char **words) {
  const char *verb = count > 1 ? words[1] : "";
  if (strcmp(verb, "up") == 0 && count >= 5) {
    up(words + 2);
    return 0;
  }
  if (strcmp(verb, "serve") == 0 && count == 3) serve(words[2]);
  if (count == 5) {
    const struct sockaddr_in a = address(words[2], words[3]);
    const double seconds = atof(words[4]);
    if (strcmp(verb, "send") == 0) return send_all(&a, seconds), 0;
    if (strcmp(verb, "receive") == 0) return receive_all(&a, seconds), 0;
    if (strcmp(verb, "echo") == 0) return echo(&a, seconds), 0;
    if (strcmp(verb, "flood") == 0) return flood(&a, seconds), 0;
  }
  fprintf(stderr, "net: what?\n");
  return 2;
}
