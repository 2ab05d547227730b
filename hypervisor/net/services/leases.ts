// Leases of IPv4 addresses: which MAC has, had, or is offered which address of a network.
//
// There is one at most for each network device of a guest, so no guest gets more than one, whatever it asks for. What has
// ended is remembered, so that a guest which comes back has its old address, until somebody else needs the place.

import { Network } from "../network";
import { LEASES, LEASES_STRIDE } from "./places";

const LEASE_STRIDE: usize = 32;
const LEASE_COUNT: u32 = <u32>(LEASES_STRIDE / LEASE_STRIDE);

/** Not reserved: what this MAC had last. */
export const REMEMBERED: u32 = 0;
/** Reserved for a client that has been told of it; or that has it. */
export const OFFERED: u32 = 1;
export const BOUND: u32 = 2;

@unmanaged @final
export class Lease {
  /** Whose; 0: a free place. */
  mac: u64;
  ip4: u32;
  /** REMEMBERED, OFFERED or BOUND. */
  state: u32;
  /** End of what is reserved, or of what was: in ns. */
  until: f64;
}

if (offsetof<Lease>() > LEASE_STRIDE) ERROR("a lease does not fit its stride");

function leaseAt(network: Network, i: u32): Lease {
  return changetype<Lease>(LEASES + <usize>network.id * LEASES_STRIDE + <usize>i * LEASE_STRIDE);
}

/** Forgets all of a network. */
export function clear(network: Network): void {
  memory.fill(LEASES + <usize>network.id * LEASES_STRIDE, 0, LEASES_STRIDE);
}

/** The lease of a MAC, if it has or had one. */
export function byMac(network: Network, mac: u64): Lease | null {
  if (mac == 0) return null;
  for (let i: u32 = 0; i < LEASE_COUNT; i++) {
    const lease = leaseAt(network, i);
    if (lease.mac == mac) return lease;
  }
  return null;
}

/** The lease by which somebody else than `mac` has the address; `remembered`: or had. */
export function ofOther(network: Network, mac: u64, ip4: u32, remembered: bool): Lease | null {
  for (let i: u32 = 0; i < LEASE_COUNT; i++) {
    const lease = leaseAt(network, i);
    if (lease.ip4 != ip4 || lease.mac == 0 || lease.mac == mac) continue;
    if (remembered || lease.state != REMEMBERED) return lease;
  }
  return null;
}

/** Gives the address to `mac`, which has no other from now on. False: there is no place; there are as many as devices. */
export function put(network: Network, mac: u64, ip4: u32, state: u32, until: f64): bool {
  const lease = place(network, mac);
  if (lease == null) return false;
  // Two memories of one address would both want it back.
  const other = ofOther(network, mac, ip4, true);
  if (other != null && other.state == REMEMBERED) other.mac = 0;
  lease.mac = mac;
  lease.ip4 = ip4;
  lease.state = state;
  lease.until = until;
  return true;
}

function place(network: Network, mac: u64): Lease | null {
  let best: Lease | null = null;
  for (let i: u32 = 0; i < LEASE_COUNT; i++) {
    const lease = leaseAt(network, i);
    if (lease.mac == mac) return lease;
    if (lease.mac == 0) {
      if (best == null || best.mac != 0) best = lease;
    } else if (lease.state == REMEMBERED && (best == null || (best.mac != 0 && lease.until < best.until))) {
      best = lease;
    }
  }
  return best;
}

/** One that has run out by now, and is only remembered from here on; null: no more. */
export function expired(network: Network, now: f64): Lease | null {
  for (let i: u32 = 0; i < LEASE_COUNT; i++) {
    const lease = leaseAt(network, i);
    if (lease.mac == 0 || lease.state == REMEMBERED || lease.until > now) continue;
    lease.state = REMEMBERED;
    return lease;
  }
  return null;
}

/** When `expired` is to be called next; the largest number: nothing is reserved. */
export function dueAt(network: Network): f64 {
  let due = f64.MAX_VALUE;
  for (let i: u32 = 0; i < LEASE_COUNT; i++) {
    const lease = leaseAt(network, i);
    if (lease.mac != 0 && lease.state != REMEMBERED) due = min(due, lease.until);
  }
  return due;
}
