// IP addresses of both families as four 32-bit words, an IPv4 address a as 0, 0, 0xffff, a.

import { get32, put32 } from './wire.ts'

export type Family = 4 | 6

export class Address {
  constructor(
    public family: Family,
    public a = 0,
    public b = 0,
    public c = 0,
    public d = 0,
  ) {}

  /** Takes what stands on the wire. */
  read(family: Family, bytes: Uint8Array, at: number): void {
    this.family = family
    this.a = family === 4 ? 0 : get32(bytes, at)
    this.b = family === 4 ? 0 : get32(bytes, at + 4)
    this.c = family === 4 ? 0xffff : get32(bytes, at + 8)
    this.d = get32(bytes, family === 4 ? at : at + 12)
  }

  write(bytes: Uint8Array, at: number): void {
    if (this.family === 4) {
      put32(bytes, at, this.d)
      return
    }
    put32(bytes, at, this.a)
    put32(bytes, at + 4, this.b)
    put32(bytes, at + 8, this.c)
    put32(bytes, at + 12, this.d)
  }

  equals(other: Address): boolean {
    return (
      this.d === other.d &&
      this.c === other.c &&
      this.b === other.b &&
      this.a === other.a &&
      this.family === other.family
    )
  }

  copy(): Address {
    return new Address(this.family, this.a, this.b, this.c, this.d)
  }

  /** As a socket takes it: a.b.c.d, or eight groups of hexadecimal digits. */
  toString(): string {
    const words = [this.a, this.b, this.c, this.d]
    if (this.family === 4) return [24, 16, 8, 0].map((shift) => (this.d >>> shift) & 255).join('.')
    return words.map((word) => `${(word >>> 16).toString(16)}:${(word & 0xffff).toString(16)}`).join(':')
  }
}

/** An address from its text, without a zone; undefined: it is none. */
export function parseAddress(text: string): Address | undefined {
  if (!text.includes(':')) {
    const word = parseDotted(text)
    return word === undefined ? undefined : new Address(4, 0, 0, 0xffff, word)
  }
  const groups = parseGroups(text)
  if (groups === undefined) return undefined
  const word = (i: number) => ((groups[i]! << 16) | groups[i + 1]!) >>> 0
  return new Address(6, word(0), word(2), word(4), word(6))
}

function parseDotted(text: string): number | undefined {
  const parts = text.split('.')
  if (parts.length !== 4 || !parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256)) return undefined
  return parts.reduce((word, part) => word * 256 + Number(part), 0)
}

function parseGroups(text: string): number[] | undefined {
  const halves = text.split('::')
  if (halves.length > 2) return undefined
  const [head, tail] = halves.map((half) => (half === '' ? [] : half.split(':').flatMap(parseGroup)))
  if (head === undefined || [...head, ...(tail ?? [])].some(Number.isNaN)) return undefined
  if (tail === undefined) return head.length === 8 ? head : undefined
  const missing = 8 - head.length - tail.length
  return missing < 1 ? undefined : [...head, ...new Array<number>(missing).fill(0), ...tail]
}

function parseGroup(text: string): number[] {
  if (text.includes('.')) {
    const word = parseDotted(text)
    return word === undefined ? [Number.NaN] : [word >>> 16, word & 0xffff]
  }
  return [/^[0-9a-f]{1,4}$/i.test(text) ? Number.parseInt(text, 16) : Number.NaN]
}

/** IPv4 in IPv6's clothes: ::ffff:a.b.c.d. */
export function isMapped({ family, a, b, c }: Address): boolean {
  return family === 6 && a === 0 && b === 0 && c === 0xffff
}

/** 127/8, ::1; and 0/8 and ::, which a host takes for itself. */
export function isLoopback({ family, a, b, c, d }: Address): boolean {
  if (family === 4) return d >>> 24 === 127 || d >>> 24 === 0
  return a === 0 && b === 0 && c === 0 && d <= 1
}

/** Addresses that are nobody's in particular, or only mean something on one link: no socket can be connected to them. */
export function isUnroutable(address: Address): boolean {
  const { family, a, d } = address
  if (family === 4) return d >>> 28 >= 0xe || d >>> 24 === 0 || d >>> 16 === 0xa9fe
  return a >>> 24 === 0xff || a >>> 22 === 0xfe80 >>> 6 || (isLoopback(address) && d === 0) || isMapped(address)
}
