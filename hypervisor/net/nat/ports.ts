// Which port (or identifier) a conversation gets outside.
//
// The one that it has inside, if that is free (RFC 4787, 4.2.1), or the one by which it is published; else another at random
// (RFC 6056). When no free one is found, one is shared with a conversation to another end, which the other end tells apart;
// when there is none of these either, whoever has most connections loses one.

import { Network } from "../network";
import { PROTOCOL_ICMP, PROTOCOL_ICMPV6, PROTOCOL_UDP } from "../packet";
import { accountAt } from "./account";
import { Connection, at } from "./connection";
import * as connections from "./connections";
import * as forwards from "./forwards";
import * as mappings from "./mappings";
import { finish, head, mix } from "./table";
import { INSIDE, Tuple, fromPort, kindOf, protocolOf, toPort, versionOf } from "./tuple";

/** Ports below are for those who have one below inside (RFC 4787, REQ-3). */
const LOW_FIRST: u32 = 512;
const HIGH_FIRST: u32 = 1024;
const END: u32 = 0x1_0000;
/** Ports that are tried. */
const TRIES: u32 = 64;
/** Ports of our own DHCP clients on the uplink. */
const DHCP_CLIENT: u32 = 68;
const DHCP6_CLIENT: u32 = 546;

/**
 * Chooses the port outside of the conversation that begins with `said`: it becomes the destination of `answer`, whose other
 * fields are set, and the connection gets its mapping. False: there is none.
 */
export function choose(network: Network, connection: Connection, said: Tuple, answer: Tuple): bool {
  const kind = kindOf(network.id, INSIDE, versionOf(said.kind), protocolOf(said.kind));
  const inside = fromPort(said);
  let mapping = mappings.findInside(kind, said.fromHigh, said.fromLow, inside);
  if (mapping != 0) {
    aim(answer, mappings.outsidePort(mappings.mappingAt(mapping)));
    // Somebody who shares this port may be talking to the same end.
    if (connections.find(answer) != 0) return share(network, connection, said, answer);
  } else {
    if (!findFree(network, kind, said, answer)) return share(network, connection, said, answer);
    mapping = mappings.make(kind, said.fromHigh, said.fromLow, inside, toPort(answer));
  }
  mappings.join(mapping);
  connection.mapping = mapping;
  return true;
}

/** Makes that port the destination of `answer`. */
function aim(answer: Tuple, port: u32): void {
  answer.ports = (answer.ports & 0xffff_0000) | port;
}

/** Aims at a port that is nobody's. */
function findFree(network: Network, kind: u32, said: Tuple, answer: Tuple): bool {
  const inside = fromPort(said);
  const published = forwards.portOf(network, versionOf(kind), protocolOf(kind), said.fromHigh, said.fromLow, inside);
  if (published != 0 && isUnmapped(kind, published, answer)) return true;
  if (isFree(network, kind, inside, answer)) return true;
  for (let i: u32 = 0; i < TRIES; i++) if (isFree(network, kind, candidate(said, i), answer)) return true;
  return false;
}

/** Aims at a port; does nobody else use it? */
function isUnmapped(kind: u32, port: u32, answer: Tuple): bool {
  aim(answer, port);
  return mappings.findOutside(kind, port) == 0 && connections.find(answer) == 0;
}

function isFree(network: Network, kind: u32, port: u32, answer: Tuple): bool {
  return !isReserved(network, kind, port) && isUnmapped(kind, port, answer);
}

/** Is it published, or our own? */
function isReserved(network: Network, kind: u32, port: u32): bool {
  const protocol = protocolOf(kind);
  if (protocol == PROTOCOL_UDP && port == (versionOf(kind) == 4 ? DHCP_CLIENT : DHCP6_CLIENT)) return true;
  return forwards.find(network, protocol, port) != 0;
}

/** The i-th port to try, in the part where the one inside is, and as even or odd as that with UDP (RFC 4787, REQ-4). */
function candidate(said: Tuple, i: u32): u32 {
  const protocol = protocolOf(said.kind);
  const inside = fromPort(said);
  const isIcmp = protocol == PROTOCOL_ICMP || protocol == PROTOCOL_ICMPV6;
  const first = inside < HIGH_FIRST && !isIcmp ? LOW_FIRST : HIGH_FIRST;
  const count = (first == LOW_FIRST ? HIGH_FIRST : END) - first;
  const drawn = mix(mix(head().seed, said.fromLow ^ said.fromHigh), <u64>head().serial << 32 | i << 16 | inside);
  const port = first + finish(drawn) % count;
  return protocol == PROTOCOL_UDP ? (port & ~1) | (inside & 1) : port;
}

/** Aims at a port that others have too, as long as they talk to others; or at that of somebody who has more than we. */
function share(network: Network, connection: Connection, said: Tuple, answer: Tuple): bool {
  let victim: u32 = 0;
  let port: u32 = 0;
  let most = accountAt(connection.account).count;
  for (let i: u32 = 0; i < TRIES; i++) {
    const tried = candidate(said, i);
    if (isReserved(network, said.kind, tried)) continue;
    aim(answer, tried);
    const link = connections.find(answer);
    if (link == 0) return true;
    const index = connections.indexOf(link);
    const account: u32 = at(index).account;
    const isBetter = accountAt(account).count > most || (victim == 0 && account == connection.account);
    if (!isBetter) continue;
    victim = index;
    port = tried;
    most = accountAt(account).count;
  }
  if (victim == 0) return false;
  aim(answer, port);
  connections.evict(victim);
  return true;
}
