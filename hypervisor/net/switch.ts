// The switch: which frames enter a network, and to which ports they go.
//
// Inside, a frame has no tag: its VLAN is told apart, and it gets a tag where it leaves through a trunk. What one guest sends to
// another takes the way that its port remembers; nothing is locked for it.

import { NIC_TRUNK } from "../abi";
import { FRAME_LEAST, Frame, VIRTIO_NET_HDR_GSO_NONE } from "../devices/frame";
import * as guard from "./guard";
import * as macs from "./macs";
import { FRESH_NS } from "./macs";
import { Network } from "./network";
import { ETHERTYPE_VLAN, Packet, isGroup, load16, load48, parse, store16 } from "./packet";
import * as patience from "./patience";
import * as neighbours from "./services/neighbours";
import { isSound } from "./segment";
import { NO_PORT, Port, isIn, isNic, isOpen, isTrusted, mayTalk, portAt } from "./port";

/** To all ports of the VLAN; to those behind which there may be addresses that we have not seen. */
export const EVERYBODY: u32 = 0xffff_fff0;
export const ANYBODY: u32 = 0xffff_fff1;

export const TAG_BYTES: u32 = 4;
const MACS_BYTES: usize = 12;
const BROKEN: u32 = 0xffff_ffff;
/** Tags of providers and of old times: nobody's guests speak them, and who strips them would see what we have not checked. */
const ETHERTYPE_QINQ: u32 = 0x88a8;
const ETHERTYPE_QINQ_OLD: u32 = 0x9100;
/** 01:80:c2:00:00:00 to 0f: for the next bridge alone (802.1Q, 8.6.3). */
const LINK_LOCAL: u64 = 0x0180_c200_0000;

/** VLAN of the frame that `enter` has let in. */
let lane: u32 = 0;
export function vlan(): u32 {
  return lane;
}

/** What comes from a gateway belongs to the VLAN without a tag. */
export function enterInside(): void {
  lane = 0;
}

/** Takes the tag off; the frame's VLAN, or BROKEN: this port may not send with such a tag. */
function untag(port: Port, frame: Frame): u32 {
  const own: u32 = port.vlan == NIC_TRUNK ? 0 : port.vlan;
  if (load16(frame.head + 12) != ETHERTYPE_VLAN) return own;
  if (frame.headBytes < FRAME_LEAST + TAG_BYTES) return BROKEN;
  const tag = load16(frame.head + 14) & 0xfff;
  if (tag == 0xfff || (tag != 0 && port.vlan != NIC_TRUNK)) return BROKEN;
  memory.copy(frame.head + TAG_BYTES, frame.head, MACS_BYTES);
  shift(frame, TAG_BYTES);
  return tag == 0 ? own : tag;
}

/** The frame begins so many bytes later (or, wrapping, earlier). */
function shift(frame: Frame, bytes: u32): void {
  frame.head += bytes;
  frame.headBytes -= bytes;
  frame.bytes -= bytes;
  frame.csumStart -= bytes;
  frame.headerBytes -= bytes;
}

/** Puts a tag on, if the port wants one for this VLAN; takes it off again. */
export function tag(port: Port, frame: Frame, vlan: u32): bool {
  if (vlan == 0 || port.vlan != NIC_TRUNK) return false;
  shift(frame, 0 - TAG_BYTES);
  memory.copy(frame.head, frame.head + TAG_BYTES, MACS_BYTES);
  store16(frame.head + 12, ETHERTYPE_VLAN);
  store16(frame.head + 14, vlan);
  return true;
}

export function takeTag(frame: Frame): void {
  memory.copy(frame.head + TAG_BYTES, frame.head, MACS_BYTES);
  shift(frame, TAG_BYTES);
}

/** Looks at a frame that comes from a port, and parses it. False: it is not let in, which has been counted. */
export function enter(network: Network, port: Port, frame: Frame, packet: Packet, now: f64): bool {
  lane = frame.headBytes < FRAME_LEAST ? BROKEN : untag(port, frame);
  // Without an order to cut it, a frame is no longer than the network's packets.
  const tooLong = frame.gsoType == VIRTIO_NET_HDR_GSO_NONE && frame.bytes > network.mtu + FRAME_LEAST;
  if (lane == BROKEN || tooLong || frame.headBytes < FRAME_LEAST || !parse(frame, packet)) return refuse(port);
  if (packet.tagged != 0 || !isSound(frame, packet, network.mtu)) return refuse(port);
  const target = load48(frame.head);
  const source = load48(frame.head + 6);
  if (isGroup(source) || source == 0 || packet.ethertype == ETHERTYPE_QINQ || packet.ethertype == ETHERTYPE_QINQ_OLD) return refuse(port);
  if (port.mac == 0 && isNic(port) && !adopt(network, port, source, now)) {
    port.spoofed++;
    return false;
  }
  if (!isTrusted(port)) {
    if (!guard.admits(network, port, frame, packet, now)) {
      port.spoofed++;
      return false;
    }
  }
  if (isTrusted(port) || port.vlan == NIC_TRUNK) learn(network, port, macs.keyOf(source, lane), now);
  if (isGroup(target)) {
    if (target - LINK_LOCAL < 16) return refuse(port);
    if (port.waits == 0 && !patience.mayFlood(network, port, now)) {
      port.flooded++;
      return false;
    }
  }
  return true;
}

function refuse(port: Port): bool {
  port.malformed++;
  return false;
}

/** A device without an address has the one that its driver chooses, if nobody else has it. */
function adopt(network: Network, port: Port, mac: u64, now: f64): bool {
  const key = macs.keyOf(mac, port.vlan == NIC_TRUNK ? 0 : port.vlan);
  const owner = macs.find(network, key, now);
  if ((owner != NO_PORT && owner != port.number) || !macs.set(network, key, port.number)) return false;
  port.mac = mac;
  neighbours.recordOf(port).mac = mac;
  return true;
}

function learn(network: Network, port: Port, key: u64, now: f64): void {
  if (key == port.fromKey && now < port.fromAt + FRESH_NS) return;
  port.fromKey = key;
  port.fromAt = now;
  macs.learn(network, key, port.number, now);
}

/** Where a frame that was let in goes: a port, EVERYBODY, ANYBODY, or NO_PORT: the one it is for may not get it. */
export function route(network: Network, port: Port, frame: Frame, now: f64): u32 {
  const target = load48(frame.head);
  if (isGroup(target)) return EVERYBODY;
  const key = macs.keyOf(target, lane);
  let number = port.toPort;
  if (key != port.toKey || port.toGeneration != macs.generation(network)) {
    port.toGeneration = macs.generation(network);
    number = macs.find(network, key, now);
    port.toKey = key;
    port.toPort = number;
  }
  if (number == NO_PORT) return ANYBODY;
  // Who sends to itself means the wire: a loopback behind it brings the frame back.
  if (number == port.number) return isNic(port) ? ANYBODY : NO_PORT;
  return reaches(port, portAt(number)) ? number : NO_PORT;
}

/** May the frame at hand, from one port, leave through the other? */
export function reaches(from: Port, to: Port): bool {
  return to.exists != 0 && to.network == from.network && isIn(to, lane) && mayTalk(from, to);
}

/** Is the port one of those that `where` means? */
export function isMeant(where: u32, to: Port): bool {
  return where == EVERYBODY || isOpen(to);
}
