// Debian's control files and what they say of packages: deb822(5), deb-control(5), deb-version(7).

/** Fields of one stanza, by lower-case name. A field of several lines keeps its newlines. */
export type Fields = Map<string, string>

/** What a package index says of one package. */
export interface PackageRecord {
  name: string
  version: string
  /** Path below the archive's root. */
  path: string
  sizeBytes: number
  /** Hexadecimal. */
  sha256: string
  /** Names of what it depends on, the first of each alternative. */
  depends: string[]
}

/** The stanzas of a text, in order; comments are left out. */
export function parseStanzas(text: string): Fields[] {
  const stanzas: Fields[] = []
  for (const block of text.replaceAll('\r\n', '\n').split(/\n[ \t]*\n/)) {
    const fields = parseStanza(block)
    if (fields.size > 0) stanzas.push(fields)
  }
  return stanzas
}

function parseStanza(block: string): Fields {
  const fields: Fields = new Map()
  let last: string | undefined
  for (const line of block.split('\n')) {
    if (line.startsWith('#') || line.trim() === '') continue
    const field = line.match(/^([!-9;-~]+):[ \t]*(.*)$/)
    if (field !== null) {
      last = (field[1] ?? '').toLowerCase()
      fields.set(last, field[2] ?? '')
    } else if (/^[ \t]/.test(line) && last !== undefined) {
      fields.set(last, `${fields.get(last)}\n${line.trim()}`)
    }
  }
  return fields
}

/** A stanza of a package index as a record, or undefined where a field that we need is missing. */
export function toRecord(fields: Fields): PackageRecord | undefined {
  const name = fields.get('package')
  const version = fields.get('version')
  const path = fields.get('filename')
  const sizeBytes = Number(fields.get('size'))
  const sha256 = fields.get('sha256')?.toLowerCase() ?? ''
  if (!name || !version || !path || !Number.isSafeInteger(sizeBytes) || !/^[0-9a-f]{64}$/.test(sha256)) return undefined
  const depends = (fields.get('depends') ?? '').split(',').map((wish) => wish.trim().split(/[\s(:|]/)[0] ?? '')
  return { name, version, path, sizeBytes, sha256, depends: depends.filter((wish) => wish !== '') }
}

/** The record with the highest version, or undefined where there is none. */
export function newest(records: PackageRecord[]): PackageRecord | undefined {
  return records.reduce<PackageRecord | undefined>(
    (best, record) => (best === undefined || compareVersions(record.version, best.version) > 0 ? record : best),
    undefined,
  )
}

/** Negative, zero or positive, as `a` is older than, the same as, or newer than `b` (deb-version(7), "Sorting algorithm"). */
export function compareVersions(a: string, b: string): number {
  const [epochA, upstreamA, revisionA] = splitVersion(a)
  const [epochB, upstreamB, revisionB] = splitVersion(b)
  return epochA - epochB || comparePart(upstreamA, upstreamB) || comparePart(revisionA, revisionB)
}

function splitVersion(version: string): [number, string, string] {
  const colon = version.indexOf(':')
  const rest = version.slice(colon + 1)
  const dash = rest.lastIndexOf('-')
  const epoch = colon < 0 ? 0 : Number(version.slice(0, colon))
  return dash < 0 ? [epoch, rest, ''] : [epoch, rest.slice(0, dash), rest.slice(dash + 1)]
}

/** Compares runs of other characters and runs of digits in turn. */
function comparePart(a: string, b: string): number {
  const partsA = a.match(/\D+|\d+/g) ?? []
  const partsB = b.match(/\D+|\d+/g) ?? []
  let i = 0
  let j = 0
  while (i < partsA.length || j < partsB.length) {
    const wordA = /^\D/.test(partsA[i] ?? '') ? (partsA[i++] ?? '') : ''
    const wordB = /^\D/.test(partsB[j] ?? '') ? (partsB[j++] ?? '') : ''
    const numberA = i < partsA.length ? BigInt(partsA[i++] ?? '0') : 0n
    const numberB = j < partsB.length ? BigInt(partsB[j++] ?? '0') : 0n
    const difference = compareWord(wordA, wordB) || Number(numberA > numberB) - Number(numberA < numberB)
    if (difference !== 0) return difference
  }
  return 0
}

/** `~` sorts before the end, the end before letters, letters before all else. */
function compareWord(a: string, b: string): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const difference = weight(a[at]) - weight(b[at])
    if (difference !== 0) return difference
  }
  return 0
}

function weight(character: string | undefined): number {
  if (character === '~') return -1
  if (character === undefined) return 0
  const code = character.charCodeAt(0)
  return /[A-Za-z]/.test(character) ? code : code + 256
}
