// Three Debian guests behind one address: the host fetches from each through ports that were published, by TCP and UDP.

import { createHash } from 'node:crypto'
import { createSocket } from 'node:dgram'
import { connect } from 'node:net'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { cleanUp, does, until, up } from '../cli/lab.ts'
import { freePorts } from '../support/ports.ts'
import { debianWithClients, fleet, guestText, type Shell, withShells } from './debian.ts'
import { hasLoopback6 } from './files.ts'

const NAMES = ['red', 'green', 'blue']
const PAGE_BYTES = 3_000_000

/** Serves a file by HTTP at port 80; says back what comes by UDP to port 7. Gives the file's sum. */
async function serve(shell: Shell): Promise<string> {
  await shell.getAddresses()
  await shell.does(`mkdir /tmp/site; head -c ${PAGE_BYTES} /dev/urandom >/tmp/site/page`)
  await shell.does('/run/busybox httpd -p 80 -h /tmp/site')
  await shell.does('mkfifo /tmp/said; nc.openbsd -u -l 7 <>/tmp/said >/tmp/said &')
  const told = await shell.does('sha256sum /tmp/site/page')
  const [, sum] = /^([0-9a-f]{64}) {2}/.exec(told) ?? []
  assert.ok(sum, told)
  return sum
}

async function sumOfPage(url: string): Promise<string> {
  const response = await fetch(`${url}/page`)
  assert.is(response.status, 200)
  return createHash('sha256')
    .update(Buffer.from(await response.arrayBuffer()))
    .digest('hex')
}

/** Sends datagrams of several sizes until each has come back; some may be lost. */
async function echo(port: number): Promise<void> {
  const socket = createSocket('udp4')
  const heard = new Set<string>()
  socket.on('message', (bytes) => heard.add(bytes.toString()))
  try {
    for (const size of [1, 1000, 1472, 4000, 9000]) {
      const text = `${size}`.padEnd(size, 'x')
      let tries = 0
      await until(`${size} bytes come back from port ${port}`, () => {
        if (tries++ % 50 === 0) socket.send(text, port, '127.0.0.1')
        return heard.has(text)
      })
    }
    assert.is(heard.size, 5)
  } finally {
    socket.close()
  }
}

/** Why a connection is refused, or undefined if it is not. */
async function refusalOf(port: number): Promise<string | undefined> {
  const socket = connect(port, '127.0.0.1')
  try {
    return await new Promise((fulfil) => {
      socket
        .once('connect', () => fulfil(undefined))
        .once('error', (error) => fulfil((error as { code?: string }).code))
    })
  } finally {
    socket.destroy()
  }
}

test('the host fetches from three Debian guests through published ports, by TCP and UDP', async () => {
  const system = await debianWithClients()
  if (system === undefined) return
  const [spare = 0, six = 0, ...ports] = await freePorts(8)
  const web = NAMES.map((name, i) => `${ports[i]}:${name}:80`)
  const said = NAMES.map((name, i) => `${ports[3 + i]}:${name}:7/udp`)
  const more = hasLoopback6() ? [`[::1]:${six}:red:80`] : []
  const guests = NAMES.map((name) => `${name}: ${guestText(system, 'networks: [lan]', '144M')}`)
  up(fleet('publish', 'lan: {}', guests, `publish: ${JSON.stringify([...web, ...said, ...more])}`))
  await withShells('publish', NAMES, async (...shells) => {
    const sums = await Promise.all(shells.map(serve))
    assert.is(new Set(sums).size, NAMES.length)
    // All at once, and each twice.
    const urls = NAMES.map((_, i) => `http://127.0.0.1:${ports[i]}`)
    assert.equal(await Promise.all([...urls, ...urls].map(sumOfPage)), [...sums, ...sums])
    if (more.length > 0) assert.is(await sumOfPage(`http://[::1]:${six}`), sums[0])
    await Promise.all(NAMES.map((_, i) => echo(ports[3 + i]!)))

    assert.is(await refusalOf(spare), 'ECONNREFUSED')
    does('net', 'forward', 'add', 'lan', `${spare}:blue:80`, '--machine', 'publish')
    assert.is(await sumOfPage(`http://127.0.0.1:${spare}`), sums[2])
    does('net', 'forward', 'rm', 'lan', `${spare}:blue:80`, '--machine', 'publish')
    assert.is(await refusalOf(spare), 'ECONNREFUSED')
  })
})

test.after(cleanUp)

test.run()
