// Hostile guests: whatever a guest does, it gets what hardware would give, Orlop ends in order, and the next run is as ever.

import { statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { inScratch } from '../guests/scratch.ts'
import { makeBlank } from './image.ts'
import { measureOrlop, type Run } from './orlop.ts'
import { canBuild, firmware, kernel, rawFirmware, WITH_MEMORY } from './programs.ts'

const SECTOR = 512
const SECTORS = 8192

type Measured = Run & Awaited<ReturnType<typeof measureOrlop>>

/** A disk each of whose sectors begins with its number. */
function makeNumbered(path: string): string {
  const content = Buffer.alloc(SECTORS * SECTOR)
  for (let sector = 0; sector < SECTORS; sector++) content.writeBigUInt64LE(BigInt(sector), sector * SECTOR)
  writeFileSync(path, content)
  return path
}

let known: string | undefined

/** Runs the well-behaved program, which must give what it gave the first time. */
async function isUnaffected(): Promise<void> {
  const run = await measureOrlop(['--firmware', firmware('known'), ...WITH_MEMORY, '--timeout', '60'])
  assert.is(run.exitCode, 0, run.errors)
  assert.match(run.console, /^known [0-9a-f]{16}\n$/)
  assert.is(run.report.offences, 0)
  assert.is(run.console, (known ??= run.console))
}

/** A hostile guest with a disk and a network; `judge` gets how its run went. */
function hostile(name: string, args: () => string[], judge: (run: Measured) => void): void {
  test(
    name,
    inScratch(async (folder) => {
      if (!canBuild()) return
      if (known === undefined) await isUnaffected()
      const disk = makeNumbered(join(folder, 'disk'))
      const devices = ['--disk', disk, '--net', 'loopback']
      const run = await measureOrlop([...args(), ...WITH_MEMORY, ...devices, '--timeout', '90'])
      judge(run)
      assert.is(statSync(disk).size, SECTORS * SECTOR, 'the disk keeps its size')
      await isUnaffected()
    }),
  )
}

function survives({ exitCode, console, errors }: Measured, least: number): void {
  assert.is(exitCode, 0, `${errors}\n${console.slice(-2000)}`)
  assert.is(errors, '')
  const [, count] = /survived (\d+) /.exec(console) ?? []
  assert.ok(Number(count) >= least, console.slice(-2000))
}

hostile(
  'a driver that breaks every rule of virtio gets a device that asks for a reset, and works after it',
  () => ['--firmware', firmware('hostile/queues')],
  (run) => {
    survives(run, 250)
    assert.match(run.console, /survived \d+ cases, broken 0\n/)
    for (const offence of [
      'a descriptor that follows itself',
      'a next descriptor outside the table',
      'a head far outside',
      'an index that jumps',
      'data in a device',
      'data over the end of the world',
      'an indirect table without end',
      'indirect inside indirect',
      'a loop inside an indirect table',
    ]) {
      assert.is(run.console.match(new RegExp(`^${offence}: asks for a reset$`, 'gm'))?.length, 4, offence)
    }
    assert.ok(run.report.offences > 500, `${run.report.offences}`)
  },
)

hostile(
  'accesses of every width to every offset of every device, and to nothing, harm nobody',
  () => ['--firmware', firmware('hostile/mmio')],
  (run) => {
    survives(run, 400_000)
    assert.ok(run.report.offences > 100_000, `${run.report.offences}`)
  },
)

hostile(
  'page tables that are wild, loop, or map themselves end in traps',
  () => ['--firmware', firmware('hostile/paging')],
  (run) => {
    survives(run, 40_000)
    // Access faults of fetches, loads and stores; page faults of all three; the timer, where nothing else happened.
    for (const cause of [1, 5, 7, 12, 13, 15, 39]) assert.match(run.console, new RegExp(`^cause ${cause}: \\d+$`, 'm'))
  },
)

hostile(
  'garbage as code, code that changes under its own feet, and a spoilt device tree end in traps',
  () => ['--firmware', firmware('hostile/code')],
  (run) => {
    survives(run, 3000)
    assert.ok(run.report.offences > 0)
  },
)

hostile(
  'SBI calls with garbage are refused',
  () => ['--kernel', kernel('hostile/calls')],
  (run) => {
    survives(run, 30_000)
    assert.ok(run.report.sbiCalls > 30_000)
  },
)

const WAYS_TO_HANG = [
  'sleeps with all interrupts off',
  'traps to where nothing is',
  'traps in its trap handler',
  'runs a device',
  'asks the UART for ever',
  'talks for ever',
  'lives in a page table that is its own',
  'is interrupted for ever',
]
WAYS_TO_HANG.forEach((way, number) => {
  test(`a guest that ${way} ends with the timeout`, async () => {
    if (!canBuild()) return
    const image = rawFirmware('hostile/hang', { HOW: number })
    const run = await measureOrlop(['--firmware', image, ...WITH_MEMORY, '--console', 'none', '--timeout', '0.5'])
    assert.is(run.exitCode, 124, run.errors)
    assert.is(run.errors, 'orlop: The time is up after 0.5 s.\n')
    await isUnaffected()
  })
})

for (const [number, place] of ['itself', 'the device tree', 'a device', 'nowhere', 'address 0'].entries()) {
  test(`a kernel whose page table is ${place} ends with the timeout`, async () => {
    if (!canBuild()) return
    const args = ['--kernel', kernel('hostile/satp', { HOW: number }), ...WITH_MEMORY, '--timeout', '0.5']
    const run = await measureOrlop(args)
    assert.is(run.exitCode, 124, run.errors)
    await isUnaffected()
  })
}

test(
  'a blank image as firmware, and one that is all ones, end with the timeout',
  inScratch(async (folder) => {
    for (const [name, make] of [
      ['zeroes', (path: string) => makeBlank(path, 1)],
      ['ones', (path: string) => writeFileSync(path, Buffer.alloc(2 ** 20, 0xff))],
    ] as const) {
      const path = join(folder, name)
      make(path)
      const run = await measureOrlop(['--firmware', path, ...WITH_MEMORY, '--timeout', '0.5'])
      assert.is(run.exitCode, 124, run.errors)
    }
  }),
)

test.run()
