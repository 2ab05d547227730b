// A mail server's files: spool RATE SECONDS PHASE FOLDER. A message is created, appended to, made safe and moved to where it
// can be read; the one that came a while before is read, compared and removed.

#include "pace.h"
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEPT = 16, MOST = 8192, HEADER = 64 };

static char body[MOST], back[MOST];

/** The message of this number; gives its length. */
static size_t write_message(uint64_t number, char *text) {
  const size_t length = 1024 + number * 2909 % (MOST - 1024);
  for (size_t i = 0; i < length; i++) text[i] = 'a' + (number * 31 + i * 7 + i / 64) % 26;
  return length;
}

static bool put(int file, const char *text, size_t length) {
  return write(file, text, length) == (ssize_t)length;
}

static bool deliver(uint64_t number) {
  char work[64], path[64];
  snprintf(work, sizeof work, "tmp/%llu", (unsigned long long)number);
  snprintf(path, sizeof path, "new/%llu", (unsigned long long)number);
  const size_t length = write_message(number, body);
  const int file = open(work, O_CREAT | O_EXCL | O_WRONLY | O_APPEND, 0644);
  if (file < 0) return false;
  const bool is_written = put(file, body, HEADER) && put(file, body + HEADER, length - HEADER) && fsync(file) == 0;
  close(file);
  return is_written && rename(work, path) == 0;
}

static bool collect(uint64_t number) {
  char path[64];
  snprintf(path, sizeof path, "new/%llu", (unsigned long long)number);
  const size_t length = write_message(number, body);
  const int file = open(path, O_RDONLY);
  if (file < 0) return false;
  const bool is_same = read(file, back, MOST) == (ssize_t)length && memcmp(back, body, length) == 0;
  close(file);
  return is_same && unlink(path) == 0;
}

static bool operation(uint64_t number) {
  return deliver(number) && (number < KEPT || collect(number - KEPT));
}

int main(int argc, char **argv) {
  if (argc != 5 || chdir(argv[4]) != 0) {
    printf("usage: spool RATE SECONDS PHASE FOLDER\n");
    return 1;
  }
  mkdir("tmp", 0755);
  mkdir("new", 0755);
  pace(atof(argv[1]), atof(argv[2]), atof(argv[3]), operation);
  return 0;
}
