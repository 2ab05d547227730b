// The management stream: how a host drives an image that is a program of its own, by frames on its standard input and output.
// docs/stream.md tells of it. Read by asc (host-shim/wasi) and by tsc alike, so it imports nothing and carries no types.
//
//   frame  u32 bytes of the payload, u16 STREAM_* (what it is), u16 channel; then the payload. All numbers are little-endian.
//
// A channel carries bytes both ways: the console of a guest, or the frames of an uplink, each behind its length as in QEMU's
// stream netdev. Nobody sends more on it than the other side has said it has room for.

/** The first frame tells it; a host that knows another must not go on. */
export const STREAM_VERSION = 1
export const STREAM_HEAD = 8
export const STREAM_LENGTH = 0
export const STREAM_KIND = 4
export const STREAM_CHANNEL = 6

/**
 * To the image: calls a function of the door, or one of the shim's. u32 function (CALL_*), u32 bytes of the window that are
 * wanted back, CALL_ARGUMENTS times f64, then bytes for the beginning of the window.
 */
export const STREAM_CALL = 1
/** Both ways: bytes of a channel. */
export const STREAM_DATA = 2
/** Both ways: u32, so many more bytes may be sent on the channel. */
export const STREAM_ROOM = 3
/** From the image, at its start: u32 STREAM_VERSION, u32 ABI_VERSION. */
export const STREAM_HELLO = 4
/** From the image: f64 result of the call, then bytes of the window. Calls are answered one after another. */
export const STREAM_RETURN = 5
/** From the image, channel: a guest that has another state now. u32 GUEST_*, u32 STOP_*, u32 its code. */
export const STREAM_STATE = 6

/** Channels: the console of guest N is channel N, uplink N is STREAM_UPLINKS + N. */
export const STREAM_UPLINKS = 64
export const STREAM_CHANNELS = 96
/** Room that the image has for each console's input, and for frames from each uplink. */
export const STREAM_CONSOLE_ROOM = 4096
export const STREAM_UPLINK_ROOM = 262144

/** Memory that the image has for all this behind the kernel's. */
export const STREAM_MEMORY = 10485760

export const CALL_ARGUMENTS = 5
export const CALL_HEAD = 48
/** Functions of hypervisor/index.ts. */
export const CALL_BOOT = 1
export const CALL_GUEST_CREATE = 2
export const CALL_GUEST_LOAD = 3
export const CALL_GUEST_START = 4
export const CALL_GUEST_PAUSE = 5
export const CALL_GUEST_RESUME = 6
export const CALL_GUEST_SET = 7
export const CALL_GUEST_PRESS = 8
export const CALL_GUEST_STOP = 9
export const CALL_GUEST_REMOVE = 10
export const CALL_GUEST_STATS = 11
export const CALL_MACHINE_STATS = 12
export const CALL_NETWORK_DEFINE = 13
export const CALL_NETWORK_REMOVE = 14
export const CALL_NETWORK_FORWARD = 15
export const CALL_NETWORK_REPORT = 16
export const CALL_NETWORK_LINK = 17
export const CALL_NETWORK_CAPTURE = 18
export const CALL_DIVERGENCE = 19
export const CALL_NETWORK_PLUG = 20
/** The shim's own: channel, and bytes that may be sent on it; what was there of an earlier use is gone. */
export const CALL_OPEN = 32
/** Channel: nothing more is sent on it, and what has come is gone. */
export const CALL_CLOSE = 33
/**
 * Number of the disk, number N of the folder that it lies in, DISK_READ_ONLY or 0, bytes of the path "dN/FILE", which is in the window.
 * The folder is preopened as "/dN", or lies as "dN" in the first one that is preopened.
 * Answers the size in bytes, or CALL_DISK_FAILED - error of WASI, or CALL_DISK_REFUSED for no file of whole sectors.
 */
export const CALL_DISK_ATTACH = 34
export const CALL_DISK_FAILED = -1000
export const CALL_DISK_REFUSED = -1
/** Number of the disk. */
export const CALL_DISK_DETACH = 35
