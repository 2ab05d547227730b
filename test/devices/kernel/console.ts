// The console with its two ports: the dialogue that opens them, and bytes in both directions.

import * as bus from "../../../hypervisor/devices/bus";
import { DEVICE_VIRTIO_CONSOLE, Device } from "../../../hypervisor/devices/device";
import { Guest } from "../../../hypervisor/guest/guest";
import * as lines from "../../../hypervisor/guest/lines";
import {
  BUFFERS, NEXT, WRITE, add, describe, get, get16, get32, get8, isBroken, makeGuest, offer, offered, put16, put32, put8, send,
  start, startWith, usedCount, usedLength,
} from "../../support/kernel/driver";
import { consoleByte, consoleLength, consoleTakes, typeIn } from "../../support/kernel/outside";

const RX0: u32 = 0;
const TX0: u32 = 1;
const CONTROL_RX: u32 = 2;
const CONTROL_TX: u32 = 3;
const RX1: u32 = 4;
const TX1: u32 = 5;

const DEVICE_READY: u32 = 0;
const DEVICE_ADD: u32 = 1;
const PORT_READY: u32 = 3;
const CONSOLE_PORT: u32 = 4;
const PORT_OPEN: u32 = 6;
const PORT_NAME: u32 = 7;

/** The ports are the host's consoles 1 and 2. */
const UNIT: u32 = 1;

function consoleFor(guest: Guest): Device {
  const device = add(guest, DEVICE_VIRTIO_CONSOLE, UNIT);
  start(guest, device, 6, 16);
  return device;
}

/** Where the i-th control buffer lies. */
function control(i: u32): u64 {
  return BUFFERS + 0x1000 + 64 * i;
}

/** Gives the device `count` buffers for control messages. */
function listen(guest: Guest, device: Device, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    describe(guest, CONTROL_RX, i, control(i), 64, WRITE);
    send(guest, device, CONTROL_RX, i);
  }
}

/** Sends a control message. */
function say(guest: Guest, device: Device, port: u32, event: u32, value: u32): void {
  put32(guest, BUFFERS, port);
  put16(guest, BUFFERS + 4, event);
  put16(guest, BUFFERS + 6, value);
  describe(guest, CONTROL_TX, 0, BUFFERS, 8, 0);
  send(guest, device, CONTROL_TX, 0);
}

function heard(guest: Guest, i: u32, port: u32, event: u32): bool {
  const at = control(i);
  return get32(guest, at) == port && get16(guest, at + 4) == event && get16(guest, at + 6) == 1;
}

function openPort(guest: Guest, device: Device, port: u32): void {
  say(guest, device, port, PORT_OPEN, 1);
}

/** Types the bytes first, first + 1, … */
function type(port: u32, first: u32, count: u32): void {
  const ptr = memory.data(4096);
  for (let i: u32 = 0; i < count; i++) store<u8>(ptr + i, first + i);
  typeIn(port, ptr, count);
}

export function console_introduces_its_ports(): void {
  const guest = makeGuest(0);
  const device = consoleFor(guest);
  assert(get(guest, device, 0x104) == 2);
  listen(guest, device, 8);
  say(guest, device, 0xffff_ffff, DEVICE_READY, 1);
  assert(usedCount(guest, CONTROL_RX) == 2);
  assert(heard(guest, 0, 0, DEVICE_ADD));
  assert(heard(guest, 1, 1, DEVICE_ADD));
  say(guest, device, 0, PORT_READY, 1);
  assert(usedCount(guest, CONTROL_RX) == 4);
  assert(heard(guest, 2, 0, CONSOLE_PORT));
  assert(heard(guest, 3, 0, PORT_OPEN));
  say(guest, device, 1, PORT_READY, 1);
  assert(usedCount(guest, CONTROL_RX) == 6);
  // The order of these two is free; the name has no terminator (5.3.6.2).
  assert(heard(guest, 4, 1, PORT_OPEN));
  assert(heard(guest, 5, 1, PORT_NAME));
  assert(usedLength(guest, device, CONTROL_RX, 5) == 19);
  const name = memory.data<u8>([0x6f, 0x72, 0x6c, 0x6f, 0x70, 0x2e, 0x61, 0x67, 0x65, 0x6e, 0x74]);
  for (let i: u32 = 0; i < 11; i++) assert(get8(guest, control(5) + 8 + i) == load<u8>(name + i));
  assert(guest.offences == 0);
}

export function console_keeps_control_messages_until_there_are_buffers(): void {
  const guest = makeGuest(0);
  const device = consoleFor(guest);
  say(guest, device, 0, DEVICE_READY, 1);
  assert(usedCount(guest, CONTROL_RX) == 0);
  listen(guest, device, 1);
  assert(usedCount(guest, CONTROL_RX) == 1);
  assert(heard(guest, 0, 0, DEVICE_ADD));
  listen(guest, device, 1);
  assert(heard(guest, 0, 1, DEVICE_ADD));
}

export function console_ignores_ports_that_are_not_there(): void {
  const guest = makeGuest(0);
  const device = consoleFor(guest);
  listen(guest, device, 4);
  say(guest, device, 2, PORT_READY, 1);
  say(guest, device, 0xffff_ffff, PORT_OPEN, 1);
  put32(guest, BUFFERS, 0);
  describe(guest, CONTROL_TX, 0, BUFFERS, 7, 0);
  send(guest, device, CONTROL_TX, 0);
  assert(usedCount(guest, CONTROL_TX) == 3);
  assert(usedCount(guest, CONTROL_RX) == 0);
  assert(guest.offences == 3);
  assert(!isBroken(guest, device));
}

export function console_hands_output_to_the_host(): void {
  const guest = makeGuest(0);
  const device = consoleFor(guest);
  for (let port: u32 = 0; port < 2; port++) {
    for (let i: u32 = 0; i < 100; i++) put8(guest, BUFFERS + 4050 + i, port + i);
    describe(guest, port == 0 ? TX0 : TX1, 0, BUFFERS + 4050, 30, NEXT);
    describe(guest, port == 0 ? TX0 : TX1, 1, BUFFERS + 4080, 70, 0);
    send(guest, device, port == 0 ? TX0 : TX1, 0);
    assert(consoleLength(UNIT + port) == 100);
    for (let i: u32 = 0; i < 100; i++) assert(consoleByte(UNIT + port, i) == port + i);
  }
  assert(usedCount(guest, TX0) == 1 && usedCount(guest, TX1) == 1);
}

export function console_loses_nothing_when_the_host_is_slow(): void {
  const guest = makeGuest(0);
  const device = consoleFor(guest);
  for (let i: u32 = 0; i < 8000; i++) put8(guest, BUFFERS + 0x2000 + i, i);
  describe(guest, TX0, 0, BUFFERS + 0x2000, 3000, NEXT);
  describe(guest, TX0, 1, BUFFERS + 0x2000 + 3000, 4000, 0);
  describe(guest, TX0, 2, BUFFERS + 0x2000 + 7000, 1000, 0);
  consoleTakes(2500);
  offer(guest, device, TX0, 0);
  send(guest, device, TX0, 2);
  assert(usedCount(guest, TX0) == 0);
  consoleTakes(1);
  bus.poll(guest);
  consoleTakes(4000);
  bus.flush(guest);
  assert(consoleLength(UNIT) == 6501);
  assert(usedCount(guest, TX0) == 0);
  consoleTakes(1000);
  bus.poll(guest);
  assert(usedCount(guest, TX0) == 1);
  consoleTakes(10_000);
  bus.poll(guest);
  assert(usedCount(guest, TX0) == 2);
  assert(consoleLength(UNIT) == 8000);
  for (let i: u32 = 0; i < 8000; i++) assert(consoleByte(UNIT, i) == (i & 0xff));
}

export function console_gives_input_to_open_ports_only(): void {
  const guest = makeGuest(0);
  const device = consoleFor(guest);
  describe(guest, RX0, 0, BUFFERS + 0x2000, 64, WRITE);
  send(guest, device, RX0, 0);
  describe(guest, RX1, 0, BUFFERS + 0x3000, 64, WRITE);
  send(guest, device, RX1, 0);
  type(UNIT, 0x41, 3);
  type(UNIT + 1, 0x61, 2);
  assert(!bus.poll(guest));
  openPort(guest, device, 0);
  assert(bus.poll(guest));
  assert(usedCount(guest, RX0) == 1 && usedLength(guest, device, RX0, 0) == 3);
  assert(get8(guest, BUFFERS + 0x2002) == 0x43);
  assert(usedCount(guest, RX1) == 0);
  openPort(guest, device, 1);
  assert(bus.poll(guest));
  assert(usedLength(guest, device, RX1, 0) == 2);
  assert(get8(guest, BUFFERS + 0x3000) == 0x61);
  assert(lines.isHigh(guest, device.line));
}

export function console_leaves_input_with_the_host_while_there_is_no_buffer(): void {
  const guest = makeGuest(0);
  const device = consoleFor(guest);
  openPort(guest, device, 0);
  type(UNIT, 0, 100);
  assert(!bus.poll(guest));
  for (let i: u32 = 0; i < 10; i++) {
    describe(guest, RX0, 0, BUFFERS + 0x2000, 10, WRITE);
    send(guest, device, RX0, 0);
    assert(bus.poll(guest));
    for (let j: u32 = 0; j < 10; j++) assert(get8(guest, BUFFERS + 0x2000 + j) == 10 * i + j);
  }
  assert(!bus.poll(guest));
}

export function console_is_a_plain_one_for_a_driver_without_ports(): void {
  const guest = makeGuest(0);
  const device = add(guest, DEVICE_VIRTIO_CONSOLE, UNIT);
  startWith(guest, device, offered(guest, device) & ~<u64>2, 2, 16);
  describe(guest, RX0, 0, BUFFERS + 0x2000, 64, WRITE);
  send(guest, device, RX0, 0);
  type(UNIT, 0x41, 3);
  assert(bus.poll(guest));
  assert(usedLength(guest, device, RX0, 0) == 3);
  put8(guest, BUFFERS, 0x7a);
  describe(guest, TX0, 0, BUFFERS, 1, 0);
  send(guest, device, TX0, 0);
  assert(consoleByte(UNIT, 0) == 0x7a);
}
