// Where a packet of the machine leads on the host, or why nowhere.

import { type Address, isLoopback, isUnroutable } from './address.ts'
import { isGateway, isNames, isOnLink } from './plan.ts'
import type { Endpoint, Reason, Sockets } from './sockets.ts'

export const NAMES_PORT = 53
const LOOPBACKS = { 4: ['127.0.0.1', '::1'], 6: ['::1', '127.0.0.1'] }

/** Endpoints to try one after the other. `toHost`: the host itself may be reached. */
export function routeTo(destination: Address, port: number, toHost: boolean, sockets: Sockets): Endpoint[] | Reason {
  if (isNames(destination)) {
    const servers = port === NAMES_PORT ? sockets.nameServers() : []
    return servers.length > 0 ? servers : 'refused'
  }
  if (isGateway(destination)) {
    return toHost ? LOOPBACKS[destination.family].map((address) => ({ address, port })) : 'refused'
  }
  if (isOnLink(destination)) return 'unreachable'
  if (isUnroutable(destination)) return 'no-route'
  if (!toHost && (isLoopback(destination) || sockets.isOwn(destination))) return 'refused'
  return [{ address: destination.toString(), port }]
}
