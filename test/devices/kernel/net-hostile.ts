// Drivers of network devices that break every rule, change what they have shown, or have no memory left; and who suffers: nobody else.

import { SET_NET_FRAMES } from "../../../hypervisor/abi";
import * as bus from "../../../hypervisor/devices/bus";
import { DEVICE_VIRTIO_NET } from "../../../hypervisor/devices/device";
import { FRAME_LEAST, FRAME_MOST, Frame, HEAD_BYTES, IN_CHAIN } from "../../../hypervisor/devices/frame";
import * as limits from "../../../hypervisor/devices/limits";
import * as nic from "../../../hypervisor/devices/virtio/net";
import { GIVEN, GIVE_DEAD, GIVE_FULL, Net } from "../../../hypervisor/devices/virtio/net";
import { Guest } from "../../../hypervisor/guest/guest";
import * as cable from "../../support/kernel/cable";
import {
  BUFFERS, INDIRECT, NEXT, RAM_END, WRITE, add, describe, describeIn, descriptorArea, deviceArea, driverArea, fill, get16, get8, isBroken,
  makeGuest, negotiate, offer, offered, openQueue, put16, put32, put64, put8, set, start, usedCount, usedLength,
} from "../../support/kernel/driver";
import * as ground from "../../support/kernel/ground";
import * as hog from "../../support/kernel/hog";
import { seed, setNow } from "../../support/kernel/outside";
import * as random from "../../support/kernel/random";

const RX: u32 = 0;
const TX: u32 = 1;
const SIZE: u32 = 256;
const MRG_RXBUF: u64 = 1 << 15;

function netFor(guest: Guest): Net {
  const net = add(guest, DEVICE_VIRTIO_NET, guest.id);
  start(guest, net, 2, SIZE);
  return changetype<Net>(net);
}

/** Makes `count` receive buffers of `bytes` available, a page for each, filled with `value`. */
function supply(guest: Guest, net: Net, count: u32, bytes: u32, value: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    fill(guest, pageOf(i), value, bytes);
    describe(guest, RX, i, pageOf(i), bytes, WRITE);
    offer(guest, net, RX, i);
  }
}

function pageOf(i: u32): u64 {
  return BUFFERS + 0x80000 + (<u64>i << 12);
}

/** A frame of 3000 bytes in two parts, of which the second begins behind the head. */
function offerFrame(guest: Guest, net: Net): void {
  fill(guest, BUFFERS, 0, 12);
  for (let i: u32 = 0; i < 3000; i++) put8(guest, BUFFERS + 12 + i, 7 + i);
  describe(guest, TX, 0, BUFFERS, 1012, NEXT);
  describe(guest, TX, 1, BUFFERS + 1012, 2000, 0);
  offer(guest, net, TX, 0);
}

/** The sender's frame goes to the receiver after `spoil` has changed a descriptor; what giveFrame said. */
function giveSpoiled(length: u32, flags: u32, gpa: u64): i32 {
  const one = makeGuest(0);
  const two = makeGuest(1);
  const from = netFor(one);
  const to = netFor(two);
  supply(two, to, 4, 1500, 0xee);
  offerFrame(one, from);
  const shown = cable.frame();
  assert(nic.peekFrame(one, from, shown) && shown.bytes == 3000 && shown.headBytes < 1000);
  describe(one, TX, 1, gpa, length, flags);
  const code = nic.giveFrame(two, to, shown);
  nic.takeFrame(one, from, code == GIVEN);
  nic.endSend(one, from);
  nic.endGive(two, to);
  assert(!isBroken(two, to) && two.offences == 0, "the receiver is not to blame");
  if (code == GIVEN) return code;
  // Nothing that looks like a frame: no driver takes a buffer for one that is shorter than a header.
  for (let i: u32 = 0; i < usedCount(two, RX); i++) assert(usedLength(two, to, RX, i) == 0);
  assert(to.receivedFrames == 0 && from.sentFrames == 0);
  // What comes next comes whole.
  supply(two, to, 4, 1500, 0xee);
  const before = usedCount(two, RX);
  const next = cable.frame();
  for (let i: u32 = 0; i < 60; i++) store<u8>(next.head + i, i);
  next.bytes = next.headBytes = 60;
  assert(nic.giveFrame(two, to, next) == GIVEN);
  nic.endGive(two, to);
  assert(usedCount(two, RX) == before + 1 && usedLength(two, to, RX, before) == 72);
  return code;
}

export function net_gives_nothing_of_a_frame_that_shrinks_between_two_reads(): void {
  assert(giveSpoiled(1999, 0, BUFFERS + 1012) == GIVE_DEAD);
}

export function net_gives_nothing_of_a_frame_whose_rest_becomes_writable(): void {
  assert(giveSpoiled(2000, WRITE, BUFFERS + 1012) == GIVE_DEAD);
}

export function net_gives_nothing_of_a_frame_whose_rest_leaves_ram(): void {
  assert(giveSpoiled(2000, 0, RAM_END - 1999) == GIVE_DEAD);
}

export function net_gives_the_length_it_has_checked_of_a_frame_that_grows(): void {
  assert(giveSpoiled(0x10000, 0, BUFFERS + 1012) == GIVEN);
}

export function net_drops_chains_larger_than_any_frame_however_large(): void {
  const guest = makeGuest(0);
  const net = netFor(guest);
  // 256 parts of nearly all of RAM are more than 32 bits can count.
  for (let i: u32 = 0; i < SIZE; i++) {
    describeIn(guest, descriptorArea(2), i, BUFFERS, <u32>(RAM_END - BUFFERS), i == SIZE - 1 ? 0 : NEXT, i + 1);
  }
  describe(guest, TX, 0, descriptorArea(2), 16 * SIZE, INDIRECT);
  offer(guest, net, TX, 0);
  describe(guest, TX, 1, BUFFERS, 12 + FRAME_MOST + 1, 0);
  offer(guest, net, TX, 1);
  assert(!nic.peekFrame(guest, net, cable.frame()));
  nic.endSend(guest, net);
  assert(usedCount(guest, TX) == 2 && net.sentDropped == 2 && guest.offences == 2 && !isBroken(guest, net));
  describe(guest, TX, 2, BUFFERS, 12 + FRAME_MOST, 0);
  offer(guest, net, TX, 2);
  assert(nic.peekFrame(guest, net, cable.frame()), "the largest passes");
}

export function net_shows_a_frame_in_parts_of_one_byte(): void {
  const guest = makeGuest(0);
  const net = netFor(guest);
  const parts: u32 = 12 + FRAME_LEAST;
  fill(guest, BUFFERS, 0, 12);
  for (let i: u32 = 0; i < FRAME_LEAST; i++) put8(guest, BUFFERS + 12 + i, 50 + i);
  for (let i: u32 = 0; i < parts; i++) {
    describeIn(guest, descriptorArea(2), i, BUFFERS + i, 1, i == parts - 1 ? 0 : NEXT, i + 1);
  }
  describe(guest, TX, 0, descriptorArea(2), 16 * parts, INDIRECT);
  offer(guest, net, TX, 0);
  const shown = cable.frame();
  assert(nic.peekFrame(guest, net, shown));
  assert(shown.bytes == FRAME_LEAST && shown.headBytes == FRAME_LEAST);
  for (let i: u32 = 0; i < FRAME_LEAST; i++) assert(load<u8>(shown.head + i) == 50 + i);
}

export function net_ends_a_chain_that_bites_its_tail(): void {
  const guest = makeGuest(0);
  const net = netFor(guest);
  describeIn(guest, descriptorArea(TX), 0, BUFFERS, 100, NEXT, 0);
  offer(guest, net, TX, 0);
  assert(!nic.peekFrame(guest, net, cable.frame()));
  assert(isBroken(guest, net) && usedCount(guest, TX) == 0);
  assert(!nic.peekFrame(guest, net, cable.frame()));
}

/** A frame of `bytes`, byte i being i * 5 + 1. */
function whole(bytes: u32): Frame {
  const frame = cable.frame();
  for (let i: u32 = 0; i < bytes; i++) store<u8>(frame.head + i, i * 5 + 1);
  frame.headBytes = frame.bytes = bytes;
  return frame;
}

/** Does the device wait for a frame of memory, with nothing given and nobody to blame? */
function waits(guest: Guest, net: Net, code: i32): bool {
  nic.endGive(guest, net);
  return code == GIVE_FULL && guest.lacking != 0 && guest.offences == 0 && !isBroken(guest, net) && net.receivedDropped == 0;
}

export function net_is_full_while_there_is_no_memory_for_its_buffers(): void {
  const guest = makeGuest(0);
  const net = netFor(guest);
  supply(guest, net, 3, 1500, 0);
  for (let i: u32 = 0; i < 3; i++) hog.takeFrom(guest, pageOf(i));
  const frame = whole(4000);
  for (let i: u32 = 0; i < 3; i++) {
    assert(waits(guest, net, nic.giveFrame(guest, net, frame)) && usedCount(guest, RX) == 0, "all three or none");
    hog.give(1);
  }
  assert(nic.giveFrame(guest, net, frame) == GIVEN);
  nic.endGive(guest, net);
  assert(usedCount(guest, RX) == 3);
  for (let i: u32 = 0; i < 4000; i++) assert(get8(guest, pageOf((i + 12) / 1500) + (i + 12) % 1500) == (i * 5 + 1 & 0xff));
}

export function net_is_full_while_there_is_no_memory_for_its_used_ring(): void {
  const guest = makeGuest(0);
  const net = netFor(guest);
  supply(guest, net, 1, 1500, 0);
  hog.takeFrom(guest, deviceArea(RX) + 0x1000);
  assert(waits(guest, net, nic.giveFrame(guest, net, whole(60))));
  hog.give(1);
  assert(nic.giveFrame(guest, net, whole(60)) == GIVEN);
  nic.endGive(guest, net);
  assert(usedCount(guest, RX) == 1);
}

export function net_keeps_what_is_to_be_sent_while_there_is_no_memory_for_its_used_ring(): void {
  const guest = makeGuest(0);
  const net = netFor(guest);
  offerFrame(guest, net);
  hog.takeFrom(guest, deviceArea(TX) + 0x1000);
  assert(!nic.peekFrame(guest, net, cable.frame()) && guest.lacking != 0);
  nic.endSend(guest, net);
  assert(usedCount(guest, TX) == 0 && guest.unheard == 0 && guest.offences == 0);
  hog.give(1);
  guest.lacking = 0;
  guest.sends = 0;
  bus.hear(guest);
  assert(guest.sends == 1 << net.slot, "it is fetched when the guest is heard again");
  assert(nic.peekFrame(guest, net, cable.frame()));
}

export function net_gives_from_a_sender_whose_pages_have_no_memory(): void {
  const one = makeGuest(0);
  const two = makeGuest(1);
  const from = netFor(one);
  const to = netFor(two);
  supply(two, to, 3, 1500, 0xee);
  fill(one, BUFFERS, 0, 12);
  describe(one, TX, 0, BUFFERS, 512, NEXT);
  describe(one, TX, 1, BUFFERS + 0x4000, 1000, 0);
  offer(one, from, TX, 0);
  hog.takeFrom(one, BUFFERS + 0x4000);
  const shown = cable.frame();
  assert(nic.peekFrame(one, from, shown));
  assert(nic.giveFrame(two, to, shown) == GIVEN);
  nic.endGive(two, to);
  assert(get8(two, pageOf(0) + 512) == 0, "such a page reads zero");
  assert(one.offences == 0 && two.offences == 0);
}

export function net_that_is_reset_while_a_limit_holds_it_wakes_nobody_any_more(): void {
  const guest = makeGuest(0);
  const net = netFor(guest);
  limits.set(guest, SET_NET_FRAMES, 1);
  for (let i: u32 = 0; i < 8; i++) {
    describe(guest, TX, i, BUFFERS, 72, 0);
    offer(guest, net, TX, i);
  }
  set(guest, net, 0x50, TX);
  cable.pump(guest);
  assert(bus.deadlineNs(guest) < Infinity);
  set(guest, net, 0x70, 0);
  setNow(1e10);
  cable.poll(guest);
  cable.poll(guest);
  assert(bus.deadlineNs(guest) == Infinity);
}

/** Some header; half of them are fine. */
function scribbleHeader(guest: Guest, gpa: u64): void {
  if (random.once(2)) {
    fill(guest, gpa, 0, 12);
    return;
  }
  const types = memory.data<u8>([0, 1, 3, 4, 5, 0x80, 0x81, 0x84]);
  put8(guest, gpa, random.once(4) ? random.below(256) : 1);
  put8(guest, gpa + 1, load<u8>(types + random.below(8)));
  put16(guest, gpa + 2, random.below(300));
  put16(guest, gpa + 4, random.once(4) ? random.below(65536) : random.below(2000));
  put16(guest, gpa + 6, random.once(8) ? random.below(65536) : random.below(300));
  put16(guest, gpa + 8, random.once(8) ? random.below(65536) : random.below(40));
  put16(guest, gpa + 10, random.below(65536));
}

/** Makes chains of some parts available, mostly of the right direction. */
function scribbleChains(guest: Guest, net: Net, queue: u32, chains: u32): void {
  const right = queue == RX ? WRITE : 0;
  for (let i: u32 = 0; i < chains; i++) {
    const head = random.below(SIZE - 8);
    const parts: u32 = 1 + random.below(5);
    for (let j: u32 = 0; j < parts; j++) {
      const gpa = random.once(300) ? random.next() : random.once(30) ? deviceArea(random.below(2)) + random.below(4096) : BUFFERS + random.below(0x60000);
      const bytes = random.once(400) ? <u32>random.next() : random.once(6) ? random.below(0x12000) : random.below(2000);
      const flags = random.once(200) ? random.below(8) : right;
      describe(guest, queue, head + j, gpa, bytes, j == parts - 1 ? flags : flags | NEXT);
      if (j == 0 && queue == TX && gpa >= BUFFERS && gpa < RAM_END - 64) scribbleHeader(guest, gpa);
    }
    offer(guest, net, queue, head);
  }
}

function revive(guest: Guest, net: Net): void {
  if (!isBroken(guest, net) && !random.once(100)) return;
  const all = offered(guest, net);
  negotiate(guest, net, random.once(2) ? all : all & ~(random.once(2) ? MRG_RXBUF : <u64>random.next() & 0x3f83));
  for (let i: u32 = 0; i < 2; i++) {
    put32(guest, driverArea(i), 0);
    openQueue(guest, net, i, SIZE);
  }
  set(guest, net, 0x70, 15);
}

export function survives_two_network_devices_full_of_garbage_that_give_each_other_frames(): void {
  const one = makeGuest(0);
  const two = makeGuest(1);
  const other = makeGuest(2);
  const from = netFor(one);
  const to = netFor(two);
  for (let i: u64 = 0; i < 256; i++) put64(other, BUFFERS + (i << 12), i * 0x9e37_79b9_7f4a_7c15);
  random.seed(seed() + 77);
  const before = ground.sumOfOther(other);
  let given = 0;
  let dead = 0;
  let full = 0;
  let spoiled = 0;
  for (let i = 0; i < 4000; i++) {
    revive(one, from);
    revive(two, to);
    scribbleChains(one, from, TX, random.below(4));
    scribbleChains(two, to, RX, random.below(8));
    for (let left = 8; left > 0; left--) {
      const shown = cable.frame();
      if (!nic.peekFrame(one, from, shown)) break;
      assert(shown.bytes >= FRAME_LEAST && shown.bytes <= FRAME_MOST && shown.body == IN_CHAIN);
      assert(shown.headBytes == min(shown.bytes, HEAD_BYTES));
      assert(shown.flags == 0 || shown.csumStart + shown.csumOffset + 2 <= shown.headBytes);
      assert(shown.gsoType == 0 || shown.gsoSize != 0);
      if (random.once(4)) {
        describe(one, TX, from.sendHead + random.below(5), BUFFERS + random.below(0x60000), random.below(3000), random.below(4));
        spoiled++;
      }
      const code = nic.takes(to, shown) ? nic.giveFrame(two, to, shown) : GIVE_DEAD;
      if (code == GIVEN) given++;
      else if (code == GIVE_FULL) full++;
      else dead++;
      if (code == GIVE_FULL && random.once(2)) break;
      nic.takeFrame(one, from, code == GIVEN);
    }
    nic.endSend(one, from);
    nic.endGive(two, to);
    if (random.once(3)) bus.poll(one);
    if (random.once(3)) bus.poll(two);
    // Rings are as long as drivers let them be; what is full begins anew.
    if (get16(two, driverArea(RX) + 2) > 40_000) set(two, to, 0x70, 0);
  }
  assert(ground.sumOfOther(other) == before, "something was written that is not theirs");
  assert(given > 300 && dead > 300 && full > 20 && spoiled > 300, "the attack did not try all");
}
