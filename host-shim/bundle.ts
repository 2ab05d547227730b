// The boot folder's numbers: one file per guest, `0.guest`, `1.guest`, …, all fields little-endian, docs/bundle.md describes it.
// Read by asc (host-shim/wasi) and by tsc alike, so it imports nothing and carries no types.
//
//   BUNDLE_HEAD  what this is, and how much of what follows
//   files        BUNDLE_FILE_SIZE bytes each: images to load, in order, disks, and the machine's networks with the first guest
//   settings     BUNDLE_SETTING_SIZE bytes each
//   spec         the SPEC_* of hypervisor/abi.ts
//
// Beside them lies the image, with as much memory as these guests need; or all of that is in the image (BUNDLE_EMBEDDED).

/** Version of the folder; one that is read must have the same, and the same ABI_VERSION. */
export const BUNDLE_VERSION = 2
/** u32: "ORLP". */
export const BUNDLE_MAGIC = 0
export const BUNDLE_MAGIC_VALUE = 0x504c_524f
/** u32 each: BUNDLE_VERSION, ABI_VERSION, number of this guest, how many there are. */
export const BUNDLE_VERSION_AT = 4
export const BUNDLE_ABI = 8
export const BUNDLE_GUEST = 12
export const BUNDLE_GUESTS = 16
/** u32 each: files that follow the head, bytes of the spec behind them. */
export const BUNDLE_FILES = 20
export const BUNDLE_SPEC_BYTES = 24
/** u32: settings between both. */
export const BUNDLE_SETTINGS = 28
/** What messages call the guest, ends with a zero. */
export const BUNDLE_NAME = 32
export const BUNDLE_NAME_MAX = 63
/** u32: when the guest begins anew by itself, 1 << BUNDLE_AFTER_*. */
export const BUNDLE_RESTARTS = 96
export const BUNDLE_AFTER_POWEROFF = 0
export const BUNDLE_AFTER_RESET = 1
export const BUNDLE_AFTER_CRASH = 2
export const BUNDLE_HEAD = 104
export const BUNDLE_FILES_MAX = 256

/** u32: LOAD_*, BUNDLE_DISK, or BUNDLE_NETWORK for a file that has NETWORK_* of hypervisor/abi.ts. */
export const BUNDLE_FILE_KIND = 0
export const BUNDLE_DISK = 256
export const BUNDLE_NETWORK = 257
/** u32: DISK_READ_ONLY. */
export const BUNDLE_FILE_FLAGS = 4
/** u64: guest-physical for LOAD_PHYSICAL, number in the machine for BUNDLE_DISK and BUNDLE_NETWORK. */
export const BUNDLE_FILE_ADDRESS = 8
/** u32 and letters: path inside the folder. */
export const BUNDLE_FILE_PATH_BYTES = 16
export const BUNDLE_FILE_PATH = 20
export const BUNDLE_FILE_PATH_MAX = 236
export const BUNDLE_FILE_SIZE = 256

/** u32: SET_*; then f64. */
export const BUNDLE_SETTING_WHAT = 0
export const BUNDLE_SETTING_VALUE = 8
export const BUNDLE_SETTING_SIZE = 16
export const BUNDLE_SETTINGS_MOST = 32

/** The image in the folder. */
export const BUNDLE_IMAGE = 'orlop.wasm'
/** Memory that the image needs for each guest beyond what the kernel does: its last words, for who looks at it later. */
export const BUNDLE_GUEST_MEMORY = 16384

/**
 * Address in the image's memory, behind the kernel's static data: u32 where the files lie that are part of the image, u32 how many
 * there are. They lie behind all memory that the kernel and the shim use; each has u32 address of its bytes, u32 how many, u32 and
 * letters of its path, BUNDLE_EMBEDDED_SIZE bytes in all.
 */
export const BUNDLE_EMBEDDED = 0xfff0
export const BUNDLE_EMBEDDED_ADDRESS = 0
export const BUNDLE_EMBEDDED_BYTES = 4
export const BUNDLE_EMBEDDED_PATH_BYTES = 8
export const BUNDLE_EMBEDDED_PATH = 12
export const BUNDLE_EMBEDDED_SIZE = 256
