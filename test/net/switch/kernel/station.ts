// Guests on networks, for tests of the switch: each has a driver that offers buffers, sends frames and looks at those that came.

import {
  GUEST_RUNNING, NETPORT_SIZE, NETREPORT_PORTS, NETREPORT_PORT_COUNT, NETWORK_BRIDGE, NETWORK_MODE, NETWORK_MTU, NETWORK_SIZE,
  NETWORK_UPLINK, NO_UPLINK, OK, SPEC_NETS, SPEC_NET_COUNT, SPEC_NET_FLAGS, SPEC_NET_IP4, SPEC_NET_MAC, SPEC_NET_NETWORK,
  SPEC_NET_VLAN, NETPORT_GUEST,
} from "../../../../hypervisor/abi";
import * as mailbox from "../../../../hypervisor/core/mailbox";
import { cpuAt } from "../../../../hypervisor/core/cpus";
import { WINDOW } from "../../../../hypervisor/core/layout";
import * as bus from "../../../../hypervisor/devices/bus";
import { DEVICE_VIRTIO_NET, Device, deviceAt } from "../../../../hypervisor/devices/device";
import { Net } from "../../../../hypervisor/devices/virtio/net";
import { Guest } from "../../../../hypervisor/guest/guest";
import { store48 } from "../../../../hypervisor/net/packet";
import * as bill from "../../../../hypervisor/vmm/bill";
import * as networks from "../../../../hypervisor/vmm/networks";
import * as ports from "../../../../hypervisor/vmm/ports";
import * as wire from "../../../../hypervisor/vmm/wire";
import {
  BUFFERS, WRITE, describe, fill, get8, makeGuest, offer, offered, place, put8, startWith, usedCount, usedHead, usedLength,
} from "../../../support/kernel/driver";
import { arrive, setNow } from "../../../support/kernel/outside";

export const RX: u32 = 0;
export const TX: u32 = 1;
const QUEUE: u32 = 64;
/** Receive buffers, then what is sent. */
const BUFFER: u32 = 2048;
const OUT: u64 = BUFFERS + <u64>QUEUE * BUFFER;
const OUT_BYTES: u64 = 0x1_2000;
const HEADER: u32 = 12;

/** Bits of virtio-net: what the driver of a plain station accepts, and one with offloads. */
export const PLAIN: u64 = 1 << 32 | 1 << 5;
export const OFFLOADS: u64 = PLAIN | 1 << 0 | 1 << 1 | 1 << 7 | 1 << 8 | 1 << 11 | 1 << 12 | 1 << 15;

/** The frame that tests write, byte by byte, before it is sent. */
export const FRAME: usize = memory.data(0x1_2000);

/** Makes a bridge with this uplink, or NO_UPLINK. */
export function bridge(id: u32, uplink: u32): void {
  memory.fill(WINDOW, 0, NETWORK_SIZE);
  store<u32>(WINDOW, NETWORK_BRIDGE, NETWORK_MODE);
  store<u32>(WINDOW, uplink, NETWORK_UPLINK);
  store<u32>(WINDOW, 1500, NETWORK_MTU);
  assert(networks.define(id) == OK, "the network is refused");
}

/** The MAC of station n. */
export function macOf(n: u32): u64 {
  return 0x0200_0000_0000 | n;
}

/** A spec in the window with one device; `describeNic` changes it. */
export function nicSpec(network: u32, mac: u64, flags: u32, vlan: u32, ip4: u32): void {
  memory.fill(WINDOW, 0, 0x1000);
  store<u32>(WINDOW, 1, SPEC_NET_COUNT);
  const nic = WINDOW + SPEC_NETS;
  store<u32>(nic, network, SPEC_NET_NETWORK);
  store<u16>(nic, <u16>flags, SPEC_NET_FLAGS);
  store48(nic + SPEC_NET_MAC, mac);
  store<u16>(nic, <u16>vlan, SPEC_NET_VLAN);
  store<u32>(nic, ip4, SPEC_NET_IP4);
}

/** Guest n on a network, with a driver of these features and `buffers` receive buffers. */
export function stationOf(n: u32, network: u32, flags: u32, vlan: u32, ip4: u32, features: u64, buffers: u32): Guest {
  const guest = makeGuest(n);
  const device = place(guest, DEVICE_VIRTIO_NET, network);
  nicSpec(network, macOf(n), flags, vlan, ip4);
  // Bytes in the order of the wire.
  changetype<Net>(device).mac = load<u64>(WINDOW + SPEC_NETS, 4) >> 16;
  bus.reset(guest, device);
  assert(ports.accepts(WINDOW), "the device is refused");
  ports.attach(guest, WINDOW);
  guest.state = GUEST_RUNNING;
  startWith(guest, device, features & offered(guest, device), 2, QUEUE);
  for (let i: u32 = 0; i < buffers; i++) offerBuffer(guest, i);
  return guest;
}

/** A plain station on a network. */
export function station(n: u32, network: u32): Guest {
  return stationOf(n, network, 0, 0, 0, PLAIN, 16);
}

export function nicOf(guest: Guest): Device {
  return deviceAt(guest, 0);
}

/** The guest's driver offers receive buffer i once more. */
export function offerBuffer(guest: Guest, i: u32): void {
  describe(guest, RX, i, BUFFERS + <u64>i * BUFFER, BUFFER, WRITE);
  offer(guest, nicOf(guest), RX, i);
}

/** Begins a frame in FRAME: addresses and type, then bytes that count up from `seed`. */
export function write(to: u64, from: u64, type: u32, length: u32, seed: u32): u32 {
  store48(FRAME, to);
  store48(FRAME + 6, from);
  store<u8>(FRAME + 12, <u8>(type >> 8));
  store<u8>(FRAME + 13, <u8>type);
  for (let i: u32 = 14; i < length; i++) store<u8>(FRAME + i, <u8>(seed + i));
  return length;
}

/** virtio's header of the next frame that is sent. */
let flags: u32 = 0;
let gsoType: u32 = 0;
let headerBytes: u32 = 0;
let gsoSize: u32 = 0;
let csumStart: u32 = 0;
let csumOffset: u32 = 0;

export function withHeader(flagBits: u32, gso: u32, header: u32, size: u32, start: u32, offset: u32): void {
  flags = flagBits;
  gsoType = gso;
  headerBytes = header;
  gsoSize = size;
  csumStart = start;
  csumOffset = offset;
}

/** Puts `length` bytes of FRAME behind the header into the transmit queue as chain i, without telling the device. */
export function queue(guest: Guest, i: u32, length: u32): void {
  const at = OUT + <u64>(i % 8) * OUT_BYTES;
  fill(guest, at, 0, HEADER);
  put8(guest, at, flags);
  put8(guest, at + 1, gsoType);
  put8(guest, at + 2, headerBytes);
  put8(guest, at + 3, headerBytes >> 8);
  put8(guest, at + 4, gsoSize);
  put8(guest, at + 5, gsoSize >> 8);
  put8(guest, at + 6, csumStart);
  put8(guest, at + 7, csumStart >> 8);
  put8(guest, at + 8, csumOffset);
  put8(guest, at + 9, csumOffset >> 8);
  for (let k: u32 = 0; k < length; k++) put8(guest, at + HEADER + k, load<u8>(FRAME + k));
  describe(guest, TX, i, at, HEADER + length, 0);
  offer(guest, nicOf(guest), TX, i);
}

/** Tells the device, and does what the vmm does then; host.now() at which it is to be asked again. */
export function pump(guest: Guest): f64 {
  bus.kick(guest, nicOf(guest), TX);
  return wire.pump(guest);
}

let chain: u32 = 0;

/** Sends `length` bytes of FRAME. */
export function send(guest: Guest, length: u32): f64 {
  queue(guest, chain++ % 8, length);
  return pump(guest);
}

/** `length` bytes of FRAME come from an uplink. */
export function come(uplink: u32, length: u32): void {
  arrive(uplink, FRAME, length);
  look(uplink);
}

/** The host says that there is something to do at an uplink. */
export function look(uplink: u32): void {
  mailbox.announceUplink(uplink);
  wire.round(cpuAt(0));
}

/** Time passes, of which the vmm learns, and it looks at what has waited. */
export function pass(ns: f64): void {
  clock += ns;
  setNow(clock);
  bill.open(cpuAt(0));
  wire.round(cpuAt(0));
}

let clock: f64 = 1e9;

/** Frames that a station has got so far. */
export function got(guest: Guest): u32 {
  return usedCount(guest, RX);
}

/** Length of the i-th, without the header. */
export function gotLength(guest: Guest, i: u32): u32 {
  return usedLength(guest, nicOf(guest), RX, i) - HEADER;
}

function gotAt(guest: Guest, i: u32): u64 {
  return BUFFERS + <u64>usedHead(guest, nicOf(guest), RX, i) * BUFFER + HEADER;
}

export function gotByte(guest: Guest, i: u32, at: u32): u32 {
  return get8(guest, gotAt(guest, i) + at);
}

/** Byte of virtio's header. */
export function gotHeader(guest: Guest, i: u32, at: u32): u32 {
  return get8(guest, gotAt(guest, i) - HEADER + at);
}

/** Is the i-th frame that the station has got the one in FRAME? */
export function isFrame(guest: Guest, i: u32, length: u32): bool {
  if (gotLength(guest, i) != length) return false;
  for (let k: u32 = 0; k < length; k++) if (gotByte(guest, i, k) != <u32>load<u8>(FRAME + k)) return false;
  return true;
}

/** Frames that the station has sent and got back as sent. */
export function gone(guest: Guest): u32 {
  return usedCount(guest, TX);
}

/** A number of 8 bytes in the report of a network, of the port that `owner` has. */
export function counted(network: u32, owner: u32, what: u32): u64 {
  assert(networks.report(network, WINDOW) == OK);
  const count = load<u32>(WINDOW, NETREPORT_PORT_COUNT);
  for (let i: u32 = 0; i < count; i++) {
    const port = WINDOW + NETREPORT_PORTS + <usize>i * NETPORT_SIZE;
    if (load<u32>(port, NETPORT_GUEST) == owner) return load<u64>(port + what);
  }
  assert(false, "there is no such port");
  return 0;
}

export const NOWHERE: u32 = NO_UPLINK;
export const BROADCAST: u64 = 0xffff_ffff_ffff;
export const OTHER: u32 = 0x88b5;
