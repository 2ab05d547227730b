// What a guest may say of itself: frames with the address of somebody else do not enter the switch.
//
// A port that is not trusted sends with its own MAC. IPv4 and ARP carry the address that it was given, once there is one; IPv6
// and neighbour discovery those that it was the first to claim. Behind a gateway nobody else is a DHCP server or a router.

import * as lock from "../core/lock";
import { Frame } from "../devices/frame";
import { Network, isNat } from "./network";
import {
  ETHERTYPE_ARP, PROTOCOL_ICMPV6, PROTOCOL_UDP, Packet, isGroup, load16, load32, load48,
} from "./packet";
import { Port } from "./port";
import { load64 } from "./services/address";
import * as neighbours from "./services/neighbours";

const ARP_BYTES: u32 = 28;
/** Offsets in an ARP packet, RFC 826, for Ethernet and IPv4. */
const ARP_SENDER_MAC: usize = 8;
const ARP_SENDER_IP: usize = 14;

/** Offsets in IP headers. */
const IP4_SOURCE: usize = 12;
const IP6_SOURCE: usize = 8;
const UDP_BYTES: u32 = 8;
const UDP_SOURCE: usize = 0;
const DHCP_SERVER: u32 = 67;
const DHCP6_SERVER: u32 = 547;

/** Neighbour discovery, RFC 4861: types of ICMPv6, and where the target of the latter two stands. */
const MLD_REPORT: u32 = 131;
const MLD_DONE: u32 = 132;
const ROUTER_SOLICITATION: u32 = 133;
const ROUTER_ADVERTISEMENT: u32 = 134;
const NEIGHBOUR_SOLICITATION: u32 = 135;
const NEIGHBOUR_ADVERTISEMENT: u32 = 136;
const REDIRECT: u32 = 137;
const MLD2_REPORT: u32 = 143;
const ND_TARGET: usize = 8;
const ND_BYTES: u32 = 24;

/** What a port may do is asked again after so long: it may have lost an address meanwhile. */
const FRESH_NS: f64 = 1e9;

/** May this port send this frame, whose head was parsed? */
export function admits(network: Network, port: Port, frame: Frame, packet: Packet, now: f64): bool {
  if (load48(frame.head + 6) != port.mac) return false;
  const at = frame.head + packet.network;
  if (packet.ethertype == ETHERTYPE_ARP) {
    if (packet.network + ARP_BYTES > frame.headBytes || load48(at + ARP_SENDER_MAC) != port.mac) return false;
    return mayBe4(network, port, load32(at + ARP_SENDER_IP), true);
  }
  // A first piece without a header leaves it to the next, at which nobody looks (RFC 1858, RFC 7112).
  if (packet.isFragment != 0 && packet.fragmentOffset == 0 && packet.transport + UDP_BYTES > packet.end) return false;
  if (packet.version == 4) {
    if (isServer(network, frame, packet)) return false;
    return mayBe4(network, port, load32(at + IP4_SOURCE), isGroup(load48(frame.head)));
  }
  if (packet.version == 6) {
    if (isServer(network, frame, packet)) return false;
    return admits6(network, port, frame, packet, at, now);
  }
  return true;
}

/** Is this IPv4 address the port's? `nobody`: none at all will do, as before there is one. */
function mayBe4(network: Network, port: Port, ip: u32, nobody: bool): bool {
  if (ip == 0) return nobody;
  // What the port has already needs no lock.
  if (ip == neighbours.ip4Of(port)) return true;
  lock.acquire(changetype<usize>(network));
  const yes = neighbours.mayUse4(network, port, ip);
  lock.release(changetype<usize>(network));
  return yes;
}

/** Is this IPv6 address the port's? */
function mayBe6(network: Network, port: Port, high: u64, low: u64, now: f64): bool {
  if (high == port.own6High && low == port.own6Low && now < port.own6At + FRESH_NS) return true;
  lock.acquire(changetype<usize>(network));
  const yes = neighbours.mayUse6(network, port, high, low);
  lock.release(changetype<usize>(network));
  if (!yes) return false;
  port.own6High = high;
  port.own6Low = low;
  port.own6At = now;
  return true;
}

function admits6(network: Network, port: Port, frame: Frame, packet: Packet, at: usize, now: f64): bool {
  const high = load64(at + IP6_SOURCE);
  const low = load64(at + IP6_SOURCE + 8);
  const isNobody = (high | low) == 0;
  if (!isNobody && !mayBe6(network, port, high, low, now)) return false;
  const isNd = packet.protocol == PROTOCOL_ICMPV6 && packet.fragmentOffset == 0;
  if (!isNd || packet.transport >= packet.end) return !isNobody;
  const icmp = frame.head + packet.transport;
  const type: u32 = load<u8>(icmp);
  // Neighbour discovery in pieces is for nobody (RFC 6980).
  if (packet.isFragment != 0 && type >= ROUTER_SOLICITATION && type <= REDIRECT) return false;
  if (type == NEIGHBOUR_ADVERTISEMENT || (type == NEIGHBOUR_SOLICITATION && isNobody)) {
    // Who asks for a target as nobody is about to use it (RFC 4862, 5.4), and is the first to say so.
    if (packet.transport + ND_BYTES > packet.end) return false;
    return mayBe6(network, port, load64(icmp + ND_TARGET), load64(icmp + ND_TARGET + 8), now);
  }
  return !isNobody || type == ROUTER_SOLICITATION || type == MLD_REPORT || type == MLD_DONE || type == MLD2_REPORT;
}

/** Does the frame come from a DHCP server or a router, on a network that has its own? */
function isServer(network: Network, frame: Frame, packet: Packet): bool {
  if (!isNat(network) || packet.fragmentOffset != 0) return false;
  const at = frame.head + packet.transport;
  if (packet.protocol == PROTOCOL_UDP && packet.transport + UDP_BYTES <= frame.headBytes) {
    const source = load16(at + UDP_SOURCE);
    return source == (packet.version == 4 ? DHCP_SERVER : DHCP6_SERVER);
  }
  if (packet.protocol != PROTOCOL_ICMPV6 || packet.version != 6 || packet.transport >= frame.headBytes) return false;
  const type: u32 = load<u8>(at);
  return type == ROUTER_ADVERTISEMENT || type == REDIRECT;
}
