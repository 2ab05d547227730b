// A machine whose guests are processes: what they may not have is refused in a sentence, before there is a process.

import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MachineError } from '../../../../host-shim/error.ts'
import { HostedMachine } from '../../../../host-shim/node/hosted/machine.ts'
import type { GuestOptions } from '../../../../host-shim/node/main.ts'

const folder = mkdtempSync(join(tmpdir(), 'orlop-hosted-'))
const GUEST: GuestOptions = { name: 'one', ramBytes: 64 << 20, output: () => undefined }

async function withMachine(use: (machine: HostedMachine) => Promise<void>): Promise<void> {
  const machine = new HostedMachine({ cpus: 1 })
  try {
    await use(machine)
  } finally {
    await machine.stop()
  }
}

async function refusal(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => assert.unreachable('it was not refused') as never,
    (error) => error as Error,
  )
  assert.instance(error, MachineError, error.stack)
  return error.message
}

/** With another folder for temporary files. */
async function withTemporary(place: string, use: () => Promise<void>): Promise<void> {
  const before = process.env.TMPDIR
  process.env.TMPDIR = place
  try {
    await use()
  } finally {
    if (before === undefined) delete process.env.TMPDIR
    else process.env.TMPDIR = before
  }
}

test('regression: two guests of one machine cannot write the same disk', () =>
  withMachine(async (machine) => {
    const path = join(folder, 'disk')
    writeFileSync(path, new Uint8Array(4096))
    const first = await machine.define({ ...GUEST, disks: [{ path }] })
    const other = { ...GUEST, name: 'two' }
    assert.match(await refusal(machine.define({ ...other, disks: [{ path }] })), /belongs to another guest/)
    assert.match(await refusal(machine.define({ ...other, disks: [{ path, readOnly: true }] })), /belongs to another/)
    await first.remove()
    const readers = [GUEST, other].map((guest) => machine.define({ ...guest, disks: [{ path, readOnly: true }] }))
    for (const reader of await Promise.all(readers)) await reader.remove()
    await (await machine.define({ ...other, disks: [{ path }] })).remove()
  }))

test('a folder for temporary files that is not there, or whose path is too long for a socket, is told', () =>
  withMachine(async (machine) => {
    const network = await machine.defineNetwork({ uplink: 'none' })
    const nets = [{ network }]
    await withTemporary(join(folder, 'nowhere'), async () => {
      assert.match(
        await refusal(machine.define({ ...GUEST, nets })),
        /^No folder can be made in [^\n]* set TMPDIR [^\n]*\.$/,
      )
    })
    const deep = join(folder, 'x'.repeat(100))
    mkdirSync(deep)
    await withTemporary(deep, async () => {
      assert.match(
        await refusal(machine.define({ ...GUEST, nets })),
        /^The path [^\n]* too long for a socket; [^\n]*\.$/,
      )
    })
    assert.equal(readdirSync(deep), [])
    // What was refused has left nothing in the switch either.
    const guest = await machine.define({ ...GUEST, nets })
    assert.is((await network.report()).ports.length, 1)
    await guest.remove()
  }))

test('regression: a network whose socket has too long a path is refused, and others can be made', () =>
  withMachine(async (machine) => {
    const path = join(folder, 'x'.repeat(100))
    for (const uplink of [{ listen: { path } }, { stream: { path } }]) {
      assert.match(
        await refusal(machine.defineNetwork({ uplink })),
        /^The path [^\n]* too long for a socket; [^\n]*\.$/,
      )
    }
    await (await machine.defineNetwork({ uplink: { listen: { path: join(folder, 'wire') } } })).remove()
  }))

test.after(() => rmSync(folder, { recursive: true }))

test.run()
