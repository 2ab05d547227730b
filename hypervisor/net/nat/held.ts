// Pieces of datagrams that came from the uplink before the first of them, which alone tells where they go (RFC 4787, REQ-14).
//
// There are few places, for a short time: what waits too long, or too long behind others, is lost, as any packet may be.

import { Frame, HEAD_ROOM } from "../../devices/frame";
import { Network } from "../network";
import { HELD, HELD_BYTES, HELD_PLACES, HELD_STRIDE } from "./table";

const LIFETIME_NS: f64 = 2e9;

@unmanaged @final
export class Held {
  /** When it came, ns. */
  at: f64;
  /** Length of the frame; 0: a free place. */
  bytes: u32;
  /** Number of its network. */
  network: u32;
}
/** The frame's bytes follow, with the usual room in front. */
const BYTES: usize = 32 + HEAD_ROOM;
if (offsetof<Held>() > 32 || BYTES + HELD_BYTES > HELD_STRIDE) ERROR("a held frame does not fit its place");

export function heldAt(i: u32): Held {
  return changetype<Held>(HELD + <usize>i * HELD_STRIDE);
}

export function bytesOf(held: Held): usize {
  return changetype<usize>(held) + BYTES;
}

export function isHeld(held: Held, network: Network, now: f64): bool {
  return held.bytes != 0 && held.network == network.id && now - held.at <= LIFETIME_NS;
}

/** Keeps a copy of a frame that lies in kernel memory, in place of the oldest; false: it is too long. */
export function keep(network: Network, frame: Frame, now: f64): bool {
  if (frame.bytes > HELD_BYTES) return false;
  let place = heldAt(0);
  for (let i: u32 = 0; i < HELD_PLACES; i++) {
    const held = heldAt(i);
    if (held.bytes == 0) {
      place = held;
      break;
    }
    if (held.at < place.at) place = held;
  }
  place.at = now;
  place.bytes = frame.bytes;
  place.network = network.id;
  const head = min(frame.headBytes, frame.bytes);
  memory.copy(bytesOf(place), frame.head, head);
  if (head < frame.bytes) memory.copy(bytesOf(place) + head, frame.body, frame.bytes - head);
  return true;
}

/** Forgets what a network has here. */
export function clear(network: Network): void {
  for (let i: u32 = 0; i < HELD_PLACES; i++) if (heldAt(i).network == network.id) heldAt(i).bytes = 0;
}
