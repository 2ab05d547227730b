// The bus: the one place where all devices are named. Everything that vmm asks of devices goes through here.

import { E_UNSUPPORTED } from "../abi";
import { Guest } from "../guest/guest";
import * as lines from "../guest/lines";
import * as aclint from "./aclint";
import { Aclint } from "./aclint";
import {
  DEVICE_ACLINT, DEVICE_PLIC, DEVICE_POWER, DEVICE_RTC, DEVICE_UART, DEVICE_VIRTIO_BALLOON, DEVICE_VIRTIO_BLK,
  DEVICE_VIRTIO_CONSOLE, DEVICE_VIRTIO_INPUT, DEVICE_VIRTIO_NET, DEVICE_VIRTIO_RNG, Device, deviceAt,
} from "./device";
import * as limits from "./limits";
import * as plic from "./plic";
import { Plic } from "./plic";
import * as power from "./power";
import { Power } from "./power";
import * as rtc from "./rtc";
import { Rtc } from "./rtc";
import * as uart from "./uart";
import { Uart } from "./uart";
import * as balloon from "./virtio/balloon";
import { Balloon } from "./virtio/balloon";
import * as blk from "./virtio/blk";
import { Blk } from "./virtio/blk";
import * as vconsole from "./virtio/console";
import { Console } from "./virtio/console";
import * as input from "./virtio/input";
import { Input } from "./virtio/input";
import * as net from "./virtio/net";
import { Net } from "./virtio/net";
import * as rng from "./virtio/rng";
import { Rng } from "./virtio/rng";
import { Virtio } from "./virtio/virtio";

/** The device whose registers this guest-physical address lies in; null: nobody there. */
export function find(guest: Guest, gpa: u64): Device | null {
  for (let slot: u32 = 0; slot < guest.devices; slot++) {
    const device = deviceAt(guest, slot);
    if (gpa - device.base < device.size) return device;
  }
  return null;
}

/** Puts a device into its power-on state. Its shape (kind, slot, base, size, line, unit) is set, the rest was zero once. */
export function reset(guest: Guest, device: Device): void {
  if (device.line != 0) lines.set(guest, device.line, false);
  switch (device.kind) {
    case DEVICE_PLIC: plic.reset(changetype<Plic>(device)); break;
    case DEVICE_ACLINT: aclint.reset(changetype<Aclint>(device)); break;
    case DEVICE_UART: uart.reset(changetype<Uart>(device)); break;
    case DEVICE_RTC: rtc.reset(changetype<Rtc>(device)); break;
    case DEVICE_POWER: power.reset(changetype<Power>(device)); break;
    case DEVICE_VIRTIO_BLK: blk.reset(changetype<Blk>(device)); break;
    case DEVICE_VIRTIO_NET: net.reset(changetype<Net>(device)); break;
    case DEVICE_VIRTIO_CONSOLE: vconsole.reset(changetype<Console>(device)); break;
    case DEVICE_VIRTIO_RNG: rng.reset(changetype<Rng>(device)); break;
    case DEVICE_VIRTIO_INPUT: input.reset(changetype<Input>(device)); break;
    case DEVICE_VIRTIO_BALLOON: balloon.reset(changetype<Balloon>(device)); break;
  }
}

/** Answers a load of 1, 2, 4 or 8 bytes. */
export function read(guest: Guest, device: Device, offset: u64, size: u32): u64 {
  switch (device.kind) {
    case DEVICE_PLIC: return plic.read(guest, changetype<Plic>(device), offset, size);
    case DEVICE_ACLINT: return aclint.read(guest, changetype<Aclint>(device), offset, size);
    case DEVICE_UART: return uart.read(guest, changetype<Uart>(device), offset, size);
    case DEVICE_RTC: return rtc.read(guest, changetype<Rtc>(device), offset, size);
    case DEVICE_POWER: return power.read(guest, changetype<Power>(device), offset, size);
    case DEVICE_VIRTIO_BLK: return blk.read(guest, changetype<Blk>(device), offset, size);
    case DEVICE_VIRTIO_NET: return net.read(guest, changetype<Net>(device), offset, size);
    case DEVICE_VIRTIO_CONSOLE: return vconsole.read(guest, changetype<Console>(device), offset, size);
    case DEVICE_VIRTIO_RNG: return rng.read(guest, changetype<Rng>(device), offset, size);
    case DEVICE_VIRTIO_INPUT: return input.read(guest, changetype<Input>(device), offset, size);
    case DEVICE_VIRTIO_BALLOON: return balloon.read(guest, changetype<Balloon>(device), offset, size);
    default: return 0;
  }
}

/** Takes a store of 1, 2, 4 or 8 bytes. */
export function write(guest: Guest, device: Device, offset: u64, size: u32, value: u64): void {
  switch (device.kind) {
    case DEVICE_PLIC: plic.write(guest, changetype<Plic>(device), offset, size, value); break;
    case DEVICE_ACLINT: aclint.write(guest, changetype<Aclint>(device), offset, size, value); break;
    case DEVICE_UART: uart.write(guest, changetype<Uart>(device), offset, size, value); break;
    case DEVICE_RTC: rtc.write(guest, changetype<Rtc>(device), offset, size, value); break;
    case DEVICE_POWER: power.write(guest, changetype<Power>(device), offset, size, value); break;
    case DEVICE_VIRTIO_BLK: blk.write(guest, changetype<Blk>(device), offset, size, value); break;
    case DEVICE_VIRTIO_NET: net.write(guest, changetype<Net>(device), offset, size, value); break;
    case DEVICE_VIRTIO_CONSOLE: vconsole.write(guest, changetype<Console>(device), offset, size, value); break;
    case DEVICE_VIRTIO_RNG: rng.write(guest, changetype<Rng>(device), offset, size, value); break;
    case DEVICE_VIRTIO_INPUT: input.write(guest, changetype<Input>(device), offset, size, value); break;
    case DEVICE_VIRTIO_BALLOON: balloon.write(guest, changetype<Balloon>(device), offset, size, value); break;
  }
}

/** Works on a queue of a virtio device, as if its driver had notified it. */
export function kick(guest: Guest, device: Device, queue: u32): void {
  switch (device.kind) {
    case DEVICE_VIRTIO_BLK: blk.kick(guest, changetype<Blk>(device), queue); break;
    case DEVICE_VIRTIO_NET: net.kick(guest, changetype<Net>(device), queue); break;
    case DEVICE_VIRTIO_CONSOLE: vconsole.kick(guest, changetype<Console>(device), queue); break;
    case DEVICE_VIRTIO_RNG: rng.kick(guest, changetype<Rng>(device), queue); break;
    case DEVICE_VIRTIO_INPUT: input.kick(guest, changetype<Input>(device), queue); break;
    case DEVICE_VIRTIO_BALLOON: balloon.kick(guest, changetype<Balloon>(device), queue); break;
  }
}

function isVirtio(device: Device): bool {
  return device.kind >= <u32>DEVICE_VIRTIO_BLK;
}

/** Works on all queues, as their drivers may have made chains available without telling us. */
export function hear(guest: Guest): void {
  guest.unheard = 0;
  for (let slot: u32 = 0; slot < guest.devices; slot++) {
    const device = deviceAt(guest, slot);
    if (!isVirtio(device)) continue;
    for (let queue: u32 = 0; queue < changetype<Virtio>(device).queueCount; queue++) kick(guest, device, queue);
  }
}

/** A host transfer of the device in this slot has ended; `request` is tag.requestOf(tag). */
export function complete(guest: Guest, slot: u32, request: u32, status: i32): void {
  if (slot >= guest.devices) return;
  const device = deviceAt(guest, slot);
  if (device.kind == DEVICE_VIRTIO_BLK) blk.complete(guest, changetype<Blk>(device), request, status);
}

/** Host transfers under way. Until it is 0, frames of the guest must not be given back, shared or saved. */
export function busy(guest: Guest): u32 {
  let count: u32 = 0;
  for (let slot: u32 = 0; slot < guest.devices; slot++) {
    const device = deviceAt(guest, slot);
    if (device.kind == DEVICE_VIRTIO_BLK) count += blk.busy(changetype<Blk>(device));
  }
  return count;
}

/** Moves what waits at the host or was left over, in both directions; true if input came. Once a turn is right. */
export function poll(guest: Guest): bool {
  let got = false;
  for (let slot: u32 = 0; slot < guest.devices; slot++) {
    const device = deviceAt(guest, slot);
    switch (device.kind) {
      case DEVICE_UART: if (uart.poll(guest, changetype<Uart>(device))) got = true; break;
      case DEVICE_RTC: if (rtc.poll(guest, changetype<Rtc>(device))) got = true; break;
      case DEVICE_VIRTIO_BLK: if (blk.poll(guest, changetype<Blk>(device))) got = true; break;
      case DEVICE_VIRTIO_NET: if (net.poll(guest, changetype<Net>(device))) got = true; break;
      case DEVICE_VIRTIO_CONSOLE: if (vconsole.poll(guest, changetype<Console>(device))) got = true; break;
      case DEVICE_VIRTIO_RNG: if (rng.poll(guest, changetype<Rng>(device))) got = true; break;
      case DEVICE_VIRTIO_INPUT: if (input.poll(guest, changetype<Input>(device))) got = true; break;
      case DEVICE_VIRTIO_BALLOON:
        if (balloon.poll(guest, changetype<Balloon>(device), busy(guest) != 0)) got = true;
        break;
    }
  }
  return got;
}

/** The guest's balloon; null: it has none. */
export function balloonOf(guest: Guest): Balloon | null {
  for (let slot: u32 = 0; slot < guest.devices; slot++) {
    const device = deviceAt(guest, slot);
    if (device.kind == DEVICE_VIRTIO_BALLOON) return changetype<Balloon>(device);
  }
  return null;
}

/** Presses the guest's power key; E_UNSUPPORTED: it has none, or no driver for it, E_AGAIN: the driver is behind. */
export function press(guest: Guest): i32 {
  for (let slot: u32 = 0; slot < guest.devices; slot++) {
    const device = deviceAt(guest, slot);
    if (device.kind == DEVICE_VIRTIO_INPUT) return input.press(guest, changetype<Input>(device));
  }
  return E_UNSUPPORTED;
}

/**
 * Hands all gathered output to the host, as far as it takes it and whatever the limit says: before the guest stops, so that its
 * last words are heard.
 */
export function flush(guest: Guest): void {
  for (let slot: u32 = 0; slot < guest.devices; slot++) {
    const device = deviceAt(guest, slot);
    if (device.kind == DEVICE_UART) uart.flush(guest, changetype<Uart>(device));
    else if (device.kind == DEVICE_VIRTIO_CONSOLE) vconsole.flush(guest, changetype<Console>(device));
  }
}

/** Sets the timer wires from the clock, and lets a due alarm go off. */
export function tick(guest: Guest): void {
  for (let slot: u32 = 0; slot < guest.devices; slot++) {
    const device = deviceAt(guest, slot);
    if (device.kind == DEVICE_ACLINT) aclint.update(guest, changetype<Aclint>(device));
    else if (device.kind == DEVICE_RTC) rtc.poll(guest, changetype<Rtc>(device));
  }
}

/** Value of host.now() at which `tick` or, for what is held back, `poll` next has something to do; infinite: never. */
export function deadlineNs(guest: Guest): f64 {
  let first = limits.deadlineNs(guest);
  for (let slot: u32 = 0; slot < guest.devices; slot++) {
    const device = deviceAt(guest, slot);
    if (device.kind == DEVICE_RTC) first = min(first, rtc.deadlineNs(changetype<Rtc>(device)));
    if (device.kind == DEVICE_VIRTIO_NET) first = min(first, net.signalAt(changetype<Net>(device)));
    if (device.kind != DEVICE_ACLINT) continue;
    for (let hart: u32 = 0; hart < guest.harts; hart++) {
      first = min(first, aclint.deadlineNs(guest, changetype<Aclint>(device), hart));
    }
  }
  return first;
}

/** Turns interrupt lines that have changed into wires of the harts: before each entry of a hart. */
export function refresh(guest: Guest): void {
  for (let slot: u32 = 0; slot < guest.devices; slot++) {
    const device = deviceAt(guest, slot);
    if (device.kind == DEVICE_PLIC) {
      plic.refresh(guest, changetype<Plic>(device));
      return;
    }
  }
}
