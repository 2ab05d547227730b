// A bridged guest has an address of its own on the network outside and is reached there; a guest behind a gateway shares the
// gateway's and is reached by forwarding alone. Both as docs/networking.md shows it, in a network that the test makes.

import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { type Guest, lean } from '../boot/guests.ts'
import { cleanUp, does, file, json, until } from '../cli/lab.ts'
import { hasNamespaces, ip, isInside, runInside } from '../support/namespace.ts'
import { type Shell, withShells } from './debian.ts'
import { leanText } from './lean.ts'
import { canHaveNeighbour, fetched, hosts, hostsMirror, pings } from './neighbour.ts'
import { noGuest, Page } from './page.ts'

const TITLE = 'An address of its own, or a share in one'
const PATIENCE_MS = 900_000

/** What "orlop net info" says of a network, as far as it is looked at. */
interface Info {
  report: { outIp4?: string; outIp6?: string; ports: { owner: string; ip4?: string; ip6?: string }[] }
}

/** The page's fleet file, with guests that obey the test. */
function fleetOf(page: Page, guest: Guest): void {
  let count = 0
  const text = page.yaml(0).replace(/^( {2}\w+: )\{ (networks: \[\w+\]) \}$/gm, (_, name: string, networks: string) => {
    count++
    return `${name}${leanText(guest, networks)}`
  })
  assert.is(count, 2)
  file('lan.yaml', `machine: { cpus: 1, memory: 256M }\n${text}`)
}

/** The address that is known of this network by and by. */
async function addressOn(network: string, read: (report: Info['report']) => string | undefined): Promise<string> {
  let found: string | undefined
  await until(`there is an address on ${network}`, () => {
    found = read(json<Info>('net', 'info', network).report)
    return found !== undefined
  })
  return found!
}

/** What the page does not show: pings, addresses, and that a way to the hidden guest leads no further than the gateway. */
async function checkWays(bridged: Shell, hidden: Shell, own: string, shared: string): Promise<void> {
  for (const shell of [bridged, hidden]) await shell.does('ping -c 1 -W 60 192.168.7.1')
  assert.ok(pings(own), 'the bridged guest does not answer')
  assert.match(await bridged.does('ip -4 addr show dev eth0'), `inet ${own}/24`)
  const [, inside = ''] = /inet (10\.9\.0\.\d+)\/24/.exec(await hidden.does('ip -4 addr show dev eth0')) ?? []
  assert.ok(inside)
  assert.is(await hidden.does(`wget -qO- http://${inside}`), 'this is hidden')
  ip('-n', 'neighbour', 'route', 'add', '10.9.0.0/24', 'via', shared)
  assert.not(pings(inside, 2))
  assert.is(fetched(`http://${inside}`, 2), undefined)
}

/** The same over IPv6: addresses by router advertisements, and a server that says by which it is asked. */
async function checkIp6(bridged: Shell, hidden: Shell): Promise<void> {
  ip('-n', 'neighbour', 'addr', 'add', 'fd00:7::1/64', 'dev', 'eth0', 'nodad')
  const advertise = ['dnsmasq', '-d', '--port=0', '--leasefile-ro', '--enable-ra', '--dhcp-range=fd00:7::,ra-only']
  const servers = [hostsMirror('fd00:7::1'), hosts(...advertise)]
  try {
    const shared = await addressOn('inner', ({ outIp6 }) => outIp6)
    const said: Record<string, string> = {}
    for (const shell of [bridged, hidden]) {
      await until(`${shell.guest} fetches over IPv6`, async () => {
        const { status, output } = await shell.tries('wget -qO- http://[fd00:7::1]')
        said[shell.guest] = output
        // Before it has an address for that, a guest asks by the one that is good for its own link.
        return status === 0 && !output.startsWith('fe80:')
      })
    }
    assert.is(said.hidden, shared)
    const own = said.bridged!
    assert.match(await bridged.does('ip -6 addr show dev eth0'), `inet6 ${own}/64`)
    assert.is(fetched(`http://[${own}]`), 'this is bridged')
    assert.is(fetched(`http://[${shared}]`, 2), undefined)
    does('net', 'forward', 'add', 'inner', '8081:hidden:80')
    assert.is(fetched(`http://[${shared}]:8081`), 'this is hidden')
  } finally {
    for (const server of servers) server.kill('SIGKILL')
  }
}

if (!isInside) {
  test('a bridged guest is a host of the network outside, and one behind a gateway is not', async () => {
    // What is to be fetched or built first is, out here.
    if ((await lean()) === undefined || !hasNamespaces() || !canHaveNeighbour()) return
    const { status, output } = runInside(fileURLToPath(import.meta.url), PATIENCE_MS)
    assert.is(status, 0, output)
  })
} else {
  test('what docs/networking.md shows of bridged and hidden guests is so', async () => {
    const page = new Page(TITLE)
    try {
      fleetOf(page, (await lean())!)
      await page.play(0, noGuest)
      // The neighbour speaks with itself, too.
      ip('-n', 'neighbour', 'link', 'set', 'lo', 'up')
      await until('the neighbour answers', () => fetched('http://192.168.7.1') === '192.168.7.1')
      await page.play(1, noGuest)
      await withShells('lan', ['bridged', 'hidden'], async (bridged, hidden) => {
        const obey = (guest: string, command: string) => (guest === 'bridged' ? bridged! : hidden!).does(command)
        await page.play(2, obey)
        for (const shell of [bridged!, hidden!]) await shell.does('until ip route | grep -q ^default; do sleep 1; done')
        const own = await addressOn('outer', ({ ports }) => ports.find(({ owner }) => owner === 'bridged')?.ip4)
        const shared = await addressOn('inner', ({ outIp4 }) => outIp4)
        await page.play(3, obey, { '192.168.7.133': own, '192.168.7.143': shared })
        await checkWays(bridged!, hidden!, own, shared)
        await checkIp6(bridged!, hidden!)
      })
    } finally {
      page.close()
    }
  })
}

test.after(cleanUp)

test.run()
