// A hostile driver: breaks every rule of virtio queues, one at a time, and then uses the device as one should.
//
// The board has an entropy source, a disk and a network device, in this order. Sector n of the disk begins with the
// number n. For each case the console tells whether the device has asked for a reset, and whether it works after one.

#include "../machine.h"

#define SIZE 8
#define WAIT 200000

// virtio 1.2, section 4.2.2 (registers), 2.1 (status), 2.7 (split queues).
#define FEATURES_SEL 0x014
#define FEATURES 0x010
#define DRIVER_SEL 0x024
#define DRIVER 0x020
#define QUEUE_SEL 0x030
#define QUEUE_NUM_MAX 0x034
#define QUEUE_NUM 0x038
#define QUEUE_READY 0x044
#define QUEUE_NOTIFY 0x050
#define STATUS 0x070
#define QUEUE_DESC 0x080
#define QUEUE_DRIVER 0x090
#define QUEUE_DEVICE 0x0a0
#define CONFIG 0x100
#define ACKNOWLEDGE 1
#define DRIVER_IS 2
#define DRIVER_OK 4
#define FEATURES_OK 8
#define NEEDS_RESET 64
#define NEXT 1
#define WRITE 2
#define INDIRECT 4

struct descriptor {
  u64 address;
  u32 length;
  u16 flags, next;
};
struct available {
  u16 flags, index, ring[SIZE], event;
};
struct used {
  u16 flags, index;
  struct {
    u32 id, length;
  } ring[SIZE];
  u16 event;
};
static struct descriptor table[SIZE] __attribute__((aligned(4096)));
static struct available available __attribute__((aligned(4096)));
static struct used used __attribute__((aligned(4096)));
/** Of the network's other queue: what is sent on a loopback is what comes. */
static struct descriptor sender_table[SIZE] __attribute__((aligned(4096)));
static struct available sender_available;
static struct used sender_used __attribute__((aligned(4)));
static u8 frame[12 + 60];

/** What the device reads and writes lies behind the program, where too much of it does no harm to us. */
static struct arena {
  struct descriptor inner[256];
  struct {
    u32 type, reserved;
    u64 sector;
  } request __attribute__((aligned(4096)));
  u8 status;
  u8 data[8192] __attribute__((aligned(4096)));
} *const arena = (struct arena *)(RAM + 0x800000);
#define inner arena->inner
#define request arena->request
#define data arena->data
#define status (*(volatile u8 *)&arena->status)

static u64 device;
static u32 queue;

static u32 get(u32 offset) { return AT(u32, device + offset); }
static void set(u32 offset, u32 value) { AT(u32, device + offset) = value; }
static void set64(u32 offset, u64 value) {
  set(offset, value);
  set(offset + 4, value >> 32);
}

static void clear(void *start, u64 length) {
  for (volatile u8 *at = start; length > 0; length--) *at++ = 0;
}

static void begin(void) {
  clear(table, sizeof table);
  clear(&available, sizeof available);
  clear(&used, sizeof used);
  clear(inner, 256);
  set(STATUS, 0);
  set(STATUS, ACKNOWLEDGE | DRIVER_IS);
  set(DRIVER_SEL, 0);
  set(DRIVER, 1 << 28);
  set(DRIVER_SEL, 1);
  set(DRIVER, 1);
  set(STATUS, ACKNOWLEDGE | DRIVER_IS | FEATURES_OK);
}

static void ready(void) {
  set(QUEUE_READY, 1);
  set(STATUS, ACKNOWLEDGE | DRIVER_IS | FEATURES_OK | DRIVER_OK);
}

static void addresses(u64 descriptors, u64 driver, u64 devices) {
  set(QUEUE_SEL, queue);
  set(QUEUE_NUM, SIZE);
  set64(QUEUE_DESC, descriptors);
  set64(QUEUE_DRIVER, driver);
  set64(QUEUE_DEVICE, devices);
  ready();
}

static void open(void) {
  begin();
  addresses((u64)table, (u64)&available, (u64)&used);
}

static int is_receiving(void) { return device == VIRTIO(2) && queue == 0; }

/** Makes a frame come, for which the device needs what the receiving queue offers. */
static void send_frame(void) {
  clear(sender_table, sizeof sender_table);
  clear(&sender_available, sizeof sender_available);
  clear(&sender_used, sizeof sender_used);
  set(QUEUE_SEL, 1);
  set(QUEUE_NUM, SIZE);
  set64(QUEUE_DESC, (u64)sender_table);
  set64(QUEUE_DRIVER, (u64)&sender_available);
  set64(QUEUE_DEVICE, (u64)&sender_used);
  set(QUEUE_READY, 1);
  // To all, from ourselves: frames with another sender's address go nowhere.
  for (int i = 0; i < 6; i++) {
    frame[12 + i] = 0xff;
    frame[18 + i] = *(volatile u8 *)(device + CONFIG + i);
  }
  sender_table[0].address = (u64)frame;
  sender_table[0].length = sizeof frame;
  sender_available.index = 1;
  FENCE();
  set(QUEUE_NOTIFY, 1);
}

static void describe(struct descriptor *at, u64 address, u32 length, u16 flags, u16 next) {
  at->address = address;
  at->length = length;
  at->flags = flags;
  at->next = next;
}

static void offer(u16 head) {
  available.ring[available.index % SIZE] = head;
  FENCE();
  available.index++;
  FENCE();
  set(QUEUE_NOTIFY, queue);
}

/** Waits for one more entry of the used ring; 0: none came. */
static int answered(u16 before) {
  for (u64 i = 0; i < WAIT; i++) {
    FENCE();
    if (*(volatile u16 *)&used.index != before) return 1;
    if ((get(STATUS) & NEEDS_RESET) != 0) return 0;
  }
  return 0;
}

static void read_request(u64 sector) {
  request.type = 0;
  request.reserved = 0;
  request.sector = sector;
  status = 0xee;
  describe(&table[0], (u64)&request, 16, NEXT, 1);
  describe(&table[1], (u64)data, 512, NEXT | WRITE, 2);
  describe(&table[2], (u64)&status, 1, WRITE, 0);
}

/** Does what a good driver does; the device works as if nothing had been. */
static int works(void) {
  open();
  if (device == VIRTIO(1)) {
    read_request(7);
    offer(0);
    return answered(0) && status == 0 && *(u64 *)data == 7;
  }
  clear(data, 64);
  if (device == VIRTIO(0)) {
    describe(&table[0], (u64)data, 64, WRITE, 0);
    offer(0);
    u8 any = 0;
    const int came = answered(0);
    for (int i = 0; i < 64; i++) any |= data[i];
    return came && used.ring[0].length > 0 && any != 0;
  }
  if (queue == 1) {
    describe(&table[0], (u64)data, 12 + 60, 0, 0);
    offer(0);
    return answered(0);
  }
  describe(&table[0], (u64)data, 2048, WRITE, 0);
  offer(0);
  send_frame();
  return answered(0) && used.ring[0].length == sizeof frame;
}

static const char *name;
static u64 cases, broken;

static void judge(void) {
  if (is_receiving()) send_frame();
  // A frame comes when the machine looks for it, which is some time later.
  for (u64 i = 0; i < (is_receiving() ? 20000 : 200) && (get(STATUS) & NEEDS_RESET) == 0; i++) {
  }
  const int asked = (get(STATUS) & NEEDS_RESET) != 0;
  const int good = works();
  cases++;
  broken += !good;
  print(name);
  print(asked ? ": asks for a reset" : ": goes on");
  print(good ? "\n" : ", and is broken\n");
}

/** One case: `...` is what is done, on an open device. */
#define CASE(title, ...)                                                                                               \
  do {                                                                                                                 \
    name = title;                                                                                                      \
    open();                                                                                                            \
    __VA_ARGS__;                                                                                                       \
    judge();                                                                                                           \
  } while (0)

/** A chain of one descriptor that the device reads or writes, by its kind. */
static void single(u64 address, u32 length) {
  describe(&table[0], address, length, device == VIRTIO(1) || (device == VIRTIO(2) && queue == 1) ? 0 : WRITE, 0);
  offer(0);
}

static void everywhere(void) {
  const u64 end = RAM + MEMORY;
  CASE("a descriptor that follows itself", describe(&table[0], (u64)data, 16, NEXT | WRITE, 0); offer(0));
  CASE("two descriptors that follow each other", describe(&table[0], (u64)data, 16, NEXT, 1);
       describe(&table[1], (u64)data, 16, NEXT, 0); offer(0));
  CASE("a next descriptor outside the table", describe(&table[0], (u64)data, 16, NEXT, SIZE); offer(0));
  CASE("a next descriptor far outside", describe(&table[0], (u64)data, 16, NEXT, 0xffff); offer(0));
  CASE("a head outside the table", offer(SIZE));
  CASE("a head far outside", offer(0xffff));
  CASE("an index that jumps", available.index = SIZE + 1; FENCE(); set(QUEUE_NOTIFY, queue));
  CASE("an index that jumps by half", available.index = 0x8000; FENCE(); set(QUEUE_NOTIFY, queue));
  CASE("an index that goes back", single((u64)data, 64); available.index = 0xfff0; FENCE(); set(QUEUE_NOTIFY, queue));
  CASE("an empty descriptor", single((u64)data, 0));
  CASE("a length without end", single((u64)data, 0xffffffff));
  CASE("data at nothing", single(0, 64));
  CASE("data in a device", single(UART, 64));
  CASE("data over the end of RAM", single(end - 8, 64));
  CASE("data behind the end of RAM", single(end, 64));
  CASE("data before RAM", single(RAM - 8, 64));
  CASE("data over the end of the world", single(~0UL - 7, 64));
  CASE("data high above", single(1UL << 55, 64));
  CASE("writable before readable", describe(&table[0], (u64)data, 64, WRITE | NEXT, 1);
       describe(&table[1], (u64)data, 64, 0, 0); offer(0));
  CASE("an indirect table of no length", describe(&table[0], (u64)inner, 0, INDIRECT, 0); offer(0));
  CASE("an indirect table of odd length", describe(&table[0], (u64)inner, 17, INDIRECT, 0); offer(0));
  CASE("an indirect table without end", describe(&table[0], (u64)inner, 0xfffffff0, INDIRECT, 0); offer(0));
  CASE("an indirect table at nothing", describe(&table[0], 0, 16, INDIRECT, 0); offer(0));
  CASE("an indirect table over the end of RAM", describe(&table[0], end - 16, 64, INDIRECT, 0); offer(0));
  CASE("an indirect table with a successor", describe(&inner[0], (u64)data, 64, 0, 0);
       describe(&table[0], (u64)inner, 16, INDIRECT | NEXT, 1); offer(0));
  CASE("indirect inside indirect", describe(&inner[0], (u64)inner, 16, INDIRECT, 0);
       describe(&table[0], (u64)inner, 16, INDIRECT, 0); offer(0));
  CASE("a loop inside an indirect table", describe(&inner[0], (u64)data, 4, NEXT, 1);
       describe(&inner[1], (u64)data, 4, NEXT, 0); describe(&table[0], (u64)inner, 256, INDIRECT, 0); offer(0));
  CASE("an indirect table that is the queue's own", describe(&table[0], (u64)table, sizeof table, INDIRECT, 0); offer(0));
  CASE("data that is the queue's own table", single((u64)table, sizeof table));
  CASE("data that is the driver's ring", single((u64)&available, sizeof available));
  CASE("data that is the device's ring", single((u64)&used, sizeof used));
  CASE("notes for queues that are none", for (u32 i = 0; i < 40; i++) set(QUEUE_NOTIFY, 1U << (i & 31)); set(QUEUE_NOTIFY, ~0U));
  CASE("a queue that changes while it is in use", set(QUEUE_NUM, 4); set64(QUEUE_DESC, 0); set64(QUEUE_DEVICE, 1);
       offer(0); set(QUEUE_READY, 0); set(QUEUE_NOTIFY, queue); set(QUEUE_READY, 1); set(QUEUE_NOTIFY, queue));

  const u64 wild[] = {0, UART, RAM - 16, end - 16, end, ~0UL - 15, 1UL << 55, (u64)table + 1};
  for (u64 i = 0; i < sizeof wild / sizeof *wild; i++) {
    for (int which = 0; which < 3; which++) {
      name = which == 0 ? "a table elsewhere" : which == 1 ? "a driver's ring elsewhere" : "a device's ring elsewhere";
      begin();
      addresses(which == 0 ? wild[i] : (u64)table, which == 1 ? wild[i] : (u64)&available, which == 2 ? wild[i] : (u64)&used);
      describe(&table[0], (u64)data, 64, WRITE, 0);
      offer(0);
      judge();
    }
  }
  const u32 sizes[] = {0, 3, 7, 1025, 32768, 65535, 65536, ~0U};
  for (u64 i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    name = "a queue of odd size";
    begin();
    set(QUEUE_SEL, queue);
    set(QUEUE_NUM, sizes[i]);
    set64(QUEUE_DESC, (u64)table);
    set64(QUEUE_DRIVER, (u64)&available);
    set64(QUEUE_DEVICE, (u64)&used);
    ready();
    offer(0);
    judge();
  }
  name = "use without a word of greeting";
  set(STATUS, 0);
  offer(0);
  set(STATUS, DRIVER_OK);
  offer(0);
  judge();
  name = "features that were not offered";
  set(STATUS, 0);
  set(STATUS, ACKNOWLEDGE | DRIVER_IS);
  set(DRIVER_SEL, 0);
  set(DRIVER, ~0U);
  set(DRIVER_SEL, 1);
  set(DRIVER, ~0U);
  set(DRIVER_SEL, 7);
  set(DRIVER, ~0U);
  set(STATUS, ACKNOWLEDGE | DRIVER_IS | FEATURES_OK);
  ready();
  offer(0);
  judge();
}

static void disk_only(void) {
  const u64 sectors[] = {8192, 8191, ~0UL, ~0UL >> 9, 1UL << 55, ~0UL - 1};
  for (u64 i = 0; i < sizeof sectors / sizeof *sectors; i++) {
    for (u32 type = 0; type < 20; type++) {
      open();
      name = "requests for sectors that are none";
      read_request(sectors[i]);
      request.type = type;
      if (type != 0) table[1].flags = NEXT;
      if (type == 0 || type == 8) table[1].flags = NEXT | WRITE;
      table[1].length = 1024;
      offer(0);
      answered(0);
    }
  }
  judge();
  for (u32 type = 11; type < 16; type += 2) {
    for (u32 i = 0; i < 40; i++) {
      open();
      name = "discards of more than there is";
      read_request(0);
      request.type = type;
      for (u32 at = 0; at < 64; at += 16) {
        *(u64 *)(data + at) = i & 1 ? random64() : 8190 + i % 4;
        *(u32 *)(data + at + 8) = i & 2 ? random64() : ~0U;
        *(u32 *)(data + at + 12) = i & 4 ? random64() : 0;
      }
      describe(&table[1], (u64)data, i % 5 * 13 + 3, NEXT, 2);
      offer(0);
      answered(0);
    }
  }
  judge();
  CASE("a header in pieces", read_request(7); describe(&table[0], (u64)&request, 3, NEXT, 3);
       describe(&table[3], (u64)&request + 3, 13, NEXT, 1); offer(0); answered(0));
  CASE("a header alone", describe(&table[0], (u64)&request, 16, 0, 0); offer(0));
  CASE("no place for the status", read_request(7); table[1].flags = WRITE; table[1].length = 0; offer(0));
  CASE("a status that cannot be written", read_request(7); table[2].flags = 0; offer(0));
  CASE("a status that is the header", read_request(7); table[2].address = (u64)&request; offer(0));
  CASE("a read of odd length", read_request(7); table[1].length = 511; offer(0));
}

static void random_queues(void) {
  for (u64 round = 0; round < 3000; round++) {
    name = "random queues";
    begin();
    addresses((u64)table, (u64)&available, (u64)&used);
    for (int i = 0; i < SIZE; i++) {
      const u64 kind = random64();
      u64 address = (u64)data + kind % 4096;
      if ((kind >> 16 & 15) == 0) address = random64();
      if ((kind >> 16 & 15) == 1) address = (u64)inner;
      if ((kind >> 16 & 15) == 2) address = (u64)&request;
      describe(&table[i], address, kind >> 20 & 3 ? kind >> 22 & 1023 : random64(), kind >> 32 & 7, kind >> 40 & (kind >> 60 ? 7 : 15));
      inner[random64() % 16] = table[random64() % SIZE];
    }
    request.type = random64() % 16;
    request.sector = random64() % 8200;
    for (int i = 0; i < 6; i++) offer(random64() % 9);
  }
  judge();
}

static void play(u64 where, u32 which, const char *title) {
  device = where;
  queue = which;
  print(title);
  print("\n");
  everywhere();
  if (where == VIRTIO(1)) disk_only();
  random_queues();
}

int main(void) {
  play(VIRTIO(0), 0, "entropy");
  play(VIRTIO(1), 0, "disk");
  play(VIRTIO(2), 0, "network, receiving");
  play(VIRTIO(2), 1, "network, sending");
  print("survived ");
  print_number(cases);
  print(" cases, broken ");
  print_number(broken);
  print("\n");
  return 0;
}
