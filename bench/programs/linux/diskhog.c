// Several processes write to places all over the disk past the page cache, and wait for each write to be safe.

#define _GNU_SOURCE
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <unistd.h>
#include <linux/fs.h>

enum { PROCESSES = 8, PIECE = 64 * 1024 };

int main(void) {
  mount("dev", "/dev", "devtmpfs", 0, NULL);
  uint64_t size = 0;
  const int probe = open("/dev/vda", O_RDWR);
  if (probe < 0 || ioctl(probe, BLKGETSIZE64, &size) != 0 || size < PIECE) {
    printf("failed: there is no disk\n");
    return 1;
  }
  for (int i = 1; i < PROCESSES; i++)
    if (fork() == 0) break;
  const int disk = open("/dev/vda", O_RDWR | O_DIRECT);
  uint8_t *const piece = aligned_alloc(4096, PIECE);
  uint32_t state = getpid();
  for (;;) {
    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    const off_t at = (off_t)(state % (size / PIECE)) * PIECE;
    piece[state % PIECE]++;
    if (pwrite(disk, piece, PIECE, at) != PIECE || fsync(disk) != 0 || pread(disk, piece, PIECE, at) != PIECE) {
      printf("failed: the disk does not take what is written\n");
      return 1;
    }
  }
}
