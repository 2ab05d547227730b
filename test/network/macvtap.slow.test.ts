// A guest on a macvtap is a host of the network outside, as one on a tap of a bridge is, and keeps its own MAC there.
//
// Not every Linux has macvtaps, and not every user may open them: no package changes that, so this is skipped under CI, too.

import { spawnSync } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Guest, lean } from '../boot/guests.ts'
import { cleanUp, file, until, up } from '../cli/lab.ts'
import { hasNamespaces, ip, isInside, runInside } from '../support/namespace.ts'
import { withShells } from './debian.ts'
import { leanText } from './lean.ts'
import { canHaveNeighbour, fetched, hosts, hostsMirror, pings, sumFetched } from './neighbour.ts'
import { noGuest, Page } from './page.ts'

const PATIENCE_MS = 600_000
/** How the run in the namespace says that it cannot be done there. */
const CANNOT = 'There is no macvtap: '

/** As docs/networking.md makes it, on an eth0 behind which the neighbour is; why not, if not. */
function makeMacvtap(): string | undefined {
  ip('netns', 'add', 'neighbour')
  ip('link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', 'neighbour')
  ip('link', 'set', 'eth0', 'up')
  ip('-n', 'neighbour', 'addr', 'add', '192.168.7.1/24', 'dev', 'eth0')
  for (const link of ['eth0', 'lo']) ip('-n', 'neighbour', 'link', 'set', link, 'up')
  const probe = spawnSync('ip', ['link', 'add', 'link', 'eth0', 'name', 'probe', 'type', 'macvtap'], {
    encoding: 'utf8',
  })
  if (probe.status !== 0) return probe.stderr.trim()
  const path = `/dev/tap${JSON.parse(ip('-j', 'link', 'show', 'probe'))[0].ifindex}`
  try {
    accessSync(path, constants.R_OK | constants.W_OK)
  } catch (error) {
    return (error as Error).message
  } finally {
    ip('link', 'del', 'probe')
  }
  return undefined
}

function fleetOf(guest: Guest): string {
  const network = 'networks: [{ network: outer, mac: "02:00:00:00:00:02" }]'
  return file(
    'direct.yaml',
    `machine: { cpus: 1, memory: 128M }
networks: { outer: { mode: bridge, uplink: { macvtap: mac0 } } }
guests: { sole: ${leanText(guest, network)} }
`,
  )
}

if (!isInside) {
  test('a guest on a macvtap gets an address of the network outside and is reached there', async () => {
    if ((await lean()) === undefined || !hasNamespaces() || !canHaveNeighbour()) return
    const { status, output } = runInside(fileURLToPath(import.meta.url), PATIENCE_MS)
    assert.is(status, 0, output)
    const [, reason] = new RegExp(`${CANNOT}(.*)`).exec(output) ?? []
    if (reason !== undefined) process.stderr.write(`Skipped: this host has no macvtap for this user (${reason}).\n`)
  })
} else {
  test('on a macvtap', async () => {
    const reason = makeMacvtap()
    if (reason !== undefined) {
      process.stderr.write(`${CANNOT}${reason}\n`)
      return
    }
    const page = new Page('A tap, a macvtap')
    await page.play(1, noGuest)
    const servers = [
      hosts('dnsmasq', '-d', '--port=0', '--no-ping', '--leasefile-ro', '-F', '192.168.7.100,192.168.7.199'),
      hostsMirror('192.168.7.1'),
    ]
    try {
      await until('the neighbour answers', () => fetched('http://192.168.7.1') === '192.168.7.1')
      up(fleetOf((await lean())!))
      await withShells('direct', ['sole'], async (sole) => {
        await sole!.does('until ip -4 addr show dev eth0 | grep -q inet; do sleep 1; done')
        const own = await sole!.does('wget -qO- http://192.168.7.1')
        assert.match(await sole!.does('ip addr show dev eth0'), `inet ${own}/24`)
        await sole!.does('echo this is sole >/tmp/index.html; httpd -h /tmp')
        assert.is(fetched(`http://${own}`), 'this is sole')
        assert.ok(pings(own))
        const known = JSON.parse(ip('-n', 'neighbour', '-j', 'neigh', 'show', own)) as { lladdr: string }[]
        assert.is(known[0]?.lladdr, '02:00:00:00:00:02')
        const told = await sole!.does('head -c 8000001 /dev/urandom >/tmp/noise; sha256sum /tmp/noise')
        assert.is(`${sumFetched(`http://${own}/noise`)}  /tmp/noise`, told)
      })
    } finally {
      for (const server of servers) server.kill('SIGKILL')
      page.close()
    }
  })
}

test.after(cleanUp)

test.run()
