// The gateway's side on the uplink: its addresses there, whose MAC the next hop has, and what of the frames that come is for NAT.
//
// Under the network's lock. Answers are on the desk, and go to the uplink.

import { Frame } from "../../devices/frame";
import { Network } from "../network";
import { ETHERTYPE_ARP, PROTOCOL_UDP, Packet, isGroup, load16, load32, load48, store48 } from "../packet";
import { LINK_LOCAL_HIGH, interfaceOf, isHost4, isInside4, isLinkLocal, isRoutable6, isSame4, load64, mapped } from "./address";
import * as arp from "./arp";
import * as autoconf from "./autoconf";
import { Autoconf } from "./autoconf";
import * as dhcp from "./dhcp";
import * as client from "./dhcp-client";
import { Client } from "./dhcp-client";
import * as nd from "./nd";
import * as peers from "./peers";
import { ADDRESSED, ASK, CONSUMED, REPLY, ROUTE, UNRESOLVED, UPLINK, UPLINK_STATE_MOST, WHOLE, uplinkState } from "./places";
import * as reply from "./reply";

/** Offsets in a network's page: the two ways to learn addresses. */
const CLIENT: usize = 0;
const AUTOCONF: usize = 0x100;

if (offsetof<Client>() > AUTOCONF - CLIENT || AUTOCONF + offsetof<Autoconf>() > UPLINK_STATE_MOST) ERROR("the uplink's state overlaps");

function clientOf(network: Network): Client {
  return changetype<Client>(uplinkState(network) + CLIENT);
}

function autoconfOf(network: Network): Autoconf {
  return changetype<Autoconf>(uplinkState(network) + AUTOCONF);
}

/** The network has just been defined. What it is to learn, it begins to ask for. */
export function start(network: Network, now: f64): void {
  memory.fill(uplinkState(network), 0, UPLINK_STATE_MOST);
  peers.clear(network, UPLINK);
  if (network.outLearns4 != 0) client.start(clientOf(network), network, now);
  if (network.outLearns6 != 0) autoconf.start(autoconfOf(network), network, now);
}

/** The uplink's link goes up or down. It may be another network that it is plugged into now. */
export function link(network: Network, isUp: bool, now: f64): void {
  peers.clear(network, UPLINK);
  if (!isUp) return;
  if (network.outLearns4 != 0) client.relink(clientOf(network), network, now);
  if (network.outLearns6 != 0) autoconf.relink(autoconfOf(network), now);
}

/** A frame from the uplink: CONSUMED, ROUTE (it is for NAT), REPLY (to the uplink), or WHOLE. */
export function fromUplink(network: Network, frame: Frame, packet: Packet, now: f64): u32 {
  const to = load48(frame.head);
  if (packet.tagged != 0 || (to != network.outMac && !isGroup(to)) || load48(frame.head + 6) == network.outMac) return CONSUMED;
  if (packet.ethertype == ETHERTYPE_ARP) return fromArp(network, frame, packet, now);
  if (packet.version == 4) return from4(network, frame, packet, now);
  if (packet.version == 6) return from6(network, frame, packet, now);
  return CONSUMED;
}

function fromArp(network: Network, frame: Frame, packet: Packet, now: f64): u32 {
  const at = arp.read(frame, packet);
  if (at == 0 || network.outIp4 == 0) return CONSUMED;
  const sender = arp.senderIp(at);
  if (sender == network.outIp4) return CONSUMED;
  if (isHost4(sender)) peers.learn(network, UPLINK, 0, mapped(sender), arp.senderMac(at), now);
  if (arp.operation(at) != arp.REQUEST || arp.targetIp(at) != network.outIp4) return CONSUMED;
  arp.answer(at, network.outMac);
  return REPLY;
}

function from4(network: Network, frame: Frame, packet: Packet, now: f64): u32 {
  if (network.outLearns4 != 0 && isForClient(frame, packet)) {
    const bytes = load16(frame.head + packet.transport + 4);
    if (bytes < 8 || packet.transport + bytes > packet.end) return CONSUMED;
    if (!reply.isWhole(frame, packet)) return packet.end <= reply.WHOLE_MOST ? WHOLE : CONSUMED;
    if (!reply.isSound(frame, packet, packet.transport + bytes)) return CONSUMED;
    return client.hear(clientOf(network), network, frame, packet, now);
  }
  if (network.outIp4 == 0 || isGroup(load48(frame.head))) return CONSUMED;
  const ip = frame.head + packet.network;
  return load32(ip + 16) == network.outIp4 && load32(ip + 12) != network.outIp4 ? ROUTE : CONSUMED;
}

function isForClient(frame: Frame, packet: Packet): bool {
  if (packet.protocol != PROTOCOL_UDP || packet.isFragment != 0 || packet.transport + 8 > min(frame.headBytes, packet.end)) return false;
  const header = frame.head + packet.transport;
  return load16(header) == dhcp.SERVER_PORT && load16(header + 2) == dhcp.CLIENT_PORT;
}

function from6(network: Network, frame: Frame, packet: Packet, now: f64): u32 {
  if (nd.isDiscovery(frame, packet)) return discover(network, frame, packet, now);
  if ((network.outIp6High | network.outIp6Low) == 0 || isGroup(load48(frame.head))) return CONSUMED;
  const source = frame.head + packet.network + 8;
  if (load64(source) == network.outIp6High && load64(source + 8) == network.outIp6Low) return CONSUMED;
  return load64(source + 16) == network.outIp6High && load64(source + 24) == network.outIp6Low ? ROUTE : CONSUMED;
}

/** Is the address one of the gateway's on this link? */
function isOurs(network: Network, ptr: usize): bool {
  const high = load64(ptr);
  const low = load64(ptr + 8);
  if (high == LINK_LOCAL_HIGH && low == interfaceOf(network.outMac)) return true;
  return high == network.outIp6High && low == network.outIp6Low && (high | low) != 0;
}

function discover(network: Network, frame: Frame, packet: Packet, now: f64): u32 {
  if (!reply.isWhole(frame, packet)) return packet.end <= reply.WHOLE_MOST ? WHOLE : CONSUMED;
  const source = frame.head + packet.network + 8;
  switch (nd.read(frame, packet)) {
    case nd.ROUTER_ADVERTISEMENT: {
      const mac = nd.macIn(frame, packet, nd.SOURCE_MAC);
      if (mac != 0 && !isGroup(mac)) peers.learn(network, UPLINK, load64(source), load64(source + 8), mac, now);
      if (network.outLearns6 != 0) autoconf.hear(autoconfOf(network), network, frame, packet, now);
      return CONSUMED;
    }
    case nd.NEIGHBOUR_SOLICITATION: {
      const target = nd.target(frame, packet);
      if (isOurs(network, source)) return CONSUMED;
      if ((load64(source) | load64(source + 8)) == 0) autoconf.conflict(autoconfOf(network), network, target);
      const mac = nd.macIn(frame, packet, nd.SOURCE_MAC);
      if (mac != 0 && !isGroup(mac)) peers.learn(network, UPLINK, load64(source), load64(source + 8), mac, now);
      if (!isOurs(network, target)) return CONSUMED;
      nd.advertise(frame, packet, network.outMac, true);
      return REPLY;
    }
    case nd.NEIGHBOUR_ADVERTISEMENT: {
      const target = nd.target(frame, packet);
      const told = nd.macIn(frame, packet, nd.TARGET_MAC);
      const mac = told != 0 ? told : load48(frame.head + 6);
      if (isOurs(network, target)) return CONSUMED;
      autoconf.conflict(autoconfOf(network), network, target);
      if (!isGroup(mac)) peers.learn(network, UPLINK, load64(target), load64(target + 8), mac, now);
      return CONSUMED;
    }
    default: return CONSUMED;
  }
}

/** Are both in one network of that prefix length? */
function isSame6(aHigh: u64, aLow: u64, bHigh: u64, bLow: u64, prefix: u32): bool {
  const highMask: u64 = prefix == 0 ? 0 : prefix >= 64 ? u64.MAX_VALUE : ~(u64.MAX_VALUE >> <u64>prefix);
  const lowMask: u64 = prefix <= 64 ? 0 : prefix >= 128 ? u64.MAX_VALUE : ~(u64.MAX_VALUE >> <u64>(prefix - 64));
  return ((aHigh ^ bHigh) & highMask) == 0 && ((aLow ^ bLow) & lowMask) == 0;
}

/** Writes the MACs of a translated frame that goes out: ADDRESSED; else UNRESOLVED, or ASK: desk.reply() goes to the uplink. */
export function address(network: Network, frame: Frame, packet: Packet, now: f64): u32 {
  const ip = frame.head + packet.network;
  let high: u64 = 0;
  let low: u64 = 0;
  if (packet.version == 4) {
    const to = load32(ip + 16);
    if (network.outIp4 == 0 || to == network.outIp4 || !isHost4(to)) return UNRESOLVED;
    const isNear = isSame4(to, network.outIp4, network.outPrefix4);
    if (isNear && !isInside4(to, network.outIp4, network.outPrefix4)) return UNRESOLVED;
    const next = isNear ? to : network.outGateway4;
    if (next == 0) return UNRESOLVED;
    low = mapped(next);
  } else if (packet.version == 6) {
    high = load64(ip + 24);
    low = load64(ip + 32);
    if ((network.outIp6High | network.outIp6Low) == 0 || !isRoutable6(high, low)) return UNRESOLVED;
    if (!isSame6(high, low, network.outIp6High, network.outIp6Low, network.outPrefix6)) {
      high = network.outGateway6High;
      low = network.outGateway6Low;
    }
    if ((high | low) == 0) return UNRESOLVED;
  } else {
    return UNRESOLVED;
  }
  const mac = peers.macOf(network, UPLINK, high, low, now);
  if (mac == 0) {
    if (!peers.wants(network, UPLINK, high, low, now)) return UNRESOLVED;
    ask(network, high, low, 0);
    return ASK;
  }
  store48(frame.head, mac);
  store48(frame.head + 6, network.outMac);
  return ADDRESSED;
}

function ask(network: Network, high: u64, low: u64, to: u64): void {
  if (high == 0) {
    arp.ask(<u32>low, network.outMac, network.outIp4, to);
  } else if (isLinkLocal(high) || (network.outIp6High | network.outIp6Low) == 0) {
    nd.solicit(high, low, network.outMac, LINK_LOCAL_HIGH, interfaceOf(network.outMac), to);
  } else {
    nd.solicit(high, low, network.outMac, network.outIp6High, network.outIp6Low, to);
  }
}

/** What it does by itself while the link is up. True: desk.reply() goes to the uplink, and there may be more: to be called again. */
export function tick(network: Network, now: f64): bool {
  if (network.link == 0) return false;
  const peer = peers.stale(network, UPLINK, now);
  if (peer != null) {
    ask(network, peer.high, peer.low, peer.mac);
    return true;
  }
  if (network.outLearns4 != 0 && client.tick(clientOf(network), network, now)) return true;
  return network.outLearns6 != 0 && autoconf.tick(autoconfOf(network), network, now);
}

/** When `tick` is to be called next, in ns; the largest number: not by itself. */
export function dueAt(network: Network): f64 {
  if (network.link == 0) return f64.MAX_VALUE;
  let due = peers.dueAt(network, UPLINK);
  if (network.outLearns4 != 0) due = min(due, clientOf(network).dueAt);
  if (network.outLearns6 != 0) due = min(due, autoconf.dueAt(autoconfOf(network)));
  return due;
}
