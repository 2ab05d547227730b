// `orlop net`: the networks of a running machine, its published ports, and what passes its wires.

import { COMMON_HELP, print, printJson, readAsk, withMachine } from './ask.ts'
import { OrlopError } from './error.ts'
import type { Words } from './flags.ts'
import { ADDRESS_DEFAULT, PUBLISH_FORM } from './fleet/publish.ts'
import type { NetworkSample, PortSample } from './machine/networks.ts'
import { capture } from './net-capture.ts'
import { showUplink } from './network.ts'
import { columns } from './table.ts'

export const help = `Usage: orlop net list
       orlop net info NET
       orlop net forward add|rm NET SPEC
       orlop net capture GUEST[/NIC]|NET/uplink -o FILE

list shows the networks of a running machine; info shows one: its gateway, its ports with their addresses and counters,
and what is published. forward publishes a port of a guest, or ends that with the connections to it; SPEC is
${PUBLISH_FORM}, or ranges of ports. On the uplink "user" it is a port of this host, by default of
${ADDRESS_DEFAULT}; on others one of the machine's address there. capture writes down what passes a network device of a guest, or
the uplink of a network, as a pcap file, until Ctrl-C; a guest that is off, or starts again, is captured from its first frame on.

  -o FILE          where capture writes; "-" is the standard output: "orlop net capture web -o - | tcpdump -nr -"
${COMMON_HELP}
`

/** An uplink has no MAC of its own, and a device that chooses one has not yet. */
const NO_MAC = '00:00:00:00:00:00'

/** Does what the words after "net" say; gives the exit code. */
export async function run(args: string[]): Promise<number> {
  // "-o" is what such programs call it; readers of flags want two dashes.
  const words = readAsk(
    'net',
    args.map((word) => (word === '-o' ? '--output' : word)),
    { output: { value: true } },
  )
  const [what, ...rest] = words.rest
  if (what !== 'capture' && words.values.has('output')) throw new OrlopError('-o is for "orlop net capture".')
  switch (what) {
    case 'list':
      expect(rest, 0, 'orlop net list')
      return list(words)
    case 'info':
      expect(rest, 1, 'orlop net info NET')
      return info(words, rest[0] as string)
    case 'forward':
      return forward(words, rest)
    case 'capture':
      expect(rest, 1, 'orlop net capture GUEST[/NIC]|NET/uplink -o FILE')
      return capture(words, rest[0] as string, words.values.get('output')?.[0])
    default: {
      const found = what === undefined ? 'Say what of the networks' : `There is no "orlop net ${what}"`
      throw new OrlopError(`${found}; give list, info, forward or capture.`)
    }
  }
}

function expect(rest: string[], count: number, form: string): void {
  if (rest.length !== count) throw new OrlopError(`Give as many words as in "${form}".`)
}

function list(words: Words): Promise<number> {
  return withMachine(words, async (client) => {
    const { networks } = await client.request<{ networks: NetworkSample[] }>('networks')
    if (words.values.has('json')) {
      printJson({ networks })
      return 0
    }
    const rows = networks.map(({ plan, report }) => [
      plan.name,
      plan.mode,
      showUplink(plan.uplink),
      linkOf({ plan, report }),
      plan.gateway?.subnet ?? '-',
      `${report.ports.filter(isGuests).length}`,
      `${report.connections}`,
    ])
    const head = ['NAME', 'MODE', 'UPLINK', 'LINK', 'SUBNET', 'DEVICES', 'CONNECTIONS']
    print(`${columns([head, ...rows], [5, 6]).join('\n')}\n`)
    return 0
  })
}

function info(words: Words, name: string): Promise<number> {
  return withMachine(words, async (client) => {
    const { network } = await client.request<{ network: NetworkSample }>('network', { network: name })
    if (words.values.has('json')) printJson(network)
    else print(describe(network))
    return 0
  })
}

async function forward(words: Words, rest: string[]): Promise<number> {
  const [action, network, spec] = rest
  expect(rest, 3, 'orlop net forward add|rm NET SPEC')
  if (action !== 'add' && action !== 'rm') {
    throw new OrlopError(`There is no "orlop net forward ${action}"; give add or rm.`)
  }
  return withMachine(words, async (client) => {
    await client.request(action === 'add' ? 'add-forward' : 'remove-forward', { network, spec })
    if (words.values.has('json')) printJson({ network, spec, state: action === 'add' ? 'forwarded' : 'removed' })
    else print(`${network}: ${spec} ${action === 'add' ? 'forwarded' : 'removed'}\n`)
    return 0
  })
}

function isGuests({ owner }: PortSample): boolean {
  return owner !== 'uplink' && owner !== 'gateway'
}

function linkOf({ plan, report }: Pick<NetworkSample, 'plan' | 'report'>): string {
  if (plan.uplink === 'none') return '-'
  return report.isUp ? 'up' : 'down'
}

function describe(sample: NetworkSample): string {
  const { plan, report, forwards } = sample
  const { gateway } = plan
  const rows: [string, string][] = [
    ['name', plan.name],
    ['mode', plan.mode],
    ['uplink', `${showUplink(plan.uplink)}${plan.uplink === 'none' ? '' : `, ${linkOf(sample)}`}`],
    ['mtu', `${plan.mtu}`],
  ]
  if (gateway !== undefined) {
    const services = [gateway.dhcp ? 'DHCP' : '', gateway.dns ? 'DNS' : '', gateway.forwarding ? 'forwarding' : '']
    rows.push(
      ['subnet', gateway.subnet],
      ['gateway', [gateway.address, gateway.address6, gateway.mac].filter((text) => text !== undefined).join(', ')],
      ['domain', gateway.domain],
      ['services', services.filter((text) => text !== '').join(', ') || 'none'],
      ['outside', [report.outIp4, report.outIp6].filter((text) => text !== undefined).join(', ') || 'no address yet'],
      ['connections', `${report.connections} now, ${report.tracked} in all, ${report.evicted} evicted`],
      ['refused', `${report.refused} packets`],
    )
  }
  for (const { spec } of forwards) rows.push(['published', spec])
  const ports = report.ports.map((port) => [
    isGuests(port) && port.nic > 0 ? `${port.owner}/${port.nic}` : port.owner,
    port.isUp ? 'up' : 'down',
    port.isTrunk ? 'all' : port.vlan === 0 ? '-' : `${port.vlan}`,
    port.mac === NO_MAC ? '-' : port.mac,
    [port.ip4, port.ip6].filter((text) => text !== undefined).join(' ') || '-',
    `${port.inFrames}`,
    `${port.outFrames}`,
    `${port.spoofed}/${port.flooded}/${port.malformed}/${port.overrun}`,
  ])
  const head = ['PORT', 'LINK', 'VLAN', 'MAC', 'ADDRESSES', 'FROM', 'TO', 'SPOOFED/FLOODED/MALFORMED/OVERRUN']
  const lines = rows.map(([name, value]) => `${name.padEnd(14)}${value}`)
  return `${[...lines, '', ...columns([head, ...ports], [5, 6, 7])].join('\n')}\n`
}
