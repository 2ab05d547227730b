// IP addresses as numbers: which kind they are, what follows from a MAC, which network they are in.

import { load32, store32 } from "../packet";

export const BROADCAST_MAC: u64 = 0xffff_ffff_ffff;
export const BROADCAST4: u32 = 0xffff_ffff;

/** fe80::/64, ff02::, and the last halves of all nodes and all routers (RFC 4291, 2.5.6 and 2.7.1). */
export const LINK_LOCAL_HIGH: u64 = 0xfe80_0000_0000_0000;
export const LINK_GROUP_HIGH: u64 = 0xff02_0000_0000_0000;
export const ALL_NODES: u64 = 1;
export const ALL_ROUTERS: u64 = 2;
/** ff02::1:ff00:0, whose last 24 bits are those of the address that is asked for. */
const SOLICITED: u64 = 0x0000_0001_ff00_0000;
const GROUP_MAC: u64 = 0x3333_0000_0000;
/** High half and the bits in front of an IPv4 address in ::ffff:0:0/96. */
const MAPPED: u64 = 0xffff_0000_0000;

export function load64(ptr: usize): u64 {
  return <u64>load32(ptr) << 32 | <u64>load32(ptr + 4);
}

export function store64(ptr: usize, value: u64): void {
  store32(ptr, <u32>(value >> 32));
  store32(ptr + 4, <u32>value);
}

export function storeIp6(ptr: usize, high: u64, low: u64): void {
  store64(ptr, high);
  store64(ptr + 8, low);
}

/** The netmask of a prefix length. */
export function maskOf(prefix: u32): u32 {
  return prefix == 0 ? 0 : prefix >= 32 ? BROADCAST4 : ~(BROADCAST4 >> prefix);
}

/** Are both in one IPv4 network of that prefix length? */
export function isSame4(a: u32, b: u32, prefix: u32): bool {
  return ((a ^ b) & maskOf(prefix)) == 0;
}

/** May a host have it? Not 0/8, 127/8, multicast, reserved, broadcast. */
export function isHost4(ip4: u32): bool {
  const first = ip4 >> 24;
  return first != 0 && first != 127 && first < 224;
}

/** A host's address inside the network of `home`, neither its first nor its last, which mean the network and all of it. */
export function isInside4(ip4: u32, home: u32, prefix: u32): bool {
  if (!isSame4(ip4, home, prefix)) return false;
  if (prefix >= 31) return true;
  const host = ip4 & ~maskOf(prefix);
  return host != 0 && host != ~maskOf(prefix);
}

/** An IPv4 address as the low half of an IPv6 address whose high half is 0. */
export function mapped(ip4: u32): u64 {
  return MAPPED | <u64>ip4;
}

export function isMapped(high: u64, low: u64): bool {
  return high == 0 && low >> 32 == MAPPED >> 32;
}

export function isGroup6(high: u64): bool {
  return high >> 56 == 0xff;
}

export function isLinkLocal(high: u64): bool {
  return high >> 54 == LINK_LOCAL_HIGH >> 54;
}

/** May a host have it, and be reached from beyond its link? */
export function isRoutable6(high: u64, low: u64): bool {
  return !isGroup6(high) && !isLinkLocal(high) && !(high == 0 && low >> 32 == 0) && !isMapped(high, low);
}

/** The second half of the address that a host makes of its MAC (RFC 4291, appendix A). */
export function interfaceOf(mac: u64): u64 {
  const top = mac >> 24 ^ 0x02_0000;
  return top << 40 | <u64>0xff_fe00_0000 | mac & 0xff_ffff;
}

/** Second half of the group in which an address is asked for; its first is LINK_GROUP_HIGH. */
export function solicitedOf(low: u64): u64 {
  return SOLICITED | low & 0xff_ffff;
}

/** The MAC of an IPv6 group (RFC 2464, 7). */
export function groupMac(low: u64): u64 {
  return GROUP_MAC | low & 0xffff_ffff;
}
