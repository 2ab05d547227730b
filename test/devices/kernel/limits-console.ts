// Limits of consoles: the serial port and both ports of the virtio console together, and no byte lost.

import { OK, SET_CONSOLE_BURST_BYTES, SET_CONSOLE_BYTES } from "../../../hypervisor/abi";
import * as bus from "../../../hypervisor/devices/bus";
import { DEVICE_UART, DEVICE_VIRTIO_CONSOLE, Device } from "../../../hypervisor/devices/device";
import * as limits from "../../../hypervisor/devices/limits";
import { trafficOf } from "../../../hypervisor/devices/traffic";
import * as uarts from "../../../hypervisor/devices/uart";
import { Uart } from "../../../hypervisor/devices/uart";
import { Guest } from "../../../hypervisor/guest/guest";
import * as lines from "../../../hypervisor/guest/lines";
import { BUFFERS, add, makeGuest, notify, put8 } from "../../support/kernel/driver";
import {
  SECOND, clock, collect, describe, forget, gap, go, next, offer, open, prepare, refill, seen, serve, setClock,
} from "../../support/kernel/flow";
import { consoleByte, consoleLength, consoleTakes } from "../../support/kernel/outside";

const THR: u64 = 0;
const IER: u64 = 1;
const IIR: u64 = 2;
const LSR: u64 = 5;
const THRE: u32 = 0x20;

/** Ports at the host: the UART's is 0, those of the virtio console follow. */
const UNIT: u32 = 1;
const TX0: u32 = 1;
const TX1: u32 = 5;

function consoleFor(guest: Guest): Device {
  const console = add(guest, DEVICE_VIRTIO_CONSOLE, UNIT);
  prepare(guest, console);
  for (let i: u32 = 0; i < 6; i++) open(guest, console, i, i);
  go(guest, console);
  return console;
}

/** Keeps 16 chains of so many bytes waiting. */
function flood(guest: Guest, console: Device, queue: u32, length: u32): void {
  for (let i: u32 = 0; i < length; i++) put8(guest, BUFFERS + i, i);
  for (let i: u32 = 0; i < 16; i++) {
    describe(guest, queue, i, BUFFERS, length, 0);
    offer(guest, queue, i);
  }
  notify(guest, console, queue);
}

/** Writes byte after byte to the UART while it says that it has room, as a driver that polls; counts on from `from`. */
function poll(guest: Guest, uart: Device, from: u32): u32 {
  while ((<u32>bus.read(guest, uart, LSR, 1) & THRE) != 0) bus.write(guest, uart, THR, 1, from++);
  return from;
}

function isNear(value: f64, wanted: f64, share: f64): bool {
  return Math.abs(value - wanted) <= wanted * share;
}

export function limits_keep_the_rate_of_a_virtio_console_for_minutes(): void {
  const guest = makeGuest(0);
  const console = consoleFor(guest);
  limits.set(guest, SET_CONSOLE_BYTES, 9600);
  flood(guest, console, TX0, 100);
  while (next(guest, SECOND)) while (refill(guest, console, TX0, TX0) > 0) continue;
  const before = consoleLength(UNIT);
  forget(TX0);
  while (next(guest, 61 * SECOND)) while (refill(guest, console, TX0, TX0) > 0) continue;
  assert(isNear(consoleLength(UNIT) - before, 60 * 9600, 0.001));
  assert(gap(TX0) < 11_000_000, "100 bytes take 10.4 ms");
  for (let i: u32 = 0; i < consoleLength(UNIT); i++) assert(consoleByte(UNIT, i) == i % 100);
  assert(trafficOf(guest).consoleBytes == consoleLength(UNIT));
}

export function limits_keep_the_rate_of_the_uart_for_minutes_and_lose_no_byte(): void {
  const guest = makeGuest(0);
  const uart = add(guest, DEVICE_UART, 0);
  limits.set(guest, SET_CONSOLE_BYTES, 1000);
  let written = poll(guest, uart, 0);
  while (next(guest, 120 * SECOND)) written = poll(guest, uart, written);
  assert(isNear(consoleLength(0), 120 * 1000 + 100, 0.001));
  bus.flush(guest);
  assert(consoleLength(0) == written, "last words are not held back");
  for (let i: u32 = 0; i < written; i++) assert(consoleByte(0, i) == (i & 0xff));
}

export function limits_interrupt_a_driver_of_the_uart_when_there_is_room_again(): void {
  const guest = makeGuest(0);
  const uart = add(guest, DEVICE_UART, 0);
  limits.set(guest, SET_CONSOLE_BYTES, 1000);
  poll(guest, uart, 0);
  bus.write(guest, uart, IER, 1, 2);
  bus.read(guest, uart, IIR, 1);
  assert(!lines.isHigh(guest, uart.line));
  while (!lines.isHigh(guest, uart.line)) assert(next(guest, SECOND));
  assert(clock() < 0.03 * SECOND, "16 bytes take 16 ms");
  assert((<u32>bus.read(guest, uart, LSR, 1) & THRE) != 0);
}

export function limits_are_those_of_all_consoles_together(): void {
  const guest = makeGuest(0);
  const uart = add(guest, DEVICE_UART, 0);
  const console = consoleFor(guest);
  limits.set(guest, SET_CONSOLE_BYTES, 3000);
  flood(guest, console, TX0, 100);
  flood(guest, console, TX1, 1000);
  let written: u32 = 0;
  do {
    written = poll(guest, uart, written);
    while (refill(guest, console, TX0, TX0) + refill(guest, console, TX1, TX1) > 0) continue;
  } while (next(guest, 60 * SECOND));
  for (let port: u32 = 0; port < 3; port++) assert(isNear(consoleLength(port), 60 * 1000, 0.01));
}

export function limits_of_one_byte_a_second_let_one_byte_a_second_through(): void {
  const guest = makeGuest(0);
  const console = consoleFor(guest);
  assert(limits.set(guest, SET_CONSOLE_BYTES, 1) == OK);
  flood(guest, console, TX0, 100);
  const before = consoleLength(UNIT);
  for (let i: u32 = 1; i <= 300; i++) {
    const end = clock() + SECOND;
    while (next(guest, end)) continue;
    const length = consoleLength(UNIT) - before;
    assert(length >= i - 1 && length <= i + 1);
  }
}

export function limits_of_consoles_that_are_removed_let_all_pass_at_once(): void {
  const guest = makeGuest(0);
  const uart = add(guest, DEVICE_UART, 0);
  const console = consoleFor(guest);
  limits.set(guest, SET_CONSOLE_BYTES, 1);
  flood(guest, console, TX0, 100);
  const written = poll(guest, uart, 0);
  limits.set(guest, SET_CONSOLE_BYTES, 0);
  serve(guest);
  assert(consoleLength(0) == written);
  assert(collect(guest, TX0, false) == 16 && consoleLength(UNIT) == 1600);
  assert(bus.deadlineNs(guest) == Infinity);
}

export function limits_let_consoles_burst_as_asked(): void {
  const guest = makeGuest(0);
  const console = consoleFor(guest);
  limits.set(guest, SET_CONSOLE_BURST_BYTES, 500);
  limits.set(guest, SET_CONSOLE_BYTES, 10);
  flood(guest, console, TX0, 100);
  assert(consoleLength(UNIT) == 501, "and the byte that goes into debt");
}

export function limits_hold_back_what_firmware_says_on_the_port_behind_what_the_uart_was_given(): void {
  const guest = makeGuest(0);
  const uart = add(guest, DEVICE_UART, 0);
  const port = changetype<Uart>(uart);
  const text = memory.data(64);
  for (let i: u32 = 0; i < 64; i++) store<u8>(text + i, 100 + i);
  limits.set(guest, SET_CONSOLE_BYTES, 10);
  setClock(SECOND);
  for (let i: u32 = 0; i < 10; i++) bus.write(guest, uart, THR, 1, i);
  assert(uarts.speak(guest, port, text, 64) == 6, "16 for the burst, 10 of them the UART's");
  assert(uarts.speak(guest, port, text + 6, 1) == 1, "one goes into debt");
  assert(uarts.speak(guest, port, text, 1) == 0 && uarts.isHeld(guest, port));
  bus.write(guest, uart, THR, 1, 10);
  assert(next(guest, 10 * SECOND));
  assert(consoleLength(0) == 18, "the UART's byte goes first");
  assert(uarts.speak(guest, port, text + 7, 1) == 0);
  while (uarts.speak(guest, port, text + 7, 1) == 0) assert(next(guest, 10 * SECOND));
  for (let i: u32 = 0; i < 10; i++) assert(consoleByte(0, i) == i);
  for (let i: u32 = 0; i < 7; i++) assert(consoleByte(0, 10 + i) == 100 + i);
  assert(consoleByte(0, 17) == 10 && consoleByte(0, 18) == 107);
  assert(clock() < 1.3 * SECOND);
}

export function limits_do_not_hold_what_a_full_host_refuses(): void {
  const guest = makeGuest(0);
  const uart = add(guest, DEVICE_UART, 0);
  limits.set(guest, SET_CONSOLE_BYTES, 1000);
  consoleTakes(0);
  bus.write(guest, uart, THR, 1, 33);
  assert(uarts.speak(guest, changetype<Uart>(uart), memory.data(1), 1) == 0);
  assert(!uarts.isHeld(guest, changetype<Uart>(uart)));
  assert(bus.deadlineNs(guest) == Infinity && trafficOf(guest).consoleBytes == 0);
  consoleTakes(100);
  serve(guest);
  assert(consoleLength(0) == 1 && seen(0) == 0);
}
