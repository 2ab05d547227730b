// Guests talk to each other over Ethernet: to a guest of QEMU, to another of ours, and, on a loopback, to themselves.

import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { inScratch } from '../guests/scratch.ts'
import { APPEND, argumentsFor, argumentsForScript, type Guest, lean, withScript } from './guests.ts'
import { runOrlop, startOrlop } from './orlop.ts'
import { startQemu } from './qemu.ts'
import type { Talk } from './talk.ts'

/** Init asks for an address on every network; here nobody gives one, and what it would do is left out. */
const NO_DHCP = { 'lib/udhcpc': '#!/bin/sh\n' }

/** The one who waits: takes a file, gives a file. */
const SERVER = `set -e
ip addr add 10.9.0.2/24 dev eth0
ip link set eth0 up
dd if=/dev/urandom of=/tmp/noise bs=64k count=48 2>/dev/null
nc -l -p 5000 > /tmp/got
nc -l -p 5001 < /tmp/noise
cd /tmp; sha256sum got noise
# The other one tells when it has all it wants.
nc -l -p 5002 > /tmp/end
cat /tmp/end`

/** The one who asks. */
const CLIENT = `set -e
ip addr add 10.9.0.1/24 dev eth0
ip link set eth0 up
i=0; until ping -c 1 -W 1 10.9.0.2 >/dev/null; do i=$((i+1)); [ $i -lt 60 ]; done
ping -c 5 -i 0.2 -s 1400 10.9.0.2
dd if=/dev/urandom of=/tmp/noise bs=64k count=48 2>/dev/null
give() { i=0; until nc 10.9.0.2 $1; do i=$((i+1)); [ $i -lt 100 ]; usleep 100000; done; }
give 5000 < /tmp/noise
# nc ends with its input: this one never does.
mkfifo /tmp/silence; exec 3<>/tmp/silence
give 5001 <&3 >/tmp/got
cd /tmp; sha256sum got noise
echo goodbye | give 5002`

function sumOf(text: string, file: string): string | undefined {
  return new RegExp(`^([0-9a-f]{64}) {2}${file}$`, 'm').exec(text)?.[1]
}

/** Lets both run to their ends and compares what they sent and got. */
async function talkToEachOther(server: Talk, client: Talk): Promise<void> {
  await server.hold(() =>
    client.hold(async () => {
      assert.is(await client.end(), 0, client.errors)
      assert.match(client.heard, /^5 packets transmitted, 5 packets received, 0% packet loss$/m)
      assert.is(await server.end(), 0, server.errors)
      assert.match(server.heard, /^goodbye$/m)
      for (const [sent, got] of [
        [client, server],
        [server, client],
      ] as const) {
        assert.ok(sumOf(sent.heard, 'noise'), sent.heard)
        assert.is(sumOf(got.heard, 'got'), sumOf(sent.heard, 'noise'))
      }
    }),
  )
}

/** A port of this machine that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as { port: number }
  server.close()
  await once(server, 'close')
  return port
}

function start(guest: Guest, port: number): Talk {
  return startOrlop(['run', ...argumentsForScript(guest), '--net', `stream:127.0.0.1:${port}`])
}

test(
  "a guest pings a guest of QEMU's over a stream, and both exchange files",
  inScratch(async (folder) => {
    const guest = await lean()
    if (guest === undefined) return
    const port = await freePort()
    const server = startQemu({
      guest: withScript(guest, folder, SERVER, NO_DHCP),
      memory: '128M',
      append: `${APPEND} console=ttyS0 panic=-1 orlop.run=/test`,
      net: `stream,server=on,addr.type=inet,addr.host=127.0.0.1,addr.port=${port}`,
    })
    if (server === undefined) return
    await talkToEachOther(server, start(withScript(guest, folder, CLIENT, NO_DHCP), port))
  }),
)

test(
  'two guests of ours on one wire ping each other and exchange files',
  inScratch(async (folder) => {
    const guest = await lean()
    if (guest === undefined) return
    const ends: Socket[] = []
    const wire = createServer((socket) => {
      ends.push(socket.on('error', () => {}))
      const [one, other] = ends
      if (one !== undefined && other !== undefined) one.pipe(other).pipe(one)
    }).listen(0, '127.0.0.1')
    await once(wire, 'listening')
    const { port } = wire.address() as { port: number }
    try {
      const server = start(withScript(guest, folder, SERVER, NO_DHCP), port)
      await talkToEachOther(server, start(withScript(guest, folder, CLIENT, NO_DHCP), port))
    } finally {
      wire.close()
      for (const end of ends) end.destroy()
    }
  }),
)

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
      cd /sys/class/net/eth0/statistics; echo sent $(cat tx_packets) got $(cat rx_packets)`,
      { ...NO_DHCP, told: '#!/bin/sh\necho $1 $ip\n' },
    )
    const run = await runOrlop(['run', ...argumentsForScript(scripted), '--net', 'loopback'])
    assert.is(run.exitCode, 0, run.errors)
    assert.match(run.console, /^bound 10\.9\.0\.50$/m)
    // A frame may be under way between the two counts.
    const [, sent, got] = /^sent (\d+) got (\d+)$/m.exec(run.console) ?? []
    assert.ok(Number(sent) >= 4 && Math.abs(Number(got) - Number(sent)) <= 1, run.console)
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
