// The gateway's IPv6 address on the uplink, by router advertisements (RFC 4862, RFC 8106), if the machine has not been told one.
//
// It takes the first prefix of 64 bits in which hosts may make addresses, and adds what follows from its MAC. The address is
// used once nobody has answered for it for a second.

import { Frame } from "../../devices/frame";
import { Network } from "../network";
import { Packet, load16, load32 } from "../packet";
import { LINK_LOCAL_HIGH, interfaceOf, isRoutable6, load64 } from "./address";
import * as nd from "./nd";

/** Questions for routers: the first ones, then the others, until one answers (RFC 4861, 10; RFC 7559). */
const FIRST_NS: f64 = 4e9;
const DOUBLED_MOST: u32 = 10;
const PROBE_NS: f64 = 1e9;
const NS_IN_S: f64 = 1e9;
const FOREVER: u32 = 0xffff_ffff;
const NEVER: f64 = f64.MAX_VALUE;

const ON_LINK: u32 = 0x80;
const AUTONOMOUS: u32 = 0x40;
const PREFIX_UNITS: u32 = 4;
const SERVER_LEAST_UNITS: u32 = 3;
const PREFIX_BITS: u32 = 64;

@unmanaged @final
export class Autoconf {
  /** First half of the address, 0: none; 1 while it is seen whether it is taken; 1 if it was. */
  high: u64;
  isProbing: u32;
  isTaken: u32;
  /** Prefix length that is on the link: 64, or 128 for none. */
  onLink: u32;
  /** Questions for routers since the link is up. */
  asked: u32;
  askAt: f64;
  /** When the probing ends; when address, router and name server are no longer good. In ns. */
  probeUntil: f64;
  addressUntil: f64;
  routerUntil: f64;
  serverUntil: f64;
  /** A probe is still to be sent. */
  probes: u32;
}

/** Begins to look for routers. */
export function start(state: Autoconf, network: Network, now: f64): void {
  memory.fill(changetype<usize>(state), 0, offsetof<Autoconf>());
  state.askAt = now;
  state.addressUntil = NEVER;
  state.routerUntil = NEVER;
  state.serverUntil = NEVER;
  drop(network);
}

/** The link is back: who is the router here? */
export function relink(state: Autoconf, now: f64): void {
  state.asked = 0;
  state.askAt = now;
}

function drop(network: Network): void {
  network.outIp6High = 0;
  network.outIp6Low = 0;
  network.outPrefix6 = 0;
  dropRouter(network);
  dropServer(network);
}

function dropRouter(network: Network): void {
  network.outGateway6High = 0;
  network.outGateway6Low = 0;
}

function dropServer(network: Network): void {
  network.outDns6High = 0;
  network.outDns6Low = 0;
}

/** Writes what is to be sent now; false: nothing. */
export function tick(state: Autoconf, network: Network, now: f64): bool {
  if (now >= state.addressUntil) {
    state.high = 0;
    state.isProbing = 0;
    state.addressUntil = NEVER;
    drop(network);
  }
  if (now >= state.routerUntil) {
    state.routerUntil = NEVER;
    dropRouter(network);
    relink(state, now);
  }
  if (now >= state.serverUntil) {
    state.serverUntil = NEVER;
    dropServer(network);
  }
  if (state.isProbing != 0) {
    if (state.probes != 0) {
      state.probes = 0;
      state.probeUntil = now + PROBE_NS;
      nd.solicit(state.high, interfaceOf(network.outMac), network.outMac, 0, 0, 0);
      return true;
    }
    if (now >= state.probeUntil) adopt(state, network);
  }
  if (now < state.askAt) return false;
  state.askAt = now + FIRST_NS * <f64>(1 << min(state.asked < 3 ? 0 : state.asked - 2, DOUBLED_MOST));
  state.asked++;
  nd.solicitRouters(network.outMac, LINK_LOCAL_HIGH, interfaceOf(network.outMac));
  return true;
}

function adopt(state: Autoconf, network: Network): void {
  state.isProbing = 0;
  network.outIp6High = state.high;
  network.outIp6Low = interfaceOf(network.outMac);
  network.outPrefix6 = state.onLink;
}

export function dueAt(state: Autoconf): f64 {
  const due = min(min(state.askAt, state.addressUntil), min(state.routerUntil, state.serverUntil));
  return state.isProbing == 0 ? due : min(due, state.probes != 0 ? 0 : state.probeUntil);
}

/** Somebody has, or wants, the address at `ptr`: if it is the one that is being looked at, it is not ours. */
export function conflict(state: Autoconf, network: Network, ptr: usize): void {
  if (state.isProbing == 0 || load64(ptr) != state.high || load64(ptr + 8) != interfaceOf(network.outMac)) return;
  state.isProbing = 0;
  state.isTaken = 1;
}

function until(seconds: u32, now: f64): f64 {
  return seconds == FOREVER ? NEVER : now + <f64>seconds * NS_IN_S;
}

/** A valid router advertisement. */
export function hear(state: Autoconf, network: Network, frame: Frame, packet: Packet, now: f64): void {
  const source = frame.head + packet.network + 8;
  const message = frame.head + packet.transport;
  const high = load64(source);
  const low = load64(source + 8);
  if (high != LINK_LOCAL_HIGH) return;
  const isOurs = network.outGateway6High == high && network.outGateway6Low == low;
  const lifetime = load16(message + 6);
  if (lifetime != 0 && (isOurs || (network.outGateway6High | network.outGateway6Low) == 0)) {
    network.outGateway6High = high;
    network.outGateway6Low = low;
    state.routerUntil = until(lifetime, now);
    state.askAt = NEVER;
  } else if (lifetime == 0 && isOurs) {
    state.routerUntil = NEVER;
    dropRouter(network);
  }
  for (let at = nd.option(frame, packet, nd.PREFIX, 0); at != 0; at = nd.option(frame, packet, nd.PREFIX, at)) {
    if (<u32>load<u8>(at + 1) == PREFIX_UNITS) prefix(state, at, now);
  }
  const server = nd.option(frame, packet, nd.SERVERS, 0);
  if (server != 0 && <u32>load<u8>(server + 1) >= SERVER_LEAST_UNITS) {
    const seconds = load32(server + 4);
    const isGood = seconds != 0 && isRoutable6(load64(server + 8), load64(server + 16));
    network.outDns6High = isGood ? load64(server + 8) : 0;
    network.outDns6Low = isGood ? load64(server + 16) : 0;
    state.serverUntil = isGood ? until(seconds, now) : NEVER;
  }
}

function prefix(state: Autoconf, at: usize, now: f64): void {
  const flags: u32 = load<u8>(at + 3);
  const high = load64(at + 16);
  const valid = load32(at + 4);
  if ((flags & AUTONOMOUS) == 0 || <u32>load<u8>(at + 2) != PREFIX_BITS || !isRoutable6(high, 1)) return;
  if (state.high != 0 && state.high != high) return;
  if (valid == 0 || load32(at + 8) > valid) {
    if (state.high == high && valid == 0) state.addressUntil = now;
    return;
  }
  state.addressUntil = until(valid, now);
  state.onLink = (flags & ON_LINK) != 0 ? PREFIX_BITS : 128;
  if (state.high == high) return;
  state.high = high;
  state.isTaken = 0;
  state.isProbing = 1;
  state.probes = 1;
}
