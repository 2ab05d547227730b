// Sizes as people write them, by virsh's rule: 128M and 128MiB count in 1024s, 128MB in 1000s.

import { OrlopError } from './error.ts'

const UNITS = new Map<string, number>([
  ['b', 1],
  ['k', 2 ** 10],
  ['kib', 2 ** 10],
  ['kb', 1e3],
  ['m', 2 ** 20],
  ['mib', 2 ** 20],
  ['mb', 1e6],
  ['g', 2 ** 30],
  ['gib', 2 ** 30],
  ['gb', 1e9],
  ['t', 2 ** 40],
  ['tib', 2 ** 40],
  ['tb', 1e12],
])

/**
 * Bytes of a size such as "128M". `where` names its place for the message: "--memory". A number without a unit is
 * refused, because to virsh it means KiB and to QEMU MiB; only 0 needs none.
 */
export function parseSize(text: string, where: string): number {
  const [, number, word] = /^\s*(\d+(?:\.\d+)?)\s*([a-z]*)\s*$/i.exec(text) ?? []
  if (number === undefined || word === undefined) {
    throw new OrlopError(`${where}: "${text}" is not a size; write it like 128M or 2G.`)
  }
  if (word === '' && Number(number) !== 0) {
    throw new OrlopError(`${where}: "${text}" has no unit; write ${number}M or ${number}MiB for MiB.`)
  }
  const unit = word === '' ? 1 : UNITS.get(word.toLowerCase())
  if (unit === undefined) {
    throw new OrlopError(`${where}: "${word}" is not a unit; write k, M, G (1024) or KB, MB, GB (1000).`)
  }
  return Math.round(Number(number) * unit)
}

/** A size for people: the largest unit that leaves a whole number, else one decimal. */
export function showSize(bytes: number): string {
  for (const [name, unit] of [
    ['GiB', 2 ** 30],
    ['MiB', 2 ** 20],
    ['KiB', 2 ** 10],
  ] as const) {
    if (bytes >= unit) return `${bytes % unit === 0 ? bytes / unit : (bytes / unit).toFixed(1)} ${name}`
  }
  return `${bytes} bytes`
}
