// Debian guests behind passt: one whose network shares the address that passt gives, and one that has such an address itself.
// Then passt crashes in the middle of a download, and is started again.

import { createServer } from 'node:http'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cleanUp, does, json, until, up } from '../cli/lab.ts'
import { freePort } from '../support/ports.ts'
import { debianWithClients, fleet, guestText, type Shell, withShells } from './debian.ts'
import { FILE_SUM, type FileServer, hasLoopback6, serveFile } from './files.ts'
import { canHavePasst, PASST, Passt } from './passt.ts'
import { canHaveTshark, countOf, dissect, faultsOf } from './tshark.ts'

const MACHINE = ['--machine', 'passt']
/** dhcpcd says its name where RFC 4704 does not have it (section 5): that is nobody's fault here. */
const CONFIRM = /:dhcpv6, \d+ bytes, Confirm [^,]*$/
/** A lease takes its time when passt has just come back. */
const PATIENTLY = '--retry 100 --retry-delay 1 --retry-all-errors'

/** Fetches the file from the host's loopback, by the addresses that passt has for it. */
async function fetchFrom(shell: Shell, server: FileServer, options = ''): Promise<void> {
  const host = server.family === 6 ? `[${PASST.own6}]` : PASST.own
  await shell.does(`curl -sS ${options} -o got http://${host}:${server.port}/file`)
  assert.is(await shell.does('sha256sum got'), `${FILE_SUM}  got`)
}

/** A server that never comes to the end of what it has to say. */
async function serveForEver(): Promise<{ port: number; isAsked(): boolean; close(): void }> {
  let isAsked = false
  const server = createServer((_, response) => {
    isAsked = true
    response.writeHead(200).write(Buffer.alloc(500_000))
  })
  const port = await freePort()
  await new Promise<void>((fulfil) => server.listen(port, '127.0.0.1', fulfil))
  return { port, isAsked: () => isAsked, close: () => server.close() && server.closeAllConnections() }
}

const isUp = (network: string) => json<{ report: { isUp: boolean } }>('net', 'info', network, ...MACHINE).report.isUp
const carrierOf = (shell: Shell) => shell.does('cat /sys/class/net/eth0/carrier')

/** passt goes in the middle of a download, and comes back; gives the port of the host from which that came. */
async function loseAndFind(wires: Passt[], inner: Shell, outer: Shell): Promise<number> {
  const endless = await serveForEver()
  try {
    await inner.does(`curl -sS -o part http://${PASST.own}:${endless.port}/ & download=$!`)
    await until('the download is under way', async () => {
      // curl keeps the last of it to itself.
      const { output } = await inner.tries('stat -c %s part')
      return endless.isAsked() && Number(output) >= 400_000
    })
    for (const wire of wires) await wire.stop()
    await until('the guest of the bridge sees it', async () => (await carrierOf(outer)) === '0')
    await until('the loss is known', () => !isUp('lan') && !isUp('outside'))
    assert.is(await carrierOf(inner), '1')
    assert.match(does('events', ...MACHINE), /No uplink to .*near\.sock: .*; trying again\./)
    const lost = await inner.tries(`curl -sS -m 10 http://${PASST.own}:${endless.port}/`)
    assert.ok([7, 28].includes(lost.status), lost.output)

    for (const wire of wires) await wire.start()
    await until('both are there again', () => isUp('lan') && isUp('outside'))
    await until('the guest of the bridge sees it', async () => (await carrierOf(outer)) === '1')
    await inner.does('kill $download; ! wait $download')
    return endless.port
  } finally {
    endless.close()
  }
}

function checkWire(pcap: string, spoken: string[], names: string[]): void {
  const frames = dissect(pcap, spoken)
  assert.equal(
    faultsOf(frames).filter((fault) => !CONFIRM.test(fault)),
    [],
  )
  for (const name of names) assert.ok(countOf(frames, name) > 0, `there is no ${name} in ${pcap}`)
}

test('Debian guests fetch a file through passt, and again when it was lost and came back', async () => {
  const system = await debianWithClients()
  if (system === undefined || !canHavePasst() || !canHaveTshark()) return
  // By default passt tells who asks for an address to send packets of this size.
  const wires = [new Passt('near', 1500), new Passt('far', 65520)]
  const [near, far] = wires as [Passt, Passt]
  for (const wire of wires) await wire.start()
  const networks = `lan: { uplink: { stream: ${near.socket} } }
  outside: { mode: bridge, mtu: 65520, uplink: { stream: ${far.socket} } }`
  const guests = Object.entries({ inner: 'lan', outer: 'outside' })
  const servers = await Promise.all(
    (hasLoopback6() ? ([4, 6] as const) : ([4] as const)).map((family) => serveFile(family)),
  )
  try {
    const texts = guests.map(([name, network]) => `${name}: ${guestText(system, `networks: [${network}]`)}`)
    up(fleet('passt', networks, texts))
    await withShells('passt', ['inner', 'outer'], async (inner, outer) => {
      await Promise.all([inner!.getAddresses(), outer!.getAddresses()])
      assert.is(await outer!.address(4), PASST.peer)
      for (const server of servers) {
        await fetchFrom(inner!, server)
        await fetchFrom(outer!, server)
      }
      await inner!.does(`curl -sS http://host:${servers[0]!.port}/file >/dev/null`)
      const before = wires.map((wire) => wire.pcap)
      const ports = [await loseAndFind(wires, inner!, outer!), ...servers.map(({ port }) => port)]
      for (const server of servers) {
        await fetchFrom(inner!, server, PATIENTLY)
        await fetchFrom(outer!, server, PATIENTLY)
      }
      await Promise.all(wires.map((wire) => wire.stop()))
      const spoken = ports.map((port) => `tcp.port==${port},http`)
      for (const pcap of before) checkWire(pcap, spoken, ['dhcp', 'arp', 'icmpv6', 'tcp'])
      for (const wire of wires) checkWire(wire.pcap, spoken, ['tcp'])
    })
  } finally {
    await Promise.all(wires.map((wire) => wire.stop()))
    for (const server of servers) server.close()
  }
})

test.after(cleanUp)

test.run()
