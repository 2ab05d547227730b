// A network of the machine: a switch, and with NETWORK_NAT a gateway behind which its guests share the uplink's address.

import { MAX_NETWORKS, NETWORK_NAT } from "../abi";
import { NETWORKS, NETWORK_STRIDE } from "./layout";

/** MACs are numbers with the first byte on top (packet.load48); IPv4 addresses likewise; IPv6 addresses as on the wire. */
@unmanaged @final
export class Network {
  /** A lock over all that the network knows: its ports' addresses, leases, connections. A leaf: taken after guests' locks. */
  lock: u32;
  /** 1 while the network exists. */
  exists: u32;
  /** Index in the machine. */
  id: u32;
  /** NETWORK_BRIDGE or NETWORK_NAT. */
  mode: u32;
  /** Number of the uplink, NO_UPLINK: none; 1 while its link is up. */
  uplink: u32;
  link: u32;
  /** NETWORK_FLAG_*. */
  flags: u32;
  mtu: u32;
  /** Broadcast and multicast frames a second that a port may send. */
  broadcasts: u32;

  // The gateway's side of the guests.
  prefix4: u32;
  ip4: u32;
  leaseFirst: u32;
  leaseLast: u32;
  mac: u64;
  /** All zero: no IPv6. */
  ip6High: u64;
  ip6Low: u64;

  // The masquerading side, on the uplink. What DHCP or advertisements have told stands here too, once it is known.
  outMac: u64;
  /** 0: not known (yet). */
  outIp4: u32;
  outPrefix4: u32;
  outGateway4: u32;
  outDns4: u32;
  outIp6High: u64;
  outIp6Low: u64;
  outGateway6High: u64;
  outGateway6Low: u64;
  outDns6High: u64;
  outDns6Low: u64;
  outPrefix6: u32;
  /** 1: the addresses above are learned from the uplink by DHCP, or by router advertisements. */
  outLearns4: u32;
  outLearns6: u32;

  // Counters since the network was defined.
  connections: u32;
  tracked: u64;
  evicted: u64;
  refused: u64;
}
/** The domain follows: up to NETWORK_DOMAIN_MAX bytes and a zero. The rest of the page belongs to net/services (outside.ts). */
export const DOMAIN: usize = 0x200;
export const OUTSIDE: usize = 0x400;

if (offsetof<Network>() > DOMAIN) ERROR("a network runs into its domain");

export function networkAt(id: u32): Network {
  return changetype<Network>(NETWORKS + <usize>id * NETWORK_STRIDE);
}

export function has(id: u32): bool {
  return id < <u32>MAX_NETWORKS && networkAt(id).exists != 0;
}

export function isNat(network: Network): bool {
  return network.mode == <u32>NETWORK_NAT;
}

/** Linear address of the domain's name, which ends with a zero. */
export function domainOf(network: Network): usize {
  return changetype<usize>(network) + DOMAIN;
}
