// The words that say what a guest's network port is plugged into.

import type { StreamAddress } from '../host-shim/node/uplink.ts'
import { OrlopError } from './error.ts'

export type Network = 'none' | 'loopback' | StreamAddress

const FORMS = 'none, loopback, stream:HOST:PORT, or stream:unix:PATH'

/** Reads "none", "loopback", "stream:127.0.0.1:5555", "stream:tcp:[::1]:5555" or "stream:unix:/run/passt.sock". */
export function parseNetwork(text: string, where: string): Network {
  if (text === 'none' || text === 'loopback') return text
  const [, address] = /^stream:(.+)$/.exec(text) ?? []
  if (address === undefined) throw new OrlopError(`${where}: "${text}" is no network; give ${FORMS}.`)
  const [, path] = /^unix:(.+)$/.exec(address) ?? []
  if (path !== undefined) return { path }
  const [, bracketed, plain, digits] = /^(?:tcp:)?(?:\[([^\]]+)\]|([^:]+)):(\d+)$/.exec(address) ?? []
  const host = bracketed ?? plain
  const port = Number(digits)
  if (host === undefined || !(port >= 1 && port <= 65535)) {
    throw new OrlopError(`${where}: "${address}" is no address; give ${FORMS}.`)
  }
  return { host, port }
}
