// All that the kernel asks of the outside: at most twelve imports. An import returns before any export is called.

/** Monotonic clock in ns. f64, because a BigInt at this door would cost more than the clock itself. */
export declare function now(): f64;
/** Wall clock, ns since 1970-01-01 UTC. */
export declare function wall(): f64;
/** Fills `length` bytes at `ptr` with random bytes fit for keys. */
export declare function entropy(ptr: usize, length: u32): void;
/** Writes console bytes of a guest; returns how many were taken (the rest is offered again later). */
export declare function consoleWrite(guest: u32, port: u32, ptr: usize, length: u32): u32;
/** Reads up to `capacity` bytes of console input of a guest; returns how many there were. */
export declare function consoleRead(guest: u32, port: u32, ptr: usize, capacity: u32): u32;
/** Writes BLOCK_INFO_* of a disk to `ptr`; OK or E_BAD_ID. */
export declare function blockInfo(disk: u32, ptr: usize): i32;
/**
 * Starts one transfer between `segments` (`count` pairs of u32 pointer, u32 length, in order) and the disk from byte
 * `offset` on. For discard and write-zeroes `count` is 0 and `length` says how much. BLOCK_DONE, BLOCK_PENDING, or E_IO.
 * The segments must stay as they are until the transfer is done.
 */
export declare function blockSubmit(
  disk: u32, operation: u32, offset: u64, length: u64, segments: usize, count: u32, tag: u32,
): i32;
/** Sends one Ethernet frame out of a port of the machine; OK, or E_AGAIN when it must be dropped or kept. */
export declare function netSend(port: u32, ptr: usize, length: u32): i32;
/** Takes one waiting Ethernet frame from a port of the machine; its length, or 0. */
export declare function netReceive(port: u32, ptr: usize, capacity: u32): u32;
/**
 * Compiles the wasm module in these bytes and puts its exports, named 0 to `count` - 1, into the kernel's own table from
 * `slot` on, making it longer if need be. The module imports the machine's memory as "o" "m", and nothing else. OK,
 * E_UNSUPPORTED where no code can be made, or E_NO_MEMORY where not now.
 */
export declare function codeInstall(ptr: usize, length: u32, slot: u32, count: u32): i32;
/** Empties `count` places of the kernel's table from `slot` on. */
export declare function codeRemove(slot: u32, count: u32): void;
/** Tells the last words of the kernel; what follows is a trap. */
export declare function panic(ptr: usize, length: u32): void;
