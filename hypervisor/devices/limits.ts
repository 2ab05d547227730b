// The limits of a guest: how much its disks, ports and consoles may move a second.
//
//   guest block, page before the harts:  Traffic | disks | ports, from the guest | ports, to it | consoles      (a Lane each)
//
// A device asks `mayPass` (or `room`) before it takes something from its ring, and says `charge` when it has; refused, it
// leaves the rest where it is, and `deadlineNs` says when to look again. When it has nothing more, or waits for something
// else, it says `leave`. The guest's lock is held by all who call here.

import {
  E_BAD_ARG, GUEST_PAUSED, OK, PAGE_SIZE, SET_BLOCK_BURST_BYTES, SET_BLOCK_BURST_OPERATIONS, SET_BLOCK_BYTES,
  SET_BLOCK_OPERATIONS, SET_CONSOLE_BURST_BYTES, SET_CONSOLE_BYTES, SET_NET_BURST_BYTES, SET_NET_BURST_FRAMES, SET_NET_BYTES,
  SET_NET_FRAMES,
} from "../abi";
import { DEVICE_SLOTS, Guest } from "../guest/guest";
import * as host from "../host";
import * as bucket from "./bucket";
import { Bucket } from "./bucket";
import * as lanes from "./lane";
import { LANE_SIZE, Lane, PLACES } from "./lane";
import { TRAFFIC, Traffic, trafficOf } from "./traffic";

export const LANE_BLOCK: u32 = 0;
export const LANE_SEND: u32 = 1;
export const LANE_RECEIVE: u32 = 2;
export const LANE_CONSOLE: u32 = 3;
const LANES: u32 = 4;

/** Devices wait under the number of their slot, the second port of a console under this one. */
export const SECOND_PORT: u32 = DEVICE_SLOTS;

/** Least depths: less would hold back what a rested device does at once, a page, a frame, what the UART's FIFO holds. */
const BLOCK_LEAST: f64 = 4096;
const FRAME_LEAST: f64 = 2048;
const CONSOLE_LEAST: f64 = 16;
const ITEM_LEAST: f64 = 1;

/** Devices are woken no more often than this on account of a limit: what came together meanwhile passes at once. */
const LOOK_NS: f64 = 100_000;

if (SECOND_PORT >= PLACES) ERROR("a lane has too few places");
if (offsetof<Traffic>() + <usize>LANES * LANE_SIZE > <usize>PAGE_SIZE) ERROR("the lanes run into the harts");

function laneOf(guest: Guest, lane: u32): Lane {
  return changetype<Lane>(changetype<usize>(guest) + TRAFFIC + offsetof<Traffic>() + <usize>lane * LANE_SIZE);
}

function now(guest: Guest): f64 {
  return host.now() - guest.timeOffset;
}

/** Brings a lane up to date; guest time. While the guest is paused its time stands still, and nothing comes in. */
function look(guest: Guest, lane: Lane): f64 {
  if (guest.state == GUEST_PAUSED) return bytes(lane).at;
  const at = now(guest);
  lanes.fill(lane, at);
  return at;
}

function bytes(lane: Lane): Bucket {
  return lanes.bytesOf(lane);
}

function countWait(guest: Guest, lane: Lane, who: u32, at: f64): void {
  trafficOf(guest).throttledNs += lanes.waited(lane, who, at);
}

/** May `who` move the next item of this lane? If not it waits, and is asked to look again at `deadlineNs`. */
export function mayPass(guest: Guest, number: u32, who: u32): bool {
  const lane = laneOf(guest, number);
  if (!lanes.isLimited(lane)) return true;
  const at = look(guest, lane);
  if (lanes.isOpen(lane, who)) return true;
  // Whether a frame waits outside is known only when it can come in.
  if (number != LANE_RECEIVE) countWait(guest, lane, who, at);
  lanes.wait(lane, who, at);
  return false;
}

/** How many bytes of a stream `who` may move now, at most `wanted`; 0: it waits, as with `mayPass`. */
export function room(guest: Guest, number: u32, who: u32, wanted: u32): u32 {
  if (!mayPass(guest, number, who)) return 0;
  const limit = bytes(laneOf(guest, number));
  return limit.rate == 0 ? wanted : <u32>min(<f64>wanted, max(1, limit.level));
}

/** `who` has moved something that `mayPass` let through. */
export function charge(guest: Guest, number: u32, who: u32, length: u64, items: u32): void {
  const lane = laneOf(guest, number);
  if (!lanes.isLimited(lane)) return;
  countWait(guest, lane, who, bytes(lane).at);
  lanes.leave(lane, who);
  lanes.charge(lane, who, <f64>length, items);
}

/** `who` has nothing more to move, or waits for something else. */
export function leave(guest: Guest, number: u32, who: u32): void {
  const lane = laneOf(guest, number);
  if (number != LANE_RECEIVE) countWait(guest, lane, who, bytes(lane).at);
  lanes.leave(lane, who);
}

/** Does a limit hold `who` back? */
export function isHeld(guest: Guest, number: u32, who: u32): bool {
  return lanes.isWaiting(laneOf(guest, number), who);
}

/** Value of host.now() at which devices that limits hold back are to be polled; infinite: none is held back. */
export function deadlineNs(guest: Guest): f64 {
  let first: f64 = Infinity;
  for (let i: u32 = 0; i < LANES; i++) first = min(first, lanes.openAt(laneOf(guest, i)));
  return first == Infinity ? first : max(first + guest.timeOffset, host.now() + LOOK_NS);
}

/** Changes one bucket of a lane: its rate, or its burst. Where no limit is left nobody waits any more. */
function change(guest: Guest, number: u32, isItems: bool, isBurst: bool, value: f64, least: f64): void {
  const lane = laneOf(guest, number);
  const at = look(guest, lane);
  const limit = isItems ? lanes.itemsOf(lane) : lanes.bytesOf(lane);
  bucket.change(limit, isBurst ? limit.rate : value, isBurst ? value : limit.burst, least, limit.rate == 0 ? now(guest) : at);
  if (lanes.isLimited(lane)) return;
  for (let who: u32 = 0; who < PLACES; who++) {
    if (number != LANE_RECEIVE) countWait(guest, lane, who, at);
    lanes.leave(lane, who);
  }
}

function changePorts(guest: Guest, isItems: bool, isBurst: bool, value: f64): void {
  const least = isItems ? ITEM_LEAST : FRAME_LEAST;
  change(guest, LANE_SEND, isItems, isBurst, value, least);
  change(guest, LANE_RECEIVE, isItems, isBurst, value, least);
}

/**
 * Sets SET_BLOCK_* … SET_CONSOLE_* of a guest, whatever its state; in units a second, bursts in units; 0: none, or the usual
 * burst. What a limit holds back that is no more passes with the next poll. E_BAD_ARG: no such limit, or no such number.
 */
export function set(guest: Guest, what: u32, value: f64): i32 {
  if (!(value >= 0 && value < Infinity)) return E_BAD_ARG;
  switch (what) {
    case SET_BLOCK_BYTES: change(guest, LANE_BLOCK, false, false, value, BLOCK_LEAST); break;
    case SET_BLOCK_OPERATIONS: change(guest, LANE_BLOCK, true, false, value, ITEM_LEAST); break;
    case SET_BLOCK_BURST_BYTES: change(guest, LANE_BLOCK, false, true, value, BLOCK_LEAST); break;
    case SET_BLOCK_BURST_OPERATIONS: change(guest, LANE_BLOCK, true, true, value, ITEM_LEAST); break;
    case SET_NET_BYTES: changePorts(guest, false, false, value); break;
    case SET_NET_FRAMES: changePorts(guest, true, false, value); break;
    case SET_NET_BURST_BYTES: changePorts(guest, false, true, value); break;
    case SET_NET_BURST_FRAMES: changePorts(guest, true, true, value); break;
    case SET_CONSOLE_BYTES: change(guest, LANE_CONSOLE, false, false, value, CONSOLE_LEAST); break;
    case SET_CONSOLE_BURST_BYTES: change(guest, LANE_CONSOLE, false, true, value, CONSOLE_LEAST); break;
    default: return E_BAD_ARG;
  }
  return OK;
}
