// Whole networks as the tests of test/net/wire play them: guests with drivers, uplinks, and frames that lie at `scratch`.

import "../../support/kernel/abort";
import {
  GUEST_RUNNING, OK, SPEC_NAME, SPEC_NETS, SPEC_NET_COUNT, SPEC_NET_FLAGS, SPEC_NET_IP4, SPEC_NET_MAC, SPEC_NET_NETWORK, SPEC_NET_VLAN,
} from "../../../hypervisor/abi";
import { cpuAt } from "../../../hypervisor/core/cpus";
import { WINDOW } from "../../../hypervisor/core/layout";
import * as mailbox from "../../../hypervisor/core/mailbox";
import * as bus from "../../../hypervisor/devices/bus";
import { DEVICE_VIRTIO_NET, Device, deviceAt } from "../../../hypervisor/devices/device";
import { Net } from "../../../hypervisor/devices/virtio/net";
import { Guest, guestAt } from "../../../hypervisor/guest/guest";
import * as ram from "../../../hypervisor/guest/ram";
import * as desk from "../../../hypervisor/net/desk";
import { store48 } from "../../../hypervisor/net/packet";
import * as uplinks from "../../../hypervisor/net/uplink";
import * as bill from "../../../hypervisor/vmm/bill";
import * as captures from "../../../hypervisor/vmm/captures";
import * as networks from "../../../hypervisor/vmm/networks";
import * as ports from "../../../hypervisor/vmm/ports";
import * as wire from "../../../hypervisor/vmm/wire";
import {
  BUFFERS, NEXT, WRITE, describe, makeGuest, offer, offered, place, startWith, usedCount, usedHead, usedLength,
} from "../../support/kernel/driver";
import { arrive, sentByte, sentCount, sentLength, setFull, setNow } from "../../support/kernel/outside";

const RX: u32 = 0;
const TX: u32 = 1;
const QUEUE: u32 = 64;
/** What is sent lies behind the receive buffers, in eight places. */
const OUT: u64 = BUFFERS + 0x10_0000;
const OUT_STRIDE: u64 = 0x1_4000;
const SCRATCH: usize = memory.data(0x2_0000);

/** Frames that each guest has been seen to get, and chains that it has sent. */
const SEEN: usize = memory.data(64 * 4);
const SENT: usize = memory.data(64 * 4);
const BUFFER_BYTES: usize = memory.data(64 * 4);

export function scratch(): usize {
  return SCRATCH;
}

export function window(): usize {
  return WINDOW;
}

/** Defines a network from the window. */
export function define(id: u32): i32 {
  desk.sit(0);
  return networks.define(id);
}

export function remove(id: u32): i32 {
  return networks.remove(id);
}

export function report(id: u32): i32 {
  return networks.report(id, WINDOW);
}

export function forward(id: u32, isNew: bool): i32 {
  return networks.forward(id, isNew);
}

export function link(uplink: u32, up: bool): i32 {
  return networks.link(uplink, up);
}

export function capture(guest: u32, uplink: u32): i32 {
  return captures.capture(guest, 0, uplink);
}

function nicOf(guest: Guest): Device {
  return deviceAt(guest, 0);
}

function bufferOf(id: u32, i: u32): u64 {
  return BUFFERS + <u64>i * load<u32>(BUFFER_BYTES + (<usize>id << 2));
}

/** The guest's driver offers receive buffer i. */
export function offerBuffer(id: u32, i: u32): void {
  const guest = guestAt(id);
  describe(guest, RX, i, bufferOf(id, i), load<u32>(BUFFER_BYTES + (<usize>id << 2)), WRITE);
  offer(guest, nicOf(guest), RX, i);
}

/** Makes a spec with one network device, in the window; where that is. The guest's name lies at `scratch`. */
function specify(network: u32, mac: u64, flags: u32, vlan: u32, ip4: u32): usize {
  memory.fill(WINDOW, 0, 0x1000);
  store<u32>(WINDOW, 1, SPEC_NET_COUNT);
  memory.copy(WINDOW + SPEC_NAME, SCRATCH, 64);
  const nic = WINDOW + SPEC_NETS;
  store<u32>(nic, network, SPEC_NET_NETWORK);
  store<u16>(nic, <u16>flags, SPEC_NET_FLAGS);
  store48(nic + SPEC_NET_MAC, mac);
  store<u16>(nic, <u16>vlan, SPEC_NET_VLAN);
  store<u32>(nic, ip4, SPEC_NET_IP4);
  return nic;
}

/** A guest that is elsewhere, at the other end of an uplink. */
export function cable(id: u32, network: u32, mac: u64, flags: u32, ip4: u32, uplink: u32): i32 {
  specify(network, mac, flags, 0, ip4);
  return ports.plug(id, 0, uplink);
}

/** A running guest on a network, whose driver accepts these features of those that are offered. Its name lies at `scratch`. */
export function plug(
  id: u32, network: u32, mac: u64, flags: u32, vlan: u32, ip4: u32, features: u64, buffers: u32, bufferBytes: u32,
): i32 {
  const guest = makeGuest(id);
  const device = place(guest, DEVICE_VIRTIO_NET, network);
  const nic = specify(network, mac, flags, vlan, ip4);
  changetype<Net>(device).mac = load<u64>(nic, 4) >> 16;
  bus.reset(guest, device);
  if (!ports.accepts(WINDOW)) return -1;
  ports.attach(guest, WINDOW);
  guest.state = GUEST_RUNNING;
  startWith(guest, device, features & offered(guest, device), 2, QUEUE);
  store<u32>(BUFFER_BYTES + (<usize>id << 2), bufferBytes);
  for (let i: u32 = 0; i < buffers; i++) offerBuffer(id, i);
  return OK;
}

/** Takes a guest off its network, as its end does. */
export function unplug(id: u32): void {
  ports.detach(guestAt(id));
}

/** Sends a virtio header and a frame, `bytes` in all at `scratch`, in descriptors of at most `part` bytes. */
export function send(id: u32, bytes: u32, part: u32): void {
  const guest = guestAt(id);
  const n = load<u32>(SENT + (<usize>id << 2));
  store<u32>(SENT + (<usize>id << 2), n + 1);
  const at = OUT + <u64>(n % 8) * OUT_STRIDE;
  ram.copyIn(guest, at, SCRATCH, bytes);
  const first = (n % 8) * 8;
  let i = first;
  let done: u32 = 0;
  do {
    const length = i == first + 7 ? bytes - done : min(part, bytes - done);
    const isLast = done + length == bytes;
    describe(guest, TX, i, at + done, length, isLast ? 0 : NEXT);
    done += length;
    i++;
  } while (done < bytes);
  offer(guest, nicOf(guest), TX, first);
  pump(id);
}

/** What the vmm does when a driver has told of frames. */
export function pump(id: u32): void {
  const guest = guestAt(id);
  bus.kick(guest, nicOf(guest), TX);
  wire.pump(guest);
}

/** Copies the next frame that a guest has got, with its header, to `scratch`; its length, or -1. Its buffers stay used. */
export function take(id: u32): i32 {
  const guest = guestAt(id);
  const seen = load<u32>(SEEN + (<usize>id << 2));
  if (usedCount(guest, RX) == seen) return -1;
  let count: u32 = 1;
  let length: u32 = 0;
  for (let i: u32 = 0; i < count; i++) {
    const bytes = usedLength(guest, nicOf(guest), RX, seen + i);
    ram.copyOut(guest, bufferOf(id, usedHead(guest, nicOf(guest), RX, seen + i)), SCRATCH + length, bytes);
    if (i == 0) count = load<u16>(SCRATCH, 10);
    length += bytes;
  }
  store<u32>(SEEN + (<usize>id << 2), seen + count);
  return length;
}

/** Offers buffers again that were taken: all that the driver has. */
export function refill(id: u32, from: u32, count: u32): void {
  const guest = guestAt(id);
  for (let i = from; i < from + count; i++) offerBuffer(id, usedHead(guest, nicOf(guest), RX, i));
}

/** Buffers that a guest has got back so far. */
export function used(id: u32): u32 {
  return usedCount(guestAt(id), RX);
}

/** Chains that its driver has got back as sent. */
export function gone(id: u32): u32 {
  return usedCount(guestAt(id), TX);
}

export function sends(id: u32): u32 {
  return guestAt(id).sends;
}

/** `bytes` at `scratch` come from an uplink. */
export function come(uplink: u32, bytes: u32): void {
  arrive(uplink, SCRATCH, bytes);
  look(uplink);
}

/** Fills with `byte` where the next frames, their pieces and answers will lie: it is what stands behind them. */
export function poison(byte: u32): void {
  memory.fill(desk.clear().head, <u8>byte, 0x2000);
  memory.fill(desk.clearReply().head, <u8>byte, 0x800);
  memory.fill(desk.clearPiece().head, <u8>byte, 0x2000);
  for (let i: u32 = 0; i < 8; i++) if (uplinks.uplinkAt(i).staged == 0) memory.fill(uplinks.stageOf(i), <u8>byte, 0x2000);
}

export function look(uplink: u32): void {
  mailbox.announceUplink(uplink);
  wire.round(cpuAt(0));
}

export function setRoom(hasRoom: bool): void {
  setFull(!hasRoom);
}

/** Copies the i-th frame that was sent through an uplink to `scratch`; its length, or -1. */
export function sent(uplink: u32, i: u32): i32 {
  if (i >= sentCount(uplink)) return -1;
  const length = sentLength(uplink, i);
  for (let k: u32 = 0; k < length; k++) store<u8>(SCRATCH + k, <u8>sentByte(uplink, i, k));
  return length;
}

/** The clock stands at `ns`; the vmm has a look. */
export function setClock(ns: f64): void {
  setNow(ns);
  bill.open(cpuAt(0));
  wire.round(cpuAt(0));
}
