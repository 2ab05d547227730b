// Router advertisements of a gateway (RFC 4861, RFC 8106): the guests' prefix, which they make addresses in by themselves, the way
// out if there is one, name server and domain.

import { NETWORK_FLAG_NO_DNS, NETWORK_FLAG_NO_FORWARDING } from "../../abi";
import { Network, domainOf } from "../network";
import { ETHERTYPE_IPV6, store16, store32 } from "../packet";
import { ALL_NODES, LINK_LOCAL_HIGH, groupMac, interfaceOf, load64, storeIp6 } from "./address";
import * as nd from "./nd";
import * as reply from "./reply";

const FIXED_BYTES: usize = 16;
const HOPS: u32 = 64;

/** Seconds: how long the router, its prefix, and addresses in it for new connections are good without another advertisement. */
const ROUTER_S: u32 = 1800;
const VALID_S: u32 = 86_400;
const PREFERRED_S: u32 = 14_400;
const SERVER_S: u32 = 1800;

/** The prefix is on the link, and hosts may make addresses in it. */
const ON_LINK: u32 = 0x80;
const AUTONOMOUS: u32 = 0x40;

/** Has the network IPv6? */
export function hasIp6(network: Network): bool {
  return (network.ip6High | network.ip6Low) != 0;
}

/** Is there a way out for IPv6? Without one a guest would try it first, and wait. */
export function hasWayOut(network: Network): bool {
  return (network.flags & NETWORK_FLAG_NO_FORWARDING) == 0 && (network.outIp6High | network.outIp6Low) != 0
    && (network.outGateway6High | network.outGateway6Low) != 0;
}

/** Writes an advertisement to all. */
export function write(network: Network): void {
  const message = reply.open(groupMac(ALL_NODES), network.mac, ETHERTYPE_IPV6) + reply.BODY6;
  memory.fill(message, 0, FIXED_BYTES);
  store<u8>(message, <u8>nd.ROUTER_ADVERTISEMENT);
  store<u8>(message + 4, <u8>HOPS);
  store16(message + 6, hasWayOut(network) ? ROUTER_S : 0);
  let at = nd.putMac(message + FIXED_BYTES, nd.SOURCE_MAC, network.mac);

  memory.fill(at, 0, 8);
  store<u8>(at, <u8>nd.MTU);
  store<u8>(at + 1, 1);
  store32(at + 4, network.mtu);
  at += 8;

  memory.fill(at, 0, 32);
  store<u8>(at, <u8>nd.PREFIX);
  store<u8>(at + 1, 4);
  store<u8>(at + 2, 64);
  store<u8>(at + 3, <u8>(ON_LINK | AUTONOMOUS));
  store32(at + 4, VALID_S);
  store32(at + 8, PREFERRED_S);
  storeIp6(at + 16, network.ip6High, 0);
  at += 32;

  at = putServer(at, network);
  at = putDomain(at, network);
  nd.closeAdvertisement(at, LINK_LOCAL_HIGH, interfaceOf(network.mac));
}

/** The gateway, or who it would ask, if it is not to be asked. */
function putServer(at: usize, network: Network): usize {
  const isOurs = (network.flags & NETWORK_FLAG_NO_DNS) == 0;
  const high = isOurs ? network.ip6High : network.outDns6High;
  const low = isOurs ? network.ip6Low : network.outDns6Low;
  if ((high | low) == 0) return at;
  store<u8>(at, <u8>nd.SERVERS);
  store<u8>(at + 1, 3);
  store16(at + 2, 0);
  store32(at + 4, SERVER_S);
  storeIp6(at + 8, high, low);
  return at + 24;
}

/** The domain as labels (RFC 1035, 3.1), filled up to a multiple of 8. */
function putDomain(at: usize, network: Network): usize {
  const bytes = putName(at + 8, domainOf(network));
  if (bytes <= 1) return at;
  const whole = (bytes + 7) & ~7;
  memory.fill(at + 8 + bytes, 0, whole - bytes);
  store<u8>(at, <u8>nd.DOMAINS);
  store<u8>(at + 1, <u8>(1 + (whole >> 3)));
  store16(at + 2, 0);
  store32(at + 4, SERVER_S);
  return at + 8 + whole;
}

/** Writes a name with dots, which ends with a zero and has NETWORK_DOMAIN_MAX bytes at most, as labels; their length. */
export function putName(at: usize, text: usize): u32 {
  let out = at;
  let from = text;
  while (load<u8>(from) != 0) {
    let bytes: u32 = 0;
    for (; load<u8>(from + bytes) != 0 && load<u8>(from + bytes) != 46; bytes++) store<u8>(out + 1 + bytes, load<u8>(from + bytes));
    store<u8>(out, <u8>bytes);
    out += bytes + 1;
    from += bytes;
    if (load<u8>(from) == 46) from++;
  }
  store<u8>(out, 0);
  return <u32>(out - at) + 1;
}

/** Is the address one of the gateway's: that of the network, or that of the link? */
export function isOurs(network: Network, ptr: usize): bool {
  const high = load64(ptr);
  const low = load64(ptr + 8);
  if (!hasIp6(network)) return false;
  return (high == network.ip6High && low == network.ip6Low) || (high == LINK_LOCAL_HIGH && low == interfaceOf(network.mac));
}
