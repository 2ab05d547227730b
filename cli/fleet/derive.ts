// Addresses that nobody has chosen, made of names, so that they are the same each time.

import { createHash } from 'node:crypto'
import { showMac } from '../../host-shim/addresses.ts'

function digest(...names: string[]): Buffer {
  return createHash('sha256').update(names.join('\0')).digest()
}

/** A MAC of our own making: locally administered, of one device. `names` say whose it is. */
export function deriveMac(...names: string[]): string {
  return showMac(Uint8Array.of(0x02, ...digest('mac', ...names).subarray(0, 5)))
}

/** A unique local prefix (RFC 4193: fd and 40 bits), subnet 0, as the 8 bytes of a /64. */
export function derivePrefix6(...names: string[]): Uint8Array {
  return Uint8Array.of(0xfd, ...digest('prefix', ...names).subarray(0, 5), 0, 0)
}

/** A number from 0 to `count` - 1. */
export function deriveNumber(count: number, ...names: string[]): number {
  return digest('number', ...names).readUIntBE(0, 6) % count
}
