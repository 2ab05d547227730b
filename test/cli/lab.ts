// A machine in the background for the tests of its verbs: a folder of its own, a fleet file, and the built `orlop`.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import * as assert from 'uvu/assert'
import { Client } from '../../cli/machine/client.ts'
import type { Snapshot } from '../../cli/machine/machine.ts'
import { ORLOP, orlop } from './orlop.ts'

export const folder = mkdtempSync(join(tmpdir(), 'orlop-lab-'))
// All processes of this test file look for machines here.
process.env.XDG_RUNTIME_DIR = join(folder, 'run')
process.env.XDG_STATE_HOME = join(folder, 'state')

export const socketOf = (name: string) => join(folder, 'run', 'orlop', `${name}.sock`)
export const logOf = (name: string) => readFileSync(join(folder, 'state', 'orlop', `${name}.log`), 'utf8')

/** A file of this name in the tests' folder. */
export function file(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  return path
}

/** Starts a machine in the background; gives what it said as JSON. */
export function up(fleet: string, ...flags: string[]): { machine: string; pid: number; log: string } {
  const { status, stdout, stderr } = orlop(['up', '--detach', '--json', ...flags, fleet])
  assert.is(stderr, '')
  assert.is(status, 0)
  return JSON.parse(stdout)
}

/** Runs a verb that must work; gives what it wrote. */
export function does(...words: string[]): string {
  const { status, stdout, stderr } = orlop(words)
  assert.is(status, 0, `orlop ${words.join(' ')}: ${stderr}`)
  return stdout
}

/** The same with --json; gives what it means. */
export function json<T>(...words: string[]): T {
  return JSON.parse(does(...words, '--json')) as T
}

/** Runs a verb that must be refused in one sentence; gives that. */
export function refuses(words: string[], exitCode = 2): string {
  const { status, stdout, stderr } = orlop(words)
  assert.is(stdout, '')
  assert.match(stderr, /^orlop: [^\n]*[.?]\n$/)
  assert.is(status, exitCode, stderr)
  return stderr
}

/** Starts `orlop` without waiting for it; its output is there for the one who wants it. */
export function background(words: string[]): ChildProcess {
  return spawn(process.execPath, [ORLOP, ...words], { stdio: ['pipe', 'pipe', 'pipe'] })
}

/** Far more than anything here takes on a slow computer that has much else to do. */
const PATIENCE_MS = 240_000

/** Waits until this holds, which it must at last. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const start = Date.now(); Date.now() - start < PATIENCE_MS; ) {
    if (await holds()) return
    await sleep(20)
  }
  assert.unreachable(`It never came to this: ${what}.`)
}

/** Waits until a guest is in this state. */
export async function becomes(client: Client, name: string, state: RegExp): Promise<void> {
  await until(`${name} is ${state}`, async () => {
    const { guests } = await client.request<Snapshot>('look')
    return state.test(guests.find((guest) => guest.name === name)?.state ?? 'removed')
  })
}

/** Waits until the machine holds no more frames than this. */
export async function usesAtMost(client: Client, bytes: number): Promise<void> {
  let used = 0
  await until(`${used} bytes or fewer are used`, async () => {
    used = (await client.request<Snapshot>('look')).machine.usedBytes
    return used <= bytes
  })
}

/** What clients hear of guests, in latin1, from the moment on when they were first asked. */
const ears = new WeakMap<Client, Map<string, { id: number; text: string }>>()

/** All that the guest has said since this was asked first, behind the last of what it had said before. */
async function heard(client: Client, guest: string): Promise<string> {
  const ofGuests = ears.get(client) ?? new Map<string, { id: number; text: string }>()
  const decode = (bytes: string) => Buffer.from(bytes, 'base64').toString('latin1')
  if (!ears.has(client)) {
    ears.set(client, ofGuests)
    client.onPush = (push) => {
      if (push.event !== 'output') return
      for (const ear of ofGuests.values()) if (ear.id === push.guest) ear.text += decode(push.bytes)
    }
  }
  const known = ofGuests.get(guest)
  if (known !== undefined) return known.text
  const ear = { id: 0, text: '' }
  ofGuests.set(guest, ear)
  await client.request<{ guest: { id: number }; backlog: string }>('attach', { guest }, (reply) => {
    ear.id = reply.guest.id
    ear.text = decode(reply.backlog)
  })
  return ear.text
}

/** Waits until the guest has said this so often, in all its lives together. */
export function says(client: Client, guest: string, text: string, times = 1): Promise<void> {
  return until(`${guest} has said "${text}" ${times} times`, async () => {
    return (await heard(client, guest)).split(text).length > times
  })
}

/** Ends all machines of this test file, and removes its folder. */
export async function cleanUp(): Promise<void> {
  const run = join(folder, 'run', 'orlop')
  const entries = existsSync(run) ? readdirSync(run) : []
  for (const entry of entries.filter((name) => name.endsWith('.sock'))) {
    orlop(['down', '--timeout', '0', '--machine', entry.replace(/\.sock$/, '')])
  }
  rmSync(folder, { recursive: true, force: true })
}

export { Client }
