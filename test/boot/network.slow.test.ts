// A guest of `orlop run` on a loopback, and one whose stream has nobody at its other end.

import { connect } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { inScratch } from '../guests/scratch.ts'
import { freePort } from '../support/ports.ts'
import { APPEND, argumentsFor, argumentsForScript, lean, withScript } from './guests.ts'
import { runOrlop } from './orlop.ts'

/** Init asks for an address on every network; here nobody gives one, and what it would do is left out. */
const NO_DHCP = { 'lib/udhcpc': '#!/bin/sh\n' }

test(
  'on a loopback a guest gets an address from the DHCP server that it runs itself',
  inScratch(async (folder) => {
    const guest = await lean()
    if (guest === undefined) return
    const scripted = withScript(
      guest,
      folder,
      `set -e
      ip addr add 10.9.0.1/24 dev eth0
      ip link set eth0 up
      echo 'start 10.9.0.50
      end 10.9.0.50
      interface eth0
      lease_file /tmp/leases
      option subnet 255.255.255.0' > /tmp/udhcpd.conf
      touch /tmp/leases
      udhcpd -f /tmp/udhcpd.conf 2>/dev/null &
      udhcpc -f -q -n -t 20 -T 1 -i eth0 -s /told 2>/dev/null
      cd /sys/class/net/eth0/statistics
      # Frames are under way while nobody counts.
      i=0; until [ $(cat tx_packets) = $(cat rx_packets) ]; do i=$((i+1)); [ $i -lt 100 ]; usleep 100000; done
      echo sent $(cat tx_packets)`,
      { ...NO_DHCP, told: '#!/bin/sh\necho $1 $ip\n' },
    )
    const run = await runOrlop(['run', ...argumentsForScript(scripted), '--net', 'loopback'])
    assert.is(run.exitCode, 0, run.errors)
    assert.match(run.console, /^bound 10\.9\.0\.50$/m)
    assert.ok(Number(/^sent (\d+)$/m.exec(run.console)?.[1]) >= 4, run.console)
  }),
)

test('a guest without anybody at the other end of its stream boots, and the user is told', async () => {
  const guest = await lean()
  if (guest === undefined) return
  const port = await freePort()
  assert.is(await refusesConnections(port), true)
  const command = 'ping -c 1 -W 1 10.9.0.2'
  const run = await runOrlop([
    'run',
    ...argumentsFor(guest, `${APPEND} orlop.run="${command}"`),
    ...['--net', `stream:127.0.0.1:${port}`],
  ])
  assert.is(run.exitCode, 0)
  assert.match(run.errors, new RegExp(`^orlop: No uplink to 127\\.0\\.0\\.1:${port}: [^\\n]+; trying again\\.\\n$`))
})

async function refusesConnections(port: number): Promise<boolean> {
  const socket = connect({ host: '127.0.0.1', port })
  return new Promise((resolve) => socket.on('error', () => resolve(true)).on('connect', () => resolve(false)))
}

test.run()
