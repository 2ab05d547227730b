// How conversations begin: who may, what their answers will say, and which port they get.
//
// `begin` and `admit` give a link (connections.ts); or why not (refusal.ts), which is a larger number; or 0: without a word.

import { NETWORK_FLAG_NO_DNS } from "../../abi";
import { Network } from "../network";
import { PROTOCOL_TCP, PROTOCOL_UDP } from "../packet";
import { isElsewhere, isGateway, isOurs, ourHigh, ourLow, why } from "./addresses";
import { NEEDS_CONSENT, at, tuple } from "./connection";
import * as connections from "./connections";
import * as forwards from "./forwards";
import { forwardAt } from "./forwards";
import * as mappings from "./mappings";
import * as ports from "./ports";
import * as refusal from "./refusal";
import { ANSWER } from "./table";
import { INSIDE, OUTSIDE, Tuple, copy, kindOf, protocolOf, toPort, turn, versionOf } from "./tuple";

/** Name servers listen here (RFC 1035, 4.2). */
const DNS_PORT: u32 = 53;

export function isReason(link: u32): bool {
  return link >= 1 << 24;
}

/** A guest begins to talk to somebody. */
export function begin(network: Network, payer: u32, said: Tuple, now: f64): u32 {
  const version = versionOf(said.kind);
  const protocol = protocolOf(said.kind);
  const isPorted = protocol == PROTOCOL_TCP || protocol == PROTOCOL_UDP;
  const no = why(network, version);
  if (no != 0) return no;
  const answer = changetype<Tuple>(ANSWER);
  turn(answer, said);
  answer.toHigh = ourHigh(network, version);
  answer.toLow = ourLow(network, version);
  answer.kind = kindOf(network.id, OUTSIDE, version, protocol);
  let state: u32 = 0;
  let forward: u32 = 0;
  if (isGateway(network, version, said.toHigh, said.toLow)) {
    if (!isPorted) return 0;
    if (toPort(said) != DNS_PORT || !askServer(network, version, answer)) return refusal.NO_PORT_THERE;
  } else if (isOurs(network, version, said.toHigh, said.toLow)) {
    if (!isPorted) return 0;
    answer.kind = kindOf(network.id, INSIDE, version, protocol);
    forward = forwards.find(network, protocol, toPort(said));
    if (forward != 0) {
      if (!forwards.resolve(network, forward, version, toPort(said), answer)) return refusal.NO_PORT_THERE;
    } else {
      if (!askMapping(answer, toPort(said))) return refusal.NO_PORT_THERE;
      state = NEEDS_CONSENT;
    }
  } else if (!isElsewhere(network, version, said)) {
    return 0;
  }
  const index = connections.take(payer);
  const connection = at(index);
  if (!ports.choose(network, connection, said, answer)) {
    connections.abandon(index);
    return 0;
  }
  connection.state = <u16>state;
  return start(index, forward, said, answer, now);
}

/** Somebody outside begins to talk to us: by a published port, or not at all. */
export function admit(network: Network, said: Tuple, now: f64): u32 {
  const version = versionOf(said.kind);
  const protocol = protocolOf(said.kind);
  if (!isOurs(network, version, said.toHigh, said.toLow)) return 0;
  if (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP) return 0;
  const forward = forwards.find(network, protocol, toPort(said));
  const answer = changetype<Tuple>(ANSWER);
  turn(answer, said);
  answer.kind = kindOf(network.id, INSIDE, version, protocol);
  if (forward == 0 || !forwards.resolve(network, forward, version, toPort(said), answer)) {
    // TCP's first segment may be one of two that meet (RFC 5382, REQ-4), and no answer is right for it.
    return protocol == PROTOCOL_UDP ? refusal.NO_PORT_THERE : 0;
  }
  if (connections.find(answer) != 0) return 0;
  return start(connections.take(forwardAt(forward - 1).guest), forward, said, answer, now);
}

function start(index: u32, forward: u32, said: Tuple, answer: Tuple, now: f64): u32 {
  const connection = at(index);
  copy(tuple(connection, 0), said);
  copy(tuple(connection, 1), answer);
  connection.forward = <u16>forward;
  connections.make(index, now);
  return index << 1;
}

/** Answers will come from the name server outside; false: there is none. */
function askServer(network: Network, version: u32, answer: Tuple): bool {
  if ((network.flags & NETWORK_FLAG_NO_DNS) != 0) return false;
  answer.fromHigh = version == 4 ? 0 : network.outDns6High;
  answer.fromLow = version == 4 ? <u64>network.outDns4 : network.outDns6Low;
  return (answer.fromHigh | answer.fromLow) != 0;
}

/** Answers will come from whoever has that port outside (RFC 4787, REQ-9); false: nobody. */
function askMapping(answer: Tuple, port: u32): bool {
  const index = mappings.findOutside(answer.kind, port);
  if (index == 0) return false;
  const mapping = mappings.mappingAt(index);
  answer.fromHigh = mapping.high;
  answer.fromLow = mapping.low;
  answer.ports = mappings.insidePort(mapping) << 16 | (answer.ports & 0xffff);
  return true;
}
