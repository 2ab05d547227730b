// What all devices share: which kind, where on the bus, which interrupt line. A device's own state follows in its page.

import { PAGE_SIZE } from "../abi";
import { Guest, deviceBlock } from "../guest/guest";

export const DEVICE_PLIC = 0;
export const DEVICE_ACLINT = 1;
export const DEVICE_UART = 2;
export const DEVICE_RTC = 3;
export const DEVICE_POWER = 4;
export const DEVICE_VIRTIO_BLK = 5;
export const DEVICE_VIRTIO_NET = 6;
export const DEVICE_VIRTIO_CONSOLE = 7;
export const DEVICE_VIRTIO_RNG = 8;
export const DEVICE_VIRTIO_INPUT = 9;
export const DEVICE_VIRTIO_BALLOON = 10;

/** Head of a device's page. */
@unmanaged
export class Device {
  /** DEVICE_*. */
  kind: u32;
  /** Slot of this device in its guest. */
  slot: u32;
  /** Guest-physical address of the first register. */
  base: u64;
  /** Size of the register window in bytes. */
  size: u64;
  /** Interrupt line it drives, 0: none. */
  line: u32;
  /** Number of the outside thing behind it: disk or port of the machine, console port; unused elsewhere. */
  unit: u32;
}

/** The device in this slot. */
export function deviceAt(guest: Guest, slot: u32): Device {
  return changetype<Device>(deviceBlock(guest, slot));
}

/** Bytes a device's state may take in all. */
export const DEVICE_SIZE = PAGE_SIZE;
