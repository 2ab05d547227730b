// Where the services' tables lie, behind layout.NEIGHBOURS, and what a service answers.

import { MAX_NETWORKS } from "../../abi";
import { NEIGHBOURS, NEIGHBOURS_SIZE, NETWORK_STRIDE } from "../layout";
import { Network, OUTSIDE } from "../network";
import { NIC_PORTS } from "../port";

/** One record for each network device of a guest (neighbours.ts). */
export const RECORDS: usize = NEIGHBOURS;
export const RECORD_STRIDE: usize = 512;

/** Leases of a network (leases.ts). */
export const LEASES: usize = RECORDS + <usize>NIC_PORTS * RECORD_STRIDE;
export const LEASES_STRIDE: usize = 0x2000;

/** MACs of those behind a network's gateway, and of those on its uplink (peers.ts). */
export const PEERS: usize = LEASES + <usize>MAX_NETWORKS * LEASES_STRIDE;
export const PEERS_STRIDE: usize = 0x1000;
export const INSIDE: u32 = 0;
export const UPLINK: u32 = 1;

/** Where to look first for an IPv4 or IPv6 address: a port's number in 16 bits (neighbours.ts). */
export const HINTS: usize = PEERS + <usize>MAX_NETWORKS * 2 * PEERS_STRIDE;
export const HINT_COUNT: u32 = 4096;

if (HINTS + <usize>HINT_COUNT * 2 > NEIGHBOURS + NEIGHBOURS_SIZE) ERROR("too little room for neighbours");

/** In a network's page: what the gateway, and what the services on the uplink keep. */
const GATEWAY_STATE: usize = OUTSIDE;
const UPLINK_STATE: usize = OUTSIDE + 0x200;
export const GATEWAY_STATE_MOST: usize = 0x200;
export const UPLINK_STATE_MOST: usize = NETWORK_STRIDE - UPLINK_STATE;

export function gatewayState(network: Network): usize {
  return changetype<usize>(network) + GATEWAY_STATE;
}

export function uplinkState(network: Network): usize {
  return changetype<usize>(network) + UPLINK_STATE;
}

/** The frame ends here. */
export const CONSUMED: u32 = 0;
/** It is to be translated, and goes on. */
export const ROUTE: u32 = 1;
/** desk.reply() goes back to where it came from. */
export const REPLY: u32 = 2;
/** It is to be asked again with more of the frame in its head: all, or WHOLE_MOST bytes. */
export const WHOLE: u32 = 3;

/** The next hop's MAC is not known, and has been asked for a short while ago. */
export const UNRESOLVED: u32 = 0;
/** The frame's MACs are written. */
export const ADDRESSED: u32 = 1;
/** Not known: desk.reply() asks for it. */
export const ASK: u32 = 2;
