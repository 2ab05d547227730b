// A database's commits on a disk of its own: commit RATE SECONDS PHASE EPOCH.
//
// Each transaction changes a page of the table in memory, appends it to the log, and waits until that is safe. Now and then
// the changed pages go to the table. The log is the second half of the disk; what is in a frame follows from its epoch and
// number, so that whoever looks at the disk later can tell whether a commit has been lost (bench/tile/ledger.ts).

#include "pace.h"
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <linux/fs.h>
#include <unistd.h>

enum { PAGE = 4096, WORDS = PAGE / 4, HEAD = 4, TABLE_PAGES = 256, CHECKPOINT = 32, MAGIC = 0x74696c65 };

static uint32_t table[TABLE_PAGES][WORDS];
static uint32_t frame[WORDS];
static uint64_t log_start, log_pages;
static uint32_t epoch;
static int disk;

static void fill(uint32_t number) {
  frame[0] = MAGIC;
  frame[1] = epoch;
  frame[2] = number;
  frame[3] = number * 0x9e3779b1u;
  for (uint32_t i = HEAD; i < WORDS; i++) frame[i] = (number * 2654435761u + i * 40503u) ^ epoch;
}

static uint64_t place(uint64_t number) {
  return log_start + number % log_pages * PAGE;
}

static bool checkpoint(uint64_t number) {
  for (uint64_t i = number + 1 - CHECKPOINT; i <= number; i++) {
    const uint64_t page = i * 7919 % TABLE_PAGES;
    if (pwrite(disk, table[page], PAGE, page * PAGE) != PAGE) return false;
  }
  return fsync(disk) == 0;
}

static bool commit(uint64_t number) {
  fill(number);
  memcpy(table[number * 7919 % TABLE_PAGES], frame, PAGE);
  if (pwrite(disk, frame, PAGE, place(number)) != PAGE || fsync(disk) != 0) return false;
  return number % CHECKPOINT != CHECKPOINT - 1 || checkpoint(number);
}

int main(int argc, char **argv) {
  disk = open("/dev/vda", O_RDWR);
  uint64_t size = 0;
  if (argc != 5 || disk < 0 || ioctl(disk, BLKGETSIZE64, &size) != 0 || size < 2 * sizeof table) {
    printf("usage: commit RATE SECONDS PHASE EPOCH, with a disk\n");
    return 1;
  }
  epoch = strtoul(argv[4], NULL, 10);
  log_start = size / 2 / PAGE * PAGE;
  log_pages = (size - log_start) / PAGE;
  pace(atof(argv[1]), atof(argv[2]), atof(argv[3]), commit);
  return 0;
}
