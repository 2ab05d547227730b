// Published ports: ranges on the uplink's side that lead to a guest's network device, and with it to whatever address that has.

import {
  E_BAD_ARG, E_BAD_ID, E_BUSY, E_NO_SPACE, FORWARD_TCP, FORWARD_UDP, MAX_FORWARDS, MAX_GUESTS, MAX_NETS, OK,
} from "../../abi";
import { FORWARDS, FORWARDS_SIZE } from "../layout";
import { Network } from "../network";
import { Port, nicPort } from "../port";
import * as neighbours from "../services/neighbours";
import * as connections from "./connections";
import { acquire, head, release } from "./table";
import { Tuple } from "./tuple";

const PORTS_MOST: u32 = 0xffff;

@unmanaged @final
export class Forward {
  /** 1 while it holds. */
  exists: u32;
  /** Number of its network. */
  network: u32;
  /** FORWARD_TCP or FORWARD_UDP. */
  protocol: u32;
  /** First port outside, how many, and first port inside. */
  port: u32;
  count: u32;
  toPort: u32;
  /** The guest, and which of its network devices. */
  guest: u32;
  nic: u32;
}
const FORWARD_BYTES: usize = offsetof<Forward>();
if (<usize>MAX_FORWARDS * FORWARD_BYTES > FORWARDS_SIZE) ERROR("too little room for forwards");

export function forwardAt(index: u32): Forward {
  return changetype<Forward>(FORWARDS + <usize>index * FORWARD_BYTES);
}

function isRange(first: u32, count: u32): bool {
  return first >= 1 && first <= PORTS_MOST && count >= 1 && count <= PORTS_MOST + 1 - first;
}

/**
 * Publishes `count` ports from `port` on. E_BAD_ARG: no such protocol, range, guest or device; E_BUSY: one of the ports is
 * published already; E_NO_SPACE: MAX_FORWARDS are. The guest need not be there yet.
 */
export function add(network: Network, protocol: u32, port: u32, count: u32, guest: u32, nic: u32, toPort: u32): i32 {
  if (protocol != <u32>FORWARD_TCP && protocol != <u32>FORWARD_UDP) return E_BAD_ARG;
  if (!isRange(port, count) || !isRange(toPort, count)) return E_BAD_ARG;
  if (guest >= <u32>MAX_GUESTS || nic >= <u32>MAX_NETS) return E_BAD_ARG;
  acquire();
  const result = enter(network, protocol, port, count, guest, nic, toPort);
  release();
  return result;
}

function enter(network: Network, protocol: u32, port: u32, count: u32, guest: u32, nic: u32, toPort: u32): i32 {
  const its = head();
  let free = its.forwardsUsed;
  for (let i: u32 = 0; i < its.forwardsUsed; i++) {
    const forward = forwardAt(i);
    if (forward.exists == 0) free = min(free, i);
    else if (isOf(forward, network, protocol) && forward.port < port + count && port < forward.port + forward.count) return E_BUSY;
  }
  if (free == <u32>MAX_FORWARDS) return E_NO_SPACE;
  its.forwardsUsed = max(its.forwardsUsed, free + 1);
  const forward = forwardAt(free);
  forward.network = network.id;
  forward.protocol = protocol;
  forward.port = port;
  forward.count = count;
  forward.toPort = toPort;
  forward.guest = guest;
  forward.nic = nic;
  forward.exists = 1;
  return OK;
}

/** Takes back what was published with these numbers, and ends the connections that came by it. E_BAD_ID: nothing was. */
export function remove(network: Network, protocol: u32, port: u32, count: u32): i32 {
  acquire();
  let result: i32 = E_BAD_ID;
  for (let i: u32 = 0; i < head().forwardsUsed; i++) {
    const forward = forwardAt(i);
    if (forward.exists == 0 || !isOf(forward, network, protocol)) continue;
    if (forward.port != port || forward.count != count) continue;
    forward.exists = 0;
    connections.endForward(network.id, i + 1);
    result = OK;
  }
  release();
  return result;
}

/** Takes back all of a network; its connections are ended elsewhere. The lock is held. */
export function clear(network: Network): void {
  for (let i: u32 = 0; i < head().forwardsUsed; i++) if (forwardAt(i).network == network.id) forwardAt(i).exists = 0;
}

/** Takes back what leads to a guest's device; its connections are ended elsewhere. The lock is held. */
export function forget(network: Network, guest: u32, nic: u32): void {
  for (let i: u32 = 0; i < head().forwardsUsed; i++) {
    if (forwardAt(i).network == network.id && isTo(i, guest, nic)) forwardAt(i).exists = 0;
  }
}

function isOf(forward: Forward, network: Network, protocol: u32): bool {
  return forward.network == network.id && forward.protocol == protocol;
}

/** Does it lead to that guest's network device? */
export function isTo(index: u32, guest: u32, nic: u32): bool {
  return forwardAt(index).guest == guest && forwardAt(index).nic == nic;
}

/** Index plus one of the forward of that port outside; 0: it is not published. */
export function find(network: Network, protocol: u32, port: u32): u32 {
  for (let i: u32 = 0; i < head().forwardsUsed; i++) {
    const forward = forwardAt(i);
    if (forward.exists != 0 && isOf(forward, network, protocol) && port - forward.port < forward.count) return i + 1;
  }
  return 0;
}

/** The published port outside that leads to an inside end; 0: there is none. */
export function portOf(network: Network, version: u32, protocol: u32, high: u64, low: u64, port: u32): u32 {
  for (let i: u32 = 0; i < head().forwardsUsed; i++) {
    const forward = forwardAt(i);
    if (forward.exists == 0 || !isOf(forward, network, protocol) || port - forward.toPort >= forward.count) continue;
    if (isAt(network, forward, version, high, low)) return forward.port + (port - forward.toPort);
  }
  return 0;
}

function isAt(network: Network, forward: Forward, version: u32, high: u64, low: u64): bool {
  const port = nicPort(forward.guest, forward.nic);
  return hasAddress(network, port, version) && highOf(network, port, version) == high && lowOf(network, port, version) == low;
}

/** Writes where a packet to that port outside goes as the origin of `answer`; false: the guest is not there, or has no address yet. */
export function resolve(network: Network, index: u32, version: u32, port: u32, answer: Tuple): bool {
  const forward = forwardAt(index - 1);
  const target = nicPort(forward.guest, forward.nic);
  if (!hasAddress(network, target, version)) return false;
  answer.fromHigh = highOf(network, target, version);
  answer.fromLow = lowOf(network, target, version);
  answer.ports = (forward.toPort + (port - forward.port)) << 16 | (answer.ports & 0xffff);
  return true;
}

function hasAddress(network: Network, port: Port, version: u32): bool {
  if (port.exists == 0 || port.network != network.id) return false;
  return (highOf(network, port, version) | lowOf(network, port, version)) != 0;
}

function highOf(network: Network, port: Port, version: u32): u64 {
  return version == 4 ? 0 : neighbours.publicHigh(network, neighbours.recordOf(port));
}

function lowOf(network: Network, port: Port, version: u32): u64 {
  return version == 4 ? <u64>neighbours.ip4Of(port) : neighbours.publicLow(network, neighbours.recordOf(port));
}
