// A network's description lies in the window as hypervisor/abi.ts says, and its report is read from there.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { parseIp4, parseIp6, parseMac } from '../../host-shim/addresses.ts'
import { MachineError } from '../../host-shim/error.ts'
import { type GatewaySpec, packForward, packNetwork, readNetworkReport } from '../../host-shim/networks.ts'
import * as abi from '../../hypervisor/abi.ts'

const window = () => new Uint8Array(abi.WINDOW_SIZE).fill(0xaa)
const words = (bytes: Uint8Array) => {
  const view = new DataView(bytes.buffer)
  return (at: number) => view.getUint32(at, true)
}
const part = (bytes: Uint8Array, at: number, length: number) =>
  Buffer.from(bytes.subarray(at, at + length)).toString('hex')
const mac = (text: string) => parseMac(text) as Uint8Array
const ip4 = (text: string) => parseIp4(text) as number
const ip6 = (text: string) => parseIp6(text) as Uint8Array

const GATEWAY: GatewaySpec = {
  mac: mac('02:00:00:00:00:01'),
  outMac: mac('02:00:00:00:00:02'),
  ip4: ip4('10.9.0.1'),
  prefix4: 24,
  leases: [ip4('10.9.0.2'), ip4('10.9.0.254')],
  ip6: ip6('fd00:9::1'),
  domain: 'lab.internal',
  out4: { address: ip4('192.0.0.2'), prefix: 29, gateway: ip4('192.0.0.1'), dns: ip4('192.0.0.3') },
  out6: { address: ip6('fd6f::2'), prefix: 64, gateway: ip6('fd6f::1'), dns: ip6('fd6f::3') },
}

test('every field of a network with a gateway lies at its place', () => {
  const bytes = window()
  const gateway = { ...GATEWAY, forwarding: false, dhcp: false, dns: false }
  packNetwork({ uplink: 3, offload: true, mtu: 9000, broadcasts: 50, gateway }, bytes)
  const u32 = words(bytes)
  assert.is(u32(abi.NETWORK_MODE), abi.NETWORK_NAT)
  assert.is(u32(abi.NETWORK_UPLINK), 3)
  assert.is(u32(abi.NETWORK_FLAGS), 15)
  assert.is(u32(abi.NETWORK_MTU), 9000)
  assert.is(u32(abi.NETWORK_BROADCASTS), 50)
  assert.is(part(bytes, abi.NETWORK_MAC, 6), '020000000001')
  assert.is(part(bytes, abi.NETWORK_OUT_MAC, 6), '020000000002')
  assert.equal([u32(abi.NETWORK_IP4), u32(abi.NETWORK_PREFIX4)], [0x0a090001, 24])
  assert.equal([u32(abi.NETWORK_LEASE_FIRST), u32(abi.NETWORK_LEASE_LAST)], [0x0a090002, 0x0a0900fe])
  assert.is(part(bytes, abi.NETWORK_IP6, 16), 'fd000009000000000000000000000001')
  assert.equal([u32(abi.NETWORK_OUT_IP4), u32(abi.NETWORK_OUT_PREFIX4)], [0xc0000002, 29])
  assert.equal([u32(abi.NETWORK_OUT_GATEWAY4), u32(abi.NETWORK_OUT_DNS4)], [0xc0000001, 0xc0000003])
  assert.is(part(bytes, abi.NETWORK_OUT_IP6, 16), 'fd6f0000000000000000000000000002')
  assert.is(u32(abi.NETWORK_OUT_PREFIX6), 64)
  assert.is(part(bytes, abi.NETWORK_OUT_GATEWAY6, 16), 'fd6f0000000000000000000000000001')
  assert.is(part(bytes, abi.NETWORK_OUT_DNS6, 16), 'fd6f0000000000000000000000000003')
  const domain = bytes.subarray(abi.NETWORK_DOMAIN, bytes.indexOf(0, abi.NETWORK_DOMAIN))
  assert.is(new TextDecoder().decode(domain), 'lab.internal')
})

test('what a network leaves out is zero, or the default', () => {
  const bytes = window()
  packNetwork({}, bytes)
  const u32 = words(bytes)
  assert.is(u32(abi.NETWORK_MODE), abi.NETWORK_BRIDGE)
  assert.is(u32(abi.NETWORK_UPLINK), abi.NO_UPLINK)
  assert.is(u32(abi.NETWORK_MTU), 1500)
  assert.ok(bytes.subarray(abi.NETWORK_MAC, abi.NETWORK_SIZE).every((byte) => byte === 0))
  packNetwork({ gateway: { ...GATEWAY, ip6: undefined, out4: undefined, out6: undefined } }, bytes)
  assert.is(u32(abi.NETWORK_FLAGS), 0)
  assert.ok(bytes.subarray(abi.NETWORK_IP6, abi.NETWORK_DOMAIN).every((byte) => byte === 0))
})

test('a domain that is too long is refused', () => {
  const gateway = { ...GATEWAY, domain: `${'a'.repeat(60)}.lan` }
  assert.throws(
    () => packNetwork({ gateway }, window()),
    (error: unknown) => error instanceof MachineError && error.code === abi.E_BAD_ARG,
  )
})

test('a forwarding lies at its place', () => {
  const bytes = window()
  packForward({ protocol: 'udp', port: 5353, count: 3, guest: 7, nic: 1, toPort: 53 }, bytes)
  const u32 = words(bytes)
  const fields = [
    abi.FORWARD_PROTOCOL,
    abi.FORWARD_PORT,
    abi.FORWARD_COUNT,
    abi.FORWARD_GUEST,
    abi.FORWARD_NIC,
    abi.FORWARD_TO_PORT,
  ]
  assert.equal(fields.map(u32), [17, 5353, 3, 7, 1, 53])
  packForward({ protocol: 'tcp', port: 8080, guest: 0, toPort: 80 }, bytes)
  assert.equal(fields.map(u32), [6, 8080, 1, 0, 0, 80])
})

test('a report tells of the uplink, of connections and of every port', () => {
  const bytes = window().fill(0)
  const view = new DataView(bytes.buffer)
  const u32 = (at: number, value: number) => view.setUint32(at, value, true)
  const u64 = (at: number, value: bigint) => view.setBigUint64(at, value, true)
  u32(abi.NETREPORT_LINK, 1)
  u32(abi.NETREPORT_OUT_IP4, 0xc0000002)
  bytes.set(ip6('fd6f::2'), abi.NETREPORT_OUT_IP6)
  u32(abi.NETREPORT_CONNECTIONS, 4)
  u32(abi.NETREPORT_PORT_COUNT, 2)
  u64(abi.NETREPORT_TRACKED, 2n ** 40n)
  u64(abi.NETREPORT_EVICTED, 2n)
  u64(abi.NETREPORT_REFUSED, 3n)
  const second = abi.NETREPORT_PORTS + abi.NETPORT_SIZE
  u32(abi.NETREPORT_PORTS + abi.NETPORT_GUEST, abi.NETPORT_UPLINK)
  u32(second + abi.NETPORT_GUEST, 5)
  u32(second + abi.NETPORT_NIC, 1)
  u32(second + abi.NETPORT_LINK, 1)
  view.setUint16(second + abi.NETPORT_VLAN, 12, true)
  bytes.set(mac('02:00:00:00:00:09'), second + abi.NETPORT_MAC)
  u32(second + abi.NETPORT_IP4, 0x0a090014)
  bytes.set(ip6('fd00:9::14'), second + abi.NETPORT_IP6)
  const counters = [
    abi.NETPORT_IN_FRAMES,
    abi.NETPORT_IN_BYTES,
    abi.NETPORT_OUT_FRAMES,
    abi.NETPORT_OUT_BYTES,
    abi.NETPORT_SPOOFED,
    abi.NETPORT_FLOODED,
    abi.NETPORT_MALFORMED,
    abi.NETPORT_OVERRUN,
  ]
  for (const [i, at] of counters.entries()) u64(second + at, BigInt(i + 1))
  const { ports, ...network } = readNetworkReport(bytes)
  assert.equal(network, {
    isUp: true,
    outIp4: '192.0.0.2',
    outIp6: 'fd6f::2',
    connections: 4,
    tracked: 2 ** 40,
    evicted: 2,
    refused: 3,
  })
  assert.is(ports.length, 2)
  assert.is(ports[0]?.owner, 'uplink')
  assert.is('ip4' in (ports[0] as object), false)
  assert.equal(ports[1], {
    owner: 5,
    nic: 1,
    isUp: true,
    vlan: 12,
    isTrunk: false,
    mac: '02:00:00:00:00:09',
    ip4: '10.9.0.20',
    ip6: 'fd00:9::14',
    inFrames: 1,
    inBytes: 2,
    outFrames: 3,
    outBytes: 4,
    spoofed: 5,
    flooded: 6,
    malformed: 7,
    overrun: 8,
  })
})

test.run()
