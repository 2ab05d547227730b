// Clients of a running machine that behave badly: killed, deaf, flooding, or talking nonsense. Nobody else is to notice.

import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import type { Snapshot } from '../../cli/machine/machine.ts'
import { LINE_MAX_BYTES, PROTOCOL_VERSION } from '../../cli/machine/protocol.ts'
import { requireTool } from '../support/tools.ts'
import { Client, cleanUp, does, file, json, socketOf, until, up } from './lab.ts'
import { orlop, Run, talker } from './orlop.ts'

const when = requireTool('riscv64-unknown-elf-gcc', 'gcc-riscv64-unknown-elf') ? test : test.skip

const start = () => {
  const guest = `{ firmware: ${talker().elf}, memory: 4M }`
  return up(file('lab.yaml', `machine: { cpus: 2, memory: 128M }\nguests:\n  one: ${guest}\n  two: ${guest}\n`))
}

/** A connection without manners: what comes back is kept as text. */
class Raw {
  said = ''
  isClosed = false
  readonly socket: Socket

  constructor(isDeaf = false) {
    this.socket = connect(socketOf('lab'))
    if (!isDeaf) this.socket.setEncoding('utf8').on('data', (text) => (this.said += text))
    this.socket.on('close', () => (this.isClosed = true)).on('error', () => {})
  }

  say(line: string | Uint8Array): void {
    this.socket.write(line)
    this.socket.write('\n')
  }

  async hears(what: RegExp): Promise<void> {
    await until(`it hears ${what}`, () => what.test(this.said))
  }
}

const watchersOf = async (client: Client, name: string) =>
  (await client.request<Snapshot>('look')).guests.find((guest) => guest.name === name)?.watchers

/** Bytes of its console that the machine has taken from the guest. */
const writtenBy = async (client: Client, guest: string) =>
  (await client.request<{ counters: { consoleWrittenBytes: number } }>('stats', { guest })).counters.consoleWrittenBytes

when('the machine says hello with its version, and answers requests by their ids', async () => {
  start()
  const raw = new Raw()
  await raw.hears(/\n/)
  const hello = JSON.parse(raw.said)
  assert.equal([hello.hello, hello.version, hello.machine], ['orlop', PROTOCOL_VERSION, 'lab'])
  raw.say('{"id":7,"verb":"look"}\n{"id":8,"verb":"pause","guest":"nobody"}')
  await raw.hears(/"id":7,"result":\{"machine":/)
  await raw.hears(/"id":8,"error":\{"message":"There is no guest \\"nobody\\";.*","exitCode":2\}/)
  raw.socket.destroy()
})

when('nonsense gets an error each, and the connection goes on', async () => {
  const raw = new Raw()
  const nonsense = [
    'hello',
    '{}',
    '[]',
    'null',
    '"a"',
    '{"id":"x","verb":"look"}',
    '{"id":1.5,"verb":"look"}',
    '{"id":1}',
    '{"id":1,"verb":5}',
    '{"id":1,"verb":"look"',
    '{"id":1,"verb":"__proto__"}',
    '{"id":1,"verb":"constructor"}',
    '{"id":1,"verb":"info"}',
    '{"id":1,"verb":"info","guest":5}',
    '{"id":1,"verb":"rm","guest":"one","force":"yes"}',
    '{"id":1,"verb":"shutdown","guest":"one","timeoutMs":-1}',
    '{"id":1,"verb":"shutdown","guest":"one","timeoutMs":"soon"}',
    '{"id":1,"verb":"set","guest":"one","settings":[]}',
    '{"id":1,"verb":"set","guest":"one","settings":{"weight":1e99}}',
    '{"id":1,"verb":"set","guest":"one","settings":{"weight":"5"}}',
    '{"id":1,"verb":"set","guest":"one","settings":{"__proto__":1,"x":2}}',
    '{"id":1,"verb":"input","guest":"one"}',
    '{"id":1,"verb":"define","text":"guests: [","path":"x.yaml"}',
    '{"id":1,"verb":"define","text":5}',
    '{"id":1,"verb":"events","last":1e9}',
  ]
  for (const line of nonsense) raw.say(line)
  raw.say(randomBytes(1000).map((byte) => (byte === 10 ? 11 : byte)))
  raw.say('{"id":99,"verb":"events","last":1}')
  await raw.hears(/"id":99,"result"/)
  const errors = raw.said.match(/"error":\{"message":"[^\n]+\.","exitCode":2\}/g) ?? []
  await until('each has its error', () => (raw.said.match(/"error"/g) ?? []).length >= nonsense.length + 1)
  assert.ok(errors.length >= 1)
  assert.not.match(raw.said, /fault of Orlop/)
  raw.socket.destroy()
  assert.is(json<Snapshot>('list').guests.length, 2)
})

when('a line without an end is cut off, and the machine goes on', async () => {
  const raw = new Raw()
  await raw.hears(/hello/)
  raw.socket.write(Buffer.alloc(LINE_MAX_BYTES + 10, 0x61))
  await raw.hears(/A line has at most 1048576 bytes\./)
  await until('it is closed', () => raw.isClosed)
  does('list')
})

when('two clients see the same guest, and each other’s typing', async () => {
  const one = new Run(['console', 'one'])
  const two = new Run(['console', '--read-only', 'one'])
  await Promise.all([one.shows('ready\n'), two.shows('ready\n')])
  const client = await Client.connect('lab')
  await until('both are attached', async () => (await watchersOf(client, 'one')) === 2)
  one.child.stdin.write('xy')
  await Promise.all([one.shows('[x][y]'), two.shows('[x][y]')])
  two.child.stdin.write('z')
  one.child.stdin.write('w')
  await two.shows('[w]')
  assert.not.match(two.stdout, /\[z\]/)
  // Who comes later is shown what was.
  const late = orlop(['console', '--read-only', 'one', '--until', '[w]', '--timeout', '180', '--json'])
  assert.is(late.status, 0)
  assert.match(late.stdout, /ready\n\[x\]\[y\]\[w\]\n\{"guest":"one","ended":"until"\}\n$/)

  // One is killed; the guest and the other do not notice.
  one.child.kill('SIGKILL')
  await one.ended
  await until('it is gone', async () => (await watchersOf(client, 'one')) === 1)
  assert.is(orlop(['console', 'one', '--until', '[v]', '--timeout', '180'], 'v').status, 0)
  await two.shows('[v]')

  // The guest goes off, and the console with it.
  does('poweroff', 'one')
  assert.is(await two.ended, 0)
  assert.match(two.stderr, /"one" is shut off \(powered off by a user\)/)
  does('start', 'one')
  client.close()
})

when('a console that is removed or whose machine ends tells its watcher', async () => {
  const more = file('more.yaml', `guests: { brief: { firmware: ${talker().elf}, memory: 2M } }`)
  does('define', '--start', more)
  const run = new Run(['console', 'brief'])
  await run.shows('ready\n')
  does('rm', '--force', 'brief')
  assert.is(await run.ended, 0)
  assert.match(run.stderr, /"brief" is removed/)
})

when('a watcher that does not read costs the guest nothing, and is told what it has missed', async () => {
  const deaf = new Raw(true)
  deaf.say('{"id":1,"verb":"attach","guest":"two"}')
  const client = await Client.connect('lab')
  await until('it is attached', async () => (await watchersOf(client, 'two')) === 1)
  deaf.socket.pause()
  // A megabyte for each letter: far more than any socket holds.
  const end = new Run(['console', 'two', '--timeout', '180', '--until', '[!]'])
  await end.shows('ready')
  end.child.stdin.write('bb')
  // All of it is said before the last letter is asked for; else that may be among what came too fast for this one, too.
  await until('the guest has said all of it', async () => (await writtenBy(client, 'two')) >= 2 * 16384 * 63)
  await until('it hears the last letter', async () => {
    await client.request('input', { guest: 'two', bytes: Buffer.from('!').toString('base64') })
    return end.stdout.includes('[!]')
  })
  assert.is(await end.ended, 0, end.stderr)
  // This one reads, and gets nearly all of it; how much depends on how quick this computer is.
  assert.ok(end.stdout.length > 200_000, `${end.stdout.length}`)
  deaf.socket.setEncoding('utf8').on('data', (text) => (deaf.said += text))
  deaf.socket.resume()
  await deaf.hears(/\{"event":"lost","guest":2,"count":\d+\}/)
  // Every byte came or was counted.
  const sum = (sizes: number[]) => sizes.reduce((a, b) => a + b, 0)
  const seen = () =>
    sum([...deaf.said.matchAll(/"bytes":"([^"]*)"/g)].map(([, bytes]) => Buffer.from(bytes as string, 'base64').length))
  const lost = () => sum([...deaf.said.matchAll(/"count":(\d+)/g)].map(([, count]) => Number(count)))
  await until('all came or was counted', () => seen() + lost() >= 2 * 16384 * 63)
  assert.ok(lost() > 0)
  deaf.socket.destroy()
  await until('it is gone', async () => (await watchersOf(client, 'two')) === 0)
  client.close()
})

when('a client that asks without reading the answers is not listened to, and others are', async () => {
  const rude = new Raw(true)
  rude.socket.pause()
  for (let i = 0; i < 30_000; i++) rude.say(`{"id":${i},"verb":"look"}`)
  await sleep(200)
  assert.is(json<Snapshot>('list').guests.length, 2)
  rude.socket.destroy()
  does('list')
})

when('input that a guest does not read holds up only the one who types', async () => {
  const client = await Client.connect('lab')
  does('reset', 'one')
  assert.is(orlop(['console', 'one', '--until', '[a]', '--timeout', '180'], 'as').status, 0)
  // It sleeps and reads no more. The ring takes 64 KiB, and this waits.
  const stuck = new Raw()
  const bytes = Buffer.alloc(60_000, 0x61).toString('base64')
  for (let i = 0; i < 4; i++) stuck.say(`{"id":${i},"verb":"input","guest":"one","bytes":"${bytes}"}`)
  await stuck.hears(/"id":0,"result"/)
  does('pause', 'one')
  does('unpause', 'one')
  stuck.socket.destroy()
  does('poweroff', 'one')
  does('start', 'one')
  client.close()
})

when('more clients than there is room for are turned away, and come in when others have left', async () => {
  const crowd = Array.from({ length: 140 }, () => new Raw())
  await until('some are turned away', () => crowd.filter(({ isClosed }) => isClosed).length >= 12)
  for (const { socket } of crowd) socket.destroy()
  await until('there is room', () => orlop(['list']).status === 0)
})

when('down ends all connections, and those who wait for something hear of it', async () => {
  const watcher = new Run(['events', '--follow'])
  await watcher.shows('one: ')
  const typist = new Run(['console', 'one', '--stay'])
  await typist.shows('ready')
  does('down')
  assert.is(await watcher.ended, 0)
  assert.is(await typist.ended, 1)
  assert.match(typist.stderr, /The machine has gone down/)
})

test.after(cleanUp)
test.run()
