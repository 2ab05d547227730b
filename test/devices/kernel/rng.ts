// The entropy device.

import { DEVICE_VIRTIO_RNG } from "../../../hypervisor/devices/device";
import { BUFFERS, WRITE, add, describe, get8, makeGuest, send, start, usedLength } from "../../support/kernel/driver";

export function rng_fills_a_buffer_over_pages_that_are_no_neighbours(): void {
  const guest = makeGuest(0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  start(guest, rng, 1, 8);
  describe(guest, 0, 0, BUFFERS + 4000, 1000, WRITE);
  send(guest, rng, 0, 0);
  assert(usedLength(guest, rng, 0, 0) == 1000);
  for (let i: u32 = 4000; i < 5000; i++) assert(get8(guest, BUFFERS + i) != 0);
  assert(get8(guest, BUFFERS + 3999) == 0);
  assert(get8(guest, BUFFERS + 5000) == 0);
}

export function rng_gives_less_than_an_immodest_driver_asks_for(): void {
  const guest = makeGuest(0);
  const rng = add(guest, DEVICE_VIRTIO_RNG, 0);
  start(guest, rng, 1, 8);
  describe(guest, 0, 0, BUFFERS, 1 << 20, WRITE);
  send(guest, rng, 0, 0);
  assert(usedLength(guest, rng, 0, 0) == 4096);
  assert(get8(guest, BUFFERS + 4096) == 0);
}
