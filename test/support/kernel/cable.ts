// The other end of the network devices of a guest under test: what they send goes to the test's host, and what arrives there
// to them, each by the number of its device. A frame that a device does not take now waits here.

import * as bus from "../../../hypervisor/devices/bus";
import { DEVICE_VIRTIO_NET, deviceAt } from "../../../hypervisor/devices/device";
import { FRAME_MOST, Frame, IN_CHAIN } from "../../../hypervisor/devices/frame";
import * as nic from "../../../hypervisor/devices/virtio/net";
import { GIVEN, GIVE_DEAD, Net } from "../../../hypervisor/devices/virtio/net";
import * as ring from "../../../hypervisor/devices/virtio/queue";
import { DEVICE_SLOTS, Guest } from "../../../hypervisor/guest/guest";
import * as host from "../../../hypervisor/host";

const ARRIVED_MOST: u32 = 2048;
/** Bytes of the frame that waits for a device, and the frame. */
const STAGED: usize = memory.data(4 * DEVICE_SLOTS);
const STAGES: usize = memory.data(ARRIVED_MOST * DEVICE_SLOTS);
const FRAME: usize = memory.data(offsetof<Frame>());
const BYTES: usize = memory.data(<i32>FRAME_MOST + 64);

/** The frame at hand, with room for a whole one. */
export function frame(): Frame {
  const frame = changetype<Frame>(FRAME);
  memory.fill(FRAME, 0, offsetof<Frame>());
  frame.head = BYTES + 32;
  return frame;
}

/** Copies what is still with the sender of the frame behind its head. */
export function gather(guest: Guest, net: Net, frame: Frame): void {
  const rest = frame.bytes - frame.headBytes;
  assert(frame.body == IN_CHAIN && ring.pull(guest, net, frame.head + frame.headBytes, rest) == rest);
  frame.headBytes = frame.bytes;
}

/** Sends what the guest's devices have, as far as the host takes it. */
export function pump(guest: Guest): void {
  for (let slot: u32 = 0; slot < guest.devices; slot++) {
    if ((guest.sends >> slot & 1) == 0) continue;
    guest.sends &= ~(1 << slot);
    const net = changetype<Net>(deviceAt(guest, slot));
    const shown = frame();
    while (nic.peekFrame(guest, net, shown)) {
      gather(guest, net, shown);
      if (host.netSend(net.unit, shown.head, shown.bytes) != 0) break;
      nic.takeFrame(guest, net, true);
    }
    nic.endSend(guest, net);
  }
}

/** Hands a device what has arrived for it; true: some of it is gone. */
function fetch(guest: Guest, net: Net): bool {
  const stage = STAGES + net.slot * ARRIVED_MOST;
  const staged = STAGED + 4 * net.slot;
  let isMoving = false;
  while (true) {
    if (load<u32>(staged) == 0) store<u32>(staged, host.netReceive(net.unit, stage, ARRIVED_MOST));
    const bytes = load<u32>(staged);
    if (bytes == 0) break;
    const given = frame();
    given.head = stage;
    given.headBytes = given.bytes = bytes;
    const code = nic.giveFrame(guest, net, given);
    if (code != GIVEN && code != GIVE_DEAD) break;
    store<u32>(staged, 0);
    isMoving = true;
  }
  nic.endGive(guest, net);
  return isMoving;
}

/** Polls the guest's devices, and moves their frames; true if something came in. */
export function poll(guest: Guest): bool {
  let isMoving = bus.poll(guest);
  pump(guest);
  for (let slot: u32 = 0; slot < guest.devices; slot++) {
    const device = deviceAt(guest, slot);
    if (device.kind == DEVICE_VIRTIO_NET && fetch(guest, changetype<Net>(device))) isMoving = true;
  }
  return isMoving;
}
