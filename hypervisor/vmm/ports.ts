// The ports that guests have on networks: those of this machine's guests, and cables to those that are elsewhere.

import {
  E_BAD_ARG, E_BAD_ID, E_BAD_STATE, E_BUSY, GUEST_NONE, MAX_GUESTS, MAX_NETS, NIC_ISOLATED, NIC_OFFLOAD, NIC_TRUNK, NIC_TRUSTED,
  NIC_UNPLUGGED, NO_UPLINK, OK, SPEC_NAME, SPEC_NAME_MAX, SPEC_NETS, SPEC_NET_COUNT, SPEC_NET_FLAGS, SPEC_NET_IP4, SPEC_NET_MAC,
  SPEC_NET_NETWORK, SPEC_NET_SIZE, SPEC_NET_VLAN,
} from "../abi";
import { WINDOW } from "../core/layout";
import * as lock from "../core/lock";
import { DEVICE_VIRTIO_NET, deviceAt } from "../devices/device";
import * as nic from "../devices/virtio/net";
import { Net } from "../devices/virtio/net";
import { Guest, acquire, guestAt, release } from "../guest/guest";
import * as macs from "../net/macs";
import * as nat from "../net/nat/nat";
import { Network, has, isNat, networkAt } from "../net/network";
import { load48 } from "../net/packet";
import { NIC_PORTS, Port, isCable, nicPort, openNic, portAt } from "../net/port";
import * as neighbours from "../net/services/neighbours";
import * as uplinks from "../net/uplink";
import { UPLINK_CABLE, UPLINK_FREE, uplinkAt } from "../net/uplink";
import * as captures from "./captures";

const VLAN_MOST: u32 = 4094;
const NIC_FLAGS: u32 = NIC_ISOLATED | NIC_TRUSTED | NIC_UNPLUGGED;
/** The bit that addresses of groups have. */
const MAC_GROUP: u64 = 1 << 40;

function word(spec: usize, at: u32): u32 {
  return load<u32>(spec + at);
}

/** May a guest have the network devices that its spec describes? */
export function accepts(spec: usize): bool {
  if (!isName(spec + SPEC_NAME)) return false;
  const count = load<u32>(spec, SPEC_NET_COUNT);
  for (let i: u32 = 0; i < count; i++) if (!acceptsNet(spec, i)) return false;
  return true;
}

/** The same for one of them, as far as those before it are well. */
function acceptsNet(spec: usize, i: u32): bool {
  const net = spec + SPEC_NETS + <usize>i * SPEC_NET_SIZE;
  const id = word(net, SPEC_NET_NETWORK);
  const vlan: u32 = load<u16>(net + SPEC_NET_VLAN);
  const mac = load48(net + SPEC_NET_MAC);
  if (!has(id) || (<u32>load<u16>(net + SPEC_NET_FLAGS) & ~NIC_FLAGS) != 0) return false;
  if (vlan > VLAN_MOST && vlan != NIC_TRUNK) return false;
  return (mac & MAC_GROUP) == 0 && (mac == 0 || !isTaken(id, mac, spec, i));
}

/** Lower-case letters, digits and hyphens, then a zero; or nothing. */
function isName(name: usize): bool {
  const bytes = lengthOf(name, SPEC_NAME_MAX + 1);
  if (bytes > <u32>SPEC_NAME_MAX) return false;
  for (let i: u32 = 0; i < bytes; i++) {
    const letter: u32 = load<u8>(name + i);
    if (letter - 0x61 >= 26 && letter - 0x30 >= 10 && letter != 0x2d) return false;
  }
  return true;
}

/** Does another device on the network have this MAC, or one before it in the same spec? */
function isTaken(id: u32, mac: u64, spec: usize, before: u32): bool {
  if (isNat(networkAt(id)) && networkAt(id).mac == mac) return true;
  for (let i: u32 = 0; i < NIC_PORTS; i++) {
    const port = portAt(i);
    if (port.exists != 0 && port.network == id && port.mac == mac) return true;
  }
  for (let i: u32 = 0; i < before; i++) {
    const net = spec + SPEC_NETS + <usize>i * SPEC_NET_SIZE;
    if (word(net, SPEC_NET_NETWORK) == id && load48(net + SPEC_NET_MAC) == mac) return true;
  }
  return false;
}

/** The i-th network device of a guest. */
function deviceOf(guest: Guest, port: Port): Net {
  return changetype<Net>(deviceAt(guest, port.slot));
}

/** Is there anybody at the other end of this port's cable? A bridge shows its guests whether its uplink is there. */
function isUp(network: Network, port: Port): bool {
  if ((port.flags & NIC_UNPLUGGED) != 0) return false;
  return isNat(network) || network.uplink == NO_UPLINK || network.link != 0;
}

/** Bytes of a text before its zero, at most `most`. */
function lengthOf(text: usize, most: u32): u32 {
  let bytes: u32 = 0;
  while (bytes < most && load<u8>(text + bytes) != 0) bytes++;
  return bytes;
}

/** Makes a port as SPEC_NET_* at `net` have it, which its network knows from now on; it `exists` when its caller says so. */
function join(guest: u32, nic: u32, slot: u32, net: usize, name: usize): Port {
  const network = networkAt(word(net, SPEC_NET_NETWORK));
  const port = openNic(guest, nic, network.id, slot);
  port.flags = load<u16>(net + SPEC_NET_FLAGS);
  port.vlan = load<u16>(net + SPEC_NET_VLAN);
  port.ip4 = word(net, SPEC_NET_IP4);
  port.mac = load48(net + SPEC_NET_MAC);
  lock.acquire(changetype<usize>(network));
  neighbours.join(network, port, name, lengthOf(name, SPEC_NAME_MAX));
  lock.release(changetype<usize>(network));
  if (port.mac != 0) macs.set(network, macs.keyOf(port.mac, port.vlan == NIC_TRUNK ? 0 : port.vlan), port.number);
  return port;
}

/** Takes a port off its network. Its guest does not run; nobody else makes or takes ports. */
function part(port: Port): void {
  port.exists = 0;
  captures.end(port);
  const network = networkAt(port.network);
  macs.forget(network, port.number);
  lock.acquire(changetype<usize>(network));
  neighbours.leave(network, port);
  if (isNat(network)) nat.forgetPort(network, port.owner, port.nic);
  lock.release(changetype<usize>(network));
}

/** Gives a guest that has just been made, whose board is built, its ports. */
export function attach(guest: Guest, spec: usize): void {
  let index: u32 = 0;
  for (let slot: u32 = 0; slot < guest.devices; slot++) {
    if (deviceAt(guest, slot).kind != <u32>DEVICE_VIRTIO_NET) continue;
    const net = spec + SPEC_NETS + <usize>index * SPEC_NET_SIZE;
    const port = join(guest.id, index, slot, net, spec + SPEC_NAME);
    setLink(guest, port);
    port.exists = 1;
    index++;
  }
}

/** Tells a guest, whose lock is held, whether there is anybody at the other end of its cable. */
export function setLink(guest: Guest, port: Port): void {
  port.link = isUp(networkAt(port.network), port) ? 1 : 0;
  nic.setLink(guest, deviceOf(guest, port), port.link != 0);
}

/** A guest that does not run is taken off its networks. */
export function detach(guest: Guest): void {
  acquire(guest);
  for (let i: u32 = 0; i < <u32>MAX_NETS; i++) if (nicPort(guest.id, i).exists != 0) part(nicPort(guest.id, i));
  release(guest);
}

/**
 * Gives guest `id`, which is none of this machine's, a port: SPEC_NAME and the first of SPEC_NETS in the window say which. Its
 * frames come and go by an uplink; NO_UPLINK takes the port away. E_BAD_STATE: the guest is this machine's; E_BUSY: its device
 * has a port, or the uplink is somebody's.
 */
export function plug(id: u32, nic: u32, uplink: u32): i32 {
  if (id >= <u32>MAX_GUESTS || nic >= <u32>MAX_NETS) return E_BAD_ID;
  if (guestAt(id).state != GUEST_NONE) return E_BAD_STATE;
  const port = nicPort(id, nic);
  if (uplink == NO_UPLINK) return unplug(port);
  const net = WINDOW + SPEC_NETS;
  const flags: u32 = load<u16>(net + SPEC_NET_FLAGS);
  store<u16>(net + SPEC_NET_FLAGS, flags & ~NIC_OFFLOAD);
  if (!uplinks.isUplink(uplink) || !isName(WINDOW + SPEC_NAME) || !acceptsNet(WINDOW, 0)) return E_BAD_ARG;
  if (port.exists != 0 || uplinkAt(uplink).use != UPLINK_FREE) return E_BUSY;
  join(id, nic, 0, net, WINDOW + SPEC_NAME);
  port.uplink = uplink;
  port.offload = (flags & NIC_OFFLOAD) != 0 ? 1 : 0;
  port.exists = 1;
  uplinks.open(uplink, UPLINK_CABLE, port.network, port.number);
  return OK;
}

function unplug(port: Port): i32 {
  if (port.exists == 0 || !isCable(port)) return E_BAD_ID;
  // Whoever works on a frame that has come by it is through then.
  uplinks.close(port.uplink);
  part(port);
  return OK;
}
