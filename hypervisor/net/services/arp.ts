// ARP (RFC 826) for Ethernet and IPv4: reading a packet, answering for an address of ours, asking for one of others.

import { Frame } from "../../devices/frame";
import { ETHERTYPE_ARP, Packet, isGroup, load16, load32, load48, store16, store32, store48 } from "../packet";
import { BROADCAST_MAC } from "./address";
import * as reply from "./reply";

const BYTES: u32 = 28;
const ETHERNET: u32 = 0x0001_0800;
const LENGTHS: u32 = 0x0604;
export const REQUEST: u32 = 1;
export const ANSWER: u32 = 2;

/** Offsets: kinds of address and their lengths, operation, sender, target. */
const KINDS: usize = 0;
const SIZES: usize = 4;
const OPERATION: usize = 6;
const SENDER_MAC: usize = 8;
const SENDER_IP: usize = 14;
const TARGET_MAC: usize = 18;
const TARGET_IP: usize = 24;

/** Where the packet begins; 0: it is not one for Ethernet and IPv4, or its sender is not who sends the frame. */
export function read(frame: Frame, packet: Packet): usize {
  if (packet.network + BYTES > frame.headBytes) return 0;
  const arp = frame.head + packet.network;
  if (load32(arp + KINDS) != ETHERNET || load16(arp + SIZES) != LENGTHS) return 0;
  const mac = load48(arp + SENDER_MAC);
  return isGroup(mac) || mac == 0 || mac != load48(frame.head + 6) ? 0 : arp;
}

export function operation(arp: usize): u32 {
  return load16(arp + OPERATION);
}

export function senderMac(arp: usize): u64 {
  return load48(arp + SENDER_MAC);
}

export function senderIp(arp: usize): u32 {
  return load32(arp + SENDER_IP);
}

export function targetIp(arp: usize): u32 {
  return load32(arp + TARGET_IP);
}

function write(to: u64, kind: u32, fromMac: u64, fromIp: u32, targetMac: u64, targetIp: u32): void {
  const arp = reply.open(to, fromMac, ETHERTYPE_ARP) + 14;
  store32(arp + KINDS, ETHERNET);
  store16(arp + SIZES, LENGTHS);
  store16(arp + OPERATION, kind);
  store48(arp + SENDER_MAC, fromMac);
  store32(arp + SENDER_IP, fromIp);
  store48(arp + TARGET_MAC, targetMac);
  store32(arp + TARGET_IP, targetIp);
  reply.close(14 + BYTES);
}

/** Writes the answer to that request: the address that it asks for is ours. */
export function answer(arp: usize, mac: u64): void {
  write(senderMac(arp), ANSWER, mac, targetIp(arp), senderMac(arp), senderIp(arp));
}

/** Writes a question for `ip4`; to `to`, which had it last, or to all if that is 0. */
export function ask(ip4: u32, fromMac: u64, fromIp: u32, to: u64): void {
  write(to == 0 ? BROADCAST_MAC : to, REQUEST, fromMac, fromIp, to, ip4);
}
