// The DHCP server of a gateway (RFC 2131, RFC 2132): one address for each network device, always the same as far as possible.
//
// A client is its port's MAC; a message that speaks for another one is dropped, so no guest can use up the pool. What a client
// declines is not given to it again soon, but to others: a guest that lies about it harms itself only.

import { NETWORK_FLAG_NO_DNS, NETWORK_FLAG_NO_FORWARDING } from "../../abi";
import { Frame } from "../../devices/frame";
import { Network, domainOf } from "../network";
import { ETHERTYPE_IPV4, Packet, load16, load32, load48, store16, store32 } from "../packet";
import { Port } from "../port";
import { BROADCAST4, BROADCAST_MAC, isInside4, maskOf } from "./address";
import * as leases from "./leases";
import * as neighbours from "./neighbours";
import { Neighbour } from "./neighbours";
import { CONSUMED, REPLY } from "./places";
import * as reply from "./reply";

export const SERVER_PORT: u32 = 67;
export const CLIENT_PORT: u32 = 68;

/** Offsets of a message. */
export const OP: usize = 0;
export const TRANSACTION: usize = 4;
export const FLAGS: usize = 10;
export const CLIENT_IP: usize = 12;
export const YOUR_IP: usize = 16;
const RELAY_IP: usize = 24;
export const CLIENT_MAC: usize = 28;
export const COOKIE: usize = 236;
export const OPTIONS: usize = 240;
export const MAGIC: u32 = 0x6382_5363;
export const ETHERNET: u32 = 0x0106;
export const BOOT_REQUEST: u32 = 1;
export const BOOT_REPLY: u32 = 2;
const BROADCAST_FLAG: u32 = 0x8000;
/** Some clients drop what is shorter. */
export const LEAST_BYTES: u32 = 300;

export const DISCOVER: u32 = 1;
export const OFFER: u32 = 2;
export const REQUEST: u32 = 3;
export const DECLINE: u32 = 4;
export const ACK: u32 = 5;
export const NAK: u32 = 6;
export const RELEASE: u32 = 7;
const INFORM: u32 = 8;

/** Options. */
export const OPTION_MASK: u32 = 1;
export const OPTION_ROUTER: u32 = 3;
export const OPTION_DNS: u32 = 6;
const OPTION_HOST_NAME: u32 = 12;
const OPTION_DOMAIN: u32 = 15;
const OPTION_MTU: u32 = 26;
const OPTION_BROADCAST: u32 = 28;
export const OPTION_REQUESTED: u32 = 50;
export const OPTION_LEASE: u32 = 51;
export const OPTION_TYPE: u32 = 53;
export const OPTION_SERVER: u32 = 54;
export const OPTION_WANTED: u32 = 55;
export const OPTION_RENEW: u32 = 58;
export const OPTION_REBIND: u32 = 59;
export const OPTION_END: u32 = 255;

/** A lease is good for an hour; an offer waits a minute. */
const LEASE_S: u32 = 3600;
const OFFER_NS: f64 = 60e9;
const NS_IN_S: f64 = 1e9;
const DRAINED_NS: f64 = 1e9;
/** Addresses that are looked at for a free one: more than can be in use. */
const LOOKS: u32 = 1024;

/** The data of an option of the message at `message`, behind its length byte; 0: it has none with at least `least` bytes. */
export function option(message: usize, bytes: u32, kind: u32, least: u32): usize {
  let at: u32 = <u32>OPTIONS;
  while (at + 2 <= bytes) {
    const code: u32 = load<u8>(message + at);
    if (code == 0) {
      at++;
      continue;
    }
    if (code == OPTION_END) return 0;
    const length: u32 = load<u8>(message + at + 1);
    if (at + 2 + length > bytes) return 0;
    if (code == kind) return length < least ? 0 : message + at + 2;
    at += 2 + length;
  }
  return 0;
}

/** Answers a datagram to SERVER_PORT whose packet is whole and sound: REPLY, or CONSUMED. */
export function serve(network: Network, port: Port, frame: Frame, packet: Packet, now: f64): u32 {
  const header = frame.head + packet.transport;
  const message = header + 8;
  const bytes = load16(header + 4) - 8;
  if (bytes < <u32>OPTIONS || load32(message + COOKIE) != MAGIC) return CONSUMED;
  if (load<u8>(message + OP) != BOOT_REQUEST || load16(message + 1) != ETHERNET || load32(message + RELAY_IP) != 0) return CONSUMED;
  const neighbour = neighbours.recordOf(port);
  if (neighbour.mac == 0 || load48(message + CLIENT_MAC) != neighbour.mac || neighbour.joined == 0) return CONSUMED;
  const type = option(message, bytes, OPTION_TYPE, 1);
  if (type == 0) return CONSUMED;
  const wish = option(message, bytes, OPTION_REQUESTED, 4);
  const server = option(message, bytes, OPTION_SERVER, 4);
  const wanted = wish != 0 ? load32(wish) : 0;
  const isForUs = server == 0 || load32(server) == network.ip4;
  switch (<u32>load<u8>(type)) {
    case DISCOVER: return offer(network, neighbour, message, wanted, now);
    case REQUEST: return request(network, neighbour, message, wanted, server != 0, isForUs, now);
    case DECLINE:
      if (isForUs) decline(network, neighbour, wanted);
      return CONSUMED;
    case RELEASE:
      if (isForUs) release(network, neighbour, load32(message + CLIENT_IP));
      return CONSUMED;
    case INFORM: return inform(network, neighbour, message);
    default: return CONSUMED;
  }
}

function offer(network: Network, neighbour: Neighbour, message: usize, wanted: u32, now: f64): u32 {
  const ip4 = pick(network, neighbour, wanted, now);
  if (ip4 == 0) return CONSUMED;
  const lease = leases.byMac(network, neighbour.mac);
  // Who has it and asks anew keeps what it has until it says otherwise.
  const isKept = lease != null && lease.ip4 == ip4 && lease.state == leases.BOUND;
  if (!isKept && !leases.put(network, neighbour.mac, ip4, leases.OFFERED, now + OFFER_NS)) return CONSUMED;
  return answer(network, neighbour, message, OFFER, ip4);
}

/** RFC 2131, 4.3.2: who names a server has chosen an offer; who names an address had it before; others prolong. */
function request(network: Network, neighbour: Neighbour, message: usize, wanted: u32, chooses: bool, isForUs: bool, now: f64): u32 {
  const lease = leases.byMac(network, neighbour.mac);
  if (!isForUs) {
    if (lease != null && lease.state == leases.OFFERED) lease.state = leases.REMEMBERED;
    return CONSUMED;
  }
  const ip4 = wanted != 0 ? wanted : load32(message + CLIENT_IP);
  if (ip4 == 0) return CONSUMED;
  const isOurs = lease != null && lease.ip4 == ip4 && lease.state != leases.REMEMBERED;
  if (!isGood(network, neighbour, ip4) || (chooses && !isOurs && neighbour.held != neighbours.FIXED)) {
    return answer(network, neighbour, message, NAK, 0);
  }
  if (!leases.put(network, neighbour.mac, ip4, leases.BOUND, now + <f64>LEASE_S * NS_IN_S)) return CONSUMED;
  if (neighbour.held != neighbours.FIXED) neighbours.take4(neighbour, ip4, neighbours.LEASED);
  return answer(network, neighbour, message, ACK, ip4);
}

function decline(network: Network, neighbour: Neighbour, ip4: u32): void {
  const lease = leases.byMac(network, neighbour.mac);
  if (lease == null || lease.ip4 != ip4 || neighbour.held == neighbours.FIXED) return;
  lease.mac = 0;
  neighbours.take4(neighbour, 0, neighbours.NONE);
  switch (neighbour.declines++ & 3) {
    case 0: neighbour.declined0 = ip4; break;
    case 1: neighbour.declined1 = ip4; break;
    case 2: neighbour.declined2 = ip4; break;
    default: neighbour.declined3 = ip4; break;
  }
}

function release(network: Network, neighbour: Neighbour, ip4: u32): void {
  const lease = leases.byMac(network, neighbour.mac);
  if (lease == null || lease.ip4 != ip4 || lease.state != leases.BOUND) return;
  lease.state = leases.REMEMBERED;
  if (neighbour.held == neighbours.LEASED) neighbours.take4(neighbour, 0, neighbours.NONE);
}

/** Who has an address by other means wants the rest. */
function inform(network: Network, neighbour: Neighbour, message: usize): u32 {
  const ip4 = load32(message + CLIENT_IP);
  return ip4 == 0 || ip4 != neighbour.ip4 ? CONSUMED : answer(network, neighbour, message, ACK, 0);
}

/** Leases that have run out: their addresses may be used by others. */
export function expire(network: Network, now: f64): void {
  for (;;) {
    const lease = leases.expired(network, now);
    if (lease == null) return;
    const owner = neighbours.ownerOf4(network, lease.ip4);
    if (owner != null && owner.mac == lease.mac && owner.held == neighbours.LEASED) neighbours.take4(owner, 0, neighbours.NONE);
  }
}

function isDeclined(neighbour: Neighbour, ip4: u32): bool {
  return ip4 == neighbour.declined0 || ip4 == neighbour.declined1 || ip4 == neighbour.declined2 || ip4 == neighbour.declined3;
}

/** Can the address be this client's? Its fixed one; else one of the pool, or one that it uses already, that is nobody's. */
function isGood(network: Network, neighbour: Neighbour, ip4: u32): bool {
  if (neighbour.held == neighbours.FIXED) return ip4 == neighbour.ip4;
  if (ip4 < network.leaseFirst || ip4 > network.leaseLast || !isInside4(ip4, network.ip4, network.prefix4)) return false;
  return !isDeclined(neighbour, ip4) && neighbours.isFree4(network, neighbour, ip4);
}

/** An address for the client: fixed, its last one, the one it uses or wants, or the first free one from where its MAC points. */
function pick(network: Network, neighbour: Neighbour, wanted: u32, now: f64): u32 {
  if (neighbour.held == neighbours.FIXED) return neighbour.ip4;
  const lease = leases.byMac(network, neighbour.mac);
  if (lease != null && isGood(network, neighbour, lease.ip4)) return lease.ip4;
  if (isGood(network, neighbour, neighbour.ip4)) return neighbour.ip4;
  if (wanted != 0 && isGood(network, neighbour, wanted)) return wanted;
  if (network.leaseLast < network.leaseFirst) return 0;
  // A search of a pool without room is long: nobody makes us repeat it at once.
  if (neighbour.drainedAt != 0 && now - neighbour.drainedAt < DRAINED_NS) return 0;
  const count: u64 = <u64>network.leaseLast - <u64>network.leaseFirst + 1;
  const start = (neighbour.mac * 0x9e37_79b9_7f4a_7c15 >> 16) % count;
  const looks = <u32>min<u64>(count, LOOKS);
  // What others had is theirs as long as there is something else.
  let second: u32 = 0;
  for (let i: u32 = 0; i < looks; i++) {
    const ip4 = network.leaseFirst + <u32>((start + <u64>i) % count);
    if (!isGood(network, neighbour, ip4)) continue;
    if (leases.ofOther(network, neighbour.mac, ip4, true) == null) return ip4;
    if (second == 0) second = ip4;
  }
  neighbour.drainedAt = second == 0 ? now : 0;
  return second;
}

function put8(at: usize, kind: u32, value: u32): usize {
  store<u8>(at, <u8>kind);
  store<u8>(at + 1, 1);
  store<u8>(at + 2, <u8>value);
  return at + 3;
}

function put16(at: usize, kind: u32, value: u32): usize {
  store<u8>(at, <u8>kind);
  store<u8>(at + 1, 2);
  store16(at + 2, value);
  return at + 4;
}

/** Writes an option of a number or address; the address behind it. */
export function put32(at: usize, kind: u32, value: u32): usize {
  store<u8>(at, <u8>kind);
  store<u8>(at + 1, 4);
  store32(at + 2, value);
  return at + 6;
}

function putBytes(at: usize, kind: u32, from: usize, bytes: u32): usize {
  if (bytes == 0) return at;
  store<u8>(at, <u8>kind);
  store<u8>(at + 1, <u8>bytes);
  memory.copy(at + 2, from, bytes);
  return at + 2 + bytes;
}

/** Writes the answer to `message`; `ip4` 0: none is given with it. */
function answer(network: Network, neighbour: Neighbour, message: usize, type: u32, ip4: u32): u32 {
  const clientIp = load32(message + CLIENT_IP);
  const isBroadcast = type == NAK || ((load16(message + FLAGS) & BROADCAST_FLAG) != 0 && clientIp == 0);
  const out = reply.open(isBroadcast ? BROADCAST_MAC : neighbour.mac, network.mac, ETHERTYPE_IPV4) + reply.DATA4;
  memory.fill(out, 0, OPTIONS);
  store<u8>(out + OP, <u8>BOOT_REPLY);
  store16(out + 1, ETHERNET);
  store32(out + TRANSACTION, load32(message + TRANSACTION));
  store16(out + FLAGS, load16(message + FLAGS));
  if (type != NAK && type != OFFER) store32(out + CLIENT_IP, clientIp);
  store32(out + YOUR_IP, ip4);
  memory.copy(out + CLIENT_MAC, message + CLIENT_MAC, 16);
  store32(out + COOKIE, MAGIC);
  let at = put8(out + OPTIONS, OPTION_TYPE, type);
  at = put32(at, OPTION_SERVER, network.ip4);
  if (ip4 != 0) {
    at = put32(at, OPTION_LEASE, LEASE_S);
    at = put32(at, OPTION_RENEW, LEASE_S / 2);
    at = put32(at, OPTION_REBIND, LEASE_S / 8 * 7);
  }
  if (type != NAK) at = putNetwork(at, network, neighbour);
  store<u8>(at++, <u8>OPTION_END);
  const bytes = <u32>(at - out);
  const whole = max(bytes, LEAST_BYTES);
  memory.fill(at, 0, whole - bytes);
  const to = isBroadcast ? BROADCAST4 : clientIp != 0 ? clientIp : ip4;
  reply.closeUdp4(network.ip4, to, SERVER_PORT, CLIENT_PORT, whole);
  return REPLY;
}

function putNetwork(at: usize, network: Network, neighbour: Neighbour): usize {
  const mask = maskOf(network.prefix4);
  at = put32(at, OPTION_MASK, mask);
  at = put32(at, OPTION_BROADCAST, network.ip4 | ~mask);
  if ((network.flags & NETWORK_FLAG_NO_FORWARDING) == 0) at = put32(at, OPTION_ROUTER, network.ip4);
  const server = (network.flags & NETWORK_FLAG_NO_DNS) == 0 ? network.ip4 : network.outDns4;
  if (server != 0) at = put32(at, OPTION_DNS, server);
  at = put16(at, OPTION_MTU, network.mtu);
  const domain = domainOf(network);
  let bytes: u32 = 0;
  while (load<u8>(domain + bytes) != 0) bytes++;
  at = putBytes(at, OPTION_DOMAIN, domain, bytes);
  return putBytes(at, OPTION_HOST_NAME, neighbours.nameOf(neighbour), neighbour.nameBytes);
}
