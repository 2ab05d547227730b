// Delivery: a frame leaves a switch through one of its ports, or through several.

import { GUEST_RUNNING, NETPORT_GATEWAY } from "../abi";
import { deviceAt } from "../devices/device";
import { Frame, IN_CHAIN, VIRTIO_NET_HDR_GSO_NONE, senderOf } from "../devices/frame";
import * as nic from "../devices/virtio/net";
import { GIVEN, GIVE_DEAD, Net } from "../devices/virtio/net";
import * as ring from "../devices/virtio/queue";
import { Virtio } from "../devices/virtio/virtio";
import { Guest, guestAt } from "../guest/guest";
import * as capture from "../net/capture";
import * as desk from "../net/desk";
import { Network, isNat } from "../net/network";
import { Packet } from "../net/packet";
import * as patience from "../net/patience";
import { ALL_PORTS, NIC_PORTS, Port, countIn, countOut, expect, isDevice, isNic, portAt, uplinkPort } from "../net/port";
import * as segment from "../net/segment";
import * as fabric from "../net/switch";
import * as uplink from "../net/uplink";
import * as bill from "./bill";
import * as peer from "./peer";

/** What became of a frame: who should have it has it; it is gone; it waits for room, or for somebody's lock. */
export const SENT: u32 = 0;
export const DROPPED: u32 = 1;
export const WAITS_FOR_ROOM: u32 = 2;
export const WAITS_FOR_LOCK: u32 = 3;

/** The frame at hand: the port by which it enters the switch, who waits with it (its sender), and its layers. */
let source: Port = changetype<Port>(0);
let origin: Port | null = null;
let layers: Packet = changetype<Packet>(0);
/** What the sender has of it already delivered, as Port has it. */
let portsDone: u32 = 0;
let piecesDone: u32 = 0;

/** Brings the rest of the frame behind its head; false: its sender has taken it back. */
export function gather(frame: Frame): bool {
  const rest = frame.bytes - frame.headBytes;
  if (rest == 0) return true;
  const end = frame.head + frame.headBytes;
  if (frame.body != IN_CHAIN) memory.copy(end, frame.body, rest);
  else if (ring.pull(senderOf(frame), changetype<Virtio>(frame.nic), end, rest) != rest) return false;
  frame.headBytes = frame.bytes;
  return true;
}

/** Does what a port's other end can't: the frame, or its pieces from the first that has not been given, go out by `put`. */
function give(to: Port, frame: Frame, guest: Guest, net: Net): i32 {
  if (nic.takes(net, frame)) return put(to, frame, guest, net);
  if (!gather(frame)) return GIVE_DEAD;
  if (frame.gsoType == VIRTIO_NET_HDR_GSO_NONE) {
    segment.complete(frame);
    return put(to, frame, guest, net);
  }
  const count = segment.count(frame, layers);
  for (let i = piecesDone; i < count; i++) {
    const piece = desk.clearPiece();
    segment.cut(frame, layers, i, piece);
    const code = put(to, piece, guest, net);
    piecesDone = i;
    if (code != GIVEN) return code;
  }
  piecesDone = 0;
  return GIVEN;
}

function put(to: Port, frame: Frame, guest: Guest, net: Net): i32 {
  const isTagged = fabric.tag(to, frame, fabric.vlan());
  const code = nic.giveFrame(guest, net, frame);
  if (isTagged) fabric.takeTag(frame);
  return code;
}

function toNic(to: Port, frame: Frame): u32 {
  if (!peer.hold(to.owner)) return WAITS_FOR_LOCK;
  // While nobody had the lock, the guest may have gone.
  if (!fabric.reaches(source, to)) return DROPPED;
  const guest = guestAt(to.owner);
  if (guest.state != GUEST_RUNNING || to.link == 0) return DROPPED;
  if (capture.isCaptured(to) && !gather(frame)) return DROPPED;
  const net = changetype<Net>(deviceAt(guest, to.slot));
  const before = piecesDone;
  const code = give(to, frame, guest, net);
  if (code == GIVEN || piecesDone != before) peer.note(to.owner, to.slot);
  if (code == GIVEN) return SENT;
  if (code == GIVE_DEAD) return DROPPED;
  return WAITS_FOR_ROOM;
}

function toUplink(to: Port, frame: Frame): u32 {
  if (to.exists == 0 || to.link == 0 || !gather(frame)) return DROPPED;
  if (to.offload != 0) return sendOut(to, true, frame) ? SENT : WAITS_FOR_ROOM;
  if (frame.gsoType == VIRTIO_NET_HDR_GSO_NONE) {
    segment.complete(frame);
    return sendOut(to, false, frame) ? SENT : WAITS_FOR_ROOM;
  }
  const count = segment.count(frame, layers);
  for (let i = piecesDone; i < count; i++) {
    const piece = desk.clearPiece();
    segment.cut(frame, layers, i, piece);
    piecesDone = i;
    if (!sendOut(to, false, piece)) return WAITS_FOR_ROOM;
  }
  piecesDone = 0;
  return SENT;
}

function sendOut(to: Port, hasHeader: bool, frame: Frame): bool {
  const isTagged = fabric.tag(to, frame, fabric.vlan());
  const isSent = uplink.send(to.uplink, hasHeader, frame);
  if (isTagged) fabric.takeTag(frame);
  return isSent;
}

/** The frame leaves through one port. If that has no room, may the frame wait? */
function leave(to: Port, frame: Frame, mayWait: bool): u32 {
  const fate = isDevice(to) ? toNic(to, frame) : toUplink(to, frame);
  if (fate == SENT) {
    countOut(to, frame.bytes);
    patience.reward(to, frame.bytes, bill.now());
    capture.copy(to, frame);
  }
  if (fate != WAITS_FOR_ROOM) return fate;
  const sender = origin;
  if (!sender) return DROPPED;
  if (mayWait && patience.mayHold(to, bill.now())) {
    expect(sender, to);
    return fate;
  }
  sender.overrun++;
  return DROPPED;
}

/**
 * Delivers a frame that has entered the switch by `from` to where `fabric.route` or a gateway has said. `sender` is the port in
 * whose ring or on whose stage it stays if it has to wait; null: it does not wait.
 */
export function deliver(network: Network, from: Port, sender: Port | null, where: u32, frame: Frame, packet: Packet): u32 {
  source = from;
  origin = sender;
  layers = packet;
  portsDone = sender ? sender.portsDone : 0;
  piecesDone = sender ? sender.piecesDone : 0;
  const fate = where < ALL_PORTS ? leave(portAt(where), frame, true) : spread(network, where, frame);
  if (sender) {
    sender.portsDone = portsDone;
    sender.piecesDone = piecesDone;
  }
  if (fate == SENT && from.owner == <u32>NETPORT_GATEWAY && where != uplinkPort(network.id).number) countIn(from, frame.bytes);
  return sender || fate == SENT ? fate : DROPPED;
}

/** To many ports: one that has no room goes without, and none waits for it. */
function spread(network: Network, where: u32, frame: Frame): u32 {
  if (!gather(frame)) return DROPPED;
  // The uplink of a network with a gateway is none of its ports.
  const count = isNat(network) ? NIC_PORTS : NIC_PORTS + 1;
  for (let i = portsDone; i < count; i++) {
    const to = i < NIC_PORTS ? portAt(i) : uplinkPort(network.id);
    if (to.exists == 0 || !fabric.isMeant(where, to) || !fabric.reaches(source, to)) continue;
    const fate = leave(to, frame, !isNic(to));
    portsDone = i;
    if (origin && (fate == WAITS_FOR_LOCK || fate == WAITS_FOR_ROOM)) return fate;
    piecesDone = 0;
  }
  portsDone = 0;
  return SENT;
}
