// Who has which IP address at which port of a network, as far as it is known: what guards, gateway and name server go by.
//
// IPv4: an address is fixed by the machine, leased by DHCP, or claimed by using it, if it is nobody's. A port has one. What was
// fixed or leased binds: other addresses are not the port's any more. IPv6: a port has what it was the first to use, ADDRESSES
// at most, of which it loses the one that it has not used for longest. Addresses that are made of a MAC belong to that MAC.

import { SPEC_NAME_MAX } from "../../abi";
import { Network, isNat } from "../network";
import { NIC_PORTS, Port } from "../port";
import { interfaceOf, isGroup6, isHost4, isInside4, isLinkLocal, isMapped } from "./address";
import * as leases from "./leases";
import { HINTS, HINT_COUNT, RECORDS, RECORD_STRIDE } from "./places";

/** How a port came to its IPv4 address. */
export const NONE: u32 = 0;
export const CLAIMED: u32 = 1;
export const LEASED: u32 = 2;
export const FIXED: u32 = 3;

const ADDRESSES: u32 = 14;
const ADDRESS_BYTES: usize = 24;

@unmanaged @final
export class Neighbour {
  /** 1 while the port is one of the network's. */
  joined: u32;
  network: u32;
  /** The port's MAC. */
  mac: u64;
  /** Its IPv4 address, 0: none known; NONE, CLAIMED, LEASED or FIXED. */
  ip4: u32;
  held: u32;
  /** Counts uses of IPv6 addresses. */
  turn: u32;
  nameBytes: u32;
  /** Addresses that DHCP gave and the guest declined; the next place to write. */
  declined0: u32;
  declined1: u32;
  declined2: u32;
  declined3: u32;
  declines: u32;
  /** When the last ICMP error was sent to it, in ns. */
  errorAt: f64;
  /** When DHCP last looked for an address for it and found the pool used up, in ns; 0: never. */
  drainedAt: f64;
}
/** Behind it: the name in lower case, then the IPv6 addresses. */
const NAME: usize = 80;
const LIST: usize = NAME + 64;

/** high, low, and the turn of its last use; all zero: a free place. */
@unmanaged @final
class Address {
  high: u64;
  low: u64;
  used: u32;
}

if (offsetof<Neighbour>() > NAME || offsetof<Address>() > ADDRESS_BYTES) ERROR("a neighbour's parts overlap");
if (LIST + <usize>ADDRESSES * ADDRESS_BYTES > RECORD_STRIDE) ERROR("a neighbour does not fit its stride");

function at(i: u32): Neighbour {
  return changetype<Neighbour>(RECORDS + <usize>i * RECORD_STRIDE);
}

function addressAt(neighbour: Neighbour, i: u32): Address {
  return changetype<Address>(changetype<usize>(neighbour) + LIST + <usize>i * ADDRESS_BYTES);
}

/** The record of a guest's port. */
export function recordOf(port: Port): Neighbour {
  return at(port.number);
}

export function nameOf(neighbour: Neighbour): usize {
  return changetype<usize>(neighbour) + NAME;
}

function isOn(network: Network, neighbour: Neighbour): bool {
  return neighbour.joined != 0 && neighbour.network == network.id;
}

/** The guest's port, with its MAC and fixed address, belongs to the network from now on. The name may be empty. */
export function join(network: Network, port: Port, name: usize, nameBytes: u32): void {
  const neighbour = recordOf(port);
  memory.fill(changetype<usize>(neighbour), 0, RECORD_STRIDE);
  neighbour.network = network.id;
  neighbour.mac = port.mac;
  neighbour.nameBytes = min<u32>(nameBytes, SPEC_NAME_MAX);
  for (let i: u32 = 0; i < neighbour.nameBytes; i++) store<u8>(nameOf(neighbour) + i, <u8>lower(load<u8>(name + i)));
  if (port.ip4 != 0) {
    const other = ownerOf4(network, port.ip4);
    // Whoever has taken it by itself has to give it back; two fixed ones are the operator's mistake, and the first has it.
    if (other == null || other.held != FIXED) {
      if (other != null) take4(other, 0, NONE);
      take4(neighbour, port.ip4, FIXED);
    }
  }
  evict(network, interfaceOf(port.mac));
  neighbour.joined = 1;
}

/** The port is gone. Its lease is remembered, and may be given to others. */
export function leave(network: Network, port: Port): void {
  const neighbour = recordOf(port);
  if (!isOn(network, neighbour)) return;
  const lease = leases.byMac(network, neighbour.mac);
  if (lease != null) lease.state = leases.REMEMBERED;
  neighbour.joined = 0;
}

/** The network is gone, and with it what its ports had. */
export function forget(network: Network): void {
  for (let i: u32 = 0; i < NIC_PORTS; i++) if (isOn(network, at(i))) at(i).joined = 0;
  leases.clear(network);
}

export function lower(byte: u32): u32 {
  return byte >= 65 && byte <= 90 ? byte + 32 : byte;
}

function hint(network: Network, key: u64): usize {
  const mixed = (key ^ key >> 32 ^ <u64>network.id << 20) * 0x9e37_79b9_7f4a_7c15;
  return HINTS + <usize>(mixed >> 40 & <u64>(HINT_COUNT - 1)) * 2;
}

/** Who has the IPv4 address; null: nobody that is known. */
export function ownerOf4(network: Network, ip4: u32): Neighbour | null {
  if (ip4 == 0) return null;
  const place = hint(network, ip4);
  const guess: u32 = load<u16>(place);
  if (guess < NIC_PORTS && at(guess).ip4 == ip4 && isOn(network, at(guess))) return at(guess);
  for (let i: u32 = 0; i < NIC_PORTS; i++) {
    if (at(i).ip4 != ip4 || !isOn(network, at(i))) continue;
    store<u16>(place, <u16>i);
    return at(i);
  }
  return null;
}

/** Who has the IPv6 address. */
export function ownerOf6(network: Network, high: u64, low: u64): Neighbour | null {
  const place = hint(network, low);
  const guess: u32 = load<u16>(place);
  if (guess < NIC_PORTS && isOn(network, at(guess)) && find6(at(guess), high, low) != null) return at(guess);
  for (let i: u32 = 0; i < NIC_PORTS; i++) {
    if (!isOn(network, at(i)) || find6(at(i), high, low) == null) continue;
    store<u16>(place, <u16>i);
    return at(i);
  }
  return null;
}

/** Who is called that: `bytes` of any case; null: nobody, or nobody yet. The i-th, as two devices of a guest have one name. */
export function named(network: Network, name: usize, bytes: u32, i: u32): Neighbour | null {
  let left = i;
  for (let k: u32 = 0; k < NIC_PORTS; k++) {
    const neighbour = at(k);
    if (neighbour.nameBytes != bytes || bytes == 0 || !isOn(network, neighbour)) continue;
    let same: u32 = 0;
    while (same < bytes && lower(load<u8>(name + same)) == <u32>load<u8>(nameOf(neighbour) + same)) same++;
    if (same == bytes && left-- == 0) return neighbour;
  }
  return null;
}

/** Writes a port's IPv4 address, and how it came to it. */
export function take4(neighbour: Neighbour, ip4: u32, held: u32): void {
  neighbour.ip4 = ip4;
  neighbour.held = held;
}

/** Is the address neither the gateway's, nor another port's, nor reserved for another by a lease? */
export function isFree4(network: Network, neighbour: Neighbour, ip4: u32): bool {
  if (ip4 == network.ip4 || leases.ofOther(network, neighbour.mac, ip4, false) != null) return false;
  const owner = ownerOf4(network, ip4);
  return owner == null || owner == neighbour;
}

/** May the port use the IPv4 address? A free one is claimed by that. 0, which is nobody's yet, is no answer to this: true. */
export function mayUse4(network: Network, port: Port, ip4: u32): bool {
  const neighbour = recordOf(port);
  if (ip4 == 0 || ip4 == neighbour.ip4) return true;
  if (neighbour.held >= LEASED || !isHost4(ip4)) return false;
  if (isNat(network) && !isInside4(ip4, network.ip4, network.prefix4)) return false;
  if (!isFree4(network, neighbour, ip4)) return false;
  take4(neighbour, ip4, CLAIMED);
  return true;
}

/** The port's IPv4 address; 0: none known. */
export function ip4Of(port: Port): u32 {
  return recordOf(port).joined != 0 ? recordOf(port).ip4 : 0;
}

function find6(neighbour: Neighbour, high: u64, low: u64): Address | null {
  for (let i: u32 = 0; i < ADDRESSES; i++) {
    const address = addressAt(neighbour, i);
    if (address.low == low && address.high == high) return address;
  }
  return null;
}

/** Takes addresses that end like this from whoever has claimed them: they are made of the MAC of one who has come. */
function evict(network: Network, low: u64): void {
  for (let i: u32 = 0; i < NIC_PORTS; i++) {
    if (!isOn(network, at(i))) continue;
    for (let k: u32 = 0; k < ADDRESSES; k++) {
      const address = addressAt(at(i), k);
      if (address.low == low) memory.fill(changetype<usize>(address), 0, ADDRESS_BYTES);
    }
  }
}

/** Is it made of the MAC of another port of this network? */
function isAnothers(network: Network, neighbour: Neighbour, low: u64): bool {
  if ((low >> 24 & 0xffff) != 0xfffe || low == interfaceOf(neighbour.mac)) return false;
  for (let i: u32 = 0; i < NIC_PORTS; i++) {
    if (isOn(network, at(i)) && at(i) != neighbour && interfaceOf(at(i).mac) == low) return true;
  }
  return false;
}

/** Is it an address that ports of the network may have, and not the gateway's? */
function isInside6(network: Network, high: u64, low: u64): bool {
  if (isGroup6(high) || isMapped(high, low) || (high | low) == 0 || (high == 0 && low == 1)) return false;
  if (!isNat(network)) return true;
  if (isLinkLocal(high)) return low != interfaceOf(network.mac);
  return (network.ip6High | network.ip6Low) != 0 && high == network.ip6High && low != network.ip6Low && low != 0;
}

/** Makes the IPv6 address the port's, if it is nobody's and may be; is it the port's now? */
export function claim6(network: Network, port: Port, high: u64, low: u64): bool {
  const neighbour = recordOf(port);
  if (neighbour.joined == 0 || !isInside6(network, high, low)) return false;
  const known = find6(neighbour, high, low);
  if (known != null) {
    known.used = ++neighbour.turn;
    return true;
  }
  if (isAnothers(network, neighbour, low) || ownerOf6(network, high, low) != null) return false;
  let oldest = addressAt(neighbour, 0);
  for (let i: u32 = 0; i < ADDRESSES; i++) {
    const address = addressAt(neighbour, i);
    if (address.used == 0) {
      oldest = address;
      break;
    }
    if (address.used < oldest.used) oldest = address;
  }
  oldest.high = high;
  oldest.low = low;
  oldest.used = ++neighbour.turn;
  return true;
}

/** May the port use the IPv6 address? A free one is claimed by that. */
export function mayUse6(network: Network, port: Port, high: u64, low: u64): bool {
  return claim6(network, port, high, low);
}

/** The address by which others reach it: in the network's prefix (a bridge: any that is not the link's), the one made of its MAC first. */
function public6(neighbour: Neighbour, network: Network): Address | null {
  let first: Address | null = null;
  for (let i: u32 = 0; i < ADDRESSES; i++) {
    const address = addressAt(neighbour, i);
    if ((address.high | address.low) == 0 || isLinkLocal(address.high)) continue;
    if (isNat(network) && address.high != network.ip6High) continue;
    if (address.low == interfaceOf(neighbour.mac)) return address;
    if (first == null) first = address;
  }
  return first;
}

/** Has it one? Then these are its halves; else 0. */
export function publicHigh(network: Network, neighbour: Neighbour): u64 {
  const address = public6(neighbour, network);
  return address == null ? 0 : address.high;
}

export function publicLow(network: Network, neighbour: Neighbour): u64 {
  const address = public6(neighbour, network);
  return address == null ? 0 : address.low;
}
