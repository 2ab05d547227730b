// The virtio network device (virtio 1.2, 5.1): one Ethernet port of the machine, without offloads.
//
// A frame the host does not take, or a limit holds back, stays in the ring until `poll`. A frame that comes while the driver
// has no buffer for it is dropped and counted, as a real card would. Those that a limit keeps outside wait at the host,
// which drops what is too much, as the other end of a slow line does.

import { OK } from "../../abi";
import { Guest, offend } from "../../guest/guest";
import * as host from "../../host";
import * as limits from "../limits";
import { LANE_RECEIVE, LANE_SEND } from "../limits";
import { trafficOf } from "../traffic";
import * as mmio from "./mmio";
import * as ring from "./queue";
import { FEATURES_OF_ALL, NONE, Queue, STATE_SIZE, Virtio, isLive, queueAt } from "./virtio";
import * as virtio from "./virtio";

const ID_NETWORK: u32 = 1;
const QUEUE_RECEIVE: u32 = 0;
const QUEUE_TRANSMIT: u32 = 1;

/** Feature bits, 5.1.3. */
const VIRTIO_NET_F_MAC: u64 = 1 << 5;
const VIRTIO_NET_F_STATUS: u64 = 1 << 16;

/** Offsets in the configuration space, 5.1.4, and what stands there. */
const CONFIG_MAC: u32 = 0;
const CONFIG_STATUS: u32 = 6;
const CONFIG_BYTES: u32 = 8;
const VIRTIO_NET_S_LINK_UP: u32 = 1;

/** struct virtio_net_hdr, 5.1.6: all zero but num_buffers, which is 1 on receive. */
const HEADER_BYTES: u32 = 12;
const HEADER_NUM_BUFFERS: usize = 10;

/** An Ethernet header; and what our buffer holds: an MTU of 1500 with room for tags. */
const FRAME_MIN: u32 = 14;
const FRAME_MAX: u32 = 2036;
/** Frames taken from the host in one poll: a flood must not keep the hart from its turn. */
const POLL_FRAMES: u32 = 64;

@unmanaged @final
export class Net extends Virtio {
  /** Hardware address, byte 0 in bits 0..7: set by vmm/board before reset; 0: the driver is to choose one. */
  mac: u64;
  // Counters since the guest was made.
  sentFrames: u64;
  sentDropped: u64;
  receivedFrames: u64;
  receivedDropped: u64;
}
/** One frame with its header, on its way. */
const BUFFER: usize = offsetof<Net>();
if (BUFFER + HEADER_BYTES + FRAME_MAX > STATE_SIZE) ERROR("the frame buffer runs into the queues");

/** Power-on state, or after the driver's reset. */
export function reset(net: Net): void {
  virtio.reset(net);
  net.deviceId = ID_NETWORK;
  net.queueCount = 2;
  net.configBytes = CONFIG_BYTES;
  net.offered = FEATURES_OF_ALL | VIRTIO_NET_F_STATUS | (net.mac != 0 ? VIRTIO_NET_F_MAC : 0);
  virtio.setConfig64(net, CONFIG_MAC, net.mac & 0xffff_ffff_ffff);
  virtio.setConfig16(net, CONFIG_STATUS, VIRTIO_NET_S_LINK_UP);
}

export function read(guest: Guest, net: Net, offset: u64, size: u32): u64 {
  return mmio.read(guest, net, offset, size);
}

export function write(guest: Guest, net: Net, offset: u64, size: u32, value: u64): void {
  const news = mmio.write(guest, net, offset, size, value);
  if (news == mmio.RESET) reset(net);
  else if (news < net.queueCount) kick(guest, net, news);
}

/** Sends what waits, at most one round of the queue. Receive buffers are looked for when a frame comes. */
export function kick(guest: Guest, net: Net, index: u32): void {
  if (index != QUEUE_TRANSMIT) return;
  const queue = queueAt(net, QUEUE_TRANSMIT);
  let held = false;
  for (let left = queue.size; left > 0; left--) {
    const head = ring.peek(guest, net, queue);
    if (head == NONE) break;
    if (!limits.mayPass(guest, LANE_SEND, net.slot)) {
      held = true;
      break;
    }
    if (!ring.measure(guest, net, queue, head) || !ring.prepare(guest, net, queue, head, 0)) break;
    if (!send(guest, net, queue, head)) break;
    ring.take(queue);
    ring.put(guest, net, queue, head, 0);
  }
  if (!held) limits.leave(guest, LANE_SEND, net.slot);
  ring.publish(guest, net, queue);
  // What comes behind frames that wait for the limit waits with them: no need to be told of it.
  if (!held) ring.listen(guest, net, queue);
}

/** Sends the frame of one chain, or drops it; false: the host does not take it now. */
function send(guest: Guest, net: Net, queue: Queue, head: u32): bool {
  const frame = net.readableBytes - HEADER_BYTES;
  if (net.readableBytes < HEADER_BYTES + FRAME_MIN || frame > FRAME_MAX) {
    offend(guest);
    net.sentDropped++;
    limits.charge(guest, LANE_SEND, net.slot, 0, 1);
    return true;
  }
  const buffer = changetype<usize>(net) + BUFFER;
  ring.open(net, queue, head);
  ring.skip(guest, net, HEADER_BYTES);
  if (ring.pull(guest, net, buffer, <u32>frame) < <u32>frame) return false;
  if (host.netSend(net.unit, buffer, <u32>frame) != OK) return false;
  net.sentFrames++;
  limits.charge(guest, LANE_SEND, net.slot, frame, 1);
  const traffic = trafficOf(guest);
  traffic.sent++;
  traffic.sentBytes += frame;
  return true;
}

/** Nothing is ever under way. */
export function complete(_guest: Guest, _net: Net, _request: u32, _status: i32): void {}

export function busy(_net: Net): u32 {
  return 0;
}

/** Takes frames from the host, and offers again what it did not take; true if any came. */
export function poll(guest: Guest, net: Net): bool {
  const transmit = queueAt(net, QUEUE_TRANSMIT);
  if (ring.peek(guest, net, transmit) != NONE) kick(guest, net, QUEUE_TRANSMIT);
  else limits.leave(guest, LANE_SEND, net.slot);
  const queue = queueAt(net, QUEUE_RECEIVE);
  const buffer = changetype<usize>(net) + BUFFER;
  let got = false;
  let held = false;
  for (let left = POLL_FRAMES; left > 0; left--) {
    if (!limits.mayPass(guest, LANE_RECEIVE, net.slot)) {
      held = true;
      break;
    }
    const length = min(host.netReceive(net.unit, buffer + HEADER_BYTES, FRAME_MAX), FRAME_MAX);
    if (length == 0) break;
    got = true;
    // It has come over the line, whatever becomes of it.
    limits.charge(guest, LANE_RECEIVE, net.slot, length, 1);
    count(guest, net, length, isLive(net) && receive(guest, net, queue, length));
  }
  if (!held) limits.leave(guest, LANE_RECEIVE, net.slot);
  ring.publish(guest, net, queue);
  return got;
}

function count(guest: Guest, net: Net, length: u32, isReceived: bool): void {
  const traffic = trafficOf(guest);
  if (!isReceived) {
    net.receivedDropped++;
    traffic.dropped++;
    return;
  }
  net.receivedFrames++;
  traffic.received++;
  traffic.receivedBytes += length;
}

/** Puts the frame in our buffer into the driver's next one; false: there is none, or it is too small. */
function receive(guest: Guest, net: Net, queue: Queue, length: u32): bool {
  const head = ring.peek(guest, net, queue);
  const bytes = HEADER_BYTES + length;
  // A frame for which the machine has no memory is lost like one for which the driver has none.
  if (head == NONE || !ring.measure(guest, net, queue, head) || !ring.prepare(guest, net, queue, head, bytes)) return false;
  ring.take(queue);
  let written: u32 = 0;
  if (net.writableBytes >= bytes) {
    const buffer = changetype<usize>(net) + BUFFER;
    memory.fill(buffer, 0, HEADER_BYTES);
    store<u16>(buffer, 1, HEADER_NUM_BUFFERS);
    ring.open(net, queue, head);
    written = ring.push(guest, net, buffer, bytes);
  } else {
    offend(guest); // 5.1.6.3.1: buffers have room for header and a full frame
  }
  ring.put(guest, net, queue, head, written);
  return written == bytes;
}
