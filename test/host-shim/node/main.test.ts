// A machine on Node whose guests come and go, and how it ends: orderly, or all at once when a part of it fails.

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Worker } from 'node:worker_threads'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { MachineError } from '../../../host-shim/error.ts'
import {
  type GuestOptions,
  type RunningGuest,
  type RunningMachine,
  startMachine,
} from '../../../host-shim/node/main.ts'
import * as abi from '../../../hypervisor/abi.ts'
import { talker, tohost } from '../../cli/orlop.ts'
import { requireTool } from '../../support/tools.ts'

const when = requireTool('riscv64-unknown-elf-gcc', 'gcc-riscv64-unknown-elf') ? test : test.skip

const MiB = 2 ** 20
const folder = mkdtempSync(join(tmpdir(), 'orlop-main-'))

/** A guest with what it has said so far. */
interface Talking {
  guest: RunningGuest
  said: string
  shows(text: string): Promise<void>
}

async function withMachine(cpus: number, use: (machine: RunningMachine) => Promise<void>): Promise<void> {
  const machine = startMachine({ cpus, memoryBytes: 64 * MiB })
  try {
    await use(machine)
  } finally {
    await machine.stop().catch(() => {})
  }
}

/** A guest that obeys letters, started. */
async function talk(machine: RunningMachine, options: Partial<GuestOptions> = {}): Promise<Talking> {
  const waiters: (() => void)[] = []
  const output = (piece: Uint8Array) => {
    talking.said += Buffer.from(piece).toString('latin1')
    for (const look of waiters.splice(0)) look()
  }
  const guest = await machine.define({ ramBytes: 4 * MiB, firmware: talker().elf, output, ...options })
  const talking: Talking = {
    guest,
    said: '',
    shows: async (text) => {
      while (!talking.said.includes(text)) await new Promise<void>((fulfil) => waiters.push(fulfil))
    },
  }
  await guest.start()
  return talking
}

async function refusal(promise: Promise<unknown>): Promise<MachineError> {
  try {
    await promise
  } catch (error) {
    assert.instance(error, MachineError)
    return error as MachineError
  }
  return assert.unreachable('it was not refused') as never
}

async function failure(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => assert.unreachable('it did not fail') as never,
    (error) => (error as Error).message,
  )
}

const letters = (text: string) => Buffer.from(text, 'latin1')
const openFiles = () => readdirSync('/proc/self/fd').length

for (const cpus of [1, 2]) {
  when(`guests on ${cpus} CPUs talk at the same time, each on its own console`, () =>
    withMachine(cpus, async (machine) => {
      assert.is(machine.cpus, cpus)
      const all = await Promise.all(['1', '2', '3', '4', '5'].map((name) => talk(machine, { name })))
      assert.is(new Set(all.map(({ guest }) => guest.id)).size, 5)
      await Promise.all(all.map(({ shows }) => shows('ready\n')))
      for (const { guest } of all) assert.is(guest.input(letters(`${guest.id}`)), 1)
      await Promise.all(all.map(({ guest, shows }) => shows(`[${guest.id}]`)))
      for (const { guest, said } of all) assert.is(said, `ready\n[${guest.id}]`)
      const stats = await machine.stats()
      assert.is(stats.cpus.length, cpus)
      assert.ok(stats.usedFrames >= 5)
    }),
  )

  when(`a megabyte of output of two guests on ${cpus} CPUs comes whole, and before their end`, () =>
    withMachine(cpus, async (machine) => {
      const both = await Promise.all([talk(machine), talk(machine)])
      for (const { guest } of both) guest.input(letters('bq'))
      for (const talking of both) {
        const { reason, stats } = await talking.guest.ended
        assert.is(reason, abi.STOP_POWEROFF)
        const lines = talking.said.split('\n').slice(1, -2)
        assert.is(lines.length, 16384)
        assert.ok(lines.every((line) => line === lines[0]))
        assert.is(stats.consoleWrittenBytes, talking.said.length)
      }
    }),
  )

  when(`a machine with ${cpus} CPUs ends guests that never sleep, and those that always do`, () =>
    withMachine(cpus, async (machine) => {
      const all = await Promise.all([talk(machine), talk(machine), talk(machine)])
      for (const [i, { guest }] of all.entries()) guest.input(letters('lls'[i] as string))
      await machine.stop()
      await machine.ended
      for (const { guest } of all) assert.is((await guest.ended).reason, abi.STOP_KILLED)
    }),
  )

  when(`a thread of a machine with ${cpus} CPUs that dies takes all of the machine with it`, async () => {
    for (let victim = 0; victim <= cpus; victim++) {
      await withMachine(cpus, async (machine) => {
        const { guest } = await talk(machine)
        const workers = Reflect.apply(Reflect.get(machine, 'workers'), machine, []) as Worker[]
        assert.is(workers.length, cpus + 1)
        await workers[victim]?.terminate()
        const who = victim < cpus ? `CPU ${victim}` : 'the disks'
        const message = `The thread of ${who} has ended with code 1.`
        assert.is(await failure(machine.ended), message)
        assert.is(await failure(guest.ended), message)
        assert.is(await failure(guest.stats()), message)
        assert.is(await failure(machine.define({ ramBytes: MiB, output: () => {} })), message)
        assert.is(await failure(machine.stop()), message)
        await Reflect.get(machine, 'gone')
      })
    }
  })

  when(`a kernel that traps ends all of a machine with ${cpus} CPUs`, () =>
    withMachine(cpus, async (machine) => {
      const { guest } = await talk(machine)
      const { guest: other } = await talk(machine)
      guest.input(letters('l'))
      damage(machine)
      const message = await failure(machine.ended)
      assert.match(message, /RuntimeError|The hypervisor has failed/)
      assert.is(await failure(guest.ended), message)
      assert.is(await failure(other.ended), message)
      await Reflect.get(machine, 'gone')
    }),
  )
}

/** Spoils what the kernel knows of its caches, so that it reaches out of its memory. */
function damage(machine: RunningMachine): void {
  const { buffer } = Reflect.get(Reflect.get(machine, 'control') as object, 'words') as Int32Array
  // CPUS and CPU_STRIDE of hypervisor/core/layout.ts.
  new Uint8Array(buffer, 0x6_0000, machine.cpus * 0x2000).fill(0xff)
}

when('a guest can be paused, goes on, and is removed; its number is given again', () =>
  withMachine(1, async (machine) => {
    const { guest, shows } = await talk(machine)
    await shows('ready')
    await guest.pause()
    assert.is((await guest.state()).state, abi.GUEST_PAUSED)
    const { instructions } = await guest.stats()
    assert.is((await refusal(guest.pause())).code, abi.E_BAD_STATE)
    guest.input(letters('x'))
    await machine.stats()
    assert.is((await guest.stats()).instructions, instructions)
    await guest.resume()
    await shows('[x]')
    assert.ok((await guest.stats()).instructions > instructions)
    assert.is((await refusal(guest.remove())).code, abi.E_BAD_STATE)
    await guest.stop()
    assert.is((await guest.ended).reason, abi.STOP_KILLED)
    assert.is((await guest.state()).state, abi.GUEST_STOPPED)
    await guest.remove()
    assert.is((await refusal(guest.stats())).code, abi.E_BAD_ID)
    const next = await talk(machine)
    assert.is(next.guest.id, guest.id)
    await next.shows('ready')
  }),
)

when('what a test program reports is how its guest ends, and others run on', () =>
  withMachine(1, async (machine) => {
    const other = await talk(machine)
    const { guest } = await talk(machine, { firmware: tohost(7).elf })
    const { reason, code, startupCpuSeconds } = await guest.ended
    assert.is(reason, abi.STOP_TEST_FAILED)
    assert.is(code, 3)
    assert.ok(startupCpuSeconds > 0)
    other.guest.input(letters('z'))
    await other.shows('[z]')
  }),
)

when('what a new guest cannot have is refused, and nothing of it stays open', () =>
  withMachine(1, async (machine) => {
    const disk = join(folder, 'disk')
    writeFileSync(disk, new Uint8Array(4096))
    const define = (options: Partial<GuestOptions>) =>
      machine.define({ name: 'web', ramBytes: 4 * MiB, firmware: talker().elf, output: () => {}, ...options })
    const disks = [{ path: disk }]
    // All threads hear of it, so all are there by then, with the files that they have for themselves.
    await (await define({ disks })).remove()
    const before = openFiles()
    assert.match(
      (await refusal(define({ disks, kernel: join(folder, 'none') }))).message,
      /kernel .*none does not exist/,
    )
    assert.match((await refusal(define({ disks: [...disks, ...disks] }))).message, /given twice/)
    assert.match((await refusal(define({ disks, ramBytes: 4097 }))).message, /^The guest web cannot be made/)
    assert.match(
      (await refusal(define({ disks, initrd: disk, firmware: disk, ramBytes: 4 * MiB, harts: 99 }))).message,
      /web/,
    )
    assert.match((await refusal(define({ disks, settings: { weight: 0 } }))).message, /web cannot have weight 0: /)
    assert.is(openFiles(), before)
    const guest = await define({ disks, settings: { weight: 100, cap: 50.5, sharing: false } })
    assert.match((await refusal(define({ disks }))).message, /belongs to another guest/)
    assert.match(
      (await refusal(guest.set({ consoleBytes: 0, cap: -1 }))).message,
      /^The guest web cannot have cap -1: /,
    )
    await guest.remove()
    assert.is(openFiles(), before)
    const again = await define({ disks })
    assert.is(again.id, guest.id)
    assert.match(await failure(guest.ended), /was removed before it ended/)
  }),
)

when('as many guests as there may be, and no more', () =>
  withMachine(2, async (machine) => {
    const define = () => machine.define({ ramBytes: MiB, firmware: tohost(1).elf, output: () => {} })
    const guests = await Promise.all(Array.from({ length: abi.MAX_GUESTS }, define))
    assert.match((await refusal(define())).message, /at most 64 guests; remove one/)
    await Promise.all(guests.map((guest) => guest.start()))
    for (const guest of guests) assert.is((await guest.ended).reason, abi.STOP_POWEROFF)
    await Promise.all(guests.map((guest) => guest.remove()))
    assert.is((await machine.stats()).usedFrames, 0)
  }),
)

when('a guest whose output nobody takes any more is stopped, and only this one', () =>
  withMachine(1, async (machine) => {
    const other = await talk(machine)
    const output = () => Promise.reject(new Error('The window is closed.'))
    const { guest } = await talk(machine, { output })
    assert.is(await failure(guest.ended), 'The window is closed.')
    while ((await guest.state()).state !== abi.GUEST_STOPPED) await sleep(1)
    other.guest.input(letters('y'))
    await other.shows('[y]')
  }),
)

when('the power key of a guest in which nobody listens is refused', () =>
  withMachine(1, async (machine) => {
    const { guest, shows } = await talk(machine)
    await shows('ready')
    assert.is((await refusal(guest.press())).code, abi.E_UNSUPPORTED)
  }),
)

when('input that finds no room waits for it, and none is lost', () =>
  withMachine(1, async (machine) => {
    const talking = await talk(machine)
    const text = 'abcdefgh'.replaceAll(/[bqprsl]/g, '.').repeat(20_000)
    for (let rest = letters(text); rest.length > 0; ) {
      rest = rest.subarray(talking.guest.input(rest))
      if (rest.length > 0) await talking.guest.room()
    }
    // There may be no room left for this one either.
    while (talking.guest.input(letters('q')) === 0) await talking.guest.room()
    await talking.guest.ended
    assert.is(talking.said, `ready\n${[...text].map((letter) => `[${letter}]`).join('')}`)
  }),
)

when('a complaint is told once', () =>
  withMachine(1, async (machine) => {
    const warnings: string[] = []
    const { guest } = await talk(machine, { warn: (message) => warnings.push(message) })
    guest.warn('The disk has failed: first.', 'disk')
    guest.warn('The disk has failed: again.', 'disk')
    assert.equal(warnings, ['The disk has failed: first.'])
  }),
)

when('a machine may be stopped before it is there, and twice', async () => {
  const machine = startMachine({ cpus: 2, memoryBytes: MiB })
  const early = machine.define({ ramBytes: MiB, firmware: tohost(1).elf, output: () => {} })
  early.catch(() => {})
  await Promise.all([machine.stop(), machine.stop()])
  await machine.ended
  const guest = await early.catch(() => undefined)
  if (guest !== undefined) assert.match(await failure(guest.ended), /has been stopped/)
  assert.is((await refusal(machine.stats())).code, abi.E_BAD_STATE)
})

test('a machine has at least one CPU and at most as many as the kernel knows', async () => {
  for (const cpus of [0, abi.MAX_CPUS + 1, 1.5]) {
    const { message } = await refusal((async () => startMachine({ cpus, memoryBytes: MiB }))())
    assert.is(message, `A machine has 1 to 16 CPUs, not ${cpus}.`)
  }
  await withMachine(abi.MAX_CPUS, async (machine) => {
    assert.is((await machine.stats()).cpus.length, abi.MAX_CPUS)
  })
})

test.after(() => rmSync(folder, { recursive: true }))
test.run()
