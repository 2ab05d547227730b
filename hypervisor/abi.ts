// The numbers both sides of the machine know: error codes, guest states, commands of the door, layouts in the window.
// Read by asc (kernel) and by tsc (shim, CLI, tests) alike, so it imports nothing and carries no types.

/** Version of everything in this file; docs/abi.md has the changelog. */
export const ABI_VERSION = 7;

// ── Error codes: a caller's mistake, nothing has changed ────────────────────────────────────────────────
export const OK = 0;
export const E_BAD_ID = -1;
export const E_BAD_ARG = -2;
export const E_BAD_STATE = -3;
export const E_NO_MEMORY = -4;
export const E_NO_SPACE = -5;
export const E_BUSY = -6;
export const E_AGAIN = -7;
export const E_UNSUPPORTED = -8;
export const E_CORRUPT = -9;
export const E_VERSION = -10;
export const E_IO = -11;

// ── Limits of the machine ───────────────────────────────────────────────────────────────────────────────
export const MAX_CPUS = 16;
export const MAX_GUESTS = 64;
export const MAX_HARTS = 8;
export const PAGE_SIZE = 4096;
/** Bytes of the window through which the host hands images over and reads reports. */
export const WINDOW_SIZE = 1048576;

/** Where guest RAM begins, as on QEMU's `virt` board. */
export const GUEST_RAM_BASE = 0x8000_0000;
/**
 * Linear memory that a machine with one CPU needs beside its guests' RAM: the kernel's regions (core/layout.ts), rounded
 * up. Another MAP_SHARE of the RAM goes into frame maps.
 */
export const MACHINE_BYTES = 268435456;
/** What each further CPU takes: a cache of decoded code, and room for translated code. */
export const CPU_BYTES = 75497472;
/** The cache of decoded code that both count with: enough for four guests. `boot` may be told of more, or of less. */
export const CODE_BYTES = 67108864;
/** One word of frame map for each page, doubled for good measure: RAM divided by this. */
export const MAP_SHARE = 512;

// ── Guest states (QEMU's RunState, shortened to what exists) ────────────────────────────────────────────
export const GUEST_NONE = 0;
export const GUEST_DEFINED = 1;
export const GUEST_RUNNING = 2;
export const GUEST_PAUSED = 3;
export const GUEST_STOPPED = 4;

// ── Why a guest stopped ─────────────────────────────────────────────────────────────────────────────────
export const STOP_NONE = 0;
/** The guest switched itself off: SBI SRST shutdown, syscon power, or HTIF with value 1. */
export const STOP_POWEROFF = 1;
/** Beside STOP_POWEROFF, as stop code: the guest asked to be started anew, from cold or warm (SBI system reset). */
export const RESET_COLD = 1;
export const RESET_WARM = 2;
/** The guest said that it failed: SBI SRST reason "system failure", or the power device's FAIL word. */
export const STOP_PANIC = 2;
/** HTIF `tohost` told a failed test; the test's number is in the report. */
export const STOP_TEST_FAILED = 3;
/** The host asked for it. */
export const STOP_KILLED = 4;
/** The machine had no frame left for it. */
export const STOP_NO_MEMORY = 5;
/** TRANSLATOR_VERIFY: translated code and the interpreter disagreed; `divergence` tells about it. */
export const STOP_DIVERGED = 6;

// ── What `guestCreate` reads from the window (byte offsets; all fields are u32 or u64, little-endian) ──
export const SPEC_RAM_BYTES = 0;
export const SPEC_HARTS = 8;
/** BOOT_DIRECT or BOOT_FIRMWARE. */
export const SPEC_BOOT = 12;
/** Number of disks; disk i of this guest is the machine's disk number SPEC_DISKS[i].disk. */
export const SPEC_DISK_COUNT = 16;
/** Number of network ports. */
export const SPEC_NET_COUNT = 20;
/** Random bits the guest is seeded with (kaslr-seed, rng-seed). */
export const SPEC_SEED = 24;
/** Bytes of the command line that follows at SPEC_CMDLINE. */
export const SPEC_CMDLINE_BYTES = 32;
/** Bits, see SPEC_FLAG_*. */
export const SPEC_FLAGS = 36;
/** u64: where harts start in firmware mode; 0: at the start of RAM. */
export const SPEC_ENTRY = 40;
/** u64: guest-physical address of the HTIF `tohost` word; 0: none. */
export const SPEC_TOHOST = 48;
/** TRANSLATOR_*. */
export const SPEC_TRANSLATOR = 56;
/** Instructions that code must have cost the interpreter before it is translated; 0: what the kernel thinks best. */
export const SPEC_HEAT = 60;
/** 8 entries of 16 bytes: u32 disk number of the machine, u32 flags (DISK_READ_ONLY), u64 unused. */
export const SPEC_DISKS = 64;
/** 4 entries of SPEC_NET_SIZE bytes: SPEC_NET_*. */
export const SPEC_NETS = 192;
/** The guest's name, by which others on its networks find it: lower-case letters, digits and hyphens, ends with a zero. */
export const SPEC_NAME = 320;
export const SPEC_NAME_MAX = 63;
export const SPEC_CMDLINE = 512;
export const SPEC_CMDLINE_MAX = 4096;
export const MAX_DISKS = 8;
export const MAX_NETS = 4;

/** One network device of a guest: u32 number of the network it is on. */
export const SPEC_NET_NETWORK = 0;
/** u16, NIC_*. */
export const SPEC_NET_FLAGS = 4;
/** 6 bytes, in the order of the wire. */
export const SPEC_NET_MAC = 6;
/** u16: VLAN of the port (1 to 4094), whose tag its guest does not see; 0: none; NIC_TRUNK: all, tags and all. */
export const SPEC_NET_VLAN = 12;
/** u32: the IPv4 address that DHCP gives it, as a number; 0: one of the pool. */
export const SPEC_NET_IP4 = 16;
export const SPEC_NET_SIZE = 32;

/** The port sees the gateway and the uplink, and no other guest. */
export const NIC_ISOLATED = 1;
/** The port may use any MAC and IP address: for guests that are routers or bridges themselves. */
export const NIC_TRUSTED = 2;
/** The cable is out. */
export const NIC_UNPLUGGED = 4;
/** With `networkPlug` alone: frames carry a struct virtio_net_hdr (12 bytes) in front, as with NETWORK_FLAG_OFFLOAD. */
export const NIC_OFFLOAD = 8;
export const NIC_TRUNK = 0xffff;

/** A virtio console with two ports beside the UART. */
export const SPEC_FLAG_VIRTIO_CONSOLE = 1;

export const BOOT_DIRECT = 0;
export const BOOT_FIRMWARE = 1;

export const DISK_READ_ONLY = 1;

/** Hot code becomes wasm, where the host can take it. */
export const TRANSLATOR_ON = 0;
/** The interpreter alone. */
export const TRANSLATOR_OFF = 1;
/** Each run of translated code is done by both engines; the first difference stops the guest (STOP_DIVERGED). */
export const TRANSLATOR_VERIFY = 2;
/** As TRANSLATOR_ON; each module says what it was made from, in ORIGIN_*, and has nothing that some engines lack. */
export const TRANSLATOR_TRAIN = 3;
/** The same with relaxed SIMD, whose multiply-add rounds once where the processor has one. */
export const TRANSLATOR_TRAIN_RELAXED = 4;

// ── The section "orlop" of a module made for a guest that trains: u32 stamp of the kernel, then for each unit this ──
/** u32 TLB set that it was made for. */
export const ORIGIN_SET = 0;
/** u32 byte of its entry in the entry's page. */
export const ORIGIN_PLACE = 4;
/** u32 how many functions, which follow those of the unit before in the module. */
export const ORIGIN_FUNCTIONS = 8;
/** u32 how many runs of code. */
export const ORIGIN_RUNS = 12;
/** Bytes of this; for each function i32 its distance from the entry follows, then TRAINED_RUN of each run. */
export const ORIGIN = 16;

// ── A pack of translated code that is in the image: `codeTrained` ──
export const TRAINED_MAGIC = 0;
/** "OTRN". */
export const TRAINED_MAGIC_VALUE = 1314018383;
/** u32 stamp of the kernel that made it. */
export const TRAINED_STAMP = 4;
/** u32 bytes of the whole. */
export const TRAINED_LENGTH = 8;
/** u32 logarithm of the number of buckets. */
export const TRAINED_BITS = 12;
/** u32 place in the kernel's table of a function that answers 1 where multiply-adds of relaxed SIMD round once; 0: none has any. */
export const TRAINED_PROBE = 16;
/** For each bucket a u32: byte in the pack of its first unit's record; 0: none. */
export const TRAINED_BUCKETS = 20;
/** Of a record: u32 byte of the next one in its bucket; 0: none. */
export const TRAINED_UNIT_NEXT = 0;
/** u32 each: byte of the entry in its page; the instruction there; TLB set. */
export const TRAINED_UNIT_PLACE = 4;
export const TRAINED_UNIT_RAW = 8;
export const TRAINED_UNIT_SET = 12;
/** u32 each: place in the kernel's table of its first function; how many; how many runs of code. */
export const TRAINED_UNIT_INDEX = 16;
export const TRAINED_UNIT_FUNCTIONS = 20;
export const TRAINED_UNIT_RUNS = 24;
/** u32: 1 if it has multiply-adds of relaxed SIMD, else 0. */
export const TRAINED_UNIT_FUSED = 28;
/** Bytes of this; for each function i32 its distance from the entry follows, then the runs. */
export const TRAINED_UNIT = 32;
/** Of a run: i32 bytes from the start of the entry's page; u32 how many bytes. It ends with its page. */
export const TRAINED_RUN_FROM = 0;
export const TRAINED_RUN_LENGTH = 4;
/** Bytes of this; the bytes of code follow, and up to three zeroes. */
export const TRAINED_RUN = 8;
/** First place in the kernel's table for functions of a pack. */
export const TRAINED_TABLE = 9216;

// ── What is loaded into a guest before it starts: `guestLoad(id, what, offset, total, length)` ─────────
export const LOAD_KERNEL = 0;
export const LOAD_INITRD = 1;
/** Raw bytes at a guest-physical address (`offset` is the address): ELF segments of firmware. */
export const LOAD_PHYSICAL = 2;

// ── host.blockSubmit ────────────────────────────────────────────────────────────────────────────────────
export const BLOCK_READ = 0;
export const BLOCK_WRITE = 1;
export const BLOCK_FLUSH = 2;
export const BLOCK_DISCARD = 3;
export const BLOCK_WRITE_ZEROES = 4;
/** Answers of blockSubmit: finished (status OK), or will be told later by `blockDone(tag, status)`; < 0 is an error. */
export const BLOCK_DONE = 0;
export const BLOCK_PENDING = 1;
/** What host.blockInfo writes: u64 size in bytes, u32 flags (DISK_READ_ONLY), u32 0. */
export const BLOCK_INFO_BYTES = 0;
export const BLOCK_INFO_FLAGS = 8;
export const BLOCK_INFO_SIZE = 16;

// ── What `run` answers: nanoseconds the machine may be left alone, or ──────────────────────────────────
export const RUN_AGAIN = 0;
/** No guest of this machine is running any more. */
export const RUN_FINISHED = -1;

// ── `guestStats` writes these to the window: u64 each, byte offset = 8 x number ────────────────────────
export const STAT_INSTRUCTIONS = 0;
export const STAT_GUEST_NS = 1;
export const STAT_DEVICE_NS = 2;
export const STAT_KERNEL_NS = 3;
export const STAT_IDLE_NS = 4;
export const STAT_FRAMES = 5;
/** Guest time in ns from start to the first instruction in U mode; 0: none yet. */
export const STAT_FIRST_USER_NS = 6;
/** Instructions retired before the first instruction in U mode. */
export const STAT_FIRST_USER_INSTRUCTIONS = 7;
export const STAT_TRAPS = 8;
export const STAT_INTERRUPTS = 9;
export const STAT_MMIO = 10;
export const STAT_SBI_CALLS = 11;
export const STAT_TLB_FILLS = 12;
export const STAT_CODE_PAGES = 13;
/** Things a well-behaved guest never does: bad descriptors, wild queue addresses, accesses to nowhere. */
export const STAT_OFFENCES = 14;
/** Translated functions that can be entered now, on all CPUs together. */
export const STAT_REGIONS = 15;
/** Modules of translated code installed so far, on all CPUs together. */
export const STAT_MODULES = 16;
/** Bytes of wasm that are installed now, on all CPUs together. */
export const STAT_CODE_BYTES = 17;
/** Of STAT_INSTRUCTIONS those that translated code retired. */
export const STAT_TRANSLATED_INSTRUCTIONS = 18;
/** Of STAT_KERNEL_NS what translating took. */
export const STAT_TRANSLATE_NS = 19;
/** Times that translated code was entered. */
export const STAT_REGION_ENTRIES = 20;
/** Functions dropped to make room, on all CPUs together. */
export const STAT_EVICTIONS = 21;
/** Functions dropped because their code changed, on all CPUs together. */
export const STAT_INVALIDATIONS = 22;
/** Hot entries that could not be translated. */
export const STAT_REFUSALS = 23;
/** ns in which harts could have run and no CPU was theirs: the sum over all harts. */
export const STAT_STEAL_NS = 24;
/** Harts that run or could run now. */
export const STAT_BUSY_HARTS = 25;
/** Times that a hart was given a CPU, and times that this was another CPU than before. */
export const STAT_SLICES = 26;
export const STAT_MIGRATIONS = 27;
export const STAT_BLOCK_READS = 28;
export const STAT_BLOCK_WRITES = 29;
export const STAT_BLOCK_FLUSHES = 30;
export const STAT_BLOCK_READ_BYTES = 31;
export const STAT_BLOCK_WRITTEN_BYTES = 32;
/** Frames from the guest, and to it; frames for it that were dropped as it had no room for them. */
export const STAT_NET_SENT = 33;
export const STAT_NET_RECEIVED = 34;
export const STAT_NET_SENT_BYTES = 35;
export const STAT_NET_RECEIVED_BYTES = 36;
export const STAT_NET_DROPPED = 37;
export const STAT_CONSOLE_WRITTEN_BYTES = 38;
/** ns in which a device had work that a limit held back: the sum over all devices. */
export const STAT_THROTTLED_NS = 39;
/** Of STAT_FRAMES those that other pages share. */
export const STAT_SHARED_FRAMES = 40;
/** Pages in the balloon, and pages it is asked to hold. */
export const STAT_BALLOON_PAGES = 41;
export const STAT_BALLOON_TARGET = 42;
/** Pages that free-page reporting has given back so far. */
export const STAT_REPORTED_PAGES = 43;
/** 1 while harts wait for a frame that the machine does not have. */
export const STAT_STARVED = 44;
/** What the guest last said of itself (virtio's balloon): bytes free, and bytes that programs could have; 0: nothing (yet). */
export const STAT_FREE_BYTES = 45;
export const STAT_AVAILABLE_BYTES = 46;
export const STAT_COUNT = 47;

// ── `guestSet(id, what, value)`: what may be changed while a guest runs ─────────────────────────────────
/** Share of the CPUs when they are short: 1 … 65535. A new guest has WEIGHT_DEFAULT. */
export const SET_WEIGHT = 0;
export const WEIGHT_DEFAULT = 256;
/** Most it gets, in percent of one CPU, fractions allowed; 0: no limit. */
export const SET_CAP = 1;
/** What it gets whenever it wants it, in percent of one CPU; all guests' together at most 95 percent of the CPUs. */
export const SET_RESERVATION = 2;
/** Bytes of RAM that are there for it whenever it touches them. A new guest: 0. E_NO_MEMORY: not so much is left to promise. */
export const SET_GUARANTEE = 3;
/** Bytes of RAM it shall keep; the balloon gets the rest. A new guest: all. */
export const SET_TARGET = 4;
/** 1: pages of it that are like others are shared with these. A new guest: 1. */
export const SET_SHARING = 5;
/** Limits of all its disks together, of all its network ports in each direction, and of its consoles, a second; 0: none. */
export const SET_BLOCK_BYTES = 8;
export const SET_BLOCK_OPERATIONS = 9;
export const SET_NET_BYTES = 10;
export const SET_NET_FRAMES = 11;
export const SET_CONSOLE_BYTES = 12;
/** What may pass at once beyond the rate, after a rest: in bytes or operations. 0: as much as 100 ms bring. */
export const SET_BLOCK_BURST_BYTES = 16;
export const SET_BLOCK_BURST_OPERATIONS = 17;
export const SET_NET_BURST_BYTES = 18;
export const SET_NET_BURST_FRAMES = 19;
export const SET_CONSOLE_BURST_BYTES = 20;

// ── `machineStats` writes these to the window: u64 each; then CPU_STAT_COUNT for each CPU ───────────────
export const MACHINE_STAT_CPUS = 0;
/** Frames of the pool, those in use, and those that are promised to guests which have not touched them. */
export const MACHINE_STAT_FRAMES = 1;
export const MACHINE_STAT_USED_FRAMES = 2;
export const MACHINE_STAT_PROMISED_FRAMES = 3;
/** Frames that sharing saves now. */
export const MACHINE_STAT_SAVED_FRAMES = 4;
export const MACHINE_STAT_COUNT = 8;
/** ns since this CPU's worker first ran; of these with nothing to do, and for the kernel itself. The rest is billed to guests. */
export const CPU_STAT_NS = 0;
export const CPU_STAT_IDLE_NS = 1;
export const CPU_STAT_KERNEL_NS = 2;
export const CPU_STAT_COUNT = 4;

// ── The mailbox: words in linear memory for threads that do not call the door; `mailbox` has its address ─
/** 2 x u32, a bit for each guest: input waits for it. The sender ORs the bit in, then wakes CPUs. */
export const MAILBOX_INPUT = 0;
/** u32, a bit for each uplink: frames wait at it, or there is room again for those that go out. Likewise. */
export const MAILBOX_UPLINKS = 8;
/** u32 for each CPU: who wants it to wake adds 1 and notifies. A worker reads it before `run`, and waits on it afterwards. */
export const MAILBOX_WAKE = 64;

// ── `divergence` writes to the window what both engines made of the same start ─────────────────────────
/** u64: where both began, guest-virtual. */
export const DIVERGENCE_PC = 0;
/** u64: instructions that translated code said it had retired. */
export const DIVERGENCE_INSTRUCTIONS = 8;
/** u32: bytes of code at DIVERGENCE_CODE. */
export const DIVERGENCE_CODE_BYTES = 16;
/** u32: 0: registers differ; 1: memory differs, at DIVERGENCE_ADDRESS. */
export const DIVERGENCE_KIND = 20;
/** u64: address in linear memory of the first store whose bytes differ. */
export const DIVERGENCE_ADDRESS = 24;
/** u64 each: what is there after the interpreter, and after translated code. */
export const DIVERGENCE_EXPECTED = 32;
export const DIVERGENCE_FOUND = 40;
/** Harts as `guestReadHart` writes them: before, after the interpreter, after translated code. */
export const DIVERGENCE_BEFORE = 64;
export const DIVERGENCE_INTERPRETED = 640;
export const DIVERGENCE_TRANSLATED = 1216;
/** Bytes of the guest's code from DIVERGENCE_PC on, to the end of its page. */
export const DIVERGENCE_CODE = 1792;

// ── Networks: what `networkDefine(id)` reads from the window ────────────────────────────────────────────
export const MAX_NETWORKS = 16;
/**
 * Uplinks are the host's numbered network ports (host.netSend, host.netReceive): a network has one at most, so has each capture,
 * and each device of a guest that is elsewhere (`networkPlug`).
 */
export const MAX_UPLINKS = 32;
export const NO_UPLINK = 0xffff_ffff;

/** u32: NETWORK_BRIDGE: the uplink is one more port of the switch. NETWORK_NAT: a gateway stands between. */
export const NETWORK_MODE = 0;
export const NETWORK_BRIDGE = 0;
export const NETWORK_NAT = 1;
/** u32: number of the uplink, or NO_UPLINK. */
export const NETWORK_UPLINK = 4;
/** u32 bits: NETWORK_FLAG_*. */
export const NETWORK_FLAGS = 8;
/** u32: largest IP packet, in bytes, that DHCP and router advertisements announce; 576 to 65521. */
export const NETWORK_MTU = 12;
/** 6 bytes each: MAC of the gateway on the inside, and of the masquerading side on the uplink. NETWORK_NAT only, as all below. */
export const NETWORK_MAC = 16;
export const NETWORK_OUT_MAC = 24;
/** u32 each: the gateway's IPv4 address as a number (10.9.0.1 is 0x0a090001), prefix length, first and last address to lease. */
export const NETWORK_IP4 = 32;
export const NETWORK_PREFIX4 = 36;
export const NETWORK_LEASE_FIRST = 40;
export const NETWORK_LEASE_LAST = 44;
/** 16 bytes: the gateway's IPv6 address, in a /64 that is the guests'; all zero: no IPv6. */
export const NETWORK_IP6 = 48;
/** u32 each: address on the uplink, its prefix length, next hop and name server there; NETWORK_OUT_IP4 0: all of it by DHCP. */
export const NETWORK_OUT_IP4 = 64;
export const NETWORK_OUT_PREFIX4 = 68;
export const NETWORK_OUT_GATEWAY4 = 72;
export const NETWORK_OUT_DNS4 = 76;
/** 16 bytes each: the same for IPv6, the prefix length is a u32; all zero: by router advertisements. */
export const NETWORK_OUT_IP6 = 80;
export const NETWORK_OUT_PREFIX6 = 96;
export const NETWORK_OUT_GATEWAY6 = 112;
export const NETWORK_OUT_DNS6 = 128;
/** The domain in which the guests' names are resolved, without dots at its ends; ends with a zero. */
export const NETWORK_DOMAIN = 144;
export const NETWORK_DOMAIN_MAX = 63;
/** u32: broadcast and multicast frames a second that one port may send; 0: the default. */
export const NETWORK_BROADCASTS = 208;
export const NETWORK_SIZE = 256;

/** Frames of the uplink carry a struct virtio_net_hdr (12 bytes) in front, may lack sums and be as large as 65 535 + 14 bytes. */
export const NETWORK_FLAG_OFFLOAD = 1;
/** The gateway passes nothing on: its guests reach it and each other only. */
export const NETWORK_FLAG_NO_FORWARDING = 2;
export const NETWORK_FLAG_NO_DHCP = 4;
export const NETWORK_FLAG_NO_DNS = 8;

// ── Port forwarding: what `networkForward(id, isNew)` reads from the window; u32 each ───────────────────
/** IP protocol: FORWARD_TCP or FORWARD_UDP. */
export const FORWARD_PROTOCOL = 0;
export const FORWARD_TCP = 6;
export const FORWARD_UDP = 17;
/** First port on the uplink's side, and how many. */
export const FORWARD_PORT = 4;
export const FORWARD_COUNT = 8;
/** Guest, which of its network devices, and first port there. */
export const FORWARD_GUEST = 12;
export const FORWARD_NIC = 16;
export const FORWARD_TO_PORT = 20;
export const FORWARD_SIZE = 24;
export const MAX_FORWARDS = 256;

// ── What `networkReport(id)` writes to the window ───────────────────────────────────────────────────────
/** u32 each: 1 while the uplink's link is up; the IPv4 address on the uplink; connections that are tracked. */
export const NETREPORT_LINK = 0;
export const NETREPORT_OUT_IP4 = 4;
export const NETREPORT_CONNECTIONS = 8;
/** u32: entries at NETREPORT_PORTS. */
export const NETREPORT_PORT_COUNT = 12;
/** 16 bytes: the IPv6 address on the uplink. */
export const NETREPORT_OUT_IP6 = 16;
/** u64 each: connections ever tracked, evicted for want of room, packets that NAT refused. */
export const NETREPORT_TRACKED = 32;
export const NETREPORT_EVICTED = 40;
export const NETREPORT_REFUSED = 48;
export const NETREPORT_PORTS = 64;
/** One port: u32 guest (NETPORT_UPLINK, NETPORT_GATEWAY for those that are no guest's), u32 its device. */
export const NETPORT_GUEST = 0;
export const NETPORT_UPLINK = 0xffff_ffff;
export const NETPORT_GATEWAY = 0xffff_fffe;
export const NETPORT_NIC = 4;
/** u32: 1 while the link is up. u16 VLAN, as SPEC_NET_VLAN. 6 bytes MAC. */
export const NETPORT_LINK = 8;
export const NETPORT_VLAN = 12;
export const NETPORT_MAC = 14;
/** u32 leased IPv4 address or 0. 16 bytes: its IPv6 address or zeroes. */
export const NETPORT_IP4 = 20;
export const NETPORT_IP6 = 24;
/** u64 each: from the port into the switch, and from the switch into the port. */
export const NETPORT_IN_FRAMES = 40;
export const NETPORT_IN_BYTES = 48;
export const NETPORT_OUT_FRAMES = 56;
export const NETPORT_OUT_BYTES = 64;
/** u64 each: dropped as spoofed, as one flood too many, as malformed, and because who should have got it had no room. */
export const NETPORT_SPOOFED = 72;
export const NETPORT_FLOODED = 80;
export const NETPORT_MALFORMED = 88;
export const NETPORT_OVERRUN = 96;
export const NETPORT_SIZE = 104;
