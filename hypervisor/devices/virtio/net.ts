// The virtio network device (virtio 1.2, 5.1): one port of a network of the machine, with sums and segmentation left undone
// where both ends agree.
//
// It moves nothing by itself: net/ and vmm/wire take frames from the transmit queue (peekFrame, takeFrame, endSend) and put
// frames into the receive queue (giveFrame, endGive). A frame that can't go on stays in the ring of its sender.

import { Guest, offend } from "../../guest/guest";
import * as host from "../../host";
import {
  FRAME_LEAST, FRAME_MOST, Frame, HEAD_BYTES, IN_CHAIN, NET_HEADER_BYTES, senderOf,
} from "../frame";
import * as limits from "../limits";
import { LANE_RECEIVE, LANE_SEND } from "../limits";
import { trafficOf } from "../traffic";
import * as chains from "./chains";
import * as mmio from "./mmio";
import * as header from "./net-header";
import * as ring from "./queue";
import {
  FEATURES_OF_ALL, INTERRUPT_CONFIG, NONE, QUEUE_SIZE_MAX, Queue, STATE_SIZE, Virtio, has, interrupt, isLive, queueAt,
} from "./virtio";
import * as virtio from "./virtio";

const ID_NETWORK: u32 = 1;
const QUEUE_RECEIVE: u32 = 0;
const QUEUE_TRANSMIT: u32 = 1;

/** Feature bits, 5.1.3; those of offloads stand in net-header.ts. */
const VIRTIO_NET_F_MTU: u64 = 1 << 3;
const VIRTIO_NET_F_MAC: u64 = 1 << 5;
const VIRTIO_NET_F_MRG_RXBUF: u64 = 1 << 15;
const VIRTIO_NET_F_STATUS: u64 = 1 << 16;

/** Offsets in the configuration space, 5.1.4, and what stands there. */
const CONFIG_MAC: u32 = 0;
const CONFIG_STATUS: u32 = 6;
const CONFIG_MTU: u32 = 10;
const CONFIG_BYTES: u32 = 12;
const VIRTIO_NET_S_LINK_UP: u32 = 1;

/** What became of a frame: the driver has it; it has no buffers now; a limit holds it back; it will never take it. */
export const GIVEN: i32 = 0;
export const GIVE_FULL: i32 = 1;
export const GIVE_HELD: i32 = 2;
export const GIVE_DEAD: i32 = 3;

/** Who offers a frame looks again every few ms; between two looks a limit that is open has the device polled so often at most. */
const HELD_POLLS: u32 = 64;

/**
 * That a frame is sent concerns the driver little: it frees its memory, and looks by itself as long as it sends. So it is interrupted
 * for so many frames at once, or with the next that it gets, or after so long; a stream may have a millisecond's worth under way.
 */
const SENT_MOST: u32 = 64;
const SENT_NS: f64 = 400_000;

@unmanaged @final
export class Net extends Virtio {
  /** Hardware address, byte 0 in bits 0..7: set by vmm/board before reset; 0: the driver is to choose one. */
  mac: u64;
  /** Largest packet of its network, in bytes: set by vmm/board before reset; 0: the driver is not told. */
  mtu: u32;
  /** 1 while the cable is out. */
  unplugged: u32;
  /** The chain that `peekFrame` has shown, and the bytes of its frame. */
  sendHead: u32;
  sendBytes: u32;
  /** host.now() at which the driver is to be interrupted for what it has sent; 0: it is not. */
  sentAt: f64;
  /** Polls for which it is believed that a frame waits outside for the limit; 0: none does. */
  heldOut: u32;
  // Counters since the guest was made.
  sentFrames: u64;
  sentDropped: u64;
  receivedFrames: u64;
  receivedDropped: u64;
}
/** A header on its way, then the chains that a frame goes into: u32 head, u32 bytes of it that are used. */
const HEADER: usize = offsetof<Net>();
const CHAINS: usize = HEADER + 16;
if (CHAINS + (<usize>QUEUE_SIZE_MAX << 3) > STATE_SIZE) ERROR("the list of chains runs into the queues");

/** Power-on state, or after the driver's reset. */
export function reset(net: Net): void {
  virtio.reset(net);
  net.sentAt = 0;
  net.deviceId = ID_NETWORK;
  net.queueCount = 2;
  net.configBytes = CONFIG_BYTES;
  net.offered = FEATURES_OF_ALL | VIRTIO_NET_F_STATUS | VIRTIO_NET_F_MRG_RXBUF | header.OFFLOADS |
    (net.mac != 0 ? VIRTIO_NET_F_MAC : 0) | (net.mtu != 0 ? VIRTIO_NET_F_MTU : 0);
  virtio.setConfig64(net, CONFIG_MAC, net.mac & 0xffff_ffff_ffff);
  virtio.setConfig16(net, CONFIG_MTU, net.mtu);
  virtio.setConfig16(net, CONFIG_STATUS, net.unplugged != 0 ? 0 : VIRTIO_NET_S_LINK_UP);
}

export function read(guest: Guest, net: Net, offset: u64, size: u32): u64 {
  return mmio.read(guest, net, offset, size);
}

export function write(guest: Guest, net: Net, offset: u64, size: u32, value: u64): void {
  const news = mmio.write(guest, net, offset, size, value);
  if (news == mmio.RESET) reset(net);
  else if (news < net.queueCount) kick(guest, net, news);
}

/** Notes that frames wait to be sent: vmm/wire fetches them. Who waits for receive buffers is known there, too. */
export function kick(guest: Guest, net: Net, index: u32): void {
  if (index == QUEUE_TRANSMIT) guest.sends |= 1 << net.slot;
}

/** Nothing is ever under way. */
export function complete(_guest: Guest, _net: Net, _request: u32, _status: i32): void {}

export function busy(_net: Net): u32 {
  return 0;
}

/** Has frames that were left in the ring fetched; nothing comes in here. Who had a frame for the driver may have none any more. */
export function poll(guest: Guest, net: Net): bool {
  signal(guest, net);
  if (net.heldOut != 0 && --net.heldOut == 0) limits.leave(guest, LANE_RECEIVE, net.slot);
  if (ring.peek(guest, net, queueAt(net, QUEUE_TRANSMIT)) != NONE) guest.sends |= 1 << net.slot;
  else limits.leave(guest, LANE_SEND, net.slot); // its driver may have reset it
  return false;
}

/** Plugs the cable in, or pulls it out; the driver is told. */
export function setLink(guest: Guest, net: Net, isUp: bool): void {
  const unplugged: u32 = isUp ? 0 : 1;
  if (net.unplugged == unplugged) return;
  net.unplugged = unplugged;
  virtio.setConfig16(net, CONFIG_STATUS, isUp ? VIRTIO_NET_S_LINK_UP : 0);
  net.configGeneration++;
  if (isLive(net)) interrupt(guest, net, INTERRUPT_CONFIG);
}

/**
 * Shows the oldest frame that the driver wants to send; the caller has set frame.head, with room for HEAD_BYTES. False: there
 * is none, or a limit holds it back. Chains that are no frames are given back on the way. The frame is IN_CHAIN beyond its
 * head, and stays in the ring until `takeFrame`.
 */
export function peekFrame(guest: Guest, net: Net, frame: Frame): bool {
  const queue = queueAt(net, QUEUE_TRANSMIT);
  for (let left = queue.size; left > 0; left--) {
    const head = ring.peek(guest, net, queue);
    if (head == NONE) break;
    if (!limits.mayPass(guest, LANE_SEND, net.slot)) return false;
    if (!ring.measure(guest, net, queue, head) || !ring.prepare(guest, net, queue, head, 0)) break;
    net.sendHead = head;
    if (show(guest, net, queue, frame)) return true;
    offend(guest);
    takeFrame(guest, net, false);
  }
  limits.leave(guest, LANE_SEND, net.slot);
  return false;
}

/** Reads the head of the measured chain; false: it is no frame. */
function show(guest: Guest, net: Net, queue: Queue, frame: Frame): bool {
  net.sendBytes = 0;
  if (net.readableBytes < NET_HEADER_BYTES + FRAME_LEAST || net.readableBytes > NET_HEADER_BYTES + FRAME_MOST) return false;
  const bytes = <u32>net.readableBytes - NET_HEADER_BYTES;
  const headBytes = min(bytes, HEAD_BYTES);
  const ptr = changetype<usize>(net) + HEADER;
  ring.open(net, queue, net.sendHead);
  if (ring.pull(guest, net, ptr, NET_HEADER_BYTES) < NET_HEADER_BYTES) return false;
  if (ring.pull(guest, net, frame.head, headBytes) < headBytes) return false;
  net.sendBytes = bytes;
  frame.headBytes = headBytes;
  frame.bytes = bytes;
  frame.body = IN_CHAIN;
  frame.sender = changetype<usize>(guest);
  frame.nic = changetype<usize>(net);
  return header.read(net, ptr, frame);
}

/** Gives the chain that `peekFrame` has shown back to the driver; `isSent`: its frame has gone on. */
export function takeFrame(guest: Guest, net: Net, isSent: bool): void {
  const queue = queueAt(net, QUEUE_TRANSMIT);
  ring.take(queue);
  ring.put(guest, net, queue, net.sendHead, 0);
  limits.charge(guest, LANE_SEND, net.slot, net.sendBytes, 1);
  if (!isSent) {
    net.sentDropped++;
    return;
  }
  net.sentFrames++;
  const traffic = trafficOf(guest);
  traffic.sent++;
  traffic.sentBytes += net.sendBytes;
}

/**
 * Shows the driver all chains given back, and interrupts it for many of them. It need not tell us of what comes behind a frame
 * that waits.
 */
export function endSend(guest: Guest, net: Net): void {
  const queue = queueAt(net, QUEUE_TRANSMIT);
  ring.show(guest, net, queue);
  const count = ring.unsignalled(queue);
  if (count >= min(SENT_MOST, queue.size / 4)) ring.publish(guest, net, queue);
  else if (count != 0 && net.sentAt == 0) net.sentAt = host.now() + SENT_NS;
  if (ring.unsignalled(queue) == 0) net.sentAt = 0;
  if (ring.peek(guest, net, queue) == NONE) ring.listen(guest, net, queue);
}

/** host.now() at which the driver is to be interrupted for what it has sent; infinite: it is not. */
export function signalAt(net: Net): f64 {
  return net.sentAt == 0 ? Infinity : net.sentAt;
}

/** Interrupts the driver for what it has sent, if it is time. */
function signal(guest: Guest, net: Net): void {
  if (net.sentAt == 0 || host.now() < net.sentAt) return;
  net.sentAt = 0;
  ring.publish(guest, net, queueAt(net, QUEUE_TRANSMIT));
}

/** Does the driver take this frame as it is, with what is left undone in it? */
export function takes(net: Net, frame: Frame): bool {
  return header.takes(net, frame);
}

/** Puts a frame that the driver `takes` into its buffers: GIVEN, or GIVE_*, and then nothing has changed. */
export function giveFrame(guest: Guest, net: Net, frame: Frame): i32 {
  if (!isLive(net) || net.unplugged != 0) return refuse(guest, net);
  if (!limits.mayPass(guest, LANE_RECEIVE, net.slot)) {
    net.heldOut = HELD_POLLS;
    return GIVE_HELD;
  }
  net.heldOut = 0;
  const queue = queueAt(net, QUEUE_RECEIVE);
  const first = queue.nextAvailable;
  const bytes = NET_HEADER_BYTES + frame.bytes;
  const count = collect(guest, net, queue, bytes);
  if (count == 0) {
    limits.leave(guest, LANE_RECEIVE, net.slot);
    // We are to be told of more buffers than there are now.
    ring.listen(guest, net, queue);
    queue.nextAvailable = first;
    return isLive(net) ? GIVE_FULL : refuse(guest, net);
  }
  if (!fits(net, frame, count)) {
    reject(guest, net, queue, count);
    return refuse(guest, net);
  }
  const firstUsed = queue.nextUsed;
  if (!fill(guest, net, queue, frame, count)) {
    // The driver has seen nothing of it, and its buffers are for the next one.
    queue.nextAvailable = first;
    queue.nextUsed = firstUsed;
    limits.leave(guest, LANE_RECEIVE, net.slot);
    blame(guest, frame);
    return isLive(net) ? GIVE_DEAD : refuse(guest, net);
  }
  limits.charge(guest, LANE_RECEIVE, net.slot, frame.bytes, 1);
  net.receivedFrames++;
  const traffic = trafficOf(guest);
  traffic.received++;
  traffic.receivedBytes += frame.bytes;
  return GIVEN;
}

function refuse(guest: Guest, net: Net): i32 {
  net.receivedDropped++;
  trafficOf(guest).dropped++;
  return GIVE_DEAD;
}

function chainAt(net: Net, i: u32): usize {
  return changetype<usize>(net) + CHAINS + (<usize>i << 3);
}

/**
 * Takes chains that hold `bytes` in all, one if buffers can't be merged (5.1.6.3.1); how many, 0: there are not so many now. All
 * they need is made ready, so that what is put in later fits.
 */
function collect(guest: Guest, net: Net, queue: Queue, bytes: u32): u32 {
  const isMerging = has(net, VIRTIO_NET_F_MRG_RXBUF);
  let left = bytes;
  for (let i: u32 = 0; i < queue.size; i++) {
    const head = ring.peek(guest, net, queue);
    if (head == NONE || !ring.measure(guest, net, queue, head)) return 0;
    const room = <u32>min(net.writableBytes, <u64>left);
    if (!ring.prepare(guest, net, queue, head, room)) return 0;
    store<u32>(chainAt(net, i), head);
    store<u32>(chainAt(net, i), room, 4);
    ring.take(queue);
    left -= room;
    if (left == 0 || !isMerging) return i + 1;
  }
  return 0;
}

/** 5.1.6.3.1: the first of the collected chains has room for the header, and one that stands alone for the whole frame. */
function fits(net: Net, frame: Frame, count: u32): bool {
  return load<u32>(chainAt(net, 0), 4) >= (count == 1 ? NET_HEADER_BYTES + frame.bytes : NET_HEADER_BYTES);
}

/** Gives the collected chains back empty: the driver is to offer better ones. It is told at once, as it has got no frame. */
function reject(guest: Guest, net: Net, queue: Queue, count: u32): void {
  offend(guest);
  for (let i: u32 = 0; i < count; i++) ring.put(guest, net, queue, load<u32>(chainAt(net, i)), 0);
  limits.leave(guest, LANE_RECEIVE, net.slot);
  ring.publish(guest, net, queue);
}

/** A frame did not end where it was to end: its sender has changed its chain meanwhile, or who gets it. */
function blame(guest: Guest, frame: Frame): void {
  const isSenders = frame.body == IN_CHAIN && !ring.part(senderOf(frame), changetype<Net>(frame.nic), false);
  offend(isSenders ? senderOf(frame) : guest);
}

/** Fills the collected chains with header and frame; false: it came to an end before, or they did. */
function fill(guest: Guest, net: Net, queue: Queue, frame: Frame, count: u32): bool {
  const ptr = changetype<usize>(net) + HEADER;
  header.write(net, ptr, frame, count);
  let done: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const head = load<u32>(chainAt(net, i));
    const used = load<u32>(chainAt(net, i), 4);
    let room = used;
    ring.open(net, queue, head);
    if (i == 0) {
      if (ring.push(guest, net, ptr, NET_HEADER_BYTES) < NET_HEADER_BYTES) return false;
      room -= NET_HEADER_BYTES;
    }
    done += pour(guest, net, frame, done, room);
    ring.put(guest, net, queue, head, used);
  }
  return done == frame.bytes;
}

/** Pours `room` bytes of the frame, from byte `done` on, into the chain that is open; how many. */
function pour(guest: Guest, net: Net, frame: Frame, done: u32, room: u32): u32 {
  let poured: u32 = 0;
  if (done < frame.headBytes) poured = ring.push(guest, net, frame.head + done, min(room, frame.headBytes - done));
  const rest = room - poured;
  if (rest == 0 || done + poured < frame.headBytes) return poured;
  if (frame.body == IN_CHAIN) return poured + chains.copy(senderOf(frame), changetype<Net>(frame.nic), guest, net, rest);
  return poured + ring.push(guest, net, frame.body + (done + poured - frame.headBytes), rest);
}

/** Tells the driver of all frames that it has got. */
export function endGive(guest: Guest, net: Net): void {
  if (!ring.publish(guest, net, queueAt(net, QUEUE_RECEIVE)) || net.sentAt == 0) return;
  // There is one interrupt for both queues.
  net.sentAt = 0;
  ring.publish(guest, net, queueAt(net, QUEUE_TRANSMIT));
}
