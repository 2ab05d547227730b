// One tile on our machine for a few seconds: six guests boot, do their work, and no commit is lost when the machine is killed.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { measureVariant, openBench } from '../../bench/hosted.ts'
import { type1 } from '../../bench/tile/orlop.ts'
import { ROLES } from '../../bench/tile/load.ts'
import { findLean } from '../../guests/linux/build.ts'
import { requireTool } from '../support/tools.ts'

const SECONDS = 4

const tools: [program: string, aptPackage: string][] = [
  ['riscv64-linux-gnu-gcc', 'gcc-riscv64-linux-gnu libc6-dev-riscv64-cross'],
  ['gcc', 'gcc libc6-dev'],
  ['mke2fs', 'e2fsprogs'],
  ['taskset', 'util-linux'],
]
const hasTools = tools.every(([program, aptPackage]) => requireTool(program, aptPackage))
const isReady = hasTools && (await findLean()) !== undefined

test('a tile works on Type-1: all that comes is right, and a power cut loses no commit', async () => {
  if (!isReady) {
    process.stderr.write('Skipped: the tile needs its tools, and the lean kernel; run "orlop build-kernel".\n')
    return
  }
  const wanted = ['tiles', 'memory', 'start-up', 'neighbour', 'network']
  const bench = await openBench({ runs: 1, rows: wanted, seconds: SECONDS, tiles: 1, cpus: 1, progress: () => {} })
  const { steps, startUp, memoryBytes, neighbour, wire, lostCommits } = await measureVariant(type1, bench, 0)
  assert.is(steps.length, 1)
  const [tile] = steps[0]!.judged
  for (const role of ROLES) {
    // How fast it was is for a quiet machine to say; that it was done, and right, holds on any.
    assert.is(tile![role].wrong, 0, role)
    assert.ok(tile![role].answered > 0, role)
  }
  assert.is(lostCommits, 0)
  assert.ok(startUp!.cpuSeconds > 0 && startUp!.wallSeconds > 0)
  assert.ok(memoryBytes! > 4 * 2 ** 20 && memoryBytes! < 2 ** 30)
  assert.is(neighbour!.stressed.batch.goodRate, 0)
  assert.ok(wire!.gigabits > 0 && wire!.roundTripUs > 0)
})

test.run()
