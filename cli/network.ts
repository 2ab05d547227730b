// The words that say where a network leads to.

import type { UplinkChoice } from '../host-shim/node/networks.ts'
import type { StreamAddress } from '../host-shim/node/uplinks/stream.ts'
import { OrlopError } from './error.ts'

const FORMS =
  'none, loopback, user, stream:HOST:PORT, stream:unix:PATH, listen:HOST:PORT, listen:unix:PATH, tap:NAME or macvtap:NAME'

/** An interface of Linux has at most 15 letters; a macvtap may also be given by the path of its device. */
const INTERFACE = /^[^\s/:]{1,15}$/
export const INTERFACE_RULE = 'the name of an interface, at most 15 letters'

/** Reads "none", "user", "stream:127.0.0.1:5555", "listen:unix:/run/lan.sock", "tap:tap0" and the like. */
export function parseNetwork(text: string, where: string): UplinkChoice {
  if (text === 'none' || text === 'loopback') return text
  if (text === 'user') return { user: {} }
  const [, kind, rest] = /^(stream|listen|tap|macvtap):(.+)$/.exec(text) ?? []
  if (kind === 'stream' || kind === 'listen') {
    const address = parseAddress(rest as string)
    if (address === undefined) throw new OrlopError(`${where}: "${rest}" is no address; give ${FORMS}.`)
    return kind === 'stream' ? { stream: address } : { listen: address }
  }
  if (kind === 'tap' && isInterface(rest as string)) return { tap: rest as string }
  if (kind === 'macvtap' && (isInterface(rest as string) || (rest as string).startsWith('/'))) {
    return { macvtap: rest as string }
  }
  throw new OrlopError(`${where}: "${text}" is no network; give ${FORMS}.`)
}

/** "HOST:PORT", "tcp:[::1]:5555" or "unix:PATH"; undefined: it is none of these. */
export function parseAddress(text: string): StreamAddress | undefined {
  const [, path] = /^unix:(.+)$/.exec(text) ?? []
  if (path !== undefined) return { path }
  const [, bracketed, plain, digits] = /^(?:tcp:)?(?:\[([^\]]+)\]|([^:/]+)):(\d+)$/.exec(text) ?? []
  const host = bracketed ?? plain
  const port = Number(digits)
  return host !== undefined && port >= 1 && port <= 65535 ? { host, port } : undefined
}

export function isInterface(text: string): boolean {
  return INTERFACE.test(text)
}

/** An uplink as a word for people, as `parseNetwork` reads it. */
export function showUplink(uplink: UplinkChoice): string {
  if (typeof uplink === 'string') return uplink
  if ('user' in uplink) return 'user'
  if ('tap' in uplink) return `tap:${uplink.tap}`
  if ('macvtap' in uplink) return `macvtap:${uplink.macvtap}`
  const [kind, address] = 'stream' in uplink ? ['stream', uplink.stream] : ['listen', uplink.listen]
  if ('path' in address) return `${kind}:unix:${address.path}`
  return `${kind}:${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`
}
