// Which addresses are whose, as NAT sees it: the gateway's, ours on the uplink, guests', and those of everybody else.

import { NO_UPLINK } from "../../abi";
import { Network } from "../network";
import { isSame4, maskOf } from "../services/address";
import * as refusal from "./refusal";
import { INSIDE, Tuple } from "./tuple";

export function ourHigh(network: Network, version: u32): u64 {
  return version == 4 ? 0 : network.outIp6High;
}

export function ourLow(network: Network, version: u32): u64 {
  return version == 4 ? <u64>network.outIp4 : network.outIp6Low;
}

/** Is it our address on the uplink? */
export function isOurs(network: Network, version: u32, high: u64, low: u64): bool {
  return high == ourHigh(network, version) && low == ourLow(network, version);
}

/** Why nothing can go out: 0: it can. */
export function why(network: Network, version: u32): u32 {
  const hasAddress = (ourHigh(network, version) | ourLow(network, version)) != 0;
  return hasAddress && network.uplink != NO_UPLINK && network.link != 0 ? 0 : refusal.NO_ROUTE;
}

export function isGateway(network: Network, version: u32, high: u64, low: u64): bool {
  return version == 4 ? low == network.ip4 : high == network.ip6High && low == network.ip6Low;
}

/** Is it in the network of the guests? */
export function isInside(network: Network, version: u32, high: u64, low: u64): bool {
  if (version == 4) return isSame4(<u32>low, network.ip4, network.prefix4);
  return high == network.ip6High && (network.ip6High | network.ip6Low) != 0;
}

/** Is it a host that is neither ours nor here? */
export function isElsewhere(network: Network, version: u32, said: Tuple): bool {
  if (isInside(network, version, said.toHigh, said.toLow) || isOurs(network, version, said.toHigh, said.toLow)) return false;
  if (version == 6 || network.outPrefix4 == 0 || network.outPrefix4 >= 31) return true;
  // Not all hosts of the uplink's network at once (RFC 2644).
  return <u32>said.toLow != (network.outIp4 | ~maskOf(network.outPrefix4));
}

/** May a packet with that origin come from that side? */
export function isPlausible(network: Network, side: u32, version: u32, said: Tuple): bool {
  if (side == INSIDE) {
    return isInside(network, version, said.fromHigh, said.fromLow) && !isGateway(network, version, said.fromHigh, said.fromLow);
  }
  return !isInside(network, version, said.fromHigh, said.fromLow) && !isOurs(network, version, said.fromHigh, said.fromLow);
}
