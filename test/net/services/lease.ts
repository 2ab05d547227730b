// DHCP messages for tests, built and taken apart (RFC 2131).

import * as p from '../packets.ts'
import { type Answer, BROADCAST, GATEWAY_MAC, macOf, type Stage } from './stage.ts'

export const DISCOVER = 1
export const OFFER = 2
export const REQUEST = 3
export const DECLINE = 4
export const ACK = 5
export const NAK = 6
export const RELEASE = 7
export const INFORM = 8

export interface Message {
  type: number
  mac: string
  isReply?: boolean
  xid?: number
  flags?: number
  ciaddr?: string
  yiaddr?: string
  giaddr?: string
  options?: [number, Uint8Array][]
}

export function build(message: Message): Uint8Array {
  const { type, mac, isReply = false, xid = 0x1234_5678, flags = 0, options = [] } = message
  const { ciaddr = '0.0.0.0', yiaddr = '0.0.0.0', giaddr = '0.0.0.0' } = message
  const fixed = p.bytes(
    ...[
      isReply ? 2 : 1,
      1,
      6,
      0,
      p.u32(xid),
      0,
      0,
      p.u16(flags),
      p.ip(ciaddr),
      p.ip(yiaddr),
      p.ip('0.0.0.0'),
      p.ip(giaddr),
    ],
    ...[p.mac(mac), new Uint8Array(10), new Uint8Array(192), p.u32(0x6382_5363)],
  )
  const all: [number, Uint8Array][] = [[53, p.bytes(type)], ...options]
  return p.bytes(fixed, ...all.map(([code, data]) => p.bytes(code, data.length, data)), 255)
}

export interface Parsed {
  op: number
  xid: number
  flags: number
  ciaddr: string
  yiaddr: string
  mac: string
  options: Map<number, Uint8Array>
}

export function parse(data: Uint8Array): Parsed {
  const view = new DataView(data.buffer, data.byteOffset)
  if (view.getUint32(236) !== 0x6382_5363) throw new Error('The cookie is wrong')
  const options = new Map<number, Uint8Array>()
  let at = 240
  while (data[at] !== 255) {
    if (at >= data.length) throw new Error('The options do not end')
    const length = data[at + 1]!
    if (options.has(data[at]!)) throw new Error(`Option ${data[at]} is there twice`)
    options.set(data[at]!, data.slice(at + 2, at + 2 + length))
    at += 2 + length
  }
  if (data.slice(at + 1).some((byte) => byte !== 0)) throw new Error('There is something behind the last option')
  const address = (from: number) => p.text(data.slice(from, from + 4))
  return {
    op: data[0]!,
    xid: view.getUint32(4),
    flags: view.getUint16(10),
    ciaddr: address(12),
    yiaddr: address(16),
    mac: p.text(data.slice(28, 34)),
    options,
  }
}

/** What an answer's option 53 says. */
export function typeOf(parsed: Parsed): number {
  return parsed.options.get(53)![0]!
}

export interface Client {
  stage: Stage
  port: number
  mac: string
}

export function clientAt(stage: Stage, guest: number, options: { name?: string; ip4?: string } = {}): Client {
  return { stage, port: stage.join(guest, options), mac: macOf(guest) }
}

/** Sends a message as this client; `from` and `to` are those of the IP header. */
export function say(
  client: Client,
  message: Omit<Message, 'mac'> & { mac?: string },
  from = '0.0.0.0',
  to = '255.255.255.255',
): Answer {
  const content = build({ mac: client.mac, ...message })
  const ip = p.packet({ from, to }, p.udp({ from: 68, to: 67 }, content))
  const isBroadcast = to === '255.255.255.255'
  return client.stage.send(client.port, p.ethernet({ from: client.mac, to: isBroadcast ? BROADCAST : GATEWAY_MAC }, ip))
}

/** The whole of it: DISCOVER, OFFER, REQUEST, ACK; the address. Undefined: nothing was offered, or it was refused. */
export function lease(client: Client, wanted?: string): string | undefined {
  const wish: [number, Uint8Array][] = wanted === undefined ? [] : [[50, p.ip(wanted)]]
  const offer = say(client, { type: DISCOVER, options: wish })
  if (offer.read === undefined) return undefined
  const { yiaddr, options } = parse(offer.read.data!)
  const ack = say(client, {
    type: REQUEST,
    options: [
      [50, p.ip(yiaddr)],
      [54, options.get(54)!],
    ],
  })
  if (ack.read === undefined) return undefined
  const parsed = parse(ack.read.data!)
  return typeOf(parsed) === ACK ? parsed.yiaddr : undefined
}
