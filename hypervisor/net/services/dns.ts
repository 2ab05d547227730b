// The name server of a gateway (RFC 1035): it answers for the guests' names and addresses, and leaves all else to the uplink's.

import { Frame } from "../../devices/frame";
import { Network, domainOf } from "../network";
import { ETHERTYPE_IPV4, ETHERTYPE_IPV6, Packet, load16, load32, load48, store16, store32 } from "../packet";
import { isLinkLocal, isRoutable6, load64, storeIp6 } from "./address";
import { putName } from "./advertise";
import * as names from "./names";
import * as neighbours from "./neighbours";
import { Neighbour } from "./neighbours";
import { CONSUMED, REPLY, ROUTE } from "./places";
import * as reply from "./reply";

export const PORT: u32 = 53;

const HEADER_BYTES: u32 = 12;
/** Offsets of a message, and bits of its flags. */
const FLAGS: usize = 2;
const QUESTIONS: usize = 4;
const ANSWERS: usize = 6;
const AUTHORITIES: usize = 8;
const ADDITIONALS: usize = 10;
const IS_RESPONSE: u32 = 0x8000;
const OPCODE: u32 = 0x7800;
const AUTHORITATIVE: u32 = 0x0400;
const RECURSION_DESIRED: u32 = 0x0100;
const RECURSION_AVAILABLE: u32 = 0x0080;

const FORMAT_ERROR: u32 = 1;
const SERVER_FAILURE: u32 = 2;
const NO_SUCH_NAME: u32 = 3;
const NOT_IMPLEMENTED: u32 = 4;

const TYPE_A: u32 = 1;
const TYPE_SOA: u32 = 6;
const TYPE_PTR: u32 = 12;
const TYPE_AAAA: u32 = 28;
const TYPE_OPT: u32 = 41;
const TYPE_ANY: u32 = 255;
const CLASS_IN: u32 = 1;
const CLASS_ANY: u32 = 255;

/** The question's name, from elsewhere in a message. */
const TO_QUESTION: u32 = 0xc000 | HEADER_BYTES;
/** Guests come and go: what was said of them is good for so many seconds; also that there is no such name. */
const TTL_S: u32 = 10;
/** Devices of one guest that are answered with: as many as it can have. */
const DEVICES: u32 = 4;
/** Bytes that we say we take, and an answer of ours that has them all. */
const EDNS_BYTES: u32 = 1232;

/**
 * A datagram to PORT, whose packet is whole and sound: REPLY, CONSUMED, or ROUTE: somebody else is to answer. With `isAlone` there
 * is nobody else.
 */
export function serve(network: Network, frame: Frame, packet: Packet, isAlone: bool): u32 {
  const header = frame.head + packet.transport;
  const message = header + 8;
  const bytes = load16(header + 4) - 8;
  if (bytes < HEADER_BYTES) return CONSUMED;
  const flags = load16(message + FLAGS);
  if ((flags & IS_RESPONSE) != 0) return CONSUMED;
  const nameBytes = names.length(message + HEADER_BYTES, message + bytes);
  const question = message + HEADER_BYTES + nameBytes;
  if (load16(message + QUESTIONS) != 1 || nameBytes == 0 || question + 4 > message + bytes) {
    return refuse(network, frame, packet, message, (flags & OPCODE) != 0 ? NOT_IMPLEMENTED : FORMAT_ERROR);
  }
  const end = question + 4;
  const isIn = load16(question + 2) == CLASS_IN || load16(question + 2) == CLASS_ANY;
  const what = (flags & OPCODE) == 0 && isIn ? names.classify(network, message + HEADER_BYTES) : names.FOREIGN;
  if (what == names.FOREIGN) {
    if (!isAlone) return ROUTE;
    return refuse(network, frame, packet, message, (flags & OPCODE) != 0 ? NOT_IMPLEMENTED : SERVER_FAILURE);
  }
  const out = begin(network, frame, packet, message, <u32>(end - message));
  store16(out + QUESTIONS, 1);
  let at = out + <usize>(end - message);
  const first = at;
  if (what != names.UNKNOWN) at = answers(network, at, what, load16(question));
  store16(out + ANSWERS, counted);
  if (at == first) at = putAuthority(at, out, network);
  at = putEdns(at, out, message, end, bytes);
  const code = what == names.UNKNOWN ? NO_SUCH_NAME : 0;
  finish(frame, packet, out, at, flags, AUTHORITATIVE | code);
  return REPLY;
}

/** Copies what the answer begins with: the identification, and the question as it was asked. */
function begin(network: Network, frame: Frame, packet: Packet, message: usize, bytes: u32): usize {
  const to = load48(frame.head + 6);
  const out = packet.version == 4
    ? reply.open(to, network.mac, ETHERTYPE_IPV4) + reply.DATA4
    : reply.open(to, network.mac, ETHERTYPE_IPV6) + reply.DATA6;
  memory.copy(out, message, bytes);
  memory.fill(out + 2, 0, HEADER_BYTES - 2);
  counted = 0;
  return out;
}

/** Completes the message between `out` and `end`, back to who asked. */
function finish(frame: Frame, packet: Packet, out: usize, end: usize, asked: u32, flags: u32): void {
  store16(out + FLAGS, IS_RESPONSE | RECURSION_AVAILABLE | asked & (OPCODE | RECURSION_DESIRED) | flags);
  const ip = frame.head + packet.network;
  const toPort = load16(frame.head + packet.transport);
  const bytes = <u32>(end - out);
  if (packet.version == 4) {
    reply.closeUdp4(load32(ip + 16), load32(ip + 12), PORT, toPort, bytes);
  } else {
    reply.closeUdp6(load64(ip + 24), load64(ip + 32), load64(ip + 8), load64(ip + 16), PORT, toPort, bytes);
  }
}

function refuse(network: Network, frame: Frame, packet: Packet, message: usize, code: u32): u32 {
  const out = begin(network, frame, packet, message, HEADER_BYTES);
  finish(frame, packet, out, out + HEADER_BYTES, load16(message + FLAGS), code);
  return REPLY;
}

/** Answers that `answers` has written. */
let counted: u32 = 0;

function answers(network: Network, at: usize, what: u32, type: u32): usize {
  if (names.isReverse) return type == TYPE_PTR || type == TYPE_ANY ? putPointer(at, network, what) : at;
  const wants4 = type == TYPE_A || type == TYPE_ANY;
  const wants6 = type == TYPE_AAAA || type == TYPE_ANY;
  if (what == names.GATEWAY) {
    if (wants4) at = put4(at, network.ip4);
    if (wants6) at = put6(at, network.ip6High, network.ip6Low);
  } else if (what == names.HOST) {
    if (wants4) at = put4(at, network.outGateway4);
    if (wants6) at = put6(at, network.outGateway6High, network.outGateway6Low);
  } else if (what == names.GUEST) {
    for (let i: u32 = 0; i < DEVICES; i++) {
      const guest = neighbours.named(network, names.label, names.labelBytes, i);
      if (guest == null) break;
      if (wants4) at = put4(at, guest.ip4);
      if (wants6) at = put6(at, neighbours.publicHigh(network, guest), neighbours.publicLow(network, guest));
    }
  }
  return at;
}

function putRecord(at: usize, type: u32, bytes: u32): usize {
  store16(at, TO_QUESTION);
  store16(at + 2, type);
  store16(at + 4, CLASS_IN);
  store32(at + 6, TTL_S);
  store16(at + 10, bytes);
  counted++;
  return at + 12;
}

function put4(at: usize, ip4: u32): usize {
  if (ip4 == 0) return at;
  const data = putRecord(at, TYPE_A, 4);
  store32(data, ip4);
  return data + 4;
}

/** Addresses of a link mean nothing without the link. */
function put6(at: usize, high: u64, low: u64): usize {
  if (!isRoutable6(high, low) || isLinkLocal(high)) return at;
  const data = putRecord(at, TYPE_AAAA, 16);
  storeIp6(data, high, low);
  return data + 16;
}

function putPointer(at: usize, network: Network, what: u32): usize {
  const data = putRecord(at, TYPE_PTR, 0);
  const end = what == names.GATEWAY ? putName(data, names.gatewayName()) - 1 : putLabel(data, names.guest);
  const bytes = end + putName(data + end, domainOf(network));
  store16(data - 2, bytes);
  return data + bytes;
}

function putLabel(at: usize, guest: Neighbour): u32 {
  store<u8>(at, <u8>guest.nameBytes);
  memory.copy(at + 1, neighbours.nameOf(guest), guest.nameBytes);
  return guest.nameBytes + 1;
}

/** Who says that there is nothing, and how long that is good (RFC 2308). Of reverse names it is only said that there is none. */
function putAuthority(at: usize, out: usize, network: Network): usize {
  if (names.isReverse || load<u8>(domainOf(network)) == 0) return at;
  const start = at;
  at += putName(at, domainOf(network));
  store16(at, TYPE_SOA);
  store16(at + 2, CLASS_IN);
  store32(at + 4, TTL_S);
  const data = at + 10;
  // Server and keeper are both "gateway" in this domain, which stands where the record's own name does.
  let end = data;
  for (let i = 0; i < 2; i++) {
    end += putName(end, names.gatewayName()) - 1;
    store16(end, 0xc000 | <u32>(start - out));
    end += 2;
  }
  store32(end, 1);
  store32(end + 4, TTL_S);
  store32(end + 8, TTL_S);
  store32(end + 12, TTL_S);
  store32(end + 16, TTL_S);
  store16(at + 8, <u32>(end + 20 - data));
  store16(out + AUTHORITIES, 1);
  return end + 20;
}

/** Who asks with EDNS is answered with it (RFC 6891, 6.1.1): the first record behind the question says so. */
function putEdns(at: usize, out: usize, message: usize, from: usize, bytes: u32): usize {
  const isFirst = load16(message + ANSWERS) == 0 && load16(message + AUTHORITIES) == 0 && load16(message + ADDITIONALS) != 0;
  if (!isFirst || from + 11 > message + bytes || load<u8>(from) != 0 || load16(from + 1) != TYPE_OPT) return at;
  store<u8>(at, 0);
  store16(at + 1, TYPE_OPT);
  store16(at + 3, EDNS_BYTES);
  store32(at + 5, 0);
  store16(at + 9, 0);
  store16(out + ADDITIONALS, 1);
  return at + 11;
}
