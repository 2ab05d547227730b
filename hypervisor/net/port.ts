// A port of a switch: what it may do, what has passed it, and how long it may make others wait.
//
//   0 … 255    network devices of guests: guest * MAX_NETS + device. A device may be one of a guest that is elsewhere: its port
//              has a cable, whose other end is an uplink of the host's.
//   256 … 271  uplinks of networks, as far as these are bridges
//   272 … 287  gateways of networks, as far as they have one

import { MAX_GUESTS, MAX_NETS, MAX_NETWORKS, NETPORT_GATEWAY, NETPORT_UPLINK, NIC_ISOLATED, NIC_TRUNK, NIC_TRUSTED, NO_UPLINK } from "../abi";
import { PORTS, PORTS_SIZE } from "./layout";

const PORT_STRIDE: usize = 512;
export const NIC_PORTS: u32 = MAX_GUESTS * MAX_NETS;
const UPLINK_PORTS: u32 = NIC_PORTS;
const GATEWAY_PORTS: u32 = UPLINK_PORTS + MAX_NETWORKS;
export const ALL_PORTS: u32 = GATEWAY_PORTS + MAX_NETWORKS;

if (<usize>ALL_PORTS * PORT_STRIDE + 0x1000 > PORTS_SIZE) ERROR("too little room for ports");

/** Neither a port nor a place for frames. */
export const NO_PORT: u32 = 0xffff_ffff;

@unmanaged @final
export class Port {
  // Fixed while the port exists.
  /** 1 while it does. */
  exists: u32;
  /** Its number, and that of its network. */
  number: u32;
  network: u32;
  /** The guest that has it, or NETPORT_UPLINK, NETPORT_GATEWAY. */
  owner: u32;
  /** Which of the guest's network devices, and the slot that this is in. */
  nic: u32;
  slot: u32;
  /** NIC_*. */
  flags: u32;
  /** 0, a VLAN, or NIC_TRUNK. */
  vlan: u32;
  /** The IPv4 address that was given to it for good; 0: none. */
  ip4: u32;
  /** Number of the uplink that gets copies of what passes; NO_UPLINK: none. */
  capture: u32;
  /** Number of the uplink that frames leave by; NO_UPLINK: the device of a guest of this machine, or a gateway. */
  uplink: u32;
  /** 1: frames there carry a struct virtio_net_hdr, may lack sums and be large. */
  offload: u32;
  /** 1 while the cable is in, and the other end is up. */
  link: u32;
  /** Its MAC; 0: not known, until it first sends. */
  mac: u64;

  // Under the lock of who sends: the guest's, the uplink's, the network's.
  inFrames: u64;
  inBytes: u64;
  spoofed: u64;
  flooded: u64;
  malformed: u64;
  overrun: u64;
  /** Group frames that it may send now, as of `groupsAt`. */
  groups: f64;
  groupsAt: f64;
  /** Where frames to the address `toKey` went, while the network's addresses have the generation `toGeneration`. */
  toKey: u64;
  toPort: u32;
  toGeneration: u32;
  /** The address that was learned last, and when. */
  fromKey: u64;
  fromAt: f64;
  /** The IPv6 address that it was last seen to own, and when. */
  own6High: u64;
  own6Low: u64;
  own6At: f64;
  /** 1 while its oldest frame waits for room; the ports that have it already, and the pieces of it that the next port has. */
  waits: u32;
  portsDone: u32;
  piecesDone: u32;

  // Under the lock of who receives.
  outFrames: u64;
  outBytes: u64;
  /** ns for which it may hold up others, as of `patienceAt`. */
  patience: f64;
  patienceAt: f64;
  /** Since when it does; 0: it does not. */
  heldAt: f64;

  // Atomic: who waits for room here; a bit for each guest, and for each network whose uplink does.
  waiters: u64;
  waitingNetworks: u64;
}

if (offsetof<Port>() > PORT_STRIDE) ERROR("a port does not fit its stride");

export function portAt(number: u32): Port {
  return changetype<Port>(PORTS + <usize>number * PORT_STRIDE);
}

/** The port of a guest's network device. */
export function nicPort(guest: u32, nic: u32): Port {
  return portAt(guest * MAX_NETS + nic);
}

/** The port that is the uplink of a bridge. */
export function uplinkPort(network: u32): Port {
  return portAt(UPLINK_PORTS + network);
}

/** The port that is a network's gateway. */
export function gatewayPort(network: u32): Port {
  return portAt(GATEWAY_PORTS + network);
}

export function isNic(port: Port): bool {
  return port.number < NIC_PORTS;
}

/** Is it the port of a guest of this machine? Who works with it has that guest's lock. */
export function isDevice(port: Port): bool {
  return isNic(port) && port.uplink == NO_UPLINK;
}

/** Is it the port of a guest elsewhere? */
export function isCable(port: Port): bool {
  return isNic(port) && port.uplink != NO_UPLINK;
}

/** Has the guest with this number cables? Then it is elsewhere. */
export function hasCables(guest: u32): bool {
  for (let i: u32 = 0; i < <u32>MAX_NETS; i++) if (nicPort(guest, i).exists != 0 && isCable(nicPort(guest, i))) return true;
  return false;
}

/** May it use any address? Who is beyond an uplink does what we can't know. */
export function isTrusted(port: Port): bool {
  return !isNic(port) || (port.flags & NIC_TRUSTED) != 0;
}

/** Can there be addresses behind it that we have not seen? */
export function isOpen(port: Port): bool {
  // Where a trunk's own address is, is known for the VLAN without a tag alone.
  return port.owner == NETPORT_UPLINK || (isNic(port) && ((port.flags & NIC_TRUSTED) != 0 || port.mac == 0 || port.vlan == NIC_TRUNK));
}

/** Does it belong to that VLAN? 0: what has no tag. */
export function isIn(port: Port, vlan: u32): bool {
  return port.vlan == NIC_TRUNK || port.vlan == vlan;
}

/** May frames pass from one to the other, whatever their addresses? */
export function mayTalk(from: Port, to: Port): bool {
  if (from.number == to.number || !isNic(from) || !isNic(to)) return from.number != to.number;
  return ((from.flags | to.flags) & NIC_ISOLATED) == 0;
}

function open(port: Port, number: u32, network: u32, owner: u32): void {
  memory.fill(changetype<usize>(port), 0, PORT_STRIDE);
  port.number = number;
  port.network = network;
  port.owner = owner;
  port.capture = NO_UPLINK;
  port.uplink = NO_UPLINK;
  port.link = 1;
}

/** Makes the port of a guest's network device; it `exists` when its caller says so. */
export function openNic(guest: u32, nic: u32, network: u32, slot: u32): Port {
  const port = nicPort(guest, nic);
  open(port, guest * MAX_NETS + nic, network, guest);
  port.nic = nic;
  port.slot = slot;
  return port;
}

/** Makes the uplink's port of a network. */
export function openUplink(network: u32, uplink: u32, offload: bool): Port {
  const port = uplinkPort(network);
  open(port, UPLINK_PORTS + network, network, NETPORT_UPLINK);
  port.uplink = uplink;
  port.offload = offload ? 1 : 0;
  port.vlan = NIC_TRUNK;
  port.exists = 1;
  return port;
}

/** Makes the gateway's port of a network. */
export function openGateway(network: u32, mac: u64): Port {
  const port = gatewayPort(network);
  open(port, GATEWAY_PORTS + network, network, NETPORT_GATEWAY);
  port.mac = mac;
  port.exists = 1;
  return port;
}

/** Adds to a counter of a port. At gateways, uplinks and cables several CPUs may be at once, without a lock of theirs. */
function add(port: Port, at: usize, count: u64): void {
  const word = changetype<usize>(port) + at;
  if (ASC_FEATURE_THREADS && !isDevice(port)) atomic.add<u64>(word, count);
  else store<u64>(word, load<u64>(word) + count);
}

/** Counts a frame from the port into the switch. */
export function countIn(port: Port, bytes: u32): void {
  add(port, offsetof<Port>("inFrames"), 1);
  add(port, offsetof<Port>("inBytes"), bytes);
}

/** Counts a frame from the switch into the port. */
export function countOut(port: Port, bytes: u32): void {
  add(port, offsetof<Port>("outFrames"), 1);
  add(port, offsetof<Port>("outBytes"), bytes);
}

/** Behind the ports: a bit for each guest that somebody waits for. */
const WAITED_FOR: usize = PORTS + <usize>ALL_PORTS * PORT_STRIDE;

function mark(word: usize, bits: u64): void {
  if (ASC_FEATURE_THREADS) atomic.or<u64>(word, bits);
  else store<u64>(word, load<u64>(word) | bits);
}

function takeBits(word: usize): u64 {
  const bits = load<u64>(word);
  if (bits == 0) return 0;
  if (ASC_FEATURE_THREADS) return atomic.xchg<u64>(word, 0);
  store<u64>(word, 0);
  return bits;
}

/** Whoever sends from one port waits for room at the other. What has come by a cable is tried again in a while, without that. */
export function expect(from: Port, to: Port): void {
  if (isCable(from)) return;
  if (isNic(from)) mark(changetype<usize>(to) + offsetof<Port>("waiters"), <u64>1 << from.owner);
  else mark(changetype<usize>(to) + offsetof<Port>("waitingNetworks"), <u64>1 << from.network);
  if (isDevice(to)) mark(WAITED_FOR, <u64>1 << to.owner);
}

/** Does anybody wait for a port of this guest? */
export function isExpected(guest: u32): bool {
  return (load<u64>(WAITED_FOR) >> <u64>guest & 1) != 0;
}

/** Nobody does, from now on. */
export function clearExpected(guest: u32): void {
  const bit: u64 = <u64>1 << guest;
  if (ASC_FEATURE_THREADS) atomic.and<u64>(WAITED_FOR, ~bit);
  else store<u64>(WAITED_FOR, load<u64>(WAITED_FOR) & ~bit);
}

/** The guests that wait for a port, which are told so now. */
export function takeWaiters(port: Port): u64 {
  return takeBits(changetype<usize>(port) + offsetof<Port>("waiters"));
}

/** The networks whose uplinks wait for it. */
export function takeWaitingNetworks(port: Port): u64 {
  return takeBits(changetype<usize>(port) + offsetof<Port>("waitingNetworks"));
}
