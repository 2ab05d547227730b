// Networks through the door: their life, who may be on them, and what the host is told.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { GatewaySpec, NetworkSpec } from '../../host-shim/networks.ts'
import * as abi from '../../hypervisor/abi.ts'
import { Machine, type Spec } from './machine.ts'

const GATEWAY: GatewaySpec = {
  mac: Uint8Array.of(2, 0, 0, 0, 0, 0xfe),
  outMac: Uint8Array.of(2, 0, 0, 0, 0, 0xff),
  ip4: 0x0a090001,
  prefix4: 24,
  leases: [0x0a090064, 0x0a0900c8],
  domain: 'orlop.internal',
}

function nic(last: number, more: Partial<NonNullable<Spec['nets']>[number]> = {}): Spec {
  return { nets: [{ network: 0, mac: [2, 0, 0, 0, 0, last], ...more }] }
}

test('a network is defined once, and again when it has been removed', () => {
  const machine = new Machine()
  assert.is(machine.network(0), abi.OK)
  assert.is(machine.network(0), abi.E_BAD_STATE)
  assert.is(machine.network(abi.MAX_NETWORKS), abi.E_BAD_ID)
  assert.is(machine.door.networkRemove(0), abi.OK)
  assert.is(machine.door.networkRemove(0), abi.E_BAD_ID)
  assert.is(machine.network(0), abi.OK)
})

test('two networks have no uplink in common', () => {
  const machine = new Machine()
  assert.is(machine.network(0, { uplink: 4 }), abi.OK)
  assert.is(machine.network(1, { uplink: 4 }), abi.E_BUSY)
  assert.is(machine.door.networkRemove(0), abi.OK)
  assert.is(machine.network(1, { uplink: 4 }), abi.OK)
})

test('what no network can be is refused', () => {
  const machine = new Machine()
  const nat = (change: Partial<GatewaySpec>): NetworkSpec => ({ gateway: { ...GATEWAY, ...change } })
  const bad: Record<string, NetworkSpec> = {
    'an uplink that is none': { uplink: abi.MAX_UPLINKS },
    'packets too small': { mtu: 575 },
    'packets too large': { mtu: 65522 },
    'a gateway with a group address': nat({ mac: Uint8Array.of(1, 0, 0, 0, 0, 1) }),
    'a gateway without a MAC': nat({ outMac: new Uint8Array(6) }),
    'a subnet without room': nat({ prefix4: 31 }),
    'a gateway at its network': nat({ ip4: 0x0a090000 }),
    'a gateway at its broadcast address': nat({ ip4: 0x0a0900ff }),
    'leases from another subnet': nat({ leases: [0x0a090064, 0x0a090164] }),
    'leases from last to first': nat({ leases: [0x0a0900c8, 0x0a090064] }),
  }
  for (const [what, spec] of Object.entries(bad)) assert.is(machine.network(0, spec), abi.E_BAD_ARG, what)
  assert.is(machine.network(0, nat({})), abi.OK)
})

test('a guest needs a network that there is, and an address that nobody has', () => {
  const machine = new Machine()
  assert.is(machine.create(nic(1)), abi.E_BAD_ARG)
  machine.network(0, { gateway: GATEWAY })
  const id = machine.create(nic(1))
  assert.is(id, 0)
  assert.is(machine.create(nic(1)), abi.E_BAD_ARG)
  assert.is(machine.create(nic(0xfe)), abi.E_BAD_ARG, "the gateway's")
  assert.is(machine.create(nic(2, { flags: 8 })), abi.E_BAD_ARG)
  assert.is(machine.create(nic(2, { vlan: 4095 })), abi.E_BAD_ARG)
  assert.is(machine.create({ nets: [...nic(2).nets!, ...nic(2).nets!] }), abi.E_BAD_ARG, 'twice the same')
  assert.is(machine.door.networkRemove(0), abi.E_BUSY)
  assert.is(machine.door.guestRemove(id), abi.OK)
  assert.is(machine.create(nic(1)), 0)
  assert.is(machine.door.guestRemove(0), abi.OK)
  assert.is(machine.door.networkRemove(0), abi.OK)
})

test('a name is one that can stand in a domain', () => {
  const machine = new Machine()
  for (const name of ['web', 'web-2', 'a'.repeat(abi.SPEC_NAME_MAX)]) assert.ok(machine.create({ name }) >= 0, name)
  for (const name of ['Web', 'a.b', 'a b', 'ä', 'a'.repeat(abi.SPEC_NAME_MAX + 1)]) {
    assert.is(machine.create({ name }), abi.E_BAD_ARG, name)
  }
})

test('a report names each port with what is known of it', () => {
  const machine = new Machine()
  machine.network(0, { uplink: 2 })
  machine.network(1, { gateway: GATEWAY })
  machine.create(nic(1, { vlan: 7 }))
  machine.create({
    nets: [...nic(2, { network: 1, ip4: 0x0a090014 }).nets!, ...nic(3, { flags: abi.NIC_UNPLUGGED }).nets!],
  })
  const bridge = machine.networkReport(0)
  assert.is(bridge.isUp, true)
  assert.equal(
    bridge.ports.map(({ owner, nic, mac, vlan, isUp }) => [owner, nic, mac, vlan, isUp]),
    [
      [0, 0, '02:00:00:00:00:01', 7, true],
      [1, 1, '02:00:00:00:00:03', 0, false],
      ['uplink', 0, '00:00:00:00:00:00', 0, true],
    ],
  )
  assert.is(bridge.ports[2]?.isTrunk, true)
  const nat = machine.networkReport(1)
  assert.equal(
    nat.ports.map(({ owner, nic, mac, ip4 }) => [owner, nic, mac, ip4]),
    [
      [1, 0, '02:00:00:00:00:02', '10.9.0.20'],
      ['gateway', 0, '02:00:00:00:00:fe', '10.9.0.1'],
    ],
  )
  assert.is(machine.door.networkReport(2), abi.E_BAD_ID)
})

test('the link of an uplink is told to the network that has it', () => {
  const machine = new Machine()
  machine.network(0, { uplink: 2 })
  machine.create(nic(1))
  assert.is(machine.door.networkLink(2, 0), abi.OK)
  const { isUp, ports } = machine.networkReport(0)
  assert.equal([isUp, ...ports.map((port) => port.isUp)], [false, false, false])
  assert.is(machine.door.networkLink(2, 1), abi.OK)
  assert.is(machine.networkReport(0).ports[0]?.isUp, true)
  assert.is(machine.door.networkLink(3, 1), abi.E_BAD_STATE)
  assert.is(machine.door.networkLink(abi.MAX_UPLINKS, 1), abi.E_BAD_ARG)
})

test('a device is captured by one uplink at a time, which ends with its guest', () => {
  const machine = new Machine()
  machine.network(0, { uplink: 2 })
  machine.create(nic(1))
  machine.create(nic(2))
  const capture = (guest: number, index: number, uplink: number) => machine.door.networkCapture(guest, index, uplink)
  assert.is(capture(2, 0, 5), abi.E_BAD_ID)
  assert.is(capture(0, 1, 5), abi.E_BAD_ARG)
  assert.is(capture(0, 0, abi.MAX_UPLINKS), abi.E_BAD_ARG)
  assert.is(capture(0, 0, 2), abi.E_BUSY)
  assert.is(capture(0, 0, 5), abi.OK)
  assert.is(capture(0, 0, 6), abi.E_BUSY)
  assert.is(capture(1, 0, 5), abi.E_BUSY)
  assert.is(machine.network(1, { uplink: 5 }), abi.E_BUSY)
  assert.is(machine.door.guestRemove(0), abi.OK)
  assert.is(capture(1, 0, 5), abi.OK)
  assert.is(capture(1, 0, abi.NO_UPLINK), abi.OK)
  assert.is(machine.network(1, { uplink: 5 }), abi.OK)
})

test.run()
