// Addresses of a network as text, and as the kernel takes them: MACs and IPv6 as bytes in the order of the wire, IPv4 as numbers.

const MAC = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i
const OCTET = '(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)'
const IP4 = new RegExp(`^${OCTET}(?:\\.${OCTET}){3}$`)

/** 02:00:5e:10:00:01 as 6 bytes; undefined: that is no MAC. */
export function parseMac(text: string): Uint8Array | undefined {
  return MAC.test(text) ? Uint8Array.from(text.split(':'), (pair) => Number.parseInt(pair, 16)) : undefined
}

export function showMac(bytes: Uint8Array): string {
  return Array.from(bytes.subarray(0, 6), (byte) => byte.toString(16).padStart(2, '0')).join(':')
}

/** 10.9.0.1 as 0x0a090001; undefined: that is no IPv4 address. */
export function parseIp4(text: string): number | undefined {
  if (!IP4.test(text)) return undefined
  return text.split('.').reduce((value, octet) => value * 256 + Number(octet), 0)
}

export function showIp4(address: number): string {
  return [24, 16, 8, 0].map((shift) => (address >>> shift) & 255).join('.')
}

/** An IPv6 address, with or without "::" or an IPv4 address at its end, as 16 bytes; undefined: that is none. */
export function parseIp6(text: string): Uint8Array | undefined {
  const [, front, tail] = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text) ?? []
  const ip4 = tail === undefined ? 0 : parseIp4(tail)
  if (ip4 === undefined) return undefined
  const whole = tail === undefined ? text : `${front}${(ip4 >>> 16).toString(16)}:${(ip4 & 0xffff).toString(16)}`
  const halves = whole.split('::')
  if (halves.length > 2) return undefined
  const [before, after] = halves.map((half) => (half === '' ? [] : half.split(':'))) as [string[], string[]?]
  const missing = 8 - before.length - (after?.length ?? 0)
  // "::" stands for one group of zeroes at least.
  if (after === undefined ? missing !== 0 : missing < 1) return undefined
  const groups = [...before, ...Array<string>(after === undefined ? 0 : missing).fill('0'), ...(after ?? [])]
  if (!groups.every((group) => /^[0-9a-f]{1,4}$/i.test(group))) return undefined
  return Uint8Array.from(groups.flatMap((group) => [Number.parseInt(group, 16) >> 8, Number.parseInt(group, 16) & 255]))
}

/** As RFC 5952 has it: lower case, and the longest run of zeroes as "::". */
export function showIp6(bytes: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => ((bytes[2 * i] as number) << 8) | (bytes[2 * i + 1] as number))
  let [start, length] = [0, 1]
  for (let i = 0; i < 8; i++) {
    let run = 0
    while (i + run < 8 && groups[i + run] === 0) run++
    if (run > length) [start, length] = [i, run]
  }
  const show = (part: number[]) => part.map((group) => group.toString(16)).join(':')
  if (length < 2) return show(groups)
  return `${show(groups.slice(0, start))}::${show(groups.slice(start + length))}`
}

/** Is no bit of it set? */
export function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0)
}
