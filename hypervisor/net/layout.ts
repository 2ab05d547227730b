// Where the network's tables lie, behind layout.NETS.
//
//   NETWORKS      MAX_NETWORKS networks (net/network.ts)
//   PORTS         the switch's ports (net/port.ts)
//   MACS          addresses that the switch has learned (net/macs.ts)
//   NEIGHBOURS    who has which address, leases (net/services)
//   FORWARDS      published ports (net/nat/forwards.ts)
//   DESKS         one desk for frames per physical CPU (net/desk.ts)
//   STAGES        a whole frame for each uplink, on its way in (net/uplink.ts)
//   CONNECTIONS   what NAT keeps track of (net/nat)

import { MAX_CPUS, MAX_NETWORKS, MAX_UPLINKS } from "../abi";
import { NETS, NETS_SIZE } from "../core/layout";

export const NETWORKS: usize = NETS;
/** Bytes of a network. */
export const NETWORK_STRIDE: usize = 0x1000;

export const PORTS: usize = NETWORKS + <usize>MAX_NETWORKS * NETWORK_STRIDE;
export const PORTS_SIZE: usize = 0x0004_0000;

export const MACS: usize = PORTS + PORTS_SIZE;
export const MACS_SIZE: usize = 0x0004_0000;

export const NEIGHBOURS: usize = MACS + MACS_SIZE;
export const NEIGHBOURS_SIZE: usize = 0x0008_0000;

export const FORWARDS: usize = NEIGHBOURS + NEIGHBOURS_SIZE;
export const FORWARDS_SIZE: usize = 0x0001_0000;

export const DESKS: usize = FORWARDS + FORWARDS_SIZE;
/** A head, its Frame, a whole frame from an uplink, and room to write another. */
export const DESK_STRIDE: usize = 0x0003_0000;

export const STAGES: usize = DESKS + <usize>MAX_CPUS * DESK_STRIDE;
export const STAGE_STRIDE: usize = 0x0001_1000;

export const CONNECTIONS: usize = STAGES + <usize>MAX_UPLINKS * STAGE_STRIDE;
/** All the rest: more than 10 MiB. */
export const CONNECTIONS_SIZE: usize = NETS + NETS_SIZE - CONNECTIONS;

if (CONNECTIONS_SIZE < 0x00a0_0000) ERROR("too little room for connections");
