// The gate of a network behind NAT: frames between its switch and its uplink, by way of the gateway and the translation.
//
//   inside -> gateway -> NAT -> next hop's MAC -> uplink        answers of each go back to where the frame came from
//   uplink -> outside -> NAT -> guest's MAC    -> switch
//
// What a frame meets here may be met again: it changes the copy on the desk alone, and a connection that is known already. So
// one that has to wait is simply carried anew.

import { MAX_NETWORKS } from "../abi";
import { Cpu } from "../core/cpus";
import * as lock from "../core/lock";
import { FRAME_LEAST, Frame, IN_CHAIN, VIRTIO_NET_HDR_GSO_NONE } from "../devices/frame";
import * as desk from "../net/desk";
import * as macs from "../net/macs";
import * as nat from "../net/nat/nat";
import { NAT_DROP, NAT_INSIDE, NAT_REPLY } from "../net/nat/nat";
import { Network, has, isNat, networkAt } from "../net/network";
import { Packet, isGroup, load48, parse } from "../net/packet";
import * as patience from "../net/patience";
import { NO_PORT, Port, countOut, gatewayPort, uplinkPort } from "../net/port";
import { isSound } from "../net/segment";
import * as gateway from "../net/services/gateway";
import * as outside from "../net/services/outside";
import { ADDRESSED, ASK, CONSUMED, REPLY, ROUTE, WHOLE } from "../net/services/places";
import * as fabric from "../net/switch";
import { EVERYBODY } from "../net/switch";
import * as bill from "./bill";
import * as delivery from "./delivery";
import { DROPPED, SENT, WAITS_FOR_ROOM } from "./delivery";
import * as peer from "./peer";

/** No fate: the frame is none of the gateway's business. */
export const NOT_MINE: u32 = 0xff;

/** How often a worker lets gateways do what they do by themselves, and how much of it at once. */
const TICK_NS: f64 = 20_000_000;
const STEPS: u32 = 8;
/** Pieces of a datagram that had to wait for its first. */
const PIECES: u32 = 64;

let tickedAt: f64 = 0;

function acquire(network: Network): void {
  lock.acquire(changetype<usize>(network));
}

function release(network: Network): void {
  lock.release(changetype<usize>(network));
}

/**
 * An echo ends with what was asked with. That is fetched first: it may be in a chain of the very device that gets the answer, and
 * a device has one chain open at a time.
 */
function bringBody(frame: Frame): bool {
  if (frame.body != IN_CHAIN || frame.headBytes == frame.bytes) return true;
  const question = desk.frame();
  const headBytes = question.headBytes;
  if (!delivery.gather(question)) return false;
  frame.body = question.head + headBytes;
  return true;
}

/** Sends the answer on the desk to a port, from the gateway. It waits for nobody. */
function answer(network: Network, to: Port): void {
  const frame = desk.reply();
  if (!bringBody(frame)) return;
  fabric.enterInside();
  if (parse(frame, desk.replyPacket())) delivery.deliver(network, gatewayPort(network.id), null, to.number, frame, desk.replyPacket());
}

/** Sends the answer on the desk to whom its address says, or to all, from the gateway. */
function announce(network: Network): void {
  const frame = desk.reply();
  if (!parse(frame, desk.replyPacket())) return;
  fabric.enterInside();
  const where = isGroup(load48(frame.head)) ? EVERYBODY : place(network, frame);
  if (where != NO_PORT) delivery.deliver(network, gatewayPort(network.id), null, where, frame, desk.replyPacket());
}

/** The port behind which the frame's target is. */
function place(network: Network, frame: Frame): u32 {
  return macs.find(network, macs.keyOf(load48(frame.head), 0), bill.now());
}

/** A frame for the gateway, or for all, from a guest's port. Its fate, or NOT_MINE: the switch goes on with it. */
export function fromInside(network: Network, port: Port, frame: Frame, packet: Packet, isForAll: bool): u32 {
  const now = bill.now();
  acquire(network);
  let verdict = gateway.fromInside(network, port, frame, packet, now);
  if (verdict == WHOLE && delivery.gather(frame)) verdict = gateway.fromInside(network, port, frame, packet, now);
  let fate: u32 = isForAll ? NOT_MINE : SENT;
  let result: i32 = NAT_DROP;
  if (verdict == ROUTE) result = nat.outward(network, frame, packet, now);
  const side = result == NAT_INSIDE ? gateway.address(network, frame, packet, now)
    : verdict == ROUTE && result < NAT_DROP ? outside.address(network, frame, packet, now) : 0;
  release(network);
  if (!isForAll || verdict != CONSUMED) countOut(gatewayPort(network.id), frame.bytes);
  if (verdict == REPLY || result == NAT_REPLY) {
    answer(network, port);
    return SENT;
  }
  if (verdict != ROUTE) return fate;
  if (result >= NAT_DROP) return DROPPED;
  if (result == NAT_INSIDE) return toInside(network, port, frame, packet, side);
  if (side == ADDRESSED) return delivery.deliver(network, gatewayPort(network.id), port, uplinkPort(network.id).number, frame, packet);
  if (side == ASK) answer(network, uplinkPort(network.id));
  // Who has the address outside is being found out; the frame may wait for that.
  fate = patience.mayHold(gatewayPort(network.id), now) ? WAITS_FOR_ROOM : DROPPED;
  if (fate == DROPPED) port.overrun++;
  return fate;
}

/** A translated frame for a guest. */
function toInside(network: Network, origin: Port | null, frame: Frame, packet: Packet, side: u32): u32 {
  if (side == ASK) announce(network);
  if (side != ADDRESSED) return DROPPED;
  const where = place(network, frame);
  if (where == NO_PORT || where == gatewayPort(network.id).number) return DROPPED;
  return delivery.deliver(network, gatewayPort(network.id), origin, where, frame, packet);
}

/** A frame from the uplink. */
export function fromUplink(network: Network, frame: Frame, packet: Packet): u32 {
  const port = uplinkPort(network.id);
  const now = bill.now();
  const isTooLong = frame.gsoType == VIRTIO_NET_HDR_GSO_NONE && frame.bytes > network.mtu + FRAME_LEAST;
  if (isTooLong || !parse(frame, packet) || packet.tagged != 0 || !isSound(frame, packet, network.mtu)) {
    port.malformed++;
    return DROPPED;
  }
  fabric.enterInside();
  acquire(network);
  let verdict = outside.fromUplink(network, frame, packet, now);
  if (verdict == WHOLE && delivery.gather(frame)) verdict = outside.fromUplink(network, frame, packet, now);
  let result: i32 = NAT_DROP;
  if (verdict == ROUTE) result = nat.inward(network, frame, packet, now);
  const side = verdict == ROUTE && result < NAT_DROP ? gateway.address(network, frame, packet, now) : 0;
  release(network);
  if (verdict == REPLY || result == NAT_REPLY) answer(network, port);
  if (verdict != ROUTE || result >= NAT_DROP) return verdict == ROUTE ? DROPPED : SENT;
  const fate = toInside(network, port, frame, packet, side);
  if (fate == SENT && packet.isFragment != 0 && packet.fragmentOffset == 0) bringRest(network);
  return fate;
}

/** Pieces that came before the first of their datagram follow it now. */
function bringRest(network: Network): void {
  const now = bill.now();
  for (let left = PIECES; left > 0; left--) {
    const frame = desk.clear();
    const packet = desk.packet();
    acquire(network);
    const isThere = nat.released(network, frame, now);
    const side = isThere && parse(frame, packet) ? gateway.address(network, frame, packet, now) : 0;
    release(network);
    if (!isThere) return;
    toInside(network, null, frame, packet, side);
  }
}

/** What gateways do by themselves: leases that end, addresses that are asked for, advertisements, forgetting connections. */
export function tick(cpu: Cpu): void {
  if (bill.now() < tickedAt + TICK_NS) return;
  tickedAt = bill.now();
  nat.tick(tickedAt);
  for (let id: u32 = 0; id < <u32>MAX_NETWORKS; id++) {
    if (has(id) && isNat(networkAt(id))) tickOne(networkAt(id), cpu);
  }
}

function tickOne(network: Network, cpu: Cpu): void {
  const now = bill.now();
  peer.begin(peer.NOBODY, changetype<usize>(cpu));
  for (let left = STEPS; left > 0; left--) {
    acquire(network);
    const isMore = network.exists != 0 && gateway.dueAt(network) <= now && gateway.tick(network, now);
    release(network);
    if (!isMore) break;
    announce(network);
  }
  for (let left = STEPS; left > 0; left--) {
    acquire(network);
    const isMore = network.exists != 0 && outside.dueAt(network) <= now && outside.tick(network, now);
    release(network);
    if (!isMore) break;
    answer(network, uplinkPort(network.id));
  }
  peer.end();
}
