// What every virtio device has: negotiation, queues, configuration space, and ways to tell the driver about news.
// Section numbers are those of the virtio specification 1.2.
//
//   page of a virtio device
//   +0x000  Device, Virtio, then the device's own state
//   +0xe00  QUEUES_MAX queues (queue.ts walks them)

import { PAGE_SIZE } from "../../abi";
import { Guest, offend } from "../../guest/guest";
import * as lines from "../../guest/lines";
import { Device } from "../device";

/** "No queue", "no descriptor". */
export const NONE: u32 = 0xffff_ffff;

/** Device status, 2.1. */
export const ACKNOWLEDGE: u32 = 1;
export const DRIVER: u32 = 2;
export const DRIVER_OK: u32 = 4;
export const FEATURES_OK: u32 = 8;
export const DEVICE_NEEDS_RESET: u32 = 64;
export const FAILED: u32 = 128;

/** Reserved feature bits, section 6. */
export const VIRTIO_F_INDIRECT_DESC: u64 = 1 << 28;
export const VIRTIO_F_EVENT_IDX: u64 = 1 << 29;
export const VIRTIO_F_VERSION_1: u64 = 1 << 32;
/** What queue.ts does for every device. */
export const FEATURES_OF_ALL: u64 = VIRTIO_F_VERSION_1 | VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC;

/** Bits of InterruptStatus, 4.2.2. */
export const INTERRUPT_USED: u32 = 1;
export const INTERRUPT_CONFIG: u32 = 2;

/** Descriptors in a queue at most. */
export const QUEUE_SIZE_MAX: u32 = 256;
export const QUEUES_MAX: u32 = 8;

/** One split virtqueue, 2.7. */
@unmanaged @final
export class Queue {
  // What the driver set, 4.2.2.
  /** Guest-physical addresses of the three areas. */
  descriptorArea: u64;
  driverArea: u64;
  deviceArea: u64;
  /** Descriptors in it, a power of two; 0: not set. */
  size: u32;
  /** 1 while the driver lets us use it. */
  ready: u32;

  // Where we are. Indices run free modulo 2^16, as in the rings.
  /** Index of the next chain to take from the available ring. */
  nextAvailable: u32;
  /** Index of the next entry of the used ring to write. */
  nextUsed: u32;
  /** Value of used.idx that the driver can see, and that up to which it has been interrupted if it wants to be. */
  published: u32;
  signalled: u32;
  /** Bytes of the oldest chain that are already done (streams only). */
  done: u32;
  /** Grows when the queue starts or stops: transfers begun before belong to nobody. */
  epoch: u32;
  /** 1: its oldest chain waits, as the machine has no frame for what is to be written. */
  lacking: u32;
}

/** Head of a virtio device's page. */
@unmanaged
export class Virtio extends Device {
  // Fixed by the device at reset.
  /** Features that it offers. */
  offered: u64;
  /** Device type, section 5. */
  deviceId: u32;
  /** Queues that it has. */
  queueCount: u32;
  /** Bytes of its configuration space. */
  configBytes: u32;

  // Written through the registers, 4.2.2.
  deviceFeaturesSel: u32;
  driverFeaturesSel: u32;
  queueSel: u32;
  /** Features that the driver asked for. */
  accepted: u64;
  /** ACKNOWLEDGE … FAILED. */
  status: u32;
  interruptStatus: u32;
  configGeneration: u32;
  /** 1 from a reset until the transfers begun before it have ended: the driver sees the reset as not yet done (2.4.1). */
  resetting: u32;

  // The chain that is being walked: queue.ts, meaningless between calls.
  /** Where its descriptors lie: the queue's table or an indirect one, how many that holds, which is next. */
  table: u64;
  tableSize: u32;
  nextDescriptor: u32;
  /** Descriptors the chain may still have. */
  descriptorsLeft: u32;
  /** 1 once a device-writable part was seen: no readable one may follow. */
  inWritable: u32;
  /** 1 inside an indirect table. */
  inIndirect: u32;
  /** The part at hand: address, bytes left of it, VIRTQ_DESC_F_WRITE or 0. */
  partAddress: u64;
  partLength: u32;
  partWritable: u32;
  /** Result of `measure`: bytes the device may read and write, and the address of the last byte it may write. */
  readableBytes: u64;
  writableBytes: u64;
  lastWritable: u64;
  /** Also of `measure`: the first writable part. */
  firstWritable: u64;
  firstWritableBytes: u32;
  /** A descriptor on its way from guest memory. */
  descriptor0: u64; descriptor1: u64;

  /** Configuration space. */
  config0: u64; config1: u64; config2: u64; config3: u64;
  config4: u64; config5: u64; config6: u64; config7: u64;
}
export const CONFIG: usize = offsetof<Virtio>("config0");
export const CONFIG_SIZE: u32 = 64;

const QUEUES: usize = 0xe00;
const QUEUE_STRIDE: usize = 64;
if (offsetof<Queue>() > QUEUE_STRIDE) ERROR("a queue does not fit its stride");
if (QUEUES + <usize>QUEUES_MAX * QUEUE_STRIDE != <usize>PAGE_SIZE) ERROR("the queues must end with the page");

/** Bytes a device and its own state may take. */
export const STATE_SIZE: usize = QUEUES;

/** The i-th queue, i < QUEUES_MAX. */
export function queueAt(device: Virtio, i: u32): Queue {
  assert(i < QUEUES_MAX);
  return changetype<Queue>(changetype<usize>(device) + QUEUES + <usize>i * QUEUE_STRIDE);
}

/** Back to the state before negotiation, 2.4. The queues' epochs go on, as transfers of before may still be under way. */
export function reset(device: Virtio): void {
  device.deviceFeaturesSel = 0;
  device.driverFeaturesSel = 0;
  device.queueSel = 0;
  device.accepted = 0;
  device.status = 0;
  device.interruptStatus = 0;
  for (let i: u32 = 0; i < QUEUES_MAX; i++) {
    const queue = queueAt(device, i);
    queue.descriptorArea = 0;
    queue.driverArea = 0;
    queue.deviceArea = 0;
    queue.size = 0;
    stop(queue);
  }
}

/** The queue begins with empty rings. */
export function start(queue: Queue): void {
  queue.ready = 1;
  queue.nextAvailable = 0;
  queue.nextUsed = 0;
  queue.published = 0;
  queue.signalled = 0;
  queue.done = 0;
  queue.lacking = 0;
  queue.epoch++;
}

/** The queue is not ours any more. */
export function stop(queue: Queue): void {
  queue.ready = 0;
  queue.epoch++;
}

/** May the device use its queues? */
export function isLive(device: Virtio): bool {
  return (device.status & (DRIVER_OK | DEVICE_NEEDS_RESET)) == DRIVER_OK;
}

/** Has the driver accepted all these features? */
export function has(device: Virtio, features: u64): bool {
  return (device.accepted & features) == features;
}

/** Sets bits of InterruptStatus and the line. */
export function interrupt(guest: Guest, device: Virtio, bits: u32): void {
  device.interruptStatus |= bits;
  setLine(guest, device);
}

/** Makes the interrupt line what InterruptStatus says. */
export function setLine(guest: Guest, device: Virtio): void {
  if (device.line != 0) lines.set(guest, device.line, device.interruptStatus != 0);
}

/** The driver broke the rules: the device asks for a reset (2.1.1) and does nothing more until it comes. */
export function fail(guest: Guest, device: Virtio): void {
  offend(guest);
  if ((device.status & DEVICE_NEEDS_RESET) != 0) return;
  device.status |= DEVICE_NEEDS_RESET;
  if ((device.status & DRIVER_OK) != 0) interrupt(guest, device, INTERRUPT_CONFIG);
}

/** Sets bytes of the configuration space. */
export function setConfig8(device: Virtio, at: u32, value: u32): void {
  store<u8>(changetype<usize>(device) + at, value, CONFIG);
}

export function setConfig16(device: Virtio, at: u32, value: u32): void {
  store<u16>(changetype<usize>(device) + at, value, CONFIG);
}

export function setConfig32(device: Virtio, at: u32, value: u32): void {
  store<u32>(changetype<usize>(device) + at, value, CONFIG);
}

export function setConfig64(device: Virtio, at: u32, value: u64): void {
  store<u64>(changetype<usize>(device) + at, value, CONFIG);
}
