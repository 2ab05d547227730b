// A network's plan as the machine takes it.

import { parseIp4, parseIp6, parseMac } from '../../host-shim/addresses.ts'
import type { NetworkOptions } from '../../host-shim/node/networks.ts'
import type { GatewaySpec } from '../../host-shim/networks.ts'
import { outsideSpec } from '../fleet/outside.ts'
import type { GatewayPlan, NetworkPlan } from '../fleet/plan.ts'
import { Subnet } from '../fleet/subnet.ts'

export function networkOptions({ uplink, mtu, broadcasts, gateway }: NetworkPlan): Omit<NetworkOptions, 'warn'> {
  return { uplink, mtu, broadcasts, gateway: gateway === undefined ? undefined : gatewayOf(gateway) }
}

function gatewayOf(plan: GatewayPlan): GatewaySpec {
  const { prefix, pool } = Subnet.parse(plan.subnet) as Subnet
  const { forwarding, dhcp, dns, domain } = plan
  return {
    mac: parseMac(plan.mac) as Uint8Array,
    outMac: parseMac(plan.outMac) as Uint8Array,
    ip4: parseIp4(plan.address) as number,
    prefix4: prefix,
    leases: pool,
    ...(plan.address6 === undefined ? {} : { ip6: parseIp6(plan.address6) as Uint8Array }),
    forwarding,
    dhcp,
    dns,
    domain,
    ...(plan.outside === undefined ? {} : outsideSpec(plan.outside)),
  }
}
