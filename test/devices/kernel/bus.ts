// The bus finds devices by address, and answers for all of them.

import * as bus from "../../../hypervisor/devices/bus";
import { DEVICE_UART, DEVICE_VIRTIO_RNG } from "../../../hypervisor/devices/device";
import * as tag from "../../../hypervisor/devices/virtio/tag";
import { add, makeGuest } from "../../support/kernel/driver";

export function bus_finds_the_device_of_an_address(): void {
  const guest = makeGuest(0);
  const uart = add(guest, DEVICE_UART, 0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  assert(changetype<usize>(bus.find(guest, uart.base)) == changetype<usize>(uart));
  assert(changetype<usize>(bus.find(guest, uart.base + uart.size - 1)) == changetype<usize>(uart));
  assert(changetype<usize>(bus.find(guest, rng.base)) == changetype<usize>(rng));
  assert(bus.find(guest, uart.base - 1) == null);
  assert(bus.find(guest, rng.base + rng.size) == null);
  assert(bus.find(guest, ~<u64>0) == null);
}

export function bus_finds_nobody_on_an_empty_board(): void {
  assert(bus.find(makeGuest(0), 0) == null);
}

export function bus_ignores_completions_for_nobody(): void {
  const guest = makeGuest(0);
  add(guest, DEVICE_UART, 0);
  bus.complete(guest, 0, 0, 0);
  bus.complete(guest, 1, 0, 0);
  bus.complete(guest, 255, 65535, 0);
  assert(bus.busy(guest) == 0);
}

export function a_tag_says_whose_transfer_it_is(): void {
  const t = tag.make(63, 23, 31);
  assert(tag.guestOf(t) == 63);
  assert(tag.slotOf(t) == 23);
  assert(tag.requestOf(t) == 31);
}
