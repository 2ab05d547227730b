// The network device: frames out, frames in, and what becomes of those for which there is no room.

import * as bus from "../../../hypervisor/devices/bus";
import { DEVICE_VIRTIO_NET, Device } from "../../../hypervisor/devices/device";
import { Net } from "../../../hypervisor/devices/virtio/net";
import { Guest } from "../../../hypervisor/guest/guest";
import * as lines from "../../../hypervisor/guest/lines";
import {
  BUFFERS, INTERRUPT_ACK, NEXT, WRITE, add, describe, fill, get8, isBroken, makeGuest, negotiate, notify, offer, offered, place,
  put8, send, set, start, usedCount, usedLength,
} from "../../support/kernel/driver";
import { arrive, sentByte, sentCount, sentLength, setFull } from "../../support/kernel/outside";

const RX: u32 = 0;
const TX: u32 = 1;
const PORT: u32 = 5;

function netFor(guest: Guest): Device {
  const net = add(guest, DEVICE_VIRTIO_NET, PORT);
  start(guest, net, 2, 16);
  return net;
}

/** Lets a frame of bytes first, first + 1, … arrive. */
function deliver(first: u32, length: u32): void {
  const ptr = memory.data(2048);
  for (let i: u32 = 0; i < length; i++) store<u8>(ptr + i, first + i);
  arrive(PORT, ptr, length);
}

/** Writes a frame with its header of 12 bytes at `gpa`. */
function frame(guest: Guest, gpa: u64, first: u32, length: u32): void {
  fill(guest, gpa, 0, 12);
  for (let i: u32 = 0; i < length; i++) put8(guest, gpa + 12 + i, first + i);
}

export function net_tells_its_mac_and_link(): void {
  const guest = makeGuest(0);
  const net = place(guest, DEVICE_VIRTIO_NET, PORT);
  changetype<Net>(net).mac = 0x06_05_04_03_02_52;
  bus.reset(guest, net);
  assert((offered(guest, net) & (1 << 5 | 1 << 16)) == (1 << 5 | 1 << 16));
  assert(bus.read(guest, net, 0x100, 1) == 0x52);
  assert(bus.read(guest, net, 0x105, 1) == 0x06);
  assert(bus.read(guest, net, 0x106, 2) == 1);
  set(guest, net, 0x70, 0);
  assert(bus.read(guest, net, 0x100, 1) == 0x52, "also after a reset");
}

export function net_without_a_mac_lets_the_driver_choose(): void {
  const guest = makeGuest(0);
  const net = add(guest, DEVICE_VIRTIO_NET, PORT);
  assert((offered(guest, net) & 1 << 5) == 0);
}

export function net_sends_a_frame_without_its_header(): void {
  const guest = makeGuest(0);
  const net = netFor(guest);
  frame(guest, BUFFERS + 4000, 7, 1514); // over a page's border
  describe(guest, TX, 0, BUFFERS + 4000, 1526, 0);
  send(guest, net, TX, 0);
  assert(sentCount(PORT) == 1);
  assert(sentLength(PORT, 0) == 1514);
  for (let i: u32 = 0; i < 1514; i++) assert(sentByte(PORT, 0, i) == (7 + i & 0xff));
  assert(usedCount(guest, TX) == 1);
  assert(usedLength(guest, net, TX, 0) == 0);
  assert(changetype<Net>(net).sentFrames == 1);
  assert(guest.offences == 0);
}

export function net_sends_a_frame_in_parts(): void {
  const guest = makeGuest(0);
  const net = netFor(guest);
  frame(guest, BUFFERS, 1, 60);
  describe(guest, TX, 0, BUFFERS, 5, NEXT);
  describe(guest, TX, 1, BUFFERS + 5, 20, NEXT);
  describe(guest, TX, 2, BUFFERS + 25, 47, 0);
  send(guest, net, TX, 0);
  assert(sentLength(PORT, 0) == 60);
  for (let i: u32 = 0; i < 60; i++) assert(sentByte(PORT, 0, i) == 1 + i);
}

export function net_keeps_frames_while_the_host_is_full(): void {
  const guest = makeGuest(0);
  const net = netFor(guest);
  setFull(true);
  for (let i: u32 = 0; i < 3; i++) {
    frame(guest, BUFFERS + 128 * i, i, 60);
    describe(guest, TX, i, BUFFERS + 128 * i, 72, 0);
    send(guest, net, TX, i);
  }
  assert(usedCount(guest, TX) == 0);
  bus.poll(guest);
  assert(usedCount(guest, TX) == 0);
  setFull(false);
  bus.poll(guest);
  assert(usedCount(guest, TX) == 3);
  for (let i: u32 = 0; i < 3; i++) assert(sentByte(PORT, i, 0) == i);
}

export function net_drops_frames_that_are_none(): void {
  const guest = makeGuest(0);
  const net = netFor(guest);
  const lengths = memory.data<u32>([0, 11, 12, 25, 2049, 65536]);
  for (let i: u32 = 0; i < 6; i++) {
    describe(guest, TX, i, BUFFERS, load<u32>(lengths + 4 * i), 0);
    send(guest, net, TX, i);
    assert(usedCount(guest, TX) == i + 1);
  }
  assert(sentCount(PORT) == 0);
  assert(changetype<Net>(net).sentDropped == 6);
  assert(guest.offences == 6);
  assert(!isBroken(guest, net));
}

export function net_receives_a_frame_with_a_header(): void {
  const guest = makeGuest(0);
  const net = netFor(guest);
  fill(guest, BUFFERS + 4000, 0xee, 1600);
  describe(guest, RX, 0, BUFFERS + 4000, 1526, WRITE);
  send(guest, net, RX, 0);
  deliver(9, 1514);
  assert(usedCount(guest, RX) == 0);
  assert(bus.poll(guest));
  assert(usedCount(guest, RX) == 1);
  assert(usedLength(guest, net, RX, 0) == 1526);
  for (let i: u32 = 0; i < 12; i++) assert(get8(guest, BUFFERS + 4000 + i) == (i == 10 ? 1 : 0), "num_buffers is 1");
  for (let i: u32 = 0; i < 1514; i++) assert(get8(guest, BUFFERS + 4012 + i) == (9 + i & 0xff));
  assert(get8(guest, BUFFERS + 4000 + 1526) == 0xee);
  assert(lines.isHigh(guest, net.line));
  assert(!bus.poll(guest));
}

export function net_receives_into_several_parts(): void {
  const guest = makeGuest(0);
  const net = netFor(guest);
  describe(guest, RX, 0, BUFFERS, 12, WRITE | NEXT);
  describe(guest, RX, 1, BUFFERS + 0x1000, 20, WRITE | NEXT);
  describe(guest, RX, 2, BUFFERS + 0x2000, 1500, WRITE);
  send(guest, net, RX, 0);
  deliver(1, 60);
  bus.poll(guest);
  for (let i: u32 = 0; i < 20; i++) assert(get8(guest, BUFFERS + 0x1000 + i) == 1 + i);
  for (let i: u32 = 0; i < 40; i++) assert(get8(guest, BUFFERS + 0x2000 + i) == 21 + i);
  assert(usedLength(guest, net, RX, 0) == 72);
}

export function net_drops_and_counts_frames_without_a_buffer(): void {
  const guest = makeGuest(0);
  const net = netFor(guest);
  deliver(1, 60);
  deliver(2, 60);
  assert(bus.poll(guest));
  assert(changetype<Net>(net).receivedDropped == 2);
  describe(guest, RX, 0, BUFFERS, 1526, WRITE);
  send(guest, net, RX, 0);
  deliver(3, 60);
  bus.poll(guest);
  assert(get8(guest, BUFFERS + 12) == 3);
  assert(changetype<Net>(net).receivedFrames == 1);
}

export function net_drops_frames_before_the_driver_is_there(): void {
  const guest = makeGuest(0);
  const net = add(guest, DEVICE_VIRTIO_NET, PORT);
  deliver(1, 60);
  assert(bus.poll(guest));
  assert(changetype<Net>(net).receivedDropped == 1);
  negotiate(guest, net, offered(guest, net));
  deliver(1, 60);
  bus.poll(guest);
  assert(changetype<Net>(net).receivedDropped == 2);
  assert(guest.offences == 0);
}

export function net_gives_a_buffer_back_that_is_too_small(): void {
  const guest = makeGuest(0);
  const net = netFor(guest);
  describe(guest, RX, 0, BUFFERS, 71, WRITE);
  send(guest, net, RX, 0);
  deliver(1, 60);
  bus.poll(guest);
  assert(usedCount(guest, RX) == 1);
  assert(usedLength(guest, net, RX, 0) == 0);
  assert(get8(guest, BUFFERS + 12) == 0);
  assert(changetype<Net>(net).receivedDropped == 1);
  assert(guest.offences == 1);
}

export function net_takes_a_burst_in_order_and_leaves_the_rest_for_the_next_poll(): void {
  const guest = makeGuest(0);
  const net = add(guest, DEVICE_VIRTIO_NET, PORT);
  start(guest, net, 2, 128);
  for (let i: u32 = 0; i < 100; i++) {
    describe(guest, RX, i, BUFFERS + 2048 * i, 1526, WRITE);
    offer(guest, net, RX, i);
    deliver(i, 60);
  }
  notify(guest, net, RX);
  bus.poll(guest);
  assert(usedCount(guest, RX) == 64);
  set(guest, net, INTERRUPT_ACK, 1);
  bus.poll(guest);
  assert(usedCount(guest, RX) == 100);
  for (let i: u32 = 0; i < 100; i++) assert(get8(guest, BUFFERS + 2048 * i + 12) == i);
}

export function net_does_not_break_by_a_bad_receive_buffer_until_a_frame_comes(): void {
  const guest = makeGuest(0);
  const net = netFor(guest);
  describe(guest, RX, 0, 0, 1526, WRITE);
  send(guest, net, RX, 0);
  assert(!isBroken(guest, net));
  deliver(1, 60);
  bus.poll(guest);
  assert(isBroken(guest, net));
  assert(changetype<Net>(net).receivedDropped == 1);
}
