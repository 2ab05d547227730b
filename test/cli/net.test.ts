// `orlop net` as its user meets it: networks of a running machine, what passes their wires, and what is refused.

import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { NetworkSample } from '../../cli/machine/networks.ts'
import { requireTool } from '../support/tools.ts'
import { background, cleanUp, does, file, folder, json, refuses, until, up } from './lab.ts'
import { orlop, talker } from './orlop.ts'

const when = requireTool('riscv64-unknown-elf-gcc', 'gcc-riscv64-unknown-elf') ? test : test.skip

const guest = (more: string) => `{ firmware: ${talker().elf}, memory: 4M, ${more} }`
const fleet = () =>
  file(
    'nets.yaml',
    `machine: { cpus: 1, memory: 64M }
networks:
  wire: { mode: bridge, uplink: { listen: ./wire.sock } }
  quiet: { mode: isolated }
guests:
  alpha: ${guest('networks: [wire, { network: quiet, vlan: 7 }]')}
  beta: ${guest('networks: [{ network: wire, mac: "02:00:00:00:00:09" }], autostart: false')}
  lone: ${guest('autostart: false')}
`,
  )
const look = (name: string) => json<NetworkSample>('net', 'info', name)
const guestPorts = (name: string) => look(name).report.ports.filter(({ owner }) => owner !== 'uplink')

when('list and info show networks, their uplinks and the devices on them', () => {
  up(fleet())
  const { networks } = json<{ networks: NetworkSample[] }>('net', 'list')
  assert.equal(
    networks.map(({ plan }) => [plan.name, plan.mode]),
    [
      ['wire', 'bridge'],
      ['quiet', 'isolated'],
    ],
  )
  assert.match(
    does('net', 'list'),
    /^NAME +MODE +UPLINK +LINK .*\nwire +bridge +listen:unix:\S+wire\.sock +down .*\nquiet +isolated +none +-/,
  )
  const [alpha] = guestPorts('quiet')
  assert.equal([alpha?.owner, alpha?.nic, alpha?.vlan], ['alpha', 1, 7])
  assert.match(
    does('net', 'info', 'quiet'),
    /^name +quiet\nmode +isolated\nuplink +none\n[\s\S]*\nalpha\/1 +\S+ +7 +02:/,
  )
  assert.match(does('info', 'beta'), /^net 0 +wire, 02:00:00:00:00:09$/m)
})

when('a guest has its device while it is on, and the same address each time', () => {
  assert.equal(
    guestPorts('wire').map(({ owner }) => owner),
    ['alpha'],
  )
  const mac = guestPorts('wire')[0]?.mac
  does('start', 'beta')
  assert.equal(
    guestPorts('wire').map(({ owner }) => owner),
    ['alpha', 'beta'],
  )
  does('poweroff', 'beta')
  does('reset', 'alpha')
  assert.equal(
    guestPorts('wire').map((port) => [port.owner, port.mac]),
    [['alpha', mac]],
  )
})

when('the link is up while somebody is at the other end of the uplink', async () => {
  assert.is(look('wire').report.isUp, false)
  const peer = connect(join(folder, 'wire.sock'))
  await once(peer, 'connect')
  await until('the link is up', () => look('wire').report.isUp)
  peer.destroy()
  await until('the link is down', () => !look('wire').report.isUp)
})

when('a capture goes on when its guest is started anew, and ends with Ctrl-C as a whole file', async () => {
  const path = join(folder, 'alpha.pcap')
  const child = background(['net', 'capture', 'alpha', '-o', path])
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (said += text))
  await until('it captures', () => said.includes('Capturing alpha into'))
  does('reset', 'alpha')
  does('poweroff', 'alpha')
  does('start', 'alpha')
  child.kill('SIGINT')
  const [code] = await once(child, 'close')
  assert.is(code, 0)
  // The firmware has no driver for its device.
  assert.match(said, /\n0 packets\.\n$/)
  const bytes = readFileSync(path)
  assert.equal([bytes.length, bytes.readUInt32LE(0), bytes.readUInt32LE(20)], [24, 0xa1b23c4d, 1])
})

when('guests that are added find the networks, and take their own with them', () => {
  const more = file('more.yaml', `guests:\n  gamma: ${guest('networks: [wire]')}\n  delta: ${guest('net: loopback')}\n`)
  does('define', '--start', more)
  assert.ok(guestPorts('wire').some(({ owner }) => owner === 'gamma'))
  assert.ok(guestPorts('delta/net').some(({ owner }) => owner === 'delta'))
  does('rm', '--force', 'delta')
  assert.match(refuses(['net', 'info', 'delta/net']), /There is no network "delta\/net"/)
  does('rm', '--force', 'gamma')
  assert.is(guestPorts('wire').length, 1)
  const other = file(
    'other.yaml',
    `networks: { quiet: { mode: isolated, mtu: 9000 } }\nguests: { x: ${guest('autostart: false')} }`,
  )
  assert.match(refuses(['define', other]), /There is another network "quiet" on this machine/)
  assert.match(refuses(['info', 'x']), /There is no guest "x"/)
})

when('what cannot be is refused in one sentence', () => {
  assert.match(refuses(['net']), /Say what of the networks; give list, info, forward or capture/)
  assert.match(refuses(['net', 'add']), /There is no "orlop net add"/)
  assert.match(refuses(['net', 'info']), /as many words as in "orlop net info NET"/)
  assert.match(refuses(['net', 'info', 'wirf']), /There is no network "wirf"; did you mean wire\?/)
  assert.match(refuses(['net', 'forward', 'list', 'wire', '80:alpha:80']), /give add or rm/)
  assert.match(refuses(['net', 'forward', 'add', 'wire', '80:alpha:80']), /is on "wire", which is no nat/)
  assert.match(refuses(['net', 'forward', 'add', 'wire', '80:nobody:80']), /There is no guest "nobody"/)
  assert.match(
    refuses(['net', 'forward', 'rm', 'wire', '80:alpha:80']),
    /"wire" has no forwarding 80:alpha:80; it has none/,
  )
  assert.match(refuses(['net', 'capture', 'alpha']), /Say where to write it/)
  assert.match(refuses(['net', 'capture', 'lone', '-o', join(folder, 'x.pcap')]), /"lone" has no network device 0/)
  assert.match(refuses(['net', 'capture', 'alpha/2', '-o', join(folder, 'x.pcap')]), /"alpha" has no network device 2/)
  assert.match(refuses(['net', 'capture', 'alpha', '-o', '/nowhere/x.pcap']), /cannot be written/)
  assert.match(
    refuses(['up', '--publish', '80:alpha:80', '--name', 'other', fleet()]),
    /--publish: "alpha" is on "wire", which is no nat/,
  )
  assert.match(
    refuses(['run', '--net', 'loopback', '--publish', '80:80', '--firmware', talker().elf]),
    /--publish: Only the network "user"/,
  )
  assert.is(orlop(['network']).status, 2)
})

test.after(cleanUp)

test.run()
