// `orlop train` when what it has made cannot be written.

import { copyFileSync, mkdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { requireTool } from '../support/tools.ts'
import { inFolder, programFor } from '../wasi/mix.ts'
import { mounted } from '../wasi/mounts.ts'
import { IMAGE } from '../wasi/runtime.ts'
import { ORLOP } from './orlop.ts'

const when = requireTool('riscv64-unknown-elf-gcc', 'gcc-riscv64-unknown-elf') ? test : test.skip

when('regression: a disk that is full leaves the image of an earlier training as it was', () =>
  inFolder(async (folder) => {
    const [place, before] = [join(folder, 'place'), join(folder, 'images')]
    for (const name of [place, before]) mkdirSync(name)
    copyFileSync(IMAGE, join(before, 'trained.wasm'))
    const { size } = statSync(IMAGE)
    const fleet = join(folder, 'fleet.yaml')
    writeFileSync(
      fleet,
      `machine: { name: full-${process.pid} }\nguests: { mix: { memory: 16M, firmware: ${programFor()} } }\n`,
    )
    const image = join(place, 'images', 'trained.wasm')
    const orlop = [process.execPath, ORLOP, 'train', '--heat', '1000', '-o', image, fleet]
    const command = ['sh', '-c', 'image=$1; shift; "$@"; code=$?; wc -c < "$image"; exit $code', 'sh', image, ...orlop]
    const run = mounted({ place, sizeBytes: Math.ceil(1.5 * size), from: before, command })
    if (run === undefined) return
    assert.is(run.status, 2)
    assert.match(
      run.stderr,
      /^orlop: .*trained\.wasm cannot be written: there is no room left; make room and try again\.\n$/,
    )
    assert.ok(run.stdout.endsWith(`\n${size}\n`), run.stdout)
    assert.equal(run.left, ['trained.wasm'])
  }),
)

test.run()
