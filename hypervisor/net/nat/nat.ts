// Network address translation: guests share the address outside, and whoever answers reaches the guest that asked.
//
// Follows RFC 4787 (UDP), 5382 (TCP), 5508 (ICMP) and 7857: an inside end has one port outside, whomever it talks to; only those
// whom it has talked to get through to it, and whoever uses a published port. IPv6 is treated alike (NAT66).
//
//   outward   a packet of a guest that the gateway has taken: to the uplink, or to a guest again (by a published port)
//   inward    a packet from the uplink
//
// network.lock is held by whoever calls; NAT's own lock, over all networks, is taken inside. The clock is an argument.

import { MAX_GUESTS, NETWORK_FLAG_NO_FORWARDING } from "../../abi";
import { Frame, IN_CHAIN, VIRTIO_NET_HDR_GSO_NONE, senderOf } from "../../devices/frame";
import { Network } from "../network";
import { Packet, load16, parse } from "../packet";
import { isElsewhere, isOurs, isPlausible, ourHigh, ourLow, why } from "./addresses";
import * as beginnings from "./beginnings";
import * as claims from "./claims";
import { Connection, advance, at, foreign, isAllowed, isExpired, isReset, tuple } from "./connection";
import * as connections from "./connections";
import * as failures from "./failures";
import { Quote } from "./failures";
import * as forwards from "./forwards";
import * as fragments from "./fragments";
import * as held from "./held";
import { Held } from "./held";
import * as refusal from "./refusal";
import { rewrite } from "./rewrite";
import { ANSWER, HELD_PLACES, NOBODY, NOW, PIECE, PIECE_PACKET, QUOTE, SAID, acquire, head, release } from "./table";
import { INSIDE, OUTSIDE, Tuple, copy, kindOf, sideOf, turn, versionOf } from "./tuple";

/** The frame is translated and goes on: to the uplink, or (inward) to the inside. */
export const NAT_PASS: i32 = 0;
/** Outward: it is translated, and for an address inside. */
export const NAT_INSIDE: i32 = 1;
/** It ends here. */
export const NAT_DROP: i32 = 2;
/** It ends here, and desk.reply() goes back to where it came from. */
export const NAT_REPLY: i32 = 3;

const DONT_FRAGMENT: u32 = 0x4000;
/** Places that one step of `tick` looks at. */
const STEP: u32 = 4096;

/** Translates a packet that a guest has sent to the gateway, in the frame's head. NAT_*. */
export function outward(network: Network, frame: Frame, packet: Packet, now: f64): i32 {
  acquire();
  const result = pass(network, INSIDE, frame, packet, now);
  if (result >= NAT_DROP) network.refused++;
  release();
  return result;
}

/** Translates a packet from the uplink, in the frame's head. NAT_PASS, NAT_DROP or NAT_REPLY. */
export function inward(network: Network, frame: Frame, packet: Packet, now: f64): i32 {
  acquire();
  const result = pass(network, OUTSIDE, frame, packet, now);
  if (result >= NAT_DROP) network.refused++;
  release();
  // For who asks, an address inside is where all that comes from the uplink goes.
  return result == NAT_INSIDE ? NAT_PASS : result;
}

function pass(network: Network, side: u32, frame: Frame, packet: Packet, now: f64): i32 {
  if (packet.version == 0 || !claims.isSound(frame, packet)) return NAT_DROP;
  const said = changetype<Tuple>(SAID);
  const ip = frame.head + packet.network;
  claims.readEnds(ip, packet.version, said);
  if (!isPlausible(network, side, packet.version, said)) return NAT_DROP;
  if ((network.flags & NETWORK_FLAG_NO_FORWARDING) != 0) {
    return side == INSIDE ? refuse(network, side, frame, packet, refusal.NOT_ALLOWED, now) : NAT_DROP;
  }
  if (<u32>load<u8>(ip + (packet.version == 4 ? 8 : 7)) <= 1) return refuse(network, side, frame, packet, refusal.EXPIRED, now);
  if (side == INSIDE && isTooLarge(network, frame, packet)) {
    const mayCut = packet.version == 4 && (load16(ip + 6) & DONT_FRAGMENT) == 0;
    return mayCut ? NAT_DROP : refuse(network, side, frame, packet, refusal.TOO_BIG, now);
  }
  if (packet.fragmentOffset != 0) return passPiece(network, side, frame, packet, said, now);
  const what = claims.read(frame, packet, said);
  said.kind = kindOf(network.id, side, packet.version, packet.protocol);
  if (what == claims.FAILURE) return passFailure(network, frame, packet, said, now);
  if (what == claims.NOTHING) {
    const isStrange = side == INSIDE && !claims.isKnown(packet);
    return isStrange ? refuse(network, side, frame, packet, refusal.NOT_ALLOWED, now) : NAT_DROP;
  }
  return passWhole(network, side, frame, packet, what, said, now);
}

/** A whole packet or a first fragment of one. */
function passWhole(network: Network, side: u32, frame: Frame, packet: Packet, what: u32, said: Tuple, now: f64): i32 {
  const flags = claims.flagsOf(frame, packet);
  let link = live(network, connections.find(said), now);
  if (link == 0) {
    // Neither an answer nor a reset begins anything.
    if (what == claims.ANSWER || isReset(flags)) return NAT_DROP;
    link = side == INSIDE ? beginnings.begin(network, payerOf(frame), said, now) : beginnings.admit(network, said, now);
    if (link == 0) return NAT_DROP;
    if (beginnings.isReason(link)) return refuse(network, side, frame, packet, link, now);
  }
  const connection = at(connections.indexOf(link));
  const direction = connections.directionOf(link);
  advance(connection, direction, flags);
  connections.use(connections.indexOf(link), now);
  if (!isAllowed(connection, direction)) return NAT_DROP;
  if (packet.isFragment != 0) {
    fragments.remember(said, fragments.kindOfPiece(network.id, side, packet), packet.identification, link, now);
  }
  return follow(connection, direction, frame, packet);
}

/** Writes what a packet of that direction of a connection is to say, and tells where it goes. */
function follow(connection: Connection, direction: u32, frame: Frame, packet: Packet): i32 {
  const opposite = tuple(connection, 1 - direction);
  turn(changetype<Tuple>(NOW), opposite);
  rewrite(frame, packet, changetype<Tuple>(NOW));
  return exitOf(opposite);
}

function exitOf(opposite: Tuple): i32 {
  return sideOf(opposite.kind) == OUTSIDE ? NAT_PASS : NAT_INSIDE;
}

/** A later fragment. */
function passPiece(network: Network, side: u32, frame: Frame, packet: Packet, said: Tuple, now: f64): i32 {
  const kind = fragments.kindOfPiece(network.id, side, packet);
  const link = live(network, fragments.find(said, kind, packet.identification, now), now);
  if (link != 0) {
    const connection = at(connections.indexOf(link));
    const direction = connections.directionOf(link);
    return isAllowed(connection, direction) ? follow(connection, direction, frame, packet) : NAT_DROP;
  }
  if (side == OUTSIDE) {
    const isHere = frame.headBytes >= frame.bytes || frame.body != IN_CHAIN;
    if (isHere && isOurs(network, packet.version, said.toHigh, said.toLow)) held.keep(network, frame, now);
    return NAT_DROP;
  }
  // To the outside only the addresses of a later piece change, so it need not wait for the first.
  if (!claims.isKnown(packet) || why(network, packet.version) != 0 || !isElsewhere(network, packet.version, said)) return NAT_DROP;
  const its = changetype<Tuple>(NOW);
  copy(its, said);
  its.fromHigh = ourHigh(network, packet.version);
  its.fromLow = ourLow(network, packet.version);
  rewrite(frame, packet, its);
  return NAT_PASS;
}

/** An ICMP error. It neither keeps a connection alive nor ends it (RFC 5508, REQ-4 and REQ-7). */
function passFailure(network: Network, frame: Frame, packet: Packet, said: Tuple, now: f64): i32 {
  const quote = changetype<Quote>(QUOTE);
  const asked = changetype<Tuple>(ANSWER);
  if (!failures.read(frame, packet, said.kind, quote, said, asked)) return NAT_DROP;
  const link = live(network, connections.find(asked), now);
  if (link == 0) return NAT_DROP;
  const direction = connections.directionOf(link);
  const connection = at(connections.indexOf(link));
  if (!isAllowed(connection, direction)) return NAT_DROP;
  const opposite = tuple(connection, 1 - direction);
  const its = changetype<Tuple>(NOW);
  copy(its, said);
  its.toHigh = opposite.fromHigh;
  its.toLow = opposite.fromLow;
  // Routers outside keep their address; those inside, and the end itself, are known by another on the other side.
  const isEnd = said.fromHigh == asked.fromHigh && said.fromLow == asked.fromLow;
  // Between guests and the gateway there is no router: nobody else has a say in what an end has begun.
  if (!isEnd && sideOf(asked.kind) == INSIDE) return NAT_DROP;
  if (isEnd || exitOf(opposite) == NAT_PASS) {
    its.fromHigh = opposite.toHigh;
    its.fromLow = opposite.toLow;
  }
  failures.rewrite(frame, packet, quote, its, opposite);
  return exitOf(opposite);
}

/** The link, unless its connection has been silent for too long, or was for another address of ours: then it ends. */
function live(network: Network, link: u32, now: f64): u32 {
  if (link == 0) return 0;
  const connection = at(connections.indexOf(link));
  const ends = tuple(connection, foreign(connection));
  const version = versionOf(ends.kind);
  if (!isExpired(connection, now) && isOurs(network, version, ends.toHigh, ends.toLow)) return link;
  connections.end(connections.indexOf(link));
  return 0;
}

/** Is it, or is a piece that it is to be cut into, more than the networks carry? */
function isTooLarge(network: Network, frame: Frame, packet: Packet): bool {
  if (network.mtu == 0) return false;
  if (frame.gsoType == VIRTIO_NET_HDR_GSO_NONE) return packet.end - packet.network > network.mtu;
  return frame.headerBytes + frame.gsoSize > packet.network + network.mtu;
}

function payerOf(frame: Frame): u32 {
  return frame.sender == 0 ? NOBODY : senderOf(frame).id;
}

/** Refuses with a word, if this packet gets one. */
function refuse(network: Network, side: u32, frame: Frame, packet: Packet, reason: u32, now: f64): i32 {
  const isTold = refusal.refuse(network, side, payerOf(frame), frame, packet, reason, now);
  return isTold ? NAT_REPLY : NAT_DROP;
}

// ── What others ask for ─────────────────────────────────────────────────────────────────────────────────────────

/**
 * Fragments that came from the uplink before their first: after NAT_PASS of a first one, and as long as this gives true, one
 * that has waited is in `frame`, translated, for the inside. At frame.head there must be room for HELD_BYTES.
 */
export function released(network: Network, frame: Frame, now: f64): bool {
  acquire();
  let isFound = false;
  for (let i: u32 = 0; i < HELD_PLACES && !isFound; i++) {
    const piece = held.heldAt(i);
    if (held.isHeld(piece, network, now) && releaseOne(network, piece, frame, now)) isFound = true;
  }
  release();
  return isFound;
}

function releaseOne(network: Network, piece: Held, frame: Frame, now: f64): bool {
  const view = changetype<Frame>(PIECE);
  const packet = changetype<Packet>(PIECE_PACKET);
  memory.fill(PIECE, 0, offsetof<Frame>());
  view.head = held.bytesOf(piece);
  view.headBytes = piece.bytes;
  view.bytes = piece.bytes;
  if (!parse(view, packet)) return false;
  const said = changetype<Tuple>(SAID);
  claims.readEnds(view.head + packet.network, packet.version, said);
  const kind = fragments.kindOfPiece(network.id, OUTSIDE, packet);
  const link = live(network, fragments.find(said, kind, packet.identification, now), now);
  if (link == 0) return false;
  const head = frame.head;
  memory.copy(head, view.head, view.bytes);
  memory.copy(changetype<usize>(frame), PIECE, offsetof<Frame>());
  frame.head = head;
  piece.bytes = 0;
  follow(at(connections.indexOf(link)), connections.directionOf(link), frame, packet);
  return true;
}

/** A step of forgetting connections that nobody uses, of all networks: to be called some ten times a second. */
export function tick(now: f64): void {
  acquire();
  connections.expire(now, STEP);
  release();
}

/** The network goes: its connections and its published ports end. */
export function forget(network: Network): void {
  acquire();
  connections.endNetwork(network.id);
  forwards.clear(network);
  held.clear(network);
  release();
}

/** A guest's network device goes, with the ports that were published for it, as the next guest of its number is another. Its connections end. */
export function forgetPort(network: Network, guest: u32, nic: u32): void {
  assert(guest < <u32>MAX_GUESTS);
  acquire();
  for (let index: u32 = 1; index <= head().connectionsUsed; index++) {
    if (!connections.isOn(index, network.id)) continue;
    const connection = at(index);
    const forward: u32 = connection.forward;
    const isTo = forward != 0 && forwards.isTo(forward - 1, guest, nic);
    if (isTo || connection.account == <u8>guest) connections.end(index);
  }
  forwards.forget(network, guest, nic);
  release();
}
