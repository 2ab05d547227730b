// A block of IPv4 addresses, as "10.9.0.0/24" says it: which are in it, and which of them guests may have.

import { parseIp4, showIp4 } from '../../host-shim/addresses.ts'

export class Subnet {
  /** `first` is the network's own address, a number; `prefix` its length. */
  constructor(
    readonly first: number,
    readonly prefix: number,
  ) {}

  /** Undefined: that is no subnet, its address has bits behind the prefix, or it has no room for a gateway and a guest. */
  static parse(text: string): Subnet | undefined {
    const [, address, length] = /^([\d.]+)\/(\d{1,2})$/.exec(text) ?? []
    const first = address === undefined ? undefined : parseIp4(address)
    const prefix = Number(length)
    if (first === undefined || prefix < PREFIX_MIN || prefix > PREFIX_MAX) return undefined
    return first % 2 ** (32 - prefix) === 0 ? new Subnet(first, prefix) : undefined
  }

  get size(): number {
    return 2 ** (32 - this.prefix)
  }

  /** The gateway has the first address that a host can have. */
  get gateway(): number {
    return this.first + 1
  }

  /** The first and the last address that guests may have. */
  get pool(): [number, number] {
    return [this.first + 2, this.first + this.size - 2]
  }

  /** Is it an address that a guest may have? */
  isForGuests(address: number): boolean {
    const [first, last] = this.pool
    return address >= first && address <= last
  }

  overlaps(other: Subnet): boolean {
    return this.first < other.first + other.size && other.first < this.first + this.size
  }

  toString(): string {
    return `${showIp4(this.first)}/${this.prefix}`
  }
}

const PREFIX_MIN = 8
/** Two bits of host: the gateway and one guest. */
const PREFIX_MAX = 30
export const SUBNET_RULE = `an IPv4 subnet like 10.9.0.0/24, with a prefix from ${PREFIX_MIN} to ${PREFIX_MAX}`
