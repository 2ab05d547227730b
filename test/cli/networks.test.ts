// Networks in fleet files: what they mean, addresses that stay the same, and one clear sentence for what cannot be.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parse } from 'yaml'
import { OrlopError } from '../../cli/error.ts'
import { parseFleet, type Surroundings } from '../../cli/fleet/file.ts'
import type { NetworkPlan } from '../../cli/fleet/plan.ts'
import { parsePublish, showPublish } from '../../cli/fleet/publish.ts'
import { fleetSchema } from '../../cli/fleet/shapes.ts'
import { networkOptions } from '../../cli/machine/network-options.ts'
import { parseIp4 } from '../../host-shim/addresses.ts'
import type { GatewaySpec } from '../../host-shim/networks.ts'
import { fits } from './schema.ts'

const found = async () => ({ kernel: '/cache/kernel', initrd: '/cache/initrd', kind: 'lean' as const, version: '6.12' })
const fleet = (text: string, around?: Surroundings) => parseFleet(text, '/lab/three.yaml', found, around)

async function complaint(text: string, around?: Surroundings): Promise<string> {
  try {
    await fleet(text, around)
  } catch (error) {
    assert.instance(error, OrlopError)
    assert.match((error as OrlopError).message, /^[^\n]+\.$/)
    return (error as OrlopError).message.replace('/lab/', '')
  }
  return assert.unreachable(`It was not refused: ${text}`) as never
}

const ALL = `
networks:
  lan: { mode: nat, uplink: user, subnet: 10.9.7.0/24, subnet6: "fd00:9::/64", forwarding: true, mtu: 1500, domain: Orlop.internal, host: false }
  out: { mode: bridge, uplink: { tap: tap0 }, broadcasts: 50 }
  far: { mode: bridge, uplink: { stream: ./far.sock } }
  near: { mode: bridge, uplink: { listen: "[::1]:5555" } }
  mac: { mode: nat, uplink: { macvtap: mac0 }, dhcp: false, dns: false, outside: { address: 192.168.7.2/24, gateway: 192.168.7.1, dns6: "fd00::1" } }
  quiet: { mode: isolated }
  named: { mode: isolated, subnet: 10.8.0.0/30 }
  plain:
guests:
  web: { networks: [lan, { network: out, mac: "02:00:00:00:00:0A", vlan: 5, isolated: true, trusted: true }] }
  db: { networks: [{ network: lan, address: 10.9.7.20 }, { network: quiet, vlan: trunk }] }
  lone:
publish: ["8080:web:80", "0.0.0.0:5353:db:53/udp", "[::1]:9000-9009:web:9000-9009/TCP"]
`

test('a file says what its networks are, and who is on them', async () => {
  const { networks, guests, publish } = await fleet(ALL)
  const net = (name: string) => networks.find((one) => one.name === name)
  const { mac, outMac, ...gateway } = (net('lan') as Required<NetworkPlan>).gateway
  assert.not(mac === outMac)
  assert.equal(gateway, {
    subnet: '10.9.7.0/24',
    address: '10.9.7.1',
    address6: 'fd00:9::1',
    forwarding: true,
    dhcp: true,
    dns: true,
    domain: 'orlop.internal',
  })
  assert.equal(net('lan')?.uplink, { user: { host: false } })
  assert.equal(net('out'), { name: 'out', mode: 'bridge', uplink: { tap: 'tap0' }, mtu: 1500, broadcasts: 50 })
  assert.equal(net('far')?.uplink, { stream: { path: '/lab/far.sock' } })
  assert.equal(net('near')?.uplink, { listen: { host: '::1', port: 5555 } })
  assert.equal(net('mac')?.gateway?.outside, { address: '192.168.7.2/24', gateway: '192.168.7.1', dns6: 'fd00::1' })
  assert.equal([net('mac')?.gateway?.dhcp, net('mac')?.gateway?.dns], [false, false])
  assert.equal([net('quiet')?.uplink, net('quiet')?.gateway], ['none', undefined])
  assert.equal([net('named')?.uplink, net('named')?.gateway?.address], ['none', '10.8.0.1'])
  assert.equal([net('plain')?.mode, net('plain')?.uplink], ['nat', { user: {} }])
  const [web, db, lone] = guests
  assert.equal(web?.nets[1], { network: 'out', mac: '02:00:00:00:00:0a', vlan: 5, isolated: true, trusted: true })
  assert.is(db?.nets[0]?.address, '10.9.7.20')
  assert.equal([db?.nets[1]?.vlan, db?.nets[1]?.address], ['trunk', undefined])
  assert.equal(lone?.nets, [])
  assert.equal(publish, [
    { protocol: 'tcp', port: 8080, count: 1, guest: 'web', nic: 0, toPort: 80 },
    { protocol: 'udp', address: '0.0.0.0', port: 5353, count: 1, guest: 'db', nic: 0, toPort: 53 },
    { protocol: 'tcp', address: '::1', port: 9000, count: 10, guest: 'web', nic: 0, toPort: 9000 },
  ])
  assert.ok(fits(fleetSchema(), parse(ALL)))
})

test('the machine gets a network as it takes it', async () => {
  const { networks } = await fleet(ALL)
  const options = networkOptions(networks.find(({ name }) => name === 'mac') as (typeof networks)[0])
  assert.equal(options.uplink, { macvtap: 'mac0' })
  assert.equal(options.gateway?.out4, {
    address: parseIp4('192.168.7.2'),
    prefix: 24,
    gateway: parseIp4('192.168.7.1'),
    dns: undefined,
  })
  assert.is(options.gateway?.out6, undefined)
  const [first, last] = (options.gateway as GatewaySpec).leases
  assert.is(last - first, 252)
})

test('addresses that nobody has chosen are each time the same, and change with the names alone', async () => {
  const text = (guests: string) => `networks: { lan: , two: }\nguests: { ${guests} }`
  const one = await fleet(text('a: { networks: [lan, two] }, b: { networks: [lan] }'))
  const other = await fleet(text('b: { networks: [lan] }, a: { networks: [lan, two] }'))
  const of = (plans: typeof one, name: string) => plans.guests.find((guest) => guest.name === name)?.nets
  assert.equal(of(one, 'a'), of(other, 'a'))
  assert.equal(of(one, 'b'), of(other, 'b'))
  assert.equal(one.networks, other.networks)
  assert.equal(
    one.networks.map(({ gateway }) => gateway?.subnet),
    ['10.9.0.0/24', '10.9.1.0/24'],
  )
  const prefixes = one.networks.map(({ gateway }) => gateway?.address6 as string)
  assert.not(prefixes[0] === prefixes[1])
  for (const prefix of prefixes) assert.match(prefix, /^fd[0-9a-f]{2}:[0-9a-f:]+::1$/)
  const macs = one.guests.flatMap(({ nets }) => nets.map(({ mac }) => mac))
  assert.is(new Set(macs).size, 3)
  for (const mac of macs) assert.match(mac, /^02(:[0-9a-f]{2}){5}$/)
  const elsewhere = await fleet(text('a: { networks: [lan, two] }, b: { networks: [lan] }'), { name: 'elsewhere' })
  assert.not(of(elsewhere, 'a')?.[0]?.mac === of(one, 'a')?.[0]?.mac)
})

test('a full subnet gives every address once, and then refuses', async () => {
  const text = (count: number) =>
    `networks: { lan: { subnet: 10.9.0.0/29 } }\nguests: { first: { networks: [{ network: lan, address: 10.9.0.4 }] }, more: { count: ${count}, networks: [lan] } }`
  const { guests } = await fleet(text(4))
  const addresses = guests.map(({ nets }) => nets[0]?.address)
  assert.equal(addresses.sort(), ['10.9.0.2', '10.9.0.3', '10.9.0.4', '10.9.0.5', '10.9.0.6'])
  assert.match(
    await complaint(text(5)),
    /three\.yaml:2: The subnet 10\.9\.0\.0\/29 of "lan" has no address left for "more-5"\.$/,
  )
})

test('the field net is a network of its own, which goes with its guest', async () => {
  const { networks, guests } = await fleet(
    'guests: { a: { net: "stream:unix:wire.sock" }, b: { net: user }, c: { net: none } }',
  )
  assert.equal(
    networks.map(({ name, mode, owner, uplink }) => [name, mode, owner, uplink]),
    [
      ['a/net', 'bridge', 'a', { stream: { path: '/lab/wire.sock' } }],
      ['b/net', 'nat', 'b', { user: {} }],
    ],
  )
  assert.equal(
    guests.map(({ nets }) => nets.map(({ network }) => network)),
    [['a/net'], ['b/net'], []],
  )
})

test('guests that come to a running machine find its networks, and do not get addresses that are taken', async () => {
  const running = await fleet('networks: { lan: { subnet: 10.9.0.0/30 } }\nguests: { a: { networks: [lan] } }')
  const name = 'three'
  const text = 'guests: { b: { networks: [lan] } }'
  assert.match(await complaint(text, { name, running }), /has no address left for "b"/)
  const wide = await fleet('networks: { lan: }\nguests: { a: { networks: [lan] } }')
  const { networks, guests } = await fleet(text, { name, running: wide })
  assert.equal(networks, [])
  assert.not(guests[0]?.nets[0]?.address === wide.guests[0]?.nets[0]?.address)
  // The same network again is no other one.
  const again = await fleet('networks: { lan: , two: }\nguests: { b: { networks: [two] } }', { name, running: wide })
  assert.equal(again.networks[0], wide.networks[0])
  assert.is(again.networks[1]?.gateway?.subnet, '10.9.1.0/24')
})

test('what networks cannot be is refused with its line', async () => {
  const net = (text: string) => complaint(`networks:\n  lan: { ${text} }\nguests: { a: }`)
  assert.match(
    await net('mode: routed'),
    /three\.yaml:2: mode: "routed" is not known here; give nat or bridge or isolated\.$/,
  )
  assert.match(await net('subnet: 10.9.0.1/24'), /three\.yaml:2: subnet: "10\.9\.0\.1\/24" is no subnet/)
  assert.match(await net('subnet: 10.9.0.0/31'), /is no subnet/)
  assert.match(await net('subnet6: "fd00::/48"'), /is no subnet for IPv6; give a \/64/)
  assert.match(await net('subnet6: "fd00::1/64"'), /is no subnet for IPv6/)
  assert.match(await net('domain: -x'), /is no domain/)
  assert.match(await net('mtu: 100'), /must be a whole number from 576 to 65521/)
  assert.match(await net('mode: bridge, uplink: user'), /is a bridge; the uplink "user" has no network/)
  assert.match(await net('mode: bridge, subnet: 10.9.0.0/24'), /is a bridge and has no gateway; "subnet" is for nat/)
  assert.match(await net('mode: isolated, uplink: { tap: tap0 }'), /is isolated; it has no uplink/)
  assert.match(await net('uplink: { tap: tap0, stream: "h:1" }'), /An uplink leads to one place/)
  assert.match(await net('uplink: { tap: /dev/tap3 }'), /is no interface of this host/)
  assert.match(await net('uplink: { stream: here }'), /is no address; give HOST:PORT/)
  assert.match(await net('uplink: { tap: tap0 }, host: true'), /has another uplink than user/)
  assert.match(await net('outside: { address: 10.0.0.2/24 }'), /has an uplink that knows no "outside"/)
  assert.match(await net('uplink: loopback'), /is nat; "loopback" leads nowhere/)
  assert.match(await complaint('networks: { 7: }\nguests: { a: }'), /three\.yaml:1: The name of a network must be/)
  assert.match(
    await complaint('networks:\n  a: { subnet: 10.9.0.0/16 }\n  b: { subnet: 10.9.4.0/24 }\nguests: { a: }'),
    /three\.yaml:3: The subnets 10\.9\.4\.0\/24 and 10\.9\.0\.0\/16 overlap/,
  )
  const many = Array.from({ length: 17 }, (_, i) => `n${i}: `).join(', ')
  assert.match(await complaint(`networks: { ${many} }\nguests: { a: }`), /at most 16 networks/)
})

test('what devices cannot have is refused with its line', async () => {
  const nics = (a: string, b = '') =>
    complaint(
      `networks: { lan: , quiet: { mode: isolated } }\nguests:\n  a: { networks: [${a}] }\n  b: { networks: [${b}] }`,
    )
  assert.match(await nics('wan'), /three\.yaml:3: There is no network "wan"; there are lan, quiet\.$/)
  assert.match(await nics('{ network: lan, vlan: 4095 }'), /is no VLAN/)
  assert.match(await nics('{ network: lan, mac: "01:00:00:00:00:01" }'), /is a group's MAC/)
  assert.match(await nics('{ network: lan, mac: "1:2:3" }'), /is no MAC/)
  assert.match(
    await nics('{ network: lan, address: 10.9.0.1 }'),
    /has no address 10\.9\.0\.1 to give; choose from 10\.9\.0\.2 to 10\.9\.0\.254/,
  )
  assert.match(await nics('{ network: quiet, address: 10.9.0.2 }'), /gives no addresses/)
  assert.match(await nics('{ address: 10.9.0.2 }'), /needs the field "network"/)
  const same = '{ network: lan, address: 10.9.0.9 }'
  assert.match(await nics(same, same), /three\.yaml:4: "a" has the address 10\.9\.0\.9 already; give "b" another\.$/)
  const mac = '{ network: lan, mac: "02:00:00:00:00:01" }'
  assert.match(await nics(mac, mac.replace('lan', 'quiet')), /three\.yaml:4: "a" has the MAC 02:00:00:00:00:01 already/)
  assert.match(await nics('lan, lan, lan, lan, lan'), /lists 5; the most is 4/)
  assert.match(
    await complaint('networks: { lan: }\nguests:\n  a: { net: user, networks: [lan] }'),
    /three\.yaml:3: Give "a" either "net" or "networks", not both\.$/,
  )
})

test('published ports are read, shown, and refused when they cannot be', async () => {
  for (const text of ['8080:web:80', '127.0.0.2:8080:web:80', '[::]:53:dns/1:53/udp', '8000-8009:web:9000-9009']) {
    assert.is(showPublish(parsePublish(text, 'publish')), text)
  }
  assert.is(parsePublish('*:8080:web:80', 'publish').address, '0.0.0.0')
  assert.equal(parsePublish('8080:80', '--publish', 'guest'), {
    protocol: 'tcp',
    port: 8080,
    count: 1,
    guest: 'guest',
    nic: 0,
    toPort: 80,
  })
  const wrong = (text: string) => {
    try {
      parsePublish(text, 'publish')
    } catch (error) {
      return (error as OrlopError).message
    }
    return assert.unreachable(text) as never
  }
  assert.match(wrong('8080'), /publishes nothing; give \[ADDRESS:\]PORT:GUEST:PORT\[\/udp\]/)
  assert.match(wrong('8080:80'), /names no guest/)
  assert.match(wrong('0:web:80'), /has no ports from 1 to 65535/)
  assert.match(wrong('8080:web:65536'), /has no ports/)
  assert.match(wrong('8000-8001:web:80'), /ranges of different lengths/)
  assert.match(wrong('1-2000:web:1-2000'), /more than 1000 ports/)
  assert.match(wrong('300.0.0.1:8080:web:80'), /has no address of this host/)

  const publish = (text: string) =>
    complaint(`networks: { lan: , quiet: { mode: isolated }, wan: { uplink: { tap: tap0 } } }
guests: { web: { networks: [lan] }, mute: { networks: [quiet] }, lone: , far: { networks: [wan] } }
publish: [${text}]`)
  assert.match(
    await publish('"80:nobody:80"'),
    /three\.yaml:3: publish: There is no guest "nobody" to publish a port of\.$/,
  )
  assert.match(await publish('"80:mute:80"'), /is on "quiet", which is no nat/)
  assert.match(await publish('"80:lone:80"'), /"lone" has no network to publish a port of/)
  assert.match(await publish('"80:web/1:80"'), /has no network device 1/)
  assert.match(await publish('"127.0.0.1:80:far:80"'), /The uplink of "wan" has no address 127\.0\.0\.1/)
  assert.match(await publish('"80:web:80", "127.0.0.1:80:web:81"'), /Port 80 is published twice; see "80:web:80"\.$/)
  assert.match(await publish('"80-90:web:80-90", "0.0.0.0:85:web:81"'), /Port 85 is published twice/)
  const words = { words: ['80:web:80'], where: '--publish' }
  const twice = 'networks: { lan: }\nguests: { web: { networks: [lan] } }\npublish: ["80:web:80"]'
  assert.match(await complaint(twice, { publish: words }), /^--publish: Port 80 is published twice/)
})

test('the published schema refuses what the reader refuses, as far as it can tell', async () => {
  const schema = fleetSchema()
  const refused = [
    'networks: { lan: { mode: routed } }\nguests: { a: }',
    'networks: { lan: { uplink: { tap: a, stream: "h:1" } } }\nguests: { a: }',
    'networks: { lan: { subnet6: "fd00::/48" } }\nguests: { a: }',
    'networks: { lan: { mtu: 100 } }\nguests: { a: }',
    'networks: [lan]\nguests: { a: }',
    'guests: { a: { networks: [{ vlan: 5 }] } }',
    'networks: { lan: }\nguests: { a: { networks: [{ network: lan, vlan: 4095 }] } }',
    'guests: { a: }\npublish: 80',
  ]
  for (const text of refused) {
    await complaint(text)
    assert.not(fits(schema, parse(text)), text)
  }
})

test.run()
