// The channels of the management stream (host-shim/stream.ts): what the kernel writes goes out at once, as far as the other side
// has room; what comes in waits in a ring until the kernel reads it.

import { E_AGAIN, OK } from "../../hypervisor/abi";
import {
  STREAM_CHANNELS, STREAM_CONSOLE_ROOM, STREAM_DATA, STREAM_ROOM, STREAM_UPLINKS, STREAM_UPLINK_ROOM,
} from "../stream";
import * as frames from "./frames";

/** The port that a guest's UART is; nobody listens to the others. */
const UART: u32 = 0;
/** Bytes before a frame of Ethernet in an uplink's channel: u32, big-endian. */
const FRAME_HEAD: u32 = 4;
const ROOM: usize = memory.data(4, 4);
const LENGTH: usize = memory.data(4, 4);

/** For each channel u32 each: bytes that may be sent, bytes that ever came, bytes of these that were read. */
const ENTRY: usize = 12;
const CHANNELS: usize = memory.data(96 * 12, 4);
if (STREAM_CHANNELS != 96) ERROR("the channels have another number");
/** Where the rings lie. */
let rings: usize = 0;

/** Bytes of all rings. */
export const RINGS_BYTES: usize =
  STREAM_UPLINKS * STREAM_CONSOLE_ROOM + (STREAM_CHANNELS - STREAM_UPLINKS) * STREAM_UPLINK_ROOM;

/** Puts the rings where RINGS_BYTES are free. */
export function place(ptr: usize): void {
  rings = ptr;
}

/** Begins a channel anew, on which so many bytes may be sent; 0 ends it. */
export function open(channel: u32, room: u32): void {
  store<u32>(entry(channel), room);
  store<u32>(entry(channel), 0, 4);
  store<u32>(entry(channel), 0, 8);
}

/** The other side has more room; false: so much together is no number. */
export function grant(channel: u32, room: u32): bool {
  const granted = load<u32>(entry(channel));
  if (room > u32.MAX_VALUE - granted) return false;
  store<u32>(entry(channel), granted + room);
  return true;
}

/** Bytes have come; false: more than there was room for. */
export function put(channel: u32, ptr: usize, length: u32): bool {
  const came = load<u32>(entry(channel), 4);
  const capacity = capacityOf(channel);
  if (length > capacity - (came - load<u32>(entry(channel), 8))) return false;
  const ring = ringOf(channel);
  const start = came % capacity;
  const first = min(length, capacity - start);
  memory.copy(ring + start, ptr, first);
  memory.copy(ring, ptr + first, length - first);
  store<u32>(entry(channel), came + length, 4);
  return true;
}

export function consoleWrite(guest: u32, port: u32, ptr: usize, length: u32): u32 {
  if (port != UART) return length;
  const count = min(length, load<u32>(entry(guest)));
  if (count == 0) return 0;
  store<u32>(entry(guest), load<u32>(entry(guest)) - count);
  frames.begin(STREAM_DATA, guest, count);
  frames.add(ptr, count);
  return count;
}

export function consoleRead(guest: u32, port: u32, ptr: usize, capacity: u32): u32 {
  if (port != UART) return 0;
  const count = min(capacity, waiting(guest));
  peek(guest, 0, ptr, count);
  skip(guest, count);
  return count;
}

export function netSend(uplink: u32, ptr: usize, length: u32): i32 {
  const channel = <u32>STREAM_UPLINKS + uplink;
  const total = FRAME_HEAD + length;
  if (total > load<u32>(entry(channel))) return E_AGAIN;
  store<u32>(entry(channel), load<u32>(entry(channel)) - total);
  store<u32>(LENGTH, bswap(length));
  frames.begin(STREAM_DATA, channel, total);
  frames.add(LENGTH, FRAME_HEAD);
  frames.add(ptr, length);
  return OK;
}

export function netReceive(uplink: u32, ptr: usize, capacity: u32): u32 {
  const channel = <u32>STREAM_UPLINKS + uplink;
  while (waiting(channel) >= FRAME_HEAD) {
    peek(channel, 0, LENGTH, FRAME_HEAD);
    const length = bswap(load<u32>(LENGTH));
    // One that the ring cannot hold would never be there as a whole.
    if (length > <u32>STREAM_UPLINK_ROOM - FRAME_HEAD) frames.refuse("a frame of Ethernet is too long");
    if (waiting(channel) - FRAME_HEAD < length) return 0;
    const fits = length <= capacity;
    if (fits) peek(channel, FRAME_HEAD, ptr, length);
    skip(channel, FRAME_HEAD + length);
    if (fits) return length;
  }
  return 0;
}

function waiting(channel: u32): u32 {
  return load<u32>(entry(channel), 4) - load<u32>(entry(channel), 8);
}

/** Copies bytes that are there, from the `from`-th on. */
function peek(channel: u32, from: u32, ptr: usize, length: u32): void {
  const capacity = capacityOf(channel);
  const start = (load<u32>(entry(channel), 8) + from) % capacity;
  const first = min(length, capacity - start);
  memory.copy(ptr, ringOf(channel) + start, first);
  memory.copy(ptr + first, ringOf(channel), length - first);
}

/** Takes bytes out, and tells of the room. */
function skip(channel: u32, length: u32): void {
  if (length == 0) return;
  store<u32>(entry(channel), load<u32>(entry(channel), 8) + length, 8);
  store<u32>(ROOM, length);
  frames.begin(STREAM_ROOM, channel, 4);
  frames.add(ROOM, 4);
}

function entry(channel: u32): usize {
  return CHANNELS + <usize>channel * ENTRY;
}

function capacityOf(channel: u32): u32 {
  return channel < <u32>STREAM_UPLINKS ? STREAM_CONSOLE_ROOM : STREAM_UPLINK_ROOM;
}

function ringOf(channel: u32): usize {
  if (channel < <u32>STREAM_UPLINKS) return rings + <usize>channel * STREAM_CONSOLE_ROOM;
  return rings + <usize>STREAM_UPLINKS * STREAM_CONSOLE_ROOM + <usize>(channel - STREAM_UPLINKS) * STREAM_UPLINK_ROOM;
}
