// A guest's process that its guest has taken over, or that hangs: its owner loses that guest, and nothing else.

import { spawn } from 'node:child_process'
import { serialize } from 'node:v8'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { LostError, MachineError } from '../../../../host-shim/error.ts'
import { HostedGuest } from '../../../../host-shim/node/hosted/guest.ts'
import type { GuestOptions } from '../../../../host-shim/node/options.ts'
import { WARNINGS_MOST } from '../../../../host-shim/node/words.ts'
import { E_BUSY } from '../../../../hypervisor/abi.ts'

/** Writes the bytes of its argument to the channel, and lives on, whatever it hears. */
const PROGRAM = `
const { Socket } = require('node:net')
const channel = new Socket({ fd: 3, readable: true, writable: true })
channel.write(Buffer.from(process.argv[1], 'base64'))
channel.resume()
setInterval(() => undefined, 1000)
`

/** A guest whose process says these bytes. */
function guestThatSays(bytes: Uint8Array, options: Partial<GuestOptions> = {}): HostedGuest {
  const words = ['-e', PROGRAM, Buffer.from(bytes).toString('base64')]
  const child = spawn(process.execPath, words, { stdio: ['ignore', 'ignore', 'inherit', 'pipe'] })
  const all = { name: 'evil', ramBytes: 4096, output: () => undefined, ...options }
  return new HostedGuest(0, child, all, async () => undefined)
}

function message(value: unknown): Buffer {
  const body = serialize(value)
  const head = Buffer.alloc(4)
  head.writeUInt32LE(body.length)
  return Buffer.concat([head, body])
}

async function failure(promise: Promise<unknown>): Promise<Error> {
  return promise.then(
    () => assert.unreachable('it did not fail') as never,
    (error) => error as Error,
  )
}

const WORDS: [string, Buffer][] = [
  ['a length that no message has', Buffer.from([0xff, 0xff, 0xff, 0xff])],
  ['what is no structured clone', Buffer.from([4, 0, 0, 0, 1, 2, 3, 4])],
  ['nothing', message(null)],
  ["a word of Node's own channel", message({ cmd: 'NODE_HANDLE', type: 'nothing' })],
  ['what cannot be shown', message({ kind: 'warning', text: { toString: 1 } })],
  ['an end without a reason', message({ kind: 'ended' })],
  [
    'an end without figures',
    message({ kind: 'ended', ending: { reason: 1, code: 0, stats: null, startupCpuSeconds: 0 } }),
  ],
  ['output that is none', message({ kind: 'output', bytes: 'text' })],
  ['more input taken than there was', message({ kind: 'taken', bytes: 1 })],
  ['less input taken than none', message({ kind: 'taken', bytes: -1 })],
]

for (const [what, bytes] of WORDS) {
  test(`a process that says ${what} is ended, and its owner goes on`, async () => {
    const guest = guestThatSays(bytes)
    const error = await failure(guest.ended)
    assert.instance(error, LostError)
    assert.is(error.message, 'The process of evil was ended, as it said what no process of a guest does.')
    await guest.gone
  })
}

test('a process that does not wait until its output was taken is ended', async () => {
  const piece = message({ kind: 'output', bytes: new Uint8Array(10) })
  let take: () => void = () => undefined
  const output = () => new Promise<void>((fulfil) => (take = fulfil))
  const guest = guestThatSays(Buffer.concat([piece, piece]), { output })
  await guest.gone
  take()
  assert.match((await failure(guest.ended)).message, /said what no process/)
})

test('a process that answers with figures that are none is ended', async () => {
  const guest = guestThatSays(message({ kind: 'answer', id: 0, value: { guest: {}, machine: {} } }))
  assert.instance(await failure(guest.stats()), LostError)
  await guest.gone
})

test('what a process warns of is a line that steers no terminal, and there is an end of it', async () => {
  const warnings: string[] = []
  const said = message({ kind: 'warning', text: `\x1b[2Jone\ntwo ${'x'.repeat(10_000)}` })
  const bytes = Buffer.concat([...Array.from({ length: WARNINGS_MOST + 50 }, () => said.subarray()), message(null)])
  // Too long for the words of a command.
  const guest = guestThatSays(Buffer.alloc(0), { warn: (text) => warnings.push(text) })
  const channel = Reflect.get(guest, 'channel') as { take(bytes: Buffer): void }
  Reflect.apply(Reflect.get(channel, 'take'), channel, [bytes])
  assert.is(warnings.length, WARNINGS_MOST)
  assert.match(warnings[0] ?? '', /^\[2Jone two x+$/)
  assert.ok((warnings[0] ?? '').length <= 2_000)
  await guest.gone
})

test('a process that hangs keeps nobody waiting, and loses its life with its power', async () => {
  const guest = guestThatSays(Buffer.alloc(0))
  const error = await failure(guest.stats())
  assert.instance(error, MachineError)
  assert.is((error as MachineError).code, E_BUSY)
  assert.match(error.message, /^The process of evil does not answer; [^\n]*\.$/)
  const start = failure(guest.start())
  assert.instance(await failure(guest.stop()), LostError)
  assert.instance(await failure(guest.ended), LostError)
  assert.instance(await start, LostError)
  await guest.remove()
})

test('a process that closes its channel and lives on is ended', async () => {
  const guest = guestThatSays(Buffer.alloc(0))
  const channel = Reflect.get(guest, 'channel') as { end(): void }
  channel.end()
  await guest.gone
  assert.match((await failure(guest.ended)).message, /was ended by SIGKILL/)
})

test.run()
