// The gateway of a network behind NAT, as its guests see it: it answers ARP, echoes, DHCP and names, tells IPv6 hosts their
// prefix, and says which frames go on to the uplink, and which guest frames from there are for.
//
// Under the network's lock. Frames have passed the guard of the port that they come from. Answers are on the desk.

import { NETWORK_FLAG_NO_DHCP, NETWORK_FLAG_NO_DNS, NETWORK_FLAG_NO_FORWARDING, NO_UPLINK } from "../../abi";
import { Frame } from "../../devices/frame";
import { Network } from "../network";
import {
  ETHERTYPE_ARP, PROTOCOL_ICMPV6, PROTOCOL_TCP, PROTOCOL_UDP, Packet, isGroup, load16, load32, load48, store48,
} from "../packet";
import { Port, isNic } from "../port";
import { BROADCAST4, LINK_LOCAL_HIGH, interfaceOf, isHost4, isInside4, isRoutable6, isSame4, load64, mapped } from "./address";
import * as advertise from "./advertise";
import * as arp from "./arp";
import * as dhcp from "./dhcp";
import * as dns from "./dns";
import * as icmp from "./icmp";
import * as leases from "./leases";
import * as nd from "./nd";
import * as neighbours from "./neighbours";
import * as peers from "./peers";
import { ADDRESSED, ASK, CONSUMED, GATEWAY_STATE_MOST, INSIDE, REPLY, ROUTE, UNRESOLVED, WHOLE, gatewayState } from "./places";
import * as reply from "./reply";

/** Router advertisements: the first ones, then the others (RFC 4861, 6.2.4); and soon when what they say has changed. */
const FIRST_NS: f64 = 16e9;
const FIRST_COUNT: u32 = 3;
const INTERVAL_NS: f64 = 300e9;
const CHANGE_NS: f64 = 3e9;
/** One ICMP error for a port in that time. */
const ERROR_NS: f64 = 10e6;

@unmanaged @final
class Gateway {
  /** When to advertise next, in ns; how many have been sent, up to FIRST_COUNT; whether the last one named a way out. */
  advertiseAt: f64;
  advertised: u32;
  hadWayOut: u32;
}

if (offsetof<Gateway>() > GATEWAY_STATE_MOST) ERROR("a gateway does not fit its place");

function stateOf(network: Network): Gateway {
  return changetype<Gateway>(gatewayState(network));
}

/** The network has just been defined: no leases, no peers, and it begins to advertise. */
export function start(network: Network, now: f64): void {
  const state = stateOf(network);
  memory.fill(gatewayState(network), 0, GATEWAY_STATE_MOST);
  neighbours.forget(network);
  peers.clear(network, INSIDE);
  state.advertiseAt = now;
}

/** A frame from a port to the gateway, or to all: CONSUMED, ROUTE, REPLY (to that port alone), or WHOLE. */
export function fromInside(network: Network, port: Port, frame: Frame, packet: Packet, now: f64): u32 {
  if (packet.tagged != 0 || !isNic(port)) return CONSUMED;
  if (packet.ethertype == ETHERTYPE_ARP) return fromArp(network, frame, packet, now);
  if (packet.version == 4) return from4(network, port, frame, packet, now);
  if (packet.version == 6 && advertise.hasIp6(network)) return from6(network, port, frame, packet, now);
  return CONSUMED;
}

function fromArp(network: Network, frame: Frame, packet: Packet, now: f64): u32 {
  const at = arp.read(frame, packet);
  if (at == 0) return CONSUMED;
  const sender = arp.senderIp(at);
  if (sender == network.ip4) return CONSUMED;
  if (isInside4(sender, network.ip4, network.prefix4)) peers.learn(network, INSIDE, 0, mapped(sender), arp.senderMac(at), now);
  if (arp.operation(at) != arp.REQUEST || arp.targetIp(at) != network.ip4) return CONSUMED;
  arp.answer(at, network.mac);
  return REPLY;
}

/** Bytes of a datagram with its header, as that says; 0: it is cut off, a fragment, or not that. Its header is in the head. */
function datagram(frame: Frame, packet: Packet): u32 {
  if (packet.protocol != PROTOCOL_UDP || packet.isFragment != 0 || packet.transport + 8 > min(frame.headBytes, packet.end)) return 0;
  const bytes = load16(frame.head + packet.transport + 4);
  return bytes < 8 || packet.transport + bytes > packet.end ? 0 : bytes;
}

function isTo(frame: Frame, packet: Packet, port: u32): bool {
  return load16(frame.head + packet.transport + 2) == port;
}

/** REPLY if the datagram is whole and sound and may be looked at; else what is to be done. */
function looks(frame: Frame, packet: Packet, bytes: u32): u32 {
  if (!reply.isWhole(frame, packet)) return packet.end <= reply.WHOLE_MOST ? WHOLE : CONSUMED;
  return reply.isSound(frame, packet, packet.transport + bytes) ? REPLY : CONSUMED;
}

function from4(network: Network, port: Port, frame: Frame, packet: Packet, now: f64): u32 {
  const ip = frame.head + packet.network;
  const from = load32(ip + 12);
  const to = load32(ip + 16);
  const isOurs = to == network.ip4;
  const bytes = datagram(frame, packet);
  if (bytes != 0 && isTo(frame, packet, dhcp.SERVER_PORT) && (isOurs || to == BROADCAST4)) {
    if ((network.flags & NETWORK_FLAG_NO_DHCP) != 0) return CONSUMED;
    dhcp.expire(network, now);
    const look = looks(frame, packet, bytes);
    return look == REPLY ? dhcp.serve(network, port, frame, packet, now) : look;
  }
  // Only who has an address inside can be answered, or translated.
  if (load48(frame.head) != network.mac || from == network.ip4 || !isInside4(from, network.ip4, network.prefix4)) return CONSUMED;
  if (isOurs) return toUs4(network, port, frame, packet, bytes, now);
  // What is for a guest goes by the switch, which knows who may talk to whom.
  if (!isHost4(to) || isSame4(to, network.ip4, network.prefix4)) return CONSUMED;
  if ((network.flags & NETWORK_FLAG_NO_FORWARDING) != 0) return fail4(network, port, frame, packet, icmp.NOT_ALLOWED, now);
  if (!hasWayOut4(network)) return fail4(network, port, frame, packet, icmp.NO_ROUTE, now);
  return ROUTE;
}

function hasWayOut4(network: Network): bool {
  return network.uplink != NO_UPLINK && network.outIp4 != 0 && (network.flags & NETWORK_FLAG_NO_FORWARDING) == 0;
}

function toUs4(network: Network, port: Port, frame: Frame, packet: Packet, bytes: u32, now: f64): u32 {
  if (icmp.isEcho(frame, packet)) return icmp.echo(frame, packet) ? REPLY : CONSUMED;
  const canAsk = hasWayOut4(network) && network.outDns4 != 0 && network.link != 0;
  if (isQuestion(network, frame, packet)) {
    if (packet.protocol == PROTOCOL_TCP) return canAsk ? ROUTE : fail4(network, port, frame, packet, icmp.NO_PORT_THERE, now);
    if (bytes == 0) return CONSUMED;
    const look = looks(frame, packet, bytes);
    return look == REPLY ? dns.serve(network, frame, packet, !canAsk) : look;
  }
  return fail4(network, port, frame, packet, icmp.NO_PORT_THERE, now);
}

/** Is it for the name server, by TCP or UDP? */
function isQuestion(network: Network, frame: Frame, packet: Packet): bool {
  if ((network.flags & NETWORK_FLAG_NO_DNS) != 0 || packet.fragmentOffset != 0) return false;
  if (packet.protocol != PROTOCOL_TCP && packet.protocol != PROTOCOL_UDP) return false;
  return packet.transport + 8 <= min(frame.headBytes, packet.end) && isTo(frame, packet, dns.PORT);
}

function mayFail(port: Port, now: f64): bool {
  const neighbour = neighbours.recordOf(port);
  if (neighbour.errorAt != 0 && now - neighbour.errorAt < ERROR_NS) return false;
  neighbour.errorAt = now;
  return true;
}

function fail4(network: Network, port: Port, frame: Frame, packet: Packet, code: u32, now: f64): u32 {
  return mayFail(port, now) && icmp.unreachable4(frame, packet, code, network.mac, network.ip4) ? REPLY : CONSUMED;
}

function from6(network: Network, port: Port, frame: Frame, packet: Packet, now: f64): u32 {
  if (nd.isDiscovery(frame, packet)) return discover(network, frame, packet, now);
  const source = frame.head + packet.network + 8;
  const target = source + 16;
  if (load48(frame.head) != network.mac || advertise.isOurs(network, source)) return CONSUMED;
  if (advertise.isOurs(network, target)) return toUs6(network, port, frame, packet, now);
  const high = load64(target);
  if (load64(source) != network.ip6High || !isRoutable6(high, load64(target + 8)) || high == network.ip6High) return CONSUMED;
  if ((network.flags & NETWORK_FLAG_NO_FORWARDING) != 0) return fail6(network, port, frame, packet, icmp.NOT_ALLOWED6, now);
  if (!hasWayOut6(network)) return fail6(network, port, frame, packet, icmp.NO_ROUTE6, now);
  return ROUTE;
}

function hasWayOut6(network: Network): bool {
  return network.uplink != NO_UPLINK && advertise.hasWayOut(network);
}

function toUs6(network: Network, port: Port, frame: Frame, packet: Packet, now: f64): u32 {
  if (icmp.isEcho(frame, packet)) return icmp.echo(frame, packet) ? REPLY : CONSUMED;
  if (packet.protocol == PROTOCOL_ICMPV6) return CONSUMED;
  // A name server is asked from the network's prefix: an address of the link does not leave the link.
  const isOfLink = load64(frame.head + packet.network + 24) == LINK_LOCAL_HIGH || load64(frame.head + packet.network + 8) != network.ip6High;
  const canAsk = hasWayOut6(network) && (network.outDns6High | network.outDns6Low) != 0 && network.link != 0 && !isOfLink;
  if (isQuestion(network, frame, packet)) {
    if (packet.protocol == PROTOCOL_TCP) return canAsk ? ROUTE : fail6(network, port, frame, packet, icmp.NO_PORT_THERE6, now);
    const bytes = datagram(frame, packet);
    if (bytes == 0) return CONSUMED;
    const look = looks(frame, packet, bytes);
    return look == REPLY ? dns.serve(network, frame, packet, !canAsk) : look;
  }
  return fail6(network, port, frame, packet, icmp.NO_PORT_THERE6, now);
}

function fail6(network: Network, port: Port, frame: Frame, packet: Packet, code: u32, now: f64): u32 {
  return mayFail(port, now) && icmp.unreachable6(frame, packet, code, network.mac, network.ip6High, network.ip6Low) ? REPLY : CONSUMED;
}

function discover(network: Network, frame: Frame, packet: Packet, now: f64): u32 {
  if (!reply.isWhole(frame, packet)) return packet.end <= reply.WHOLE_MOST ? WHOLE : CONSUMED;
  const source = frame.head + packet.network + 8;
  switch (nd.read(frame, packet)) {
    case nd.ROUTER_SOLICITATION:
      advertise.write(network);
      return REPLY;
    case nd.NEIGHBOUR_SOLICITATION: {
      if (advertise.isOurs(network, source)) return CONSUMED;
      const mac = nd.macIn(frame, packet, nd.SOURCE_MAC);
      if (mac != 0 && !isGroup(mac)) peers.learn(network, INSIDE, load64(source), load64(source + 8), mac, now);
      if (!advertise.isOurs(network, nd.target(frame, packet))) return CONSUMED;
      nd.advertise(frame, packet, network.mac, true);
      return REPLY;
    }
    case nd.NEIGHBOUR_ADVERTISEMENT: {
      const target = nd.target(frame, packet);
      const told = nd.macIn(frame, packet, nd.TARGET_MAC);
      const mac = told != 0 ? told : load48(frame.head + 6);
      if (!isGroup(mac) && !advertise.isOurs(network, target)) peers.learn(network, INSIDE, load64(target), load64(target + 8), mac, now);
      return CONSUMED;
    }
    default: return CONSUMED;
  }
}

/** Writes the MACs of a frame for an address inside: ADDRESSED; else UNRESOLVED, or ASK: desk.reply() goes to all ports. */
export function address(network: Network, frame: Frame, packet: Packet, now: f64): u32 {
  const ip = frame.head + packet.network;
  let high: u64 = 0;
  let low: u64 = 0;
  let mac: u64 = 0;
  if (packet.version == 4) {
    const to = load32(ip + 16);
    if (!isInside4(to, network.ip4, network.prefix4) || to == network.ip4) return UNRESOLVED;
    const owner = neighbours.ownerOf4(network, to);
    if (owner != null) mac = owner.mac;
    low = mapped(to);
  } else if (packet.version == 6) {
    high = load64(ip + 24);
    low = load64(ip + 32);
    if (!advertise.hasIp6(network) || high != network.ip6High || low == network.ip6Low || low == 0) return UNRESOLVED;
    const owner = neighbours.ownerOf6(network, high, low);
    if (owner != null) mac = owner.mac;
  } else {
    return UNRESOLVED;
  }
  if (mac == 0) mac = peers.macOf(network, INSIDE, high, low, now);
  if (mac == 0) {
    if (!peers.wants(network, INSIDE, high, low, now)) return UNRESOLVED;
    ask(network, high, low, 0);
    return ASK;
  }
  store48(frame.head, mac);
  store48(frame.head + 6, network.mac);
  return ADDRESSED;
}

function ask(network: Network, high: u64, low: u64, to: u64): void {
  if (high == 0) arp.ask(<u32>low, network.mac, network.ip4, to);
  else nd.solicit(high, low, network.mac, LINK_LOCAL_HIGH, interfaceOf(network.mac), to);
}

/** What the gateway does by itself. True: desk.reply() goes to all ports, and there may be more: to be called again. */
export function tick(network: Network, now: f64): bool {
  dhcp.expire(network, now);
  const peer = peers.stale(network, INSIDE, now);
  if (peer != null) {
    ask(network, peer.high, peer.low, peer.mac);
    return true;
  }
  return advertiseIfDue(network, now);
}

function advertiseIfDue(network: Network, now: f64): bool {
  if (!advertise.hasIp6(network)) return false;
  const state = stateOf(network);
  const hasWayOut: u32 = hasWayOut6(network) ? 1 : 0;
  if (hasWayOut != state.hadWayOut) {
    state.hadWayOut = hasWayOut;
    state.advertiseAt = min(state.advertiseAt, state.advertised == 0 ? now : now + CHANGE_NS);
  }
  if (now < state.advertiseAt) return false;
  state.advertised = min(state.advertised + 1, FIRST_COUNT);
  state.advertiseAt = now + (state.advertised < FIRST_COUNT ? FIRST_NS : INTERVAL_NS);
  advertise.write(network);
  return true;
}

/** When `tick` is to be called next, in ns; the largest number: not by itself. */
export function dueAt(network: Network): f64 {
  const due = min(leases.dueAt(network), peers.dueAt(network, INSIDE));
  if (!advertise.hasIp6(network)) return due;
  const state = stateOf(network);
  // That the way out has come or gone is seen by looking.
  return (state.hadWayOut != 0) != hasWayOut6(network) ? 0 : min(due, state.advertiseAt);
}
