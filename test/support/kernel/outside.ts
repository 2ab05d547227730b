// What a kernel test may ask of the test host (host.ts) beyond the kernel's own imports: to play the outside world.

/** A failed assert: pointers to strings (0: none), and the position. */
export declare function fail(message: usize, file: usize, line: u32, column: u32): void;
/** Shows a number, for the time of debugging a test. */
export declare function show(value: f64): void;

/** Seed of fuzzers: ORLOP_SEED, or a fixed number. A failure tells it. */
export declare function seed(): u32;
/** The kernel may name to the host only memory from here on, except the pages of devices: where frames begin. */
export declare function setGround(ptr: usize): void;

/** Sets host.now() and host.wall(), in ns. */
export declare function setNow(ns: f64): void;
export declare function setWall(ns: f64): void;

/** Types bytes on a console port of any guest. */
export declare function typeIn(port: u32, ptr: usize, length: u32): void;
/** From now on the consoles take this many bytes in all. */
export declare function consoleTakes(bytes: u32): void;
/** What has been written to a console port so far. */
export declare function consoleLength(port: u32): u32;
export declare function consoleByte(port: u32, at: u32): u32;

/** Makes disk `disk` with this size and DISK_* flags; byte i of it is i * 7 + i / 512. */
export declare function makeDisk(disk: u32, bytes: u32, flags: u32): void;
export declare function diskByte(disk: u32, at: u32): u32;
/** From now on transfers are answered BLOCK_PENDING, or done at once again. */
export declare function setLater(later: bool): void;
/** From now on transfers that end do so with this status; OK: they are done. */
export declare function setStatus(status: i32): void;
/** Calls of blockSubmit so far, and what the i-th asked for. */
export declare function submitCount(): u32;
export declare function submitOperation(i: u32): u32;
export declare function submitOffset(i: u32): u32;
export declare function submitLength(i: u32): u32;
export declare function submitSegments(i: u32): u32;
/** Pending transfers; the tag of the oldest; carries the oldest out and gives its status. */
export declare function pendingCount(): u32;
export declare function pendingTag(): u32;
export declare function finish(): i32;

/** Lets a frame arrive at a port. */
export declare function arrive(port: u32, ptr: usize, length: u32): void;
/** From now on netSend answers E_AGAIN, or OK again. */
export declare function setFull(full: bool): void;
/** Frames sent through a port so far. */
export declare function sentCount(port: u32): u32;
export declare function sentLength(port: u32, i: u32): u32;
export declare function sentByte(port: u32, i: u32, at: u32): u32;
