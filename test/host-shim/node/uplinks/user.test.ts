// The `user` uplink with a real Linux at the machine's end: a network namespace talks to the host's sockets, and they to it.

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { NodeSockets, nodeClock } from '../../../../host-shim/node/uplinks/sockets.ts'
import { UserUplink } from '../../../../host-shim/node/uplinks/user.ts'
import { Gateway } from '../../../../host-shim/uplink/gateway.ts'
import type { Endpoint } from '../../../../host-shim/uplink/sockets.ts'
import { freePort } from '../../../support/ports.ts'
import { hasNamespaces, Linux } from '../../uplink/linux.ts'

const GATEWAYS = ['192.0.0.1', 'fd6f:726c:6f70::1']
const test = suite('user uplink')

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (let i = 0; i < 12_000; i++) {
    if (await condition()) return
    await sleep(10)
  }
  assert.unreachable(`${what} did not happen in two minutes`)
}

/** A Linux behind a user uplink, for as long as `use` takes. */
async function plugged(
  use: (linux: Linux, uplink: UserUplink, warnings: string[]) => Promise<void>,
  options: { host?: boolean } = {},
): Promise<void> {
  const linux = await Linux.start()
  const warnings: string[] = []
  const links: boolean[] = []
  const uplink = new UserUplink({
    ...options,
    ...linux.ends,
    warn: (message) => warnings.push(message),
    setLink: (isUp) => links.push(isUp),
  })
  linux.pump = () => uplink.pump()
  try {
    assert.equal(links, [true])
    await use(linux, uplink, warnings)
  } finally {
    uplink.close()
    await linux.stop()
  }
  assert.equal(
    { ...uplink.report(), malformed: 0 },
    { connections: 0, flows: 0, queries: 0, publications: 0, malformed: 0 },
  )
}

/** A server of the host on its loopback, for as long as `use` takes. */
async function served(serve: (socket: Socket) => void, use: (port: number) => Promise<void>): Promise<void> {
  const sockets = new Set<Socket>()
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
    serve(socket)
  })
  // Both loopbacks, as IPv6 takes IPv4 with it.
  server.listen({ port: 0, host: '::' })
  await once(server, 'listening')
  try {
    await use(portOf(server))
  } finally {
    for (const socket of sockets) socket.destroy()
    server.close()
    await once(server, 'close')
  }
}

const portOf = (server: Server) => (server.address() as AddressInfo).port
const echo = (socket: Socket) => socket.pipe(socket)

/** Sends noise, ends, and says whether all of it came back: HOST PORT BYTES. */
const CALL = `
import { connect } from 'node:net'
import { createHash, randomBytes } from 'node:crypto'
const [host, port, bytes] = process.argv.slice(-3)
const noise = randomBytes(Number(bytes))
const sum = (data) => createHash('sha256').update(data).digest('hex')
const socket = connect({ host, port: Number(port), allowHalfOpen: true })
const heard = []
socket.on('error', (error) => console.log(error.code))
socket.on('connect', () => socket.end(noise))
socket.on('data', (piece) => heard.push(piece))
socket.on('end', () => console.log(sum(Buffer.concat(heard)) === sum(noise) ? 'same' : 'different'))
`

/** Echoes at a port of the machine: ADDRESS PORT. */
const ECHO = `
import { createServer } from 'node:net'
const [host, port] = process.argv.slice(-2)
createServer({ allowHalfOpen: true }, (socket) => {
  socket.on('error', () => {})
  socket.pipe(socket)
}).listen({ host, port: Number(port) }, () => console.log('listening'))
`

test('all that is said over TCP comes back, over both families, until both sides have ended', () =>
  served(echo, (port) =>
    plugged(async (linux, uplink) => {
      for (const host of GATEWAYS) {
        for (const bytes of [0, 1, 1460, 65536, 8_000_000]) {
          assert.is((await linux.node(CALL, host, `${port}`, `${bytes}`)).output, 'same\n', `${bytes} bytes of ${host}`)
        }
      }
      await until(() => uplink.report().connections === 0, 'the end of all connections')
      assert.is(uplink.report().malformed, 0)
    }),
  ))

test('lost frames are sent again, in both directions', () =>
  served(echo, (port) =>
    plugged(async (linux) => {
      let count = 0
      const lossy = (frame: Uint8Array) => (++count % 41 === 0 ? undefined : frame)
      linux.onWayIn = lossy
      linux.onWayOut = lossy
      assert.is((await linux.node(CALL, GATEWAYS[0]!, `${port}`, '3000000')).output, 'same\n')
      assert.ok(count > 41)
    }),
  ))

test('who refuses a connection at the host refuses it to the machine, and what leads nowhere is unreachable', () =>
  plugged(async (linux) => {
    const port = await freePort()
    for (const host of GATEWAYS) assert.is((await linux.node(CALL, host, `${port}`, '1')).output, 'ECONNREFUSED\n')
    assert.is((await linux.node(CALL, '169.254.1.1', '80', '1')).output, 'ENETUNREACH\n')
    // Nobody's loopback but the host's own, which only the gateway's address stands for.
    assert.is((await linux.node(CALL, '192.0.0.3', '80', '1')).output, 'ECONNREFUSED\n')
  }))

test('the host can hide itself', () =>
  served(echo, (port) =>
    plugged(
      async (linux) => {
        for (const host of GATEWAYS) assert.is((await linux.node(CALL, host, `${port}`, '1')).output, 'ECONNREFUSED\n')
      },
      { host: false },
    ),
  ))

test('a side that does not read holds the other up, and nothing is lost', () =>
  plugged(async (linux, uplink) => {
    const held: Socket[] = []
    let heard = 0
    await served(
      (socket) => {
        socket.pause()
        held.push(socket)
        socket.on('data', (piece) => (heard += piece.length))
        socket.on('end', () => socket.end())
      },
      async (port) => {
        const total = 64_000_000
        const program = `
import { connect } from 'node:net'
const socket = connect({ host: '192.0.0.1', port: ${port} })
socket.end(Buffer.alloc(${total}))
socket.resume()
setInterval(() => console.log(socket.bytesWritten - socket.writableLength), 20).unref()
socket.on('close', () => process.exit())
`
        const child = linux.spawn(process.execPath, '--input-type=module', '-e', program)
        const isGone = once(child, 'close')
        let said = ''
        child.stdout?.on('data', (text) => (said += text))
        await until(() => held.length === 1, 'the connection')
        // It stands still when it has said the same for a while, long before all is written.
        const repeats = /(?:^|\n)(\d+)\n(?:\1\n){20}/
        await until(() => repeats.test(said), 'a standstill')
        assert.is(heard, 0)
        held[0]!.resume()
        await until(() => heard === total, 'all of it')
        await isGone
        await until(() => uplink.report().connections === 0, 'the end')
      },
    )
  }))

test('a machine that does not read holds the host up, and nothing is lost', () =>
  plugged(async (linux) => {
    const total = 64_000_000
    let written: Socket | undefined
    await served(
      (socket) => {
        written = socket
        socket.end(Buffer.alloc(total))
        socket.resume()
      },
      async (port) => {
        const program = `
import { connect } from 'node:net'
const socket = connect({ host: '192.0.0.1', port: ${port} })
let heard = 0
socket.pause()
process.stdin.once('data', () => socket.on('data', (piece) => (heard += piece.length)).on('end', () => {
  console.log(heard)
  process.exit()
}).resume())
`
        const child = linux.spawn(process.execPath, '--input-type=module', '-e', program)
        let said = ''
        child.stdout?.on('data', (text) => (said += text))
        await until(() => written !== undefined, 'the connection')
        let before = -1
        let same = 0
        await until(() => {
          const left = written!.writableLength
          same = left === before ? same + 1 : 0
          before = left
          return same > 50
        }, 'a standstill')
        assert.ok(written!.writableLength > 0)
        child.stdin?.write('go')
        await until(() => said === `${total}\n`, 'all of it')
      },
    )
  }))

test('a reset of one side reaches the other', () =>
  plugged(async (linux, uplink) => {
    const ends: string[] = []
    await served(
      (socket) => {
        socket.on('error', (error: NodeJS.ErrnoException) => ends.push(error.code ?? ''))
        socket.once('data', (piece) => {
          if (piece[0] === 1) socket.resetAndDestroy()
        })
      },
      async (port) => {
        const program = `
import { connect } from 'node:net'
const socket = connect({ host: '192.0.0.1', port: ${port} })
socket.write(Buffer.of(Number(process.argv.at(-1))))
socket.on('error', (error) => console.log(error.code))
if (process.argv.at(-1) === '2') setTimeout(() => socket.resetAndDestroy(), 100)
`
        assert.is((await linux.node(program, '1')).output, 'ECONNRESET\n')
        assert.is((await linux.node(program, '2')).output, '')
        await until(() => ends.includes('ECONNRESET'), 'the reset at the host')
        await until(() => uplink.report().connections === 0, 'the end')
      },
    )
  }))

test('a published port leads into the machine, until it is published no longer', () =>
  plugged(async (linux, uplink) => {
    const port = await freePort()
    const publication = { protocol: 'tcp', address: '127.0.0.1', port, to: 8080 } as const
    await uplink.publish(publication)
    // Nobody listens in there yet.
    assert.is(await call(port, 'hello'), 'ECONNRESET')
    const child = linux.spawn(process.execPath, '--input-type=module', '-e', ECHO, '--', '0.0.0.0', '8080')
    await once(child.stdout!, 'data')
    const texts = ['', 'hello', 'x'.repeat(1_000_000)]
    assert.equal(await Promise.all(texts.map((text) => call(port, text))), texts)
    await uplink.unpublish(publication)
    assert.is(await call(port, 'hello'), 'ECONNREFUSED')
    child.kill()
  }))

test('a port that is taken or forbidden is refused in a sentence that says what to do', () =>
  plugged(async (_, uplink) => {
    await served(echo, async (port) => {
      const publication = { protocol: 'tcp', address: '::', port, to: 80 } as const
      await uplink.publish(publication).then(
        () => assert.unreachable('it is in use'),
        (error) => assert.match(error.message, /^TCP port \d+ of :: is in use; publish another/),
      )
    })
    const nowhere = { protocol: 'udp', address: '192.0.2.77', port: 0, to: 80 } as const
    await uplink.publish(nowhere).then(
      () => assert.unreachable('the address is none of this host'),
      (error) => assert.match(error.message, /^This host has no address 192\.0\.2\.77; publish one that it has/),
    )
  }))

test('datagrams go and come over both families, also those that are longer than a packet', () =>
  plugged(async (linux, uplink) => {
    for (const [host, family, address] of [
      [GATEWAYS[0]!, 'udp4', '127.0.0.1'],
      [GATEWAYS[1]!, 'udp6', '::1'],
    ] as const) {
      const server = createSocket(family)
      server.on('message', (bytes, { address, port }) => server.send(bytes, port, address))
      server.bind(0, address)
      await once(server, 'listening')
      const { port } = server.address()
      const program = `
import { createSocket } from 'node:dgram'
const socket = createSocket('${family}')
for (const length of [0, 1, 1472, 1473, 20000]) {
  const sent = Buffer.alloc(length, length)
  const answer = new Promise((fulfil) => socket.once('message', fulfil))
  socket.send(sent, ${port}, '${host}')
  console.log(length, sent.equals(await answer))
}
socket.close()
`
      assert.is((await linux.node(program)).output, '0 true\n1 true\n1472 true\n1473 true\n20000 true\n')
      server.close()
    }
    assert.is(uplink.report().flows, 2)
    assert.is(uplink.report().malformed, 0)
  }))

test('a datagram to a port where nobody listens is answered as the host answers it', () =>
  plugged(async (linux) => {
    const port = await freePort()
    const program = `
import { createSocket } from 'node:dgram'
const socket = createSocket('udp4')
socket.on('error', (error) => {
  console.log(error.code)
  process.exit()
})
socket.connect(${port}, '192.0.0.1', () => setInterval(() => socket.send('?'), 50))
`
    assert.is((await linux.node(program)).output, 'ECONNREFUSED\n')
  }))

test('a published UDP port keeps its peers apart', () =>
  plugged(async (linux, uplink) => {
    const port = await freePort()
    await uplink.publish({ protocol: 'udp', address: '127.0.0.1', port, to: 53 })
    const program = `
import { createSocket } from 'node:dgram'
const socket = createSocket('udp4')
socket.on('message', (bytes, from) => socket.send(from.address + ' ' + bytes, from.port, from.address))
socket.bind(53, () => console.log('listening'))
`
    const child = linux.spawn(process.execPath, '--input-type=module', '-e', program)
    await once(child.stdout!, 'data')
    const answers = ['one', 'two', 'three'].map(async (text) => {
      const socket = createSocket('udp4')
      const answer = once(socket, 'message')
      socket.send(text, port, '127.0.0.1')
      const [bytes] = await answer
      socket.close()
      return String(bytes)
    })
    assert.equal(await Promise.all(answers), ['192.0.0.1 one', '192.0.0.1 two', '192.0.0.1 three'])
    child.kill()
  }))

test('the name server asks those of the host one after the other, and the host itself when none answers', async () => {
  const live = createSocket('udp4')
  live.bind(0, '127.0.0.1')
  await once(live, 'listening')
  live.on('message', (query, { address, port }) => {
    // The question ends behind the name's empty label, its type and its class; what the query has behind it is left out.
    const answer = Buffer.concat([
      query.subarray(0, query.indexOf(0, 12) + 5),
      Buffer.from('c00c00010001000000050004c0000263', 'hex'),
    ])
    answer.writeUInt16BE(0x8180, 2)
    answer.writeUInt16BE(1, 6)
    answer.writeUInt32BE(0, 8)
    live.send(answer, port, address)
  })
  const dead = { address: '127.0.0.1', port: await freePort() }
  let servers: Endpoint[] = [dead, { address: '127.0.0.1', port: live.address().port }]
  const sockets = new (class extends NodeSockets {
    override nameServers(): Endpoint[] {
      return servers
    }
  })()
  const linux = await Linux.start()
  const gateway = new Gateway({ ...linux.ends, sockets, clock: nodeClock, warn: () => {} })
  linux.pump = () => gateway.pump()
  gateway.pump()
  const program = `
import { Resolver } from 'node:dns/promises'
const [server, name] = process.argv.slice(-2)
const resolver = new Resolver()
resolver.setServers([server])
console.log(await resolver.resolve4(name).catch((error) => error.code))
`
  assert.is((await linux.node(program, '192.0.0.3', 'guest.example')).output, "[ '192.0.2.99' ]\n")
  assert.is((await linux.node(program, '[fd6f:726c:6f70::3]', 'guest.example')).output, "[ '192.0.2.99' ]\n")
  servers = [dead]
  assert.is((await linux.node(program, '192.0.0.3', 'localhost')).output, "[ '127.0.0.1' ]\n")
  assert.is(gateway.report().queries, 0)
  gateway.close()
  await linux.stop()
  live.close()
})

test('five hundred connections at once are served, and nothing is left of them', () =>
  served(echo, (port) =>
    plugged(async (linux, uplink) => {
      const program = `
import { connect } from 'node:net'
const all = Array.from({ length: 500 }, (_, i) => new Promise((fulfil, reject) => {
  const socket = connect({ host: '192.0.0.1', port: ${port} })
  let heard = ''
  socket.on('error', reject)
  socket.on('data', (piece) => (heard += piece))
  socket.on('close', () => fulfil(heard === 'caller ' + i))
  socket.on('connect', () => setTimeout(() => socket.end('caller ' + i), 500))
}))
console.log((await Promise.all(all)).filter(Boolean).length)
`
      assert.is((await linux.node(program)).output, '500\n')
      await until(() => uplink.report().connections === 0, 'the end of all')
    }),
  ))

/** Says a text to a port of the host, and gives what comes back, or the code of the error. */
function call(port: number, text: string): Promise<string> {
  return new Promise((fulfil) => {
    const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
    let heard = ''
    socket.setEncoding('utf8')
    socket.on('error', (error: NodeJS.ErrnoException) => fulfil(error.code ?? ''))
    socket.on('data', (piece) => (heard += piece))
    socket.on('end', () => fulfil(heard))
    socket.end(text)
  })
}

if (hasNamespaces()) test.run()
