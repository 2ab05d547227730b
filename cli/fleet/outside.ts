// What a network's gateway has of an uplink that does not tell it: addresses, next hops and name servers.

import { parseIp4, parseIp6 } from '../../host-shim/addresses.ts'
import type { GatewaySpec } from '../../host-shim/networks.ts'
import { OrlopError } from '../error.ts'
import { fields, parsed } from '../shape.ts'

/** Texts as in a file; a family without an address is learned: by DHCP, by router advertisements. */
export interface OutsidePlan {
  address?: string
  gateway?: string
  dns?: string
  address6?: string
  gateway6?: string
  dns6?: string
}

const IP4 = '^\\d+\\.\\d+\\.\\d+\\.\\d+'
const IP6 = '^[0-9a-fA-F:.]+'

function address<T>(
  description: string,
  pattern: string,
  hasPrefix: boolean,
  parse: (text: string) => T | undefined,
  most: number,
) {
  const example = most === 32 ? '192.168.7.2' : 'fd00:7::2'
  return parsed(description, `${pattern}${hasPrefix ? '/\\d+' : ''}$`, (given, where) => {
    const [, text, prefix] = (hasPrefix ? /^(.*)\/(\d{1,3})$/ : /^(.*)()$/).exec(given) ?? []
    if (text !== undefined && parse(text) !== undefined && (!hasPrefix || isPrefix(Number(prefix), most))) return given
    throw new OrlopError(`${where}: "${given}" is no address; give one like ${example}${hasPrefix ? '/24' : ''}.`)
  })
}

function isPrefix(prefix: number, most: number): boolean {
  return prefix >= 1 && prefix <= most
}

export const outside = fields('What is outside', {
  address: address("The gateway's address there and its prefix; default: by DHCP", IP4, true, parseIp4, 32),
  gateway: address('The next hop', IP4, false, parseIp4, 32),
  dns: address('The name server', IP4, false, parseIp4, 32),
  address6: address('The same for IPv6; default: by router advertisements', IP6, true, parseIp6, 128),
  gateway6: address('The next hop for IPv6', IP6, false, parseIp6, 128),
  dns6: address('The name server by IPv6', IP6, false, parseIp6, 128),
})

/** The same as the machine takes it. */
export function outsideSpec(plan: OutsidePlan): Pick<GatewaySpec, 'out4' | 'out6'> {
  const read = <T>(parse: (text: string) => T | undefined, whole: string, gateway?: string, dns?: string) => {
    const [text, prefix] = whole.split('/') as [string, string]
    const optional = (given?: string) => (given === undefined ? undefined : (parse(given) as T))
    return { address: parse(text) as T, prefix: Number(prefix), gateway: optional(gateway), dns: optional(dns) }
  }
  return {
    ...(plan.address === undefined ? {} : { out4: read(parseIp4, plan.address, plan.gateway, plan.dns) }),
    ...(plan.address6 === undefined ? {} : { out6: read(parseIp6, plan.address6, plan.gateway6, plan.dns6) }),
  }
}
