// The registers of a virtio-mmio device, version 2 (virtio 1.2, 4.2.2), the same for every device type.

import { Guest, offend } from "../../guest/guest";
import {
  CONFIG, DEVICE_NEEDS_RESET, DRIVER_OK, FEATURES_OK, NONE, QUEUE_SIZE_MAX, Queue, VIRTIO_F_VERSION_1, Virtio,
  ACKNOWLEDGE, DRIVER, FAILED, fail, queueAt, reset, setLine, start, stop,
} from "./virtio";

/** Register offsets, table 4.1. */
const MAGIC_VALUE: u32 = 0x000;
const VERSION: u32 = 0x004;
const DEVICE_ID: u32 = 0x008;
const VENDOR_ID: u32 = 0x00c;
const DEVICE_FEATURES: u32 = 0x010;
const DEVICE_FEATURES_SEL: u32 = 0x014;
const DRIVER_FEATURES: u32 = 0x020;
const DRIVER_FEATURES_SEL: u32 = 0x024;
const QUEUE_SEL: u32 = 0x030;
const QUEUE_NUM_MAX: u32 = 0x034;
const QUEUE_NUM: u32 = 0x038;
const QUEUE_READY: u32 = 0x044;
const QUEUE_NOTIFY: u32 = 0x050;
const INTERRUPT_STATUS: u32 = 0x060;
const INTERRUPT_ACK: u32 = 0x064;
const STATUS: u32 = 0x070;
const QUEUE_DESC_LOW: u32 = 0x080;
const QUEUE_DESC_HIGH: u32 = 0x084;
const QUEUE_DRIVER_LOW: u32 = 0x090;
const QUEUE_DRIVER_HIGH: u32 = 0x094;
const QUEUE_DEVICE_LOW: u32 = 0x0a0;
const QUEUE_DEVICE_HIGH: u32 = 0x0a4;
const SHM_SEL: u32 = 0x0ac;
const SHM_LEN_LOW: u32 = 0x0b0;
const SHM_BASE_HIGH: u32 = 0x0bc;
const CONFIG_GENERATION: u32 = 0x0fc;
export const CONFIG_SPACE: u32 = 0x100;

const MAGIC: u32 = 0x7472_6976; // "virt"
const VENDOR: u32 = 0x706f_6c72; // "rlop"

/** `write` answers: the driver has reset the device; its own state must follow. */
export const RESET: u32 = 0xffff_fffe;

function low(value: u64): u64 {
  return value & 0xffff_ffff;
}

function withLow(old: u64, word: u32): u64 {
  return old & 0xffff_ffff_0000_0000 | word;
}

function withHigh(old: u64, word: u32): u64 {
  return old & 0xffff_ffff | <u64>word << 32;
}

/** The selected queue, or null where the device has none of that number. */
function selected(device: Virtio): Queue | null {
  return device.queueSel < device.queueCount ? queueAt(device, device.queueSel) : null;
}

function readConfig(guest: Guest, device: Virtio, at: u32, size: u32): u64 {
  if (at + size > device.configBytes) {
    offend(guest);
    return 0;
  }
  const ptr = changetype<usize>(device) + at;
  switch (size) {
    case 1: return load<u8>(ptr, CONFIG);
    case 2: return load<u16>(ptr, CONFIG);
    case 4: return load<u32>(ptr, CONFIG);
    default: return load<u64>(ptr, CONFIG);
  }
}

/** Answers a load. Registers are read as aligned words (4.2.2.2), the configuration space in any width. */
export function read(guest: Guest, device: Virtio, offset: u64, size: u32): u64 {
  const at = <u32>offset;
  if (at >= CONFIG_SPACE) return readConfig(guest, device, at - CONFIG_SPACE, size);
  if (size == 4) {
    const queue = selected(device);
    switch (at) {
      case MAGIC_VALUE: return MAGIC;
      case VERSION: return 2;
      case DEVICE_ID: return device.deviceId;
      case VENDOR_ID: return VENDOR;
      case DEVICE_FEATURES:
        return device.deviceFeaturesSel == 0 ? low(device.offered) : device.deviceFeaturesSel == 1 ? device.offered >> 32 : 0;
      case QUEUE_NUM_MAX: return queue == null ? 0 : QUEUE_SIZE_MAX;
      case QUEUE_READY: return queue == null ? 0 : queue.ready;
      case INTERRUPT_STATUS: return device.interruptStatus;
      case STATUS: return device.status == 0 && device.resetting != 0 ? DEVICE_NEEDS_RESET : device.status;
      case CONFIG_GENERATION: return device.configGeneration;
    }
    // No shared memory regions: length and base are -1 (4.2.2).
    if (at >= SHM_LEN_LOW && at <= SHM_BASE_HIGH && (at & 3) == 0) return 0xffff_ffff;
  }
  offend(guest); // unaligned, of a wrong width, write-only, or not there
  return 0;
}

/** 2.1.2: bits are only added; FEATURES_OK stays away where the features do not fit (3.1.1 step 6). */
function setStatus(guest: Guest, device: Virtio, value: u32): void {
  let added = value & (ACKNOWLEDGE | DRIVER | DRIVER_OK | FEATURES_OK | FAILED) & ~device.status;
  if ((added & FEATURES_OK) != 0) {
    const fits = (device.accepted & ~device.offered) == 0 && (device.accepted & VIRTIO_F_VERSION_1) != 0;
    if (!fits) added &= ~FEATURES_OK;
  }
  if ((added & DRIVER_OK) != 0 && ((device.status | added) & FEATURES_OK) == 0) {
    offend(guest);
    added &= ~DRIVER_OK;
  }
  device.status |= added;
}

/** 3.1.1: the driver may choose features only until FEATURES_OK. */
function setFeatures(guest: Guest, device: Virtio, word: u32): void {
  if ((device.status & FEATURES_OK) != 0) offend(guest);
  else if (device.driverFeaturesSel == 0) device.accepted = withLow(device.accepted, word);
  else if (device.driverFeaturesSel == 1) device.accepted = withHigh(device.accepted, word);
  else if (word != 0) offend(guest);
}

/** Starts or stops a queue. A start needs a size and areas aligned as 2.7 asks; where they lie is checked at each use. */
function setReady(guest: Guest, device: Virtio, queue: Queue, on: bool): void {
  if (!on) {
    if (queue.ready != 0) stop(queue);
    return;
  }
  if (queue.ready != 0) return;
  const isAligned = (queue.descriptorArea & 15) == 0 && (queue.driverArea & 1) == 0 && (queue.deviceArea & 3) == 0;
  if (queue.size == 0 || !isAligned) fail(guest, device);
  else start(queue);
}

/** Takes a store to a register of the selected queue; false: no such register. */
function writeQueue(guest: Guest, device: Virtio, queue: Queue, at: u32, word: u32): bool {
  if (at == QUEUE_READY) {
    setReady(guest, device, queue, (word & 1) != 0);
    return true;
  }
  if (queue.ready != 0) return false; // 4.2.2.2: not while the queue is in use
  switch (at) {
    case QUEUE_NUM:
      if (word == 0 || word > QUEUE_SIZE_MAX || (word & word - 1) != 0) return false;
      queue.size = word;
      return true;
    case QUEUE_DESC_LOW: queue.descriptorArea = withLow(queue.descriptorArea, word); return true;
    case QUEUE_DESC_HIGH: queue.descriptorArea = withHigh(queue.descriptorArea, word); return true;
    case QUEUE_DRIVER_LOW: queue.driverArea = withLow(queue.driverArea, word); return true;
    case QUEUE_DRIVER_HIGH: queue.driverArea = withHigh(queue.driverArea, word); return true;
    case QUEUE_DEVICE_LOW: queue.deviceArea = withLow(queue.deviceArea, word); return true;
    case QUEUE_DEVICE_HIGH: queue.deviceArea = withHigh(queue.deviceArea, word); return true;
  }
  return false;
}

/** Takes a store. Answers the queue the driver notified, RESET, or NONE. */
export function write(guest: Guest, device: Virtio, offset: u64, size: u32, value: u64): u32 {
  const at = <u32>offset;
  const word = <u32>value;
  if (at >= CONFIG_SPACE || size != 4) {
    offend(guest); // a field that the driver may write is its device's affair, and never comes here
    return NONE;
  }
  switch (at) {
    case DEVICE_FEATURES_SEL: device.deviceFeaturesSel = word; return NONE;
    case DRIVER_FEATURES_SEL: device.driverFeaturesSel = word; return NONE;
    case DRIVER_FEATURES: setFeatures(guest, device, word); return NONE;
    case QUEUE_SEL: device.queueSel = word; return NONE;
    case SHM_SEL: return NONE;
    case QUEUE_NOTIFY:
      if (word < device.queueCount) return word;
      offend(guest);
      return NONE;
    case INTERRUPT_ACK:
      device.interruptStatus &= ~word;
      setLine(guest, device);
      return NONE;
    case STATUS:
      if (word != 0) {
        setStatus(guest, device, word);
        return NONE;
      }
      reset(device);
      setLine(guest, device);
      return RESET;
  }
  const queue = selected(device);
  if (queue == null || !writeQueue(guest, device, queue, at, word)) offend(guest);
  return NONE;
}
