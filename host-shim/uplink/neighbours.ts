// Who is where on the link: ARP (RFC 826) and neighbour discovery (RFC 4861) for the gateway and the name server.

import { Address } from './address.ts'
import { Envelope } from './envelope.ts'
import type { Packet } from './packet.ts'
import { isOurs, OUR_MAC } from './plan.ts'
import { ETHERTYPE_ARP, ETHERTYPE_IP4, get16, OFFLOAD_BYTES, PAYLOAD_AT, PROTOCOL_ICMP6, put16 } from './wire.ts'

const ARP_BYTES = 28
const ARP_ETHERNET = 1
const ARP_REQUEST = 1
const ARP_REPLY = 2
export const ND_SOLICITATION = 135
export const ND_ADVERTISEMENT = 136
const ND_BYTES = 24
const ND_OPTION_BYTES = 8
const ND_SOURCE_MAC = 1
const ND_TARGET_MAC = 2
const ND_SOLICITED = 0x40
const ND_OVERRIDE = 0x20
const ND_ROUTER = 0x80
/** Neighbour discovery must not come from beyond a router. */
export const ND_HOPS = 255

/** The answer to an ARP request for one of our addresses; undefined: nothing to say. */
export function answerArp({ bytes, ipAt, end }: Packet): Uint8Array | undefined {
  if (end - ipAt < ARP_BYTES) return undefined
  if (get16(bytes, ipAt) !== ARP_ETHERNET || get16(bytes, ipAt + 2) !== ETHERTYPE_IP4) return undefined
  if (bytes[ipAt + 4] !== 6 || bytes[ipAt + 5] !== 4 || get16(bytes, ipAt + 6) !== ARP_REQUEST) return undefined
  const sender = new Address(4)
  const target = new Address(4)
  sender.read(4, bytes, ipAt + 14)
  target.read(4, bytes, ipAt + 24)
  if (!isOurs(target)) return undefined
  return arp(ARP_REPLY, bytes.slice(ipAt + 8, ipAt + 14), target, bytes.subarray(ipAt + 8, ipAt + 14), sender)
}

/** Asks everybody for the MAC of `target`. */
export function arpRequest(sender: Address, target: Address): Uint8Array {
  return arp(ARP_REQUEST, new Uint8Array(6).fill(0xff), sender, new Uint8Array(6), target)
}

function arp(operation: number, to: Uint8Array, sender: Address, targetMac: Uint8Array, target: Address): Uint8Array {
  const frame = new Uint8Array(PAYLOAD_AT + ARP_BYTES)
  frame[10] = 1
  frame.set(to, OFFLOAD_BYTES)
  frame.set(OUR_MAC, OFFLOAD_BYTES + 6)
  put16(frame, OFFLOAD_BYTES + 12, ETHERTYPE_ARP)
  put16(frame, PAYLOAD_AT, ARP_ETHERNET)
  put16(frame, PAYLOAD_AT + 2, ETHERTYPE_IP4)
  frame[PAYLOAD_AT + 4] = 6
  frame[PAYLOAD_AT + 5] = 4
  put16(frame, PAYLOAD_AT + 6, operation)
  frame.set(OUR_MAC, PAYLOAD_AT + 8)
  sender.write(frame, PAYLOAD_AT + 14)
  frame.set(targetMac, PAYLOAD_AT + 18)
  target.write(frame, PAYLOAD_AT + 24)
  return frame
}

/** The answer to a checked neighbour solicitation for one of our addresses; undefined: nothing to say. */
export function answerSolicitation(packet: Packet): Uint8Array | undefined {
  const { bytes, transportAt, dataEnd } = packet
  if (packet.hops !== ND_HOPS || dataEnd - transportAt < ND_BYTES) return undefined
  const target = new Address(6)
  target.read(6, bytes, transportAt + 8)
  if (!isOurs(target)) return undefined
  const { source } = packet
  const isProbe = source.a === 0 && source.b === 0 && source.c === 0 && source.d === 0
  const to = isProbe ? new Address(6, 0xff020000, 0, 0, 1) : source.copy()
  const flags = ND_ROUTER | ND_OVERRIDE | (isProbe ? 0 : ND_SOLICITED)
  const mac = isProbe ? groupMac(to) : bytes.slice(packet.ethernetAt + 6, packet.ethernetAt + 12)
  return discovery(ND_ADVERTISEMENT, flags, ND_TARGET_MAC, mac, target, to, target)
}

/** Asks for the MAC of `target`. */
export function solicitation(sender: Address, target: Address): Uint8Array {
  const group = new Address(6, 0xff020000, 0, 1, (0xff000000 | (target.d & 0xffffff)) >>> 0)
  return discovery(ND_SOLICITATION, 0, ND_SOURCE_MAC, groupMac(group), sender, group, target)
}

function discovery(
  type: number,
  flags: number,
  option: number,
  mac: Uint8Array,
  source: Address,
  destination: Address,
  target: Address,
): Uint8Array {
  const length = ND_BYTES + ND_OPTION_BYTES
  const envelope = new Envelope(source, destination, PROTOCOL_ICMP6, length)
  const { bytes, transportAt } = envelope
  bytes.set(mac, OFFLOAD_BYTES)
  bytes[PAYLOAD_AT + 7] = ND_HOPS
  bytes[transportAt] = type
  bytes[transportAt + 4] = flags
  target.write(bytes, transportAt + 8)
  bytes[transportAt + ND_BYTES] = option
  bytes[transportAt + ND_BYTES + 1] = 1
  bytes.set(OUR_MAC, transportAt + ND_BYTES + 2)
  envelope.address(length)
  envelope.makeSum(length, 2, [])
  return bytes
}

/** The MAC of an IPv6 group (RFC 2464, 7). */
function groupMac({ d }: Address): Uint8Array {
  return Uint8Array.of(0x33, 0x33, d >>> 24, d >>> 16, d >>> 8, d)
}
