// Who is who on the link between the machine and the `user` uplink. The machine's side is configured to match.

import { type Address, type Family, parseAddress } from './address.ts'

/** MAC of the uplink, at which the gateway and the name server are. */
export const OUR_MAC = Uint8Array.of(0x02, 0x6f, 0x72, 0x6c, 0x00, 0x01)

function known(text: string): Address {
  const address = parseAddress(text)
  if (address === undefined) throw new Error(`${text} is no address`)
  return address
}

/** The gateway, the machine and the name server, as a /29. */
export const GATEWAY4 = known('192.0.0.1')
export const PEER4 = known('192.0.0.2')
export const NAMES4 = known('192.0.0.3')
/** The same, as a /64. */
export const GATEWAY6 = known('fd6f:726c:6f70::1')
export const PEER6 = known('fd6f:726c:6f70::2')
export const NAMES6 = known('fd6f:726c:6f70::3')
/** What the gateway is called on the link alone: made of its MAC. */
export const LINK_LOCAL6 = known('fe80::6f:72ff:fe6c:1')

export const gatewayOf = (family: Family) => (family === 4 ? GATEWAY4 : GATEWAY6)
export const peerOf = (family: Family) => (family === 4 ? PEER4 : PEER6)

export function isGateway(address: Address): boolean {
  return address.equals(gatewayOf(address.family)) || address.equals(LINK_LOCAL6)
}

export function isNames(address: Address): boolean {
  return address.equals(address.family === 4 ? NAMES4 : NAMES6)
}

export function isOurs(address: Address): boolean {
  return isGateway(address) || isNames(address)
}

/** In the link's networks, whoever has it. */
export function isOnLink({ family, a, b, d }: Address): boolean {
  return family === 4 ? d >>> 3 === GATEWAY4.d >>> 3 : a === GATEWAY6.a && b === GATEWAY6.b
}
