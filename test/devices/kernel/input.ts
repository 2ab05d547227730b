// The power key.

import { E_AGAIN, E_UNSUPPORTED, OK } from "../../../hypervisor/abi";
import * as bus from "../../../hypervisor/devices/bus";
import { DEVICE_VIRTIO_INPUT, DEVICE_VIRTIO_RNG, Device } from "../../../hypervisor/devices/device";
import { Guest } from "../../../hypervisor/guest/guest";
import * as lines from "../../../hypervisor/guest/lines";
import {
  BUFFERS, INTERRUPT_ACK, STATUS, WRITE, add, describe, get16, get32, isBroken, makeGuest, notify, offer, send, set, start,
  usedCount, usedHead, usedLength,
} from "../../support/kernel/driver";

const SELECT: u64 = 0x100;
const SUBSEL: u64 = 0x101;
const SIZE: u64 = 0x102;
const ANSWER: u64 = 0x108;

const EV_SYN: u32 = 0;
const EV_KEY: u32 = 1;
const KEY_POWER: u32 = 116;

function byte(guest: Guest, device: Device, register: u64): u32 {
  return <u32>bus.read(guest, device, register, 1);
}

/** Asks the configuration space; the size of the answer. */
function ask(guest: Guest, device: Device, select: u32, subsel: u32): u32 {
  bus.write(guest, device, SELECT, 1, select);
  bus.write(guest, device, SUBSEL, 1, subsel);
  return byte(guest, device, SIZE);
}

/** A key whose driver is up, with `count` buffers of 8 bytes. */
function makeKey(guest: Guest, count: u32): Device {
  const key = add(guest, DEVICE_VIRTIO_INPUT, 0);
  start(guest, key, 2, 8);
  give(guest, key, 0, count);
  return key;
}

/** Makes the buffers first … first + count - 1 available to the device, without a notification. */
function give(guest: Guest, key: Device, first: u32, count: u32): void {
  for (let i: u32 = first; i < first + count; i++) {
    describe(guest, 0, i, BUFFERS + i * 8, 8, WRITE);
    offer(guest, key, 0, i);
  }
}

/** The i-th event that the driver got is this one. */
function isEvent(guest: Guest, key: Device, i: u32, type: u32, code: u32, value: u32): bool {
  const at = BUFFERS + usedHead(guest, key, 0, i) * 8;
  if (usedLength(guest, key, 0, i) != 8) return false;
  return get16(guest, at) == type && get16(guest, at + 2) == code && get32(guest, at + 4) == value;
}

function isPress(guest: Guest, key: Device, first: u32): bool {
  return isEvent(guest, key, first, EV_KEY, KEY_POWER, 1) && isEvent(guest, key, first + 1, EV_SYN, 0, 0)
    && isEvent(guest, key, first + 2, EV_KEY, KEY_POWER, 0) && isEvent(guest, key, first + 3, EV_SYN, 0, 0);
}

export function input_says_that_it_is_a_power_button(): void {
  const guest = makeGuest(0);
  const key = add(guest, DEVICE_VIRTIO_INPUT, 0);
  const name = "Power Button";
  assert(ask(guest, key, 0x01, 0) == 12);
  for (let i: i32 = 0; i < name.length; i++) assert(byte(guest, key, ANSWER + i) == <u32>name.charCodeAt(i));
  assert(byte(guest, key, ANSWER + 12) == 0);
  assert(ask(guest, key, 0x03, 0) == 8);
  assert(bus.read(guest, key, ANSWER, 2) == 6, "BUS_VIRTUAL");
  assert(guest.offences == 0);
}

export function input_has_the_power_key_and_nothing_else(): void {
  const guest = makeGuest(0);
  const key = add(guest, DEVICE_VIRTIO_INPUT, 0);
  const size = ask(guest, key, 0x11, EV_KEY);
  let keys: u32 = 0;
  for (let bit: u32 = 0; bit < size * 8; bit++) {
    if ((byte(guest, key, ANSWER + (bit >> 3)) >> (bit & 7) & 1) == 0) continue;
    assert(bit == KEY_POWER);
    keys++;
  }
  assert(keys == 1);
  for (let type: u32 = 0; type < 0x20; type++) assert(type == EV_KEY || ask(guest, key, 0x11, type) == 0);
  for (let select: u32 = 0; select < 256; select++) {
    if (select != 0x01 && select != 0x03 && select != 0x11) assert(ask(guest, key, select, 0) == 0);
    if (select != 0x11) assert(ask(guest, key, select, 1) == 0, "these have no parts");
  }
  assert(guest.offences == 0);
}

export function input_leaves_nothing_of_a_longer_answer_behind(): void {
  const guest = makeGuest(0);
  const key = add(guest, DEVICE_VIRTIO_INPUT, 0);
  ask(guest, key, 0x01, 0);
  assert(ask(guest, key, 0x00, 0) == 0);
  for (let i: u64 = 0; i < 16; i++) assert(byte(guest, key, ANSWER + i) == 0);
}

export function input_takes_nothing_but_its_two_fields(): void {
  const guest = makeGuest(0);
  const key = add(guest, DEVICE_VIRTIO_INPUT, 0);
  bus.write(guest, key, SIZE, 1, 9);
  bus.write(guest, key, ANSWER, 1, 9);
  bus.write(guest, key, SELECT, 4, 0x0101);
  bus.write(guest, key, SELECT - 1, 1, 1);
  assert(guest.offences == 4);
  assert(bus.read(guest, key, SELECT, 8) == 0);
}

export function input_forgets_the_question_on_reset(): void {
  const guest = makeGuest(0);
  const key = add(guest, DEVICE_VIRTIO_INPUT, 0);
  ask(guest, key, 0x01, 0);
  set(guest, key, STATUS, 0);
  assert(bus.read(guest, key, SELECT, 8) == 0);
}

export function a_press_is_key_down_and_key_up_and_one_interrupt(): void {
  const guest = makeGuest(0);
  const key = makeKey(guest, 8);
  assert(bus.press(guest) == OK);
  assert(usedCount(guest, 0) == 4);
  assert(isPress(guest, key, 0));
  assert(lines.isHigh(guest, key.line));
  set(guest, key, INTERRUPT_ACK, 1);
  assert(!lines.isHigh(guest, key.line));
  assert(bus.press(guest) == OK);
  assert(isPress(guest, key, 4));
  assert(guest.offences == 0);
}

export function a_key_without_a_driver_cannot_be_pressed(): void {
  const guest = makeGuest(0);
  add(guest, DEVICE_VIRTIO_RNG, 0);
  assert(bus.press(guest) == E_UNSUPPORTED, "there is no key");
  const key = add(guest, DEVICE_VIRTIO_INPUT, 0);
  assert(bus.press(guest) == E_UNSUPPORTED, "nobody has set it up");
  start(guest, key, 2, 8);
  give(guest, key, 0, 4);
  set(guest, key, STATUS, 0);
  assert(bus.press(guest) == E_UNSUPPORTED, "the driver has gone");
  assert(usedCount(guest, 0) == 0);
  assert(guest.offences == 0);
}

export function a_driver_without_buffers_is_told_nothing(): void {
  const guest = makeGuest(0);
  const key = makeKey(guest, 0);
  assert(bus.press(guest) == E_AGAIN);
  give(guest, key, 0, 4);
  notify(guest, key, 0);
  assert(!bus.poll(guest));
  assert(usedCount(guest, 0) == 0);
}

export function a_press_goes_on_when_buffers_come(): void {
  const guest = makeGuest(0);
  const key = makeKey(guest, 1);
  assert(bus.press(guest) == OK);
  assert(usedCount(guest, 0) == 1);
  assert(bus.press(guest) == E_AGAIN, "the key has not come up yet");
  give(guest, key, 1, 2);
  notify(guest, key, 0);
  assert(usedCount(guest, 0) == 3);
  give(guest, key, 3, 1);
  assert(bus.poll(guest), "without a notification, too");
  assert(isPress(guest, key, 0));
  assert(!bus.poll(guest));
  assert(bus.press(guest) == E_AGAIN, "all buffers are used up");
}

export function a_reset_ends_a_press(): void {
  const guest = makeGuest(0);
  const key = makeKey(guest, 2);
  assert(bus.press(guest) == OK);
  start(guest, key, 2, 8);
  give(guest, key, 0, 8);
  notify(guest, key, 0);
  assert(usedCount(guest, 0) == 0);
  assert(bus.press(guest) == OK);
  assert(isPress(guest, key, 0));
}

export function input_fails_a_driver_whose_buffers_hold_no_event(): void {
  const guest = makeGuest(0);
  const key = makeKey(guest, 0);
  describe(guest, 0, 0, BUFFERS, 7, WRITE);
  offer(guest, key, 0, 0);
  bus.press(guest);
  assert(isBroken(guest, key));
  assert(usedCount(guest, 0) == 0);
  assert(bus.press(guest) == E_UNSUPPORTED);
}

export function input_gives_status_back_unread(): void {
  const guest = makeGuest(0);
  const key = makeKey(guest, 0);
  describe(guest, 1, 0, BUFFERS, 8, 0);
  send(guest, key, 1, 0);
  assert(usedCount(guest, 1) == 1);
  assert(usedLength(guest, key, 1, 0) == 0);
  assert(guest.offences == 0);
}
