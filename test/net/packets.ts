// Ethernet frames for tests, built from their parts and taken apart again: a second opinion, which shares nothing with the kernel.
//
// `ethernet(..., ip(...))` makes bytes with right lengths and sums; `read` takes them apart; `faults` says what is wrong with a
// frame: lengths, sums (of quoted packets, too), and what a receiver would drop.

/** An address as text: 10.9.0.1, fd00::1 (IPv6 in any short form), 02:00:00:00:00:01. */
export type Address = string

export const TYPE_IPV4 = 0x0800
export const TYPE_ARP = 0x0806
export const TYPE_VLAN = 0x8100
export const TYPE_IPV6 = 0x86dd
export const ICMP = 1
export const TCP = 6
export const UDP = 17
export const FRAGMENT = 44
export const ICMPV6 = 58

export const FIN = 1
export const SYN = 2
export const RST = 4
export const PSH = 8
export const ACK = 16

export function bytes(...parts: (number | Uint8Array)[]): Uint8Array {
  const made = new Uint8Array(
    parts.reduce<number>((sum, part) => sum + (typeof part === 'number' ? 1 : part.length), 0),
  )
  let at = 0
  for (const part of parts) {
    if (typeof part === 'number') made[at++] = part
    else {
      made.set(part, at)
      at += part.length
    }
  }
  return made
}

export function u16(value: number): Uint8Array {
  return bytes((value >>> 8) & 255, value & 255)
}

export function u32(value: number): Uint8Array {
  return bytes(u16(value >>> 16), u16(value))
}

export function mac(text: Address): Uint8Array {
  return Uint8Array.from(text.split(':'), (part) => Number.parseInt(part, 16))
}

/** The bytes of an IPv4 or IPv6 address. */
export function ip(text: Address): Uint8Array {
  if (!text.includes(':')) return Uint8Array.from(text.split('.'), Number)
  const [front, back] = text.split('::') as [string, string | undefined]
  const words = (part: string) => part.split(':').filter((word) => word !== '')
  const left = words(front)
  const right = words(back ?? '')
  const middle = back === undefined ? 0 : 8 - left.length - right.length
  const all = [...left, ...Array<string>(middle).fill('0'), ...right]
  return bytes(...all.map((word) => u16(Number.parseInt(word, 16))))
}

/** An address as text in one form alone: IPv6 as eight words without leading zeroes. */
export function text(address: Uint8Array): Address {
  if (address.length === 4) return address.join('.')
  const hex = [...address].map((byte) => byte.toString(16).padStart(2, '0'))
  if (address.length === 6) return hex.join(':')
  const words = Array.from({ length: 8 }, (_, i) => ((address[2 * i]! << 8) | address[2 * i + 1]!).toString(16))
  return words.join(':')
}

/** The same address in that form. */
export function plain(address: Address): Address {
  return text(ip(address))
}

/** The ones' complement of the ones' complement sum of big-endian words. */
export function checksum(...parts: Uint8Array[]): number {
  const all = bytes(...parts)
  let sum = 0
  for (let i = 0; i < all.length; i += 2) {
    sum += (all[i]! << 8) | (all[i + 1] ?? 0)
    if (sum > 0xffff) sum -= 0xffff
  }
  return ~sum & 0xffff
}

function pseudo(source: Uint8Array, destination: Uint8Array, protocol: number, length: number): Uint8Array {
  return bytes(
    source,
    destination,
    source.length === 4 ? bytes(0, protocol, u16(length)) : bytes(u32(length), u32(protocol)),
  )
}

// ── Building ────────────────────────────────────────────────────────────────────────────────────────────────────

export interface Ethernet {
  from?: Address
  to?: Address
  vlan?: number
  /** Default: what the version of the payload says. */
  type?: number
}

export const MAC_A = '02:00:00:00:00:0a'
export const MAC_B = '02:00:00:00:00:0b'

/** A frame around a payload. Short ones are not padded. */
export function ethernet({ from = MAC_A, to = MAC_B, vlan, type }: Ethernet, payload: Uint8Array): Uint8Array {
  const found = type ?? (payload[0]! >> 4 === 6 ? TYPE_IPV6 : TYPE_IPV4)
  const tag = vlan === undefined ? bytes() : bytes(u16(TYPE_VLAN), u16(vlan))
  return bytes(mac(to), mac(from), tag, u16(found), payload)
}

export interface Ip {
  from: Address
  to: Address
  /** Hop limit; default 64. */
  ttl?: number
  id?: number
  dontFragment?: boolean
  /** A fragment: its offset in bytes, whether more follow. */
  offset?: number
  more?: boolean
  /** IPv4 options, a multiple of 4 bytes; IPv6 extension headers, of which `extension` is the first's number. */
  options?: Uint8Array
  extension?: number
}

/** What stands behind an IP header: with the header's addresses its sum can be made. */
export interface Payload {
  protocol: number
  bytes(source: Uint8Array, destination: Uint8Array): Uint8Array
}

/** An IP packet, of the version of its addresses. */
export function packet(header: Ip, payload: Payload): Uint8Array {
  const source = ip(header.from)
  const destination = ip(header.to)
  return raw(header, payload.protocol, payload.bytes(source, destination))
}

/** An IP packet, or a fragment of one, around bytes that are finished. */
export function raw(header: Ip, protocol: number, content: Uint8Array): Uint8Array {
  const { ttl = 64, id = 0, dontFragment = false, offset = 0, more = false, options = bytes() } = header
  const source = ip(header.from)
  const destination = ip(header.to)
  if (source.length === 4) {
    const length = 20 + options.length
    const flags = (dontFragment ? 0x4000 : 0) | (more ? 0x2000 : 0) | (offset >> 3)
    const head = bytes(
      ...[0x40 | (length >> 2), 0, u16(length + content.length), u16(id), u16(flags), ttl, protocol, 0, 0],
      ...[source, destination, options],
    )
    head.set(u16(checksum(head)), 10)
    return bytes(head, content)
  }
  const isFragment = offset !== 0 || more
  const fragment = isFragment ? bytes(protocol, 0, u16(offset | (more ? 1 : 0)), u32(id)) : bytes()
  const first = header.extension ?? (isFragment ? FRAGMENT : protocol)
  const length = options.length + fragment.length + content.length
  return bytes(0x60, 0, 0, 0, u16(length), first, ttl, source, destination, options, fragment, content)
}

/** A packet in fragments of at most `size` bytes of content (a multiple of 8). */
export function fragments(header: Ip, payload: Payload, size: number): Uint8Array[] {
  const content = payload.bytes(ip(header.from), ip(header.to))
  const pieces: Uint8Array[] = []
  for (let offset = 0; offset < content.length; offset += size) {
    const more = offset + size < content.length
    pieces.push(raw({ ...header, offset, more }, payload.protocol, content.slice(offset, offset + size)))
  }
  return pieces
}

export interface Ports {
  from: number
  to: number
}

export function udp({ from, to }: Ports, content: Uint8Array = bytes(), options: { noSum?: boolean } = {}): Payload {
  return {
    protocol: UDP,
    bytes(source, destination) {
      const length = 8 + content.length
      const head = bytes(u16(from), u16(to), u16(length), 0, 0)
      const sum = checksum(pseudo(source, destination, UDP, length), head, content) || 0xffff
      if (options.noSum !== true) head.set(u16(sum), 6)
      return bytes(head, content)
    },
  }
}

export interface Segment extends Ports {
  flags: number
  sequence?: number
  acknowledgement?: number
  window?: number
}

export function tcp(segment: Segment, content: Uint8Array = bytes()): Payload {
  const { from, to, flags, sequence = 1000, acknowledgement = 0, window = 65535 } = segment
  return {
    protocol: TCP,
    bytes(source, destination) {
      const head = bytes(
        ...[u16(from), u16(to), u32(sequence), u32(acknowledgement), 0x50, flags, u16(window), 0, 0, 0, 0],
      )
      head.set(u16(checksum(pseudo(source, destination, TCP, 20 + content.length), head, content)), 16)
      return bytes(head, content)
    },
  }
}

/** ICMP for IPv4 addresses, ICMPv6 for others: type, code, the 4 bytes behind the sum, content. */
export function icmp(
  isV6: boolean,
  type: number,
  code: number,
  rest: Uint8Array,
  content: Uint8Array = bytes(),
): Payload {
  const protocol = isV6 ? ICMPV6 : ICMP
  return {
    protocol,
    bytes(source, destination) {
      const message = bytes(type, code, 0, 0, rest, content)
      const head = isV6 ? pseudo(source, destination, ICMPV6, message.length) : bytes()
      message.set(u16(checksum(head, message)), 2)
      return message
    },
  }
}

export function echo(isV6: boolean, isReply: boolean, id: number, sequence: number, content?: Uint8Array): Payload {
  const type = isV6 ? (isReply ? 129 : 128) : isReply ? 0 : 8
  return icmp(isV6, type, 0, bytes(u16(id), u16(sequence)), content)
}

/** A frame whose sum is left to the device (VIRTIO_NET_HDR_F_NEEDS_CSUM), and what virtio's header says of that. */
export interface Unsummed {
  frame: Uint8Array
  csumStart: number
  csumOffset: number
}

/** A TCP or UDP frame as a driver sends it that leaves the sum to the device: the pseudo-header's stands in its place. */
export function unsummed(frame: Uint8Array): Unsummed {
  const { from, to, protocol, content } = read(frame)
  const csumStart = frame.length - content!.length
  const csumOffset = protocol === TCP ? 16 : 6
  const made = frame.slice()
  made.set(u16(~checksum(pseudo(ip(from!), ip(to!), protocol!, content!.length)) & 0xffff), csumStart + csumOffset)
  return { frame: made, csumStart, csumOffset }
}

/** What a device makes of such a frame. */
export function summed({ frame, csumStart, csumOffset }: Unsummed): Uint8Array {
  const made = frame.slice()
  const sum = checksum(made.slice(csumStart))
  made.set(u16(csumOffset === 6 ? sum || 0xffff : sum), csumStart + csumOffset)
  return made
}

export interface Arp {
  isReply?: boolean
  fromMac: Address
  from: Address
  toMac?: Address
  to: Address
}

/** The payload of a frame of TYPE_ARP. */
export function arp({ isReply = false, fromMac, from, toMac = '00:00:00:00:00:00', to }: Arp): Uint8Array {
  return bytes(u16(1), u16(TYPE_IPV4), 6, 4, u16(isReply ? 2 : 1), mac(fromMac), ip(from), mac(toMac), ip(to))
}

// ── Taking apart ────────────────────────────────────────────────────────────────────────────────────────────────

/** What a packet says. Fields that it does not have are undefined. */
export interface Read {
  version: 4 | 6
  from: Address
  to: Address
  ttl: number
  id: number
  offset: number
  more: boolean
  protocol: number
  /** All behind the IP header and its extensions. */
  content: Uint8Array
  /** UDP and TCP ports, of whole packets and first fragments. */
  fromPort?: number
  toPort?: number
  flags?: number
  /** ICMP. */
  type?: number
  code?: number
  /** Identifier of an echo. */
  echo?: number
  /** The packet that an ICMP error quotes. */
  quoted?: Read
  /** All behind the UDP or TCP header. */
  data?: Uint8Array
}

export interface ReadFrame extends Partial<Read> {
  fromMac: Address
  toMac: Address
  vlan?: number
  ethertype: number
}

function view(data: Uint8Array): DataView {
  return new DataView(data.buffer, data.byteOffset, data.byteLength)
}

/** A frame taken apart; it must have a whole Ethernet header, and a whole IP header if its type is IP. */
export function read(frame: Uint8Array): ReadFrame {
  const tagged = view(frame).getUint16(12) === TYPE_VLAN
  const at = tagged ? 18 : 14
  const ethertype = view(frame).getUint16(at - 2)
  const outer: ReadFrame = { toMac: text(frame.slice(0, 6)), fromMac: text(frame.slice(6, 12)), ethertype }
  if (tagged) outer.vlan = view(frame).getUint16(14) & 0xfff
  if (ethertype !== TYPE_IPV4 && ethertype !== TYPE_IPV6) return outer
  return { ...outer, ...readIp(frame.slice(at)) }
}

/** An IP packet taken apart; it may be cut off, as quoted ones are. */
export function readIp(data: Uint8Array): Read {
  const head = view(data)
  const isV4 = data[0]! >> 4 === 4
  const read: Read = isV4
    ? {
        version: 4,
        from: text(data.slice(12, 16)),
        to: text(data.slice(16, 20)),
        ttl: data[8]!,
        id: head.getUint16(4),
        offset: (head.getUint16(6) & 0x1fff) << 3,
        more: (head.getUint16(6) & 0x2000) !== 0,
        protocol: data[9]!,
        content: data.slice((data[0]! & 15) << 2, head.getUint16(2)),
      }
    : readV6(data)
  if (read.offset === 0) readTransport(read)
  return read
}

function readV6(data: Uint8Array): Read {
  const head = view(data)
  const read: Read = {
    version: 6,
    from: text(data.slice(8, 24)),
    to: text(data.slice(24, 40)),
    ttl: data[7]!,
    id: 0,
    offset: 0,
    more: false,
    protocol: data[6]!,
    content: data.slice(40, 40 + head.getUint16(4)),
  }
  while ([0, 43, FRAGMENT, 60].includes(read.protocol) && read.content.length >= 8) {
    const next = read.content[0]!
    if (read.protocol === FRAGMENT) {
      const word = view(read.content).getUint16(2)
      Object.assign(read, { offset: word & 0xfff8, more: (word & 1) !== 0, id: view(read.content).getUint32(4) })
      read.content = read.content.slice(8)
    } else read.content = read.content.slice((read.content[1]! + 1) << 3)
    read.protocol = next
    if (read.offset !== 0) break
  }
  return read
}

function readTransport(read: Read): void {
  const { content, protocol } = read
  if (content.length < 8) return
  const head = view(content)
  if (protocol === UDP || protocol === TCP) {
    read.fromPort = head.getUint16(0)
    read.toPort = head.getUint16(2)
    if (protocol === TCP && content.length >= 20) read.flags = content[13]!
    read.data = content.slice(protocol === UDP ? 8 : content.length >= 20 ? (content[12]! >> 4) << 2 : content.length)
  }
  if (protocol === ICMP || protocol === ICMPV6) {
    read.type = content[0]!
    read.code = content[1]!
    if (isEcho(read)) read.echo = head.getUint16(4)
    if (isError(read) && content.length >= 8 + (protocol === ICMP ? 28 : 48)) read.quoted = readIp(content.slice(8))
  }
}

function isEcho({ protocol, type }: Read): boolean {
  return protocol === ICMP ? type === 0 || type === 8 : type === 128 || type === 129
}

function isError({ protocol, type }: Read): boolean {
  return protocol === ICMP ? [3, 4, 5, 11, 12].includes(type!) : type! < 128
}

// ── Judging ─────────────────────────────────────────────────────────────────────────────────────────────────────

/** What is wrong with a frame; nothing: []. Sums of fragments can't be known before `whole` has put them together. */
export function faults(frame: Uint8Array): string[] {
  if (frame.length < 14) return ['it is shorter than an Ethernet header']
  const at = view(frame).getUint16(12) === TYPE_VLAN ? 18 : 14
  const type = view(frame).getUint16(at - 2)
  if (type !== TYPE_IPV4 && type !== TYPE_IPV6) return []
  return faultsOfIp(frame.slice(at), false)
}

function faultsOfIp(data: Uint8Array, isQuoted: boolean): string[] {
  const wrong: string[] = []
  const isV4 = data[0]! >> 4 === 4
  if (isV4 && data.length < 20) return ['an IPv4 header is cut off']
  if (!isV4 && (data.length < 40 || data[0]! >> 4 !== 6)) return ['an IPv6 header is cut off, or is none']
  const length = isV4 ? view(data).getUint16(2) : 40 + view(data).getUint16(4)
  const isCut = length > data.length
  if (isCut && !isQuoted) wrong.push(`the IP header tells of ${length} bytes, and there are ${data.length}`)
  if (isV4 && checksum(data.slice(0, (data[0]! & 15) << 2)) !== 0) wrong.push('the sum of an IPv4 header is wrong')
  const read = readIp(data)
  const isWhole = !isCut && read.offset === 0 && !read.more
  if (read.offset === 0) wrong.push(...faultsOfTransport(read, isWhole))
  return isQuoted ? wrong.map((words) => `in a quoted packet ${words}`) : wrong
}

function faultsOfTransport(read: Read, isWhole: boolean): string[] {
  const { content, protocol } = read
  const least = { [UDP]: 8, [TCP]: 20, [ICMP]: 4, [ICMPV6]: 4 }[protocol] ?? 0
  if (content.length < least) return isWhole ? [`the header of protocol ${protocol} is cut off`] : []
  const source = ip(read.from)
  const head = pseudo(source, ip(read.to), protocol, content.length)
  const isSummed = protocol === TCP || protocol === ICMPV6 || (protocol === UDP && view(content).getUint16(6) !== 0)
  const wrong: string[] = []
  if (isWhole && isSummed && checksum(head, content) !== 0) wrong.push(`the sum of protocol ${protocol} is wrong`)
  if (isWhole && protocol === ICMP && checksum(content) !== 0) wrong.push('the sum of ICMP is wrong')
  if (isWhole && protocol === UDP && view(content).getUint16(4) !== content.length)
    wrong.push('the length of UDP is wrong')
  if (read.quoted !== undefined) wrong.push(...faultsOfIp(content.slice(8), true))
  return wrong
}

/** The packet that the fragments in these frames make, in whatever order they are, as a frame like the first of them. */
export function whole(frames: Uint8Array[]): Uint8Array {
  const parts = frames
    .map((frame) => ({ frame, read: readIp(frame.slice(14)) }))
    .sort((a, b) => a.read.offset - b.read.offset)
  const [first] = parts
  if (first === undefined || first.read.offset !== 0) throw new Error('The first fragment is missing')
  const content: number[] = []
  for (const { read } of parts) {
    if (read.offset !== content.length) throw new Error(`Bytes from ${content.length} to ${read.offset} are missing`)
    content.push(...read.content)
  }
  if (parts.at(-1)!.read.more) throw new Error('The last fragment is missing')
  const { from, to, ttl, id, protocol } = first.read
  return bytes(first.frame.slice(0, 14), raw({ from, to, ttl, id }, protocol, Uint8Array.from(content)))
}
