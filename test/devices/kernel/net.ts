// The network device: frames out, frames in, what is left undone in them, and what becomes of those for which there is no room.

import * as bus from "../../../hypervisor/devices/bus";
import { DEVICE_VIRTIO_NET, Device } from "../../../hypervisor/devices/device";
import {
  Frame, HEAD_BYTES, IN_CHAIN, VIRTIO_NET_HDR_F_NEEDS_CSUM, VIRTIO_NET_HDR_GSO_TCPV4,
} from "../../../hypervisor/devices/frame";
import * as nic from "../../../hypervisor/devices/virtio/net";
import { GIVEN, GIVE_DEAD, GIVE_FULL, Net } from "../../../hypervisor/devices/virtio/net";
import { OFFLOADS } from "../../../hypervisor/devices/virtio/net-header";
import { Guest } from "../../../hypervisor/guest/guest";
import * as lines from "../../../hypervisor/guest/lines";
import {
  BUFFERS, NEXT, WRITE, add, availEvent, describe, fill, get16, get8, isBroken, makeGuest, offer, offered, place, put16, put8, send,
  set, start, startWith, usedCount, usedLength,
} from "../../support/kernel/driver";
import * as cable from "../../support/kernel/cable";
import * as flow from "../../support/kernel/flow";
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

export function net_tells_the_mtu_of_its_network_if_it_has_one(): void {
  const guest = makeGuest(0);
  const net = changetype<Net>(add(guest, DEVICE_VIRTIO_NET, PORT));
  assert((offered(guest, net) & 1 << 3) == 0 && bus.read(guest, net, 0x10a, 2) == 0);
  net.mtu = 9000;
  bus.reset(guest, net);
  assert((offered(guest, net) & 1 << 3) != 0 && bus.read(guest, net, 0x10a, 2) == 9000);
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
  cable.poll(guest);
  assert(usedCount(guest, TX) == 0);
  setFull(false);
  cable.poll(guest);
  assert(usedCount(guest, TX) == 3);
  for (let i: u32 = 0; i < 3; i++) assert(sentByte(PORT, i, 0) == i);
}

/** Offers `count` frames to be sent, and has them taken. */
function sendMany(guest: Guest, net: Device, first: u32, count: u32): void {
  for (let i = first; i < first + count; i++) {
    frame(guest, BUFFERS + 128 * (i % 64), i, 60);
    describe(guest, TX, i % 64, BUFFERS + 128 * (i % 64), 72, 0);
    offer(guest, net, TX, i % 64);
  }
  bus.kick(guest, net, TX);
  cable.pump(guest);
}

export function net_interrupts_its_driver_for_what_was_sent_some_time_later(): void {
  const guest = makeGuest(0);
  const net = netFor(guest);
  flow.setClock(1_000_000);
  sendMany(guest, net, 0, 1);
  assert(usedCount(guest, TX) == 1 && !lines.isHigh(guest, net.line), "the driver may see it, and is left alone");
  const at = bus.deadlineNs(guest);
  assert(at > 1_000_000 && at <= 1_500_000);
  flow.setClock(at - 1);
  bus.poll(guest);
  assert(!lines.isHigh(guest, net.line));
  flow.setClock(at);
  bus.poll(guest);
  assert(lines.isHigh(guest, net.line) && bus.deadlineNs(guest) == Infinity);
}

export function net_interrupts_its_driver_for_many_frames_sent_at_once(): void {
  const guest = makeGuest(0);
  const net = netFor(guest);
  flow.setClock(1_000_000);
  sendMany(guest, net, 0, 3);
  assert(!lines.isHigh(guest, net.line));
  sendMany(guest, net, 3, 1);
  assert(lines.isHigh(guest, net.line) && bus.deadlineNs(guest) == Infinity, "a quarter of its queue");
}

export function net_tells_of_what_was_sent_with_what_has_come(): void {
  const guest = makeGuest(0);
  const net = netFor(guest);
  flow.setClock(1_000_000);
  describe(guest, RX, 0, BUFFERS + 0x4000, 1526, WRITE);
  send(guest, net, RX, 0);
  sendMany(guest, net, 0, 1);
  deliver(9, 100);
  assert(cable.poll(guest) && lines.isHigh(guest, net.line));
  assert(bus.deadlineNs(guest) == Infinity, "one interrupt does for both");
}

export function net_receives_a_frame_with_a_header(): void {
  const guest = makeGuest(0);
  const net = netFor(guest);
  fill(guest, BUFFERS + 4000, 0xee, 1600);
  describe(guest, RX, 0, BUFFERS + 4000, 1526, WRITE);
  send(guest, net, RX, 0);
  deliver(9, 1514);
  assert(usedCount(guest, RX) == 0);
  assert(cable.poll(guest));
  assert(usedCount(guest, RX) == 1);
  assert(usedLength(guest, net, RX, 0) == 1526);
  for (let i: u32 = 0; i < 12; i++) assert(get8(guest, BUFFERS + 4000 + i) == (i == 10 ? 1 : 0), "num_buffers is 1");
  for (let i: u32 = 0; i < 1514; i++) assert(get8(guest, BUFFERS + 4012 + i) == (9 + i & 0xff));
  assert(get8(guest, BUFFERS + 4000 + 1526) == 0xee);
  assert(lines.isHigh(guest, net.line));
  assert(!cable.poll(guest));
}

export function net_receives_into_several_parts(): void {
  const guest = makeGuest(0);
  const net = netFor(guest);
  describe(guest, RX, 0, BUFFERS, 12, WRITE | NEXT);
  describe(guest, RX, 1, BUFFERS + 0x1000, 20, WRITE | NEXT);
  describe(guest, RX, 2, BUFFERS + 0x2000, 1500, WRITE);
  send(guest, net, RX, 0);
  deliver(1, 60);
  cable.poll(guest);
  for (let i: u32 = 0; i < 20; i++) assert(get8(guest, BUFFERS + 0x1000 + i) == 1 + i);
  for (let i: u32 = 0; i < 40; i++) assert(get8(guest, BUFFERS + 0x2000 + i) == 21 + i);
  assert(usedLength(guest, net, RX, 0) == 72);
}

export function net_does_not_break_by_a_bad_receive_buffer_until_a_frame_comes(): void {
  const guest = makeGuest(0);
  const net = netFor(guest);
  describe(guest, RX, 0, 0, 1526, WRITE);
  send(guest, net, RX, 0);
  assert(!isBroken(guest, net));
  deliver(1, 60);
  cable.poll(guest);
  assert(isBroken(guest, net));
  assert(changetype<Net>(net).receivedDropped == 1);
}

/** Negotiates without what is named here. */
function plainNet(guest: Guest, without: u64): Device {
  const net = add(guest, DEVICE_VIRTIO_NET, PORT);
  startWith(guest, net, offered(guest, net) & ~without, 2, 256);
  return net;
}

export function net_drops_frames_that_are_none(): void {
  const guest = makeGuest(0);
  const net = netFor(guest);
  const lengths = memory.data<u32>([0, 11, 12, 25, 12 + 65554, 0x8000_0000]);
  for (let i: u32 = 0; i < 6; i++) {
    describe(guest, TX, i, BUFFERS, load<u32>(lengths + 4 * i), 0);
    if (i == 5) break; // outside RAM: that breaks a device
    send(guest, net, TX, i);
    assert(usedCount(guest, TX) == i + 1);
  }
  assert(sentCount(PORT) == 0);
  assert(changetype<Net>(net).sentDropped == 5);
  assert(guest.offences == 5);
  assert(!isBroken(guest, net));
}

export function net_shows_a_frame_until_it_is_taken_and_its_head_does_not_change_any_more(): void {
  const guest = makeGuest(0);
  const net = changetype<Net>(netFor(guest));
  frame(guest, BUFFERS, 3, 1000);
  describe(guest, TX, 0, BUFFERS, 1012, 0);
  offer(guest, net, TX, 0);
  for (let i = 0; i < 2; i++) {
    const shown = cable.frame();
    assert(nic.peekFrame(guest, net, shown));
    assert(shown.bytes == 1000 && shown.headBytes == HEAD_BYTES && shown.body == IN_CHAIN);
    put8(guest, BUFFERS + 12, 99);
    assert(load<u8>(shown.head) == (i == 0 ? 3 : 99));
    assert(usedCount(guest, TX) == 0);
  }
  nic.takeFrame(guest, net, false);
  nic.endSend(guest, net);
  assert(usedCount(guest, TX) == 1 && net.sentDropped == 1 && guest.offences == 0);
  assert(!nic.peekFrame(guest, net, cable.frame()));
}

/** Sends a frame of 200 bytes with this header; is it shown? */
function isShown(guest: Guest, net: Net, flags: u32, type: u32, size: u32, start: u32, offset: u32): bool {
  frame(guest, BUFFERS, 1, 200);
  put8(guest, BUFFERS, flags);
  put8(guest, BUFFERS + 1, type);
  put16(guest, BUFFERS + 4, size);
  put16(guest, BUFFERS + 6, start);
  put16(guest, BUFFERS + 8, offset);
  describe(guest, TX, 0, BUFFERS, 212, 0);
  offer(guest, net, TX, 0);
  if (!nic.peekFrame(guest, net, cable.frame())) return false;
  nic.takeFrame(guest, net, true);
  return true;
}

export function net_takes_sums_and_segmentation_as_negotiated(): void {
  const guest = makeGuest(0);
  const net = changetype<Net>(netFor(guest));
  assert(isShown(guest, net, 1, 0, 0, 34, 16));
  assert(isShown(guest, net, 1, 1, 100, 34, 16), "TCP over IPv4");
  assert(isShown(guest, net, 1, 0x84, 100, 54, 16), "TCP over IPv6 with ECN");
  assert(guest.offences == 0);
  assert(!isShown(guest, net, 1, 0, 0, 199, 16), "a sum behind the frame");
  assert(!isShown(guest, net, 1, 0, 0, 0xffff, 0xffff));
  assert(!isShown(guest, net, 0, 1, 100, 0, 0), "segments without sums");
  assert(!isShown(guest, net, 1, 1, 0, 34, 16), "segments of no bytes");
  assert(!isShown(guest, net, 1, 3, 100, 34, 6), "UDP fragments, which nobody offers");
  assert(!isShown(guest, net, 1, 0x80, 100, 34, 16), "ECN of nothing");
  assert(guest.offences == 6 && net.sentDropped == 6 && !isBroken(guest, net));
}

export function net_refuses_sums_and_segmentation_that_were_not_negotiated(): void {
  const guest = makeGuest(0);
  const net = changetype<Net>(plainNet(guest, OFFLOADS));
  assert(isShown(guest, net, 0, 0, 0, 0, 0));
  assert(!isShown(guest, net, 1, 0, 0, 34, 16));
  assert(!isShown(guest, net, 1, 1, 100, 34, 16));
  const undone = cable.frame();
  assert(nic.takes(net, undone));
  undone.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
  assert(!nic.takes(net, undone));
  undone.flags = 0;
  undone.gsoType = VIRTIO_NET_HDR_GSO_TCPV4;
  assert(!nic.takes(net, undone));
}

/** A frame of so many bytes, byte i being i * 31 + 7. */
function large(bytes: u32): Frame {
  const whole = cable.frame();
  for (let i: u32 = 0; i < bytes; i++) store<u8>(whole.head + i, i * 31 + 7);
  whole.headBytes = whole.bytes = bytes;
  return whole;
}

/** Makes `count` buffers of 1500 bytes available, from number `first` on. */
function supply(guest: Guest, net: Net, first: u32, count: u32): void {
  for (let i = first; i < first + count; i++) {
    describe(guest, RX, i, BUFFERS + 1536 * i, 1500, WRITE);
    offer(guest, net, RX, i);
  }
}

export function net_spreads_a_large_frame_over_buffers_or_leaves_them_all(): void {
  const guest = makeGuest(0);
  const net = changetype<Net>(plainNet(guest, 0));
  supply(guest, net, 0, 43);
  const given = large(65000);
  given.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
  given.csumStart = 34;
  given.csumOffset = 16;
  given.gsoType = VIRTIO_NET_HDR_GSO_TCPV4;
  given.gsoSize = 1448;
  given.headerBytes = 66;
  assert(nic.takes(net, given));
  assert(nic.giveFrame(guest, net, given) == GIVE_FULL, "65 012 bytes need one more");
  nic.endGive(guest, net);
  assert(usedCount(guest, RX) == 0 && guest.offences == 0);
  assert(availEvent(guest, net, RX) == 43, "it wants to be told of the next one");
  supply(guest, net, 43, 3);
  assert(nic.giveFrame(guest, net, given) == GIVEN);
  nic.endGive(guest, net);
  assert(usedCount(guest, RX) == 44);
  assert(get8(guest, BUFFERS) == 1 && get8(guest, BUFFERS + 1) == 1 && get16(guest, BUFFERS + 2) == 66);
  assert(get16(guest, BUFFERS + 4) == 1448 && get16(guest, BUFFERS + 6) == 34 && get16(guest, BUFFERS + 8) == 16);
  assert(get16(guest, BUFFERS + 10) == 44, "num_buffers");
  let at: u32 = 0;
  for (let i: u32 = 0; i < 44; i++) {
    const used = usedLength(guest, net, RX, i);
    assert(used == (i < 43 ? 1500 : 65012 - 43 * 1500));
    for (let k: u32 = i == 0 ? 12 : 0; k < used; k++, at++) assert(get8(guest, BUFFERS + 1536 * i + k) == (at * 31 + 7 & 0xff));
  }
  assert(at == 65000 && net.receivedFrames == 1);
}

export function net_copies_from_the_senders_chain_to_the_receivers_buffers(): void {
  const one = makeGuest(0);
  const from = changetype<Net>(netFor(one));
  const two = makeGuest(1);
  const to = changetype<Net>(plainNet(two, 0));
  supply(two, to, 0, 8);
  frame(one, BUFFERS + 4000, 5, 9000);
  describe(one, TX, 0, BUFFERS + 4000, 12 + 100, NEXT);
  describe(one, TX, 1, BUFFERS + 4112, 3000, NEXT);
  describe(one, TX, 2, BUFFERS + 7112, 5900, 0);
  offer(one, from, TX, 0);
  const shown = cable.frame();
  assert(nic.peekFrame(one, from, shown));
  assert(nic.giveFrame(two, to, shown) == GIVEN);
  nic.takeFrame(one, from, true);
  nic.endGive(two, to);
  let at: u32 = 0;
  for (let i: u32 = 0; i < 7; i++) {
    const used = usedLength(two, to, RX, i);
    for (let k: u32 = i == 0 ? 12 : 0; k < used; k++, at++) assert(get8(two, BUFFERS + 1536 * i + k) == (5 + at & 0xff));
  }
  assert(at == 9000 && usedCount(two, RX) == 7 && from.sentFrames == 1 && to.receivedFrames == 1);
}

export function net_waits_for_a_buffer_and_refuses_without_a_driver_or_a_cable(): void {
  const guest = makeGuest(0);
  const net = changetype<Net>(add(guest, DEVICE_VIRTIO_NET, PORT));
  assert(nic.giveFrame(guest, net, large(60)) == GIVE_DEAD);
  start(guest, net, 2, 16);
  assert(nic.giveFrame(guest, net, large(60)) == GIVE_FULL);
  describe(guest, RX, 0, BUFFERS, 1526, WRITE);
  send(guest, net, RX, 0);
  nic.setLink(guest, net, false);
  assert(bus.read(guest, net, 0x106, 2) == 0 && bus.read(guest, net, 0xfc, 4) == 1);
  assert(lines.isHigh(guest, net.line) && (bus.read(guest, net, 0x60, 4) & 2) != 0);
  assert(nic.giveFrame(guest, net, large(60)) == GIVE_DEAD);
  set(guest, net, 0x70, 0);
  assert(bus.read(guest, net, 0x106, 2) == 0, "also after a reset");
  nic.setLink(guest, net, true);
  start(guest, net, 2, 16);
  describe(guest, RX, 0, BUFFERS, 1526, WRITE);
  send(guest, net, RX, 0);
  assert(nic.giveFrame(guest, net, large(60)) == GIVEN);
  assert(guest.offences == 0);
}

export function net_gives_a_buffer_back_that_is_too_small_and_alone(): void {
  const guest = makeGuest(0);
  const net = changetype<Net>(plainNet(guest, 1 << 15));
  describe(guest, RX, 0, BUFFERS, 71, WRITE);
  send(guest, net, RX, 0);
  assert(nic.giveFrame(guest, net, large(60)) == GIVE_DEAD);
  nic.endGive(guest, net);
  assert(usedCount(guest, RX) == 1 && usedLength(guest, net, RX, 0) == 0);
  assert(get8(guest, BUFFERS + 12) == 0);
  assert(net.receivedDropped == 1 && guest.offences == 1);
}
