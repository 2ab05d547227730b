// A fake guest with a fake virtio driver: makes a board, negotiates, writes rings into guest RAM, reads what comes back.
// The same for tests and fuzzers. It obeys every rule by default, and lets a test break each of them.

import { BOOT_FIRMWARE, CODE_BYTES, PAGE_SIZE } from "../../../hypervisor/abi";
import * as frames from "../../../hypervisor/core/frames";
import { framesBase } from "../../../hypervisor/core/layout";
import { machine } from "../../../hypervisor/core/machine";
import * as bus from "../../../hypervisor/devices/bus";
import { Device, deviceAt } from "../../../hypervisor/devices/device";
import { Queue, Virtio, queueAt } from "../../../hypervisor/devices/virtio/virtio";
import { Guest, RAM_BASE, guestAt } from "../../../hypervisor/guest/guest";
import * as ram from "../../../hypervisor/guest/ram";
import { setGround } from "./outside";
import * as cable from "./cable";

/** Bytes of the test machine's memory: MEMORY_PAGES of test/support/kernel.ts. */
const MEMORY_BYTES: u64 = 4352 << 16;

/** RAM of a fake guest in pages: 4 MiB. */
export const RAM_PAGES: u32 = 1024;
/** Where its buffers may lie; the rings are before. */
export const BUFFERS: u64 = RAM_BASE + 0x200000;
/** One past its last byte. */
export const RAM_END: u64 = RAM_BASE + (<u64>RAM_PAGES << 12);

export const NEXT: u32 = 1;
export const WRITE: u32 = 2;
export const INDIRECT: u32 = 4;

/** Registers that the driver uses. */
const DEVICE_FEATURES: u64 = 0x10;
const DEVICE_FEATURES_SEL: u64 = 0x14;
const DRIVER_FEATURES: u64 = 0x20;
const DRIVER_FEATURES_SEL: u64 = 0x24;
const QUEUE_SEL: u64 = 0x30;
const QUEUE_NUM: u64 = 0x38;
const QUEUE_READY: u64 = 0x44;
const QUEUE_NOTIFY: u64 = 0x50;
export const INTERRUPT_STATUS: u64 = 0x60;
export const INTERRUPT_ACK: u64 = 0x64;
export const STATUS: u64 = 0x70;

/** A running guest with RAM of which no two neighbouring pages have neighbouring frames. */
export function makeGuest(id: u32): Guest {
  if (machine().endFrame == 0) {
    frames.open(1, MEMORY_BYTES, CODE_BYTES);
    setGround(framesBase(1, CODE_BYTES));
  }
  const guest = guestAt(id);
  guest.id = id;
  guest.harts = 2;
  guest.boot = BOOT_FIRMWARE;
  guest.ramPages = RAM_PAGES;
  // 389 is prime to 1024, so this visits every page once.
  for (let i: u32 = 0; i < RAM_PAGES; i++) ram.pageForRead(guest, RAM_BASE + (<u64>(i * 389 & RAM_PAGES - 1) << 12));
  return guest;
}

/** Adds a device to the next slot, at 0x1000_0000 + slot * 0x1000, on line slot + 1, without resetting it. */
export function place(guest: Guest, kind: u32, unit: u32): Device {
  const device = deviceAt(guest, guest.devices);
  device.kind = kind;
  device.slot = guest.devices++;
  device.base = 0x1000_0000 + (<u64>device.slot << 12);
  device.size = PAGE_SIZE;
  device.line = device.slot + 1;
  device.unit = unit;
  return device;
}

/** Adds a device in its power-on state. */
export function add(guest: Guest, kind: u32, unit: u32): Device {
  const device = place(guest, kind, unit);
  bus.reset(guest, device);
  return device;
}

export function get(guest: Guest, device: Device, register: u64): u32 {
  return <u32>bus.read(guest, device, register, 4);
}

export function set(guest: Guest, device: Device, register: u64, value: u32): void {
  bus.write(guest, device, register, 4, value);
}

export function offered(guest: Guest, device: Device): u64 {
  set(guest, device, DEVICE_FEATURES_SEL, 1);
  const high: u64 = get(guest, device, DEVICE_FEATURES);
  set(guest, device, DEVICE_FEATURES_SEL, 0);
  return high << 32 | get(guest, device, DEVICE_FEATURES);
}

/** Resets the device and asks for features; false: it refused them. */
export function negotiate(guest: Guest, device: Device, features: u64): bool {
  set(guest, device, STATUS, 0);
  set(guest, device, STATUS, 1);
  set(guest, device, STATUS, 3);
  set(guest, device, DRIVER_FEATURES_SEL, 1);
  set(guest, device, DRIVER_FEATURES, <u32>(features >> 32));
  set(guest, device, DRIVER_FEATURES_SEL, 0);
  set(guest, device, DRIVER_FEATURES, <u32>features);
  set(guest, device, STATUS, 11);
  return (get(guest, device, STATUS) & 8) != 0;
}

/** Where the areas of a queue lie: the rings start just before a page's end, so that their fields lie in two pages. */
export function descriptorArea(index: u32): u64 {
  return RAM_BASE + 0x100000 + (<u64>index << 16);
}

export function driverArea(index: u32): u64 {
  return descriptorArea(index) + 0x4ffe;
}

export function deviceArea(index: u32): u64 {
  return descriptorArea(index) + 0x8ff8;
}

/** Sets up a queue with the areas above. */
export function openQueue(guest: Guest, device: Device, index: u32, size: u32): void {
  openQueueAt(guest, device, index, size, descriptorArea(index), driverArea(index), deviceArea(index));
}

export function openQueueAt(guest: Guest, device: Device, index: u32, size: u32, table: u64, driver: u64, used: u64): void {
  set(guest, device, QUEUE_SEL, index);
  set(guest, device, QUEUE_NUM, size);
  set(guest, device, 0x80, <u32>table);
  set(guest, device, 0x84, <u32>(table >> 32));
  set(guest, device, 0x90, <u32>driver);
  set(guest, device, 0x94, <u32>(driver >> 32));
  set(guest, device, 0xa0, <u32>used);
  set(guest, device, 0xa4, <u32>(used >> 32));
  set(guest, device, QUEUE_READY, 1);
}

/** Negotiates all that is offered, opens the queues 0 … count - 1, and says DRIVER_OK. */
export function start(guest: Guest, device: Device, count: u32, size: u32): void {
  startWith(guest, device, offered(guest, device), count, size);
}

export function startWith(guest: Guest, device: Device, features: u64, count: u32, size: u32): void {
  assert(negotiate(guest, device, features), "the device refused its features");
  for (let i: u32 = 0; i < count; i++) {
    // A device that was reset finds rings that were never used.
    fill(guest, driverArea(i), 0, 6 + 2 * size);
    fill(guest, deviceArea(i), 0, 6 + 8 * size);
    openQueue(guest, device, i, size);
  }
  set(guest, device, STATUS, 15);
}

/** The queue as the device sees it, for its size. */
function queueOf(device: Device, index: u32): Queue {
  return queueAt(changetype<Virtio>(device), index);
}

/** Writes a descriptor into a table. */
export function describeIn(guest: Guest, table: u64, i: u32, gpa: u64, length: u32, flags: u32, next: u32): void {
  const at = table + <u64>i * 16;
  put64(guest, at, gpa);
  put32(guest, at + 8, length);
  put16(guest, at + 12, flags);
  put16(guest, at + 14, next);
}

/** Writes descriptor i of a queue; with the flag NEXT it goes on at i + 1. */
export function describe(guest: Guest, index: u32, i: u32, gpa: u64, length: u32, flags: u32): void {
  describeIn(guest, descriptorArea(index), i, gpa, length, flags, i + 1);
}

/** Makes a chain available. */
export function offer(guest: Guest, device: Device, index: u32, head: u32): void {
  const at = driverArea(index);
  const next = get16(guest, at + 2);
  put16(guest, at + 4 + 2 * <u64>(next & queueOf(device, index).size - 1), head);
  put16(guest, at + 2, next + 1);
}

export function notify(guest: Guest, device: Device, index: u32): void {
  set(guest, device, QUEUE_NOTIFY, index);
  cable.pump(guest);
}

/** Makes a chain available and notifies. */
export function send(guest: Guest, device: Device, index: u32, head: u32): void {
  offer(guest, device, index, head);
  notify(guest, device, index);
}

/** used.idx: chains the device has given back so far, modulo 2^16. */
export function usedCount(guest: Guest, index: u32): u32 {
  return get16(guest, deviceArea(index) + 2);
}

/** Head and length of the i-th chain given back. */
export function usedHead(guest: Guest, device: Device, index: u32, i: u32): u32 {
  return get32(guest, deviceArea(index) + 4 + 8 * <u64>(i & queueOf(device, index).size - 1));
}

export function usedLength(guest: Guest, device: Device, index: u32, i: u32): u32 {
  return get32(guest, deviceArea(index) + 8 + 8 * <u64>(i & queueOf(device, index).size - 1));
}

/** The driver's used_event and the device's avail_event (2.7.7, 2.7.8). */
export function setUsedEvent(guest: Guest, device: Device, index: u32, value: u32): void {
  put16(guest, driverArea(index) + 4 + 2 * <u64>queueOf(device, index).size, value);
}

export function availEvent(guest: Guest, device: Device, index: u32): u32 {
  return get16(guest, deviceArea(index) + 4 + 8 * <u64>queueOf(device, index).size);
}

/** Has the device asked for a reset? */
export function isBroken(guest: Guest, device: Device): bool {
  return (get(guest, device, STATUS) & 64) != 0;
}

// Guest RAM, byte by byte, so that nothing needs to be aligned.

export function get8(guest: Guest, gpa: u64): u32 {
  const ptr = ram.readable(guest, gpa);
  assert(ptr != 0, "the test reads outside RAM");
  return load<u8>(ptr);
}

export function put8(guest: Guest, gpa: u64, value: u32): void {
  const ptr = ram.writable(guest, gpa);
  assert(ptr != 0, "the test writes outside RAM");
  store<u8>(ptr, value);
}

export function get16(guest: Guest, gpa: u64): u32 {
  return get8(guest, gpa) | get8(guest, gpa + 1) << 8;
}

export function get32(guest: Guest, gpa: u64): u32 {
  return get16(guest, gpa) | get16(guest, gpa + 2) << 16;
}

export function put16(guest: Guest, gpa: u64, value: u32): void {
  put8(guest, gpa, value);
  put8(guest, gpa + 1, value >> 8);
}

export function put32(guest: Guest, gpa: u64, value: u32): void {
  put16(guest, gpa, value);
  put16(guest, gpa + 2, value >> 16);
}

export function put64(guest: Guest, gpa: u64, value: u64): void {
  put32(guest, gpa, <u32>value);
  put32(guest, gpa + 4, <u32>(value >> 32));
}

export function fill(guest: Guest, gpa: u64, value: u32, length: u32): void {
  for (let i: u32 = 0; i < length; i++) put8(guest, gpa + i, value);
}
