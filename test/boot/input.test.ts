// What a user gives that cannot be: real kernels that are cut off, packed or for another machine. One sentence, exit code 2,
// and nothing written. What does not need a real file is in test/cli/run.test.ts.

import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { gzipSync } from 'node:zlib'
import { inScratch } from '../guests/scratch.ts'
import { debian, type Guest, lean } from './guests.ts'
import { makeBlank } from './image.ts'
import { runOrlop } from './orlop.ts'
import { canBuild, firmware } from './programs.ts'

/** Names, sizes and times of all that lies in a folder. */
function listing(folder: string): string[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()
  return names.map((name) => {
    const { size, mtimeMs } = statSync(join(folder, name))
    return `${name} ${size} ${mtimeMs}`
  })
}

/** Runs `orlop run ARGS` in the folder, which must be refused with this sentence and leave the folder as it was. */
async function isRefused(folder: string, args: string[], sentence: RegExp): Promise<void> {
  const before = listing(folder)
  const { exitCode, console, errors } = await runOrlop(['run', ...args, '--timeout', '20'], { cwd: folder })
  const what = `${args.join(' ')}: ${errors}`
  assert.match(errors, sentence, what)
  assert.match(errors, /^orlop: [^\n]*\.\n$/, what)
  assert.is(exitCode, 2, what)
  assert.is(console, '', what)
  assert.equal(listing(folder), before, what)
}

/** A file in the folder. */
function put(folder: string, name: string, content: Uint8Array | string): string {
  writeFileSync(join(folder, name), content)
  return name
}

const DAMAGED = /is damaged or not a RISC-V kernel image; give an uncompressed "Image"/

async function kernels(): Promise<{ debian: Guest; lean: Guest } | undefined> {
  const [first, second] = [await debian(), await lean()]
  return first === undefined || second === undefined ? undefined : { debian: first, lean: second }
}

test(
  'a kernel that is cut off is refused',
  inScratch(async (folder) => {
    const found = await kernels()
    if (found === undefined) return
    const whole = readFileSync(found.debian.kernel)
    // Its PE header tells where it ends.
    for (const length of [1, 63, 64, 100, 4096, 1 << 20, whole.length >> 1, whole.length - 4096]) {
      await isRefused(folder, ['--kernel', put(folder, 'cut', whole.subarray(0, length))], DAMAGED)
    }
    // The lean kernel has none: only that most of it is missing can be told.
    const small = readFileSync(found.lean.kernel)
    for (const length of [64, 4096, small.length >> 3]) {
      await isRefused(folder, ['--kernel', put(folder, 'cut', small.subarray(0, length))], DAMAGED)
    }
  }),
)

test(
  'a kernel that is packed, or for another machine, is refused',
  inScratch(async (folder) => {
    const found = await kernels()
    if (found === undefined) return
    const whole = readFileSync(found.lean.kernel)
    await isRefused(folder, ['--kernel', put(folder, 'Image.gz', gzipSync(whole, { level: 1 }))], DAMAGED)
    const foreign = Buffer.from(whole)
    foreign.write('ARM\x64', 56, 'latin1')
    await isRefused(folder, ['--kernel', put(folder, 'arm64', foreign)], DAMAGED)
    await isRefused(folder, ['--kernel', process.execPath], DAMAGED)
    await isRefused(folder, ['--kernel', found.lean.initrd], DAMAGED)
  }),
)

test(
  'a guest that does not fit into its memory is refused',
  inScratch(async (folder) => {
    const found = await kernels()
    if (found === undefined) return
    const { kernel, initrd } = found.lean
    makeBlank(join(folder, 'large'), 200)
    const tooLarge = /The initrd large does not fit into the guest's memory; give it more, or a smaller file/
    await isRefused(folder, ['--kernel', kernel, '--initrd', 'large'], tooLarge)
    await isRefused(folder, ['--kernel', kernel, '--initrd', initrd, '--memory', '16M'], /The kernel \S+ does not fit/)
    await isRefused(folder, ['--kernel', kernel, '--initrd', initrd, '--memory', '1M'], /The kernel \S+ does not fit/)
    for (const memory of ['0', '100G', '100GiB', '1k']) {
      await isRefused(folder, ['--kernel', kernel, '--memory', memory], /from 1 MiB to 3.8 GiB of memory, not /)
    }
  }),
)

test(
  'disks and spec files that cannot be are refused, whatever else is right',
  inScratch(async (folder) => {
    const guest = await lean()
    if (guest === undefined) return
    const right = ['--kernel', guest.kernel, '--initrd', guest.initrd]
    put(folder, 'empty', '')
    put(folder, 'odd', Buffer.alloc(1537))
    makeBlank(join(folder, 'disk'), 1)
    mkdirSync(join(folder, 'sub'))
    await isRefused(
      folder,
      [...right, '--disk', 'empty'],
      /The disk empty has 0 bytes, but a disk has a multiple of 512/,
    )
    await isRefused(folder, [...right, '--disk', 'odd'], /The disk odd has 1537 bytes/)
    await isRefused(folder, [...right, '--disk', 'sub'], /The disk sub is a folder; give a file/)
    await isRefused(folder, [...right, '--disk', 'none'], /The disk none does not exist; "truncate -s 1G none" makes/)
    await isRefused(folder, [...right, '--disk', 'disk', '--disk', 'sub/../disk'], /is given twice/)
    put(folder, 'spec.yaml', `kernel: ${guest.kernel}\nmemory: 128M\ndisks:\n  - path: disk\n    readonly: true\n`)
    await isRefused(
      folder,
      ['spec.yaml'],
      /^orlop: spec.yaml:5: There is no field "readonly"; allowed are path, readOnly/,
    )
    put(folder, 'spec.yaml', `kernel: ${guest.kernel}\nmemory: 128M\ndisks:\n  - missing.img\n`)
    await isRefused(folder, ['spec.yaml'], /missing.img does not exist/)
    await isRefused(folder, ['sub'], /sub is a folder/)
  }),
)

test(
  'a firmware that is cut off anywhere is refused, or is one that does nothing',
  inScratch(async (folder) => {
    if (!canBuild()) return
    const whole = readFileSync(firmware('known'))
    for (let part = 1; part < 16; part++) {
      const length = Math.floor((whole.length * part) / 16)
      const args = ['--firmware', put(folder, 'cut.elf', whole.subarray(0, length))]
      await isRefused(folder, args, /The firmware cut.elf (is cut off|is shorter|has )[^\n]*; get or build it anew/)
    }
  }),
)

test.run()
