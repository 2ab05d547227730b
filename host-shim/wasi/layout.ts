// Where the shim keeps what is its own. Its static data begins behind the kernel's (build/image.ts says where) and ends before the
// machine's state; what guests said while nobody looked lies behind the memory that the kernel was given.

import { BLOCK_INFO_SIZE, MAX_DISKS, MAX_GUESTS } from "../../hypervisor/abi";
import { BUNDLE_GUEST_MEMORY } from "../bundle";

/** Disks of the machine: each guest's all. */
export const DISKS_MOST: u32 = <u32>MAX_GUESTS * <u32>MAX_DISKS;
/** A disk: BLOCK_INFO_*, then u32 file descriptor, u32 1 if there is such a disk. */
export const DISK_FD: u32 = BLOCK_INFO_SIZE;
export const DISK_IS_THERE: u32 = BLOCK_INFO_SIZE + 4;
export const DISK_SIZE: u32 = BLOCK_INFO_SIZE + 8;
export const DISKS: usize = memory.data(24 * 512, 8);
if (DISK_SIZE * DISKS_MOST != 24 * 512) ERROR("the disks have another size");

/** For one call into WASI: a part (pointer, length), how much was moved, a stat, subscriptions and events. */
export const PART: usize = memory.data(8, 8);
export const MOVED: usize = memory.data(8, 8);
export const STAT: usize = memory.data(64, 8);
export const SUBSCRIPTIONS: usize = memory.data(96, 8);
export const EVENTS: usize = memory.data(64, 8);

/** Letters of a sentence or a path that is being put together. */
export const LETTERS: usize = memory.data(1024, 8);
export const LETTERS_MOST: u32 = 1024;

/** What was typed and not read yet by the guest at the terminal. */
export const TYPED: usize = memory.data(4096, 8);
export const TYPED_MOST: u32 = 4096;

/** Names of the guests, of GUEST_NAME_SIZE bytes each. */
export const NAMES: usize = memory.data(64 * 64, 8);
export const NAME_SIZE: u32 = 64;

/** The last words of each guest: u32 how many bytes there ever were, then the ring. */
export const HISTORY_STRIDE: u32 = BUNDLE_GUEST_MEMORY;
export const HISTORY_RING: u32 = HISTORY_STRIDE - 8;
