// `orlop console` beside a machine of the test's own, whose words come in what pieces the test likes.

import { chmodSync, mkdirSync } from 'node:fs'
import { createServer, type Server, type Socket } from 'node:net'
import { dirname } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { PROTOCOL_VERSION } from '../../cli/machine/protocol.ts'
import { cleanUp, socketOf } from './lab.ts'
import { Run } from './orlop.ts'

const GUEST = { id: 1, name: 'web', state: 'running' }
const base64 = (text: string) => Buffer.from(text).toString('base64')

/** A machine of this name that answers each request with these lines, which it writes at once. */
async function withMachine(
  name: string,
  answer: (id: number, verb: string) => object[],
  use: () => Promise<void>,
): Promise<void> {
  const path = socketOf(name)
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 })
  const lines = (all: object[]) => all.map((line) => `${JSON.stringify(line)}\n`).join('')
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    let heard = ''
    socket.on('error', () => undefined)
    socket.setEncoding('utf8').on('data', (text) => {
      heard += text
      for (let end = heard.indexOf('\n'); end >= 0; end = heard.indexOf('\n')) {
        const { id, verb } = JSON.parse(heard.slice(0, end))
        heard = heard.slice(end + 1)
        socket.write(lines(answer(id, verb)))
      }
    })
    socket.write(lines([{ hello: 'orlop', version: PROTOCOL_VERSION, machine: name, pid: process.pid }]))
  })
  await new Promise<void>((fulfil) => server.listen(path, fulfil))
  chmodSync(path, 0o600)
  try {
    await use()
  } finally {
    for (const socket of sockets) socket.destroy()
    await new Promise((fulfil) => server.close(fulfil))
  }
}

test('regression: what a guest says right behind the backlog is shown, also when both are read at once', () =>
  withMachine(
    'prompt',
    (id, verb) =>
      verb === 'attach'
        ? [
            { id, result: { guest: GUEST, backlog: base64('said before, ') } },
            { event: 'output', guest: GUEST.id, bytes: base64('said now.') },
          ]
        : [{ id, result: {} }],
    async () => {
      const words = ['console', '--read-only', '--machine', 'prompt', 'web']
      const run = new Run([...words, '--until', 'now.', '--timeout', '60'])
      assert.is(await run.ended, 0, run.stderr)
      assert.is(run.stdout, 'said before, said now.')
    },
  ))

test.after(cleanUp)
test.run()
