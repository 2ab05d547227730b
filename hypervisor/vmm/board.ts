// Which devices a guest gets, and where: addresses and interrupt lines as on QEMU's `virt` board.
//
//   0x0010_0000  power          0x0c00_0000  PLIC
//   0x0010_1000  RTC    (11)    0x1000_0000  UART (10)
//   0x0200_0000  ACLINT         0x1000_1000  virtio-mmio, one page each (1 … 8, then 12 …)

import {
  BOOT_FIRMWARE, DISK_READ_ONLY, SPEC_DISKS, SPEC_DISK_COUNT, SPEC_FLAGS, SPEC_FLAG_VIRTIO_CONSOLE, SPEC_NETS, SPEC_NET_COUNT, SPEC_NET_SIZE,
} from "../abi";
import { Aclint } from "../devices/aclint";
import * as bus from "../devices/bus";
import {
  DEVICE_ACLINT, DEVICE_PLIC, DEVICE_POWER, DEVICE_RTC, DEVICE_SIZE, DEVICE_UART, DEVICE_VIRTIO_BALLOON,
  DEVICE_VIRTIO_BLK, DEVICE_VIRTIO_CONSOLE, DEVICE_VIRTIO_INPUT, DEVICE_VIRTIO_NET, DEVICE_VIRTIO_RNG, Device, deviceAt,
} from "../devices/device";
import { Blk } from "../devices/virtio/blk";
import { Net } from "../devices/virtio/net";
import { DEVICE_SLOTS, Guest } from "../guest/guest";
import { networkAt } from "../net/network";

const POWER_BASE: u64 = 0x0010_0000;
const RTC_BASE: u64 = 0x0010_1000;
const ACLINT_BASE: u64 = 0x0200_0000;
const PLIC_BASE: u64 = 0x0c00_0000;
const UART_BASE: u64 = 0x1000_0000;
const VIRTIO_BASE: u64 = 0x1000_1000;
const VIRTIO_SIZE: u64 = 0x1000;

const LINE_UART: u32 = 10;
const LINE_RTC: u32 = 11;

/** Console ports of a guest: the UART is port 0, the ports of the virtio console follow. */
const PORT_UART: u32 = 0;
const PORT_VIRTIO: u32 = 1;

// Slots of the devices that vmm itself asks for; the ACLINT's on boards that have one.
const SLOT_UART: u32 = 1;
const SLOT_ACLINT: u32 = 4;

/** Puts a device in the next slot. */
function add(guest: Guest, kind: u32, base: u64, size: u64, line: u32, unit: u32): Device {
  const slot = guest.devices;
  assert(slot < DEVICE_SLOTS);
  guest.devices = slot + 1;
  const device = deviceAt(guest, slot);
  memory.fill(changetype<usize>(device), 0, DEVICE_SIZE);
  device.kind = kind;
  device.slot = slot;
  device.base = base;
  device.size = size;
  device.line = line;
  device.unit = unit;
  return device;
}

/** The n-th virtio transport: lines 1 … 8 as on QEMU's board, which has no more; then those behind the RTC's. */
function addVirtio(guest: Guest, n: u32, kind: u32, unit: u32): Device {
  return add(guest, kind, VIRTIO_BASE + <u64>n * VIRTIO_SIZE, VIRTIO_SIZE, n < 8 ? 1 + n : 4 + n, unit);
}

/** A disk is known to the guest by its slot, to the machine by its number. */
function addDisk(guest: Guest, n: u32, spec: usize): void {
  const blk = changetype<Blk>(addVirtio(guest, n, DEVICE_VIRTIO_BLK, load<u32>(spec)));
  blk.flags = load<u32>(spec, 4) & DISK_READ_ONLY;
}

/** A network device on its network, with its MAC address. */
function addNet(guest: Guest, n: u32, spec: usize): void {
  const net = changetype<Net>(addVirtio(guest, n, DEVICE_VIRTIO_NET, load<u32>(spec)));
  net.mac = load<u64>(spec, 4) >> 16;
  net.mtu = networkAt(net.unit).mtu;
}

/** The UART of a guest. */
export function uartOf(guest: Guest): Device {
  return deviceAt(guest, SLOT_UART);
}

/** The ACLINT of a guest in firmware mode. */
export function aclintOf(guest: Guest): Aclint {
  assert(guest.boot == BOOT_FIRMWARE);
  return changetype<Aclint>(deviceAt(guest, SLOT_ACLINT));
}

/** Builds the board that the checked spec at `spec` asks for, in its power-on state. The guest's shape is known already. */
export function build(guest: Guest, spec: usize): void {
  guest.devices = 0;
  add(guest, DEVICE_PLIC, PLIC_BASE, 0x60_0000, 0, 0);
  add(guest, DEVICE_UART, UART_BASE, 0x100, LINE_UART, PORT_UART);
  add(guest, DEVICE_RTC, RTC_BASE, 0x1000, LINE_RTC, 0);
  add(guest, DEVICE_POWER, POWER_BASE, 0x1000, 0, 0);
  if (guest.boot == BOOT_FIRMWARE) add(guest, DEVICE_ACLINT, ACLINT_BASE, 0x1_0000, 0, 0);
  let n: u32 = 0;
  addVirtio(guest, n++, DEVICE_VIRTIO_RNG, 0);
  const disks = load<u32>(spec, SPEC_DISK_COUNT);
  for (let i: u32 = 0; i < disks; i++) addDisk(guest, n++, spec + SPEC_DISKS + (<usize>i << 4));
  const nets = load<u32>(spec, SPEC_NET_COUNT);
  for (let i: u32 = 0; i < nets; i++) addNet(guest, n++, spec + SPEC_NETS + <usize>i * SPEC_NET_SIZE);
  if ((load<u32>(spec, SPEC_FLAGS) & SPEC_FLAG_VIRTIO_CONSOLE) != 0) addVirtio(guest, n++, DEVICE_VIRTIO_CONSOLE, PORT_VIRTIO);
  if (guest.boot != BOOT_FIRMWARE) addVirtio(guest, n++, DEVICE_VIRTIO_INPUT, 0);
  addVirtio(guest, n++, DEVICE_VIRTIO_BALLOON, 0);
  for (let slot: u32 = 0; slot < guest.devices; slot++) bus.reset(guest, deviceAt(guest, slot));
}
