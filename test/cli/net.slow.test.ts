// Guests of one machine talk to each other on one switch as their fleet file says, and what passes is captured.

import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { APPEND, lean, withScript } from '../boot/guests.ts'
import { requireTool } from '../support/tools.ts'
import { background, cleanUp, does, file, folder, until, up } from './lab.ts'
import { orlop } from './orlop.ts'

/** Says hello to the other one until it answers, by IPv4 and by IPv6, and goes on with it. */
const script = (net: number, own: number, other: number) => `ip addr add 10.7.${net}.${own}/24 dev eth0
ip addr add fd07::${net}:${own}/112 dev eth0
ip link set eth0 up
i=0; until ping -c 1 -W 1 10.7.${net}.${other} >/dev/null; do i=$((i+1)); [ $i -lt 120 ] || exit 1; sleep 1; done
echo it answers over IPv4
i=0; until ping -6 -c 1 -W 1 fd07::${net}:${other} >/dev/null; do i=$((i+1)); [ $i -lt 120 ] || exit 1; sleep 1; done
echo it answers over IPv6
while true; do ping -c 1 -W 1 10.7.${net}.${other} >/dev/null; sleep 1; done`
/** Types of ICMP (RFC 792). */
const [ECHO_REPLY, ECHO_REQUEST] = [0, 8]
/** The bytes of such a packet from its addresses to its type and code. */
const icmp = (from: number, to: number, type: number) => Buffer.of(10, 7, 0, from, 10, 7, 0, to, type, 0)
const NO_DHCP = { 'lib/udhcpc': '#!/bin/sh\n' }
const LATE = ['--timeout', '300']

interface System {
  kernel: string
  initrd: string
}

/** A guest as a fleet file has it. */
function guest({ kernel, initrd }: System, net: number, own: number, other: number, more: string): string {
  const place = join(folder, `${net}.${own}`)
  mkdirSync(place)
  const scripted = withScript({ name: place, kernel, initrd }, place, script(net, own, other), NO_DHCP)
  return `{ kernel: ${kernel}, initrd: ${scripted.initrd}, memory: 96M, append: "${APPEND} orlop.run=/test", ${more} }`
}

function hear(machine: string, name: string, text: string): void {
  const { status, stderr, stdout } = orlop([
    'console',
    '--read-only',
    '--machine',
    machine,
    name,
    '--until',
    text,
    ...LATE,
  ])
  assert.is(status, 0, `${name} did not say "${text}": ${stderr}${stdout.slice(-2000)}`)
}

test('two guests on an isolated network reach each other, and a capture of it is read by tcpdump', async () => {
  const system = await lean()
  if (system === undefined) return
  const nets = 'networks: [quiet]'
  up(
    file(
      'pair.yaml',
      `machine: { cpus: 2, memory: 512M }
networks: { quiet: { mode: isolated } }
guests:
  alpha: ${guest(system, 0, 1, 2, nets)}
  beta: ${guest(system, 0, 2, 1, nets)}
`,
    ),
  )
  hear('pair', 'alpha', 'it answers over IPv6')
  hear('pair', 'beta', 'it answers over IPv6')
  const path = join(folder, 'beta.pcap')
  const child = background(['net', 'capture', 'beta', '-o', path])
  await until('a ping and its answer are in the file', () => {
    const bytes = existsSync(path) ? readFileSync(path) : Buffer.alloc(0)
    return bytes.includes(icmp(1, 2, ECHO_REQUEST)) && bytes.includes(icmp(2, 1, ECHO_REPLY))
  })
  child.kill('SIGINT')
  const [code] = await once(child, 'close')
  assert.is(code, 0)
  if (requireTool('tcpdump', 'tcpdump')) {
    const { stdout } = spawnSync('tcpdump', ['-nr', path], { encoding: 'utf8' })
    assert.match(stdout, /IP 10\.7\.0\.1 > 10\.7\.0\.2: ICMP echo request/)
    assert.match(stdout, /IP 10\.7\.0\.2 > 10\.7\.0\.1: ICMP echo reply/)
  }
  does('down', '--machine', 'pair', '--timeout', '0')
})

test.after(cleanUp)

test.run()
