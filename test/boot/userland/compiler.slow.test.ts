// GCC in a guest compiles, assembles and links a program, which then runs there: assembler text and object file are
// those that the same GCC makes under QEMU, and the program prints what the host's compiler makes it print.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { inScratch } from '../../guests/scratch.ts'
import { requireTool } from '../../support/tools.ts'
import { assertSame, type Command, contentOf, runInGuest, runOnHost } from './session.ts'

const path = fileURLToPath(new URL('programs/vm.c', import.meta.url))
const files = { 'vm.c': readFileSync(path) }
/** No fused multiplication and addition: the host has none by default. */
const FLAGS = ['-O2', '-ffp-contract=off']
/** What Debian's GCC tells its parts. */
const TARGET = ['-march=rv64imafdc_zicsr_zifencei', '-mabi=lp64d']

// The parts of GCC one by one, since QEMU's user emulation cannot start one program from another.
const cc1: Command = {
  output: 'cc1.log',
  program: '/usr/libexec/gcc/riscv64-linux-gnu/14/cc1',
  args: ['-quiet', '-imultiarch', 'riscv64-linux-gnu', ...TARGET, ...FLAGS, 'vm.c', '-o', 'vm.s'],
}
const as: Command = {
  output: 'as.log',
  program: '/usr/bin/riscv64-linux-gnu-as',
  args: [...TARGET, '-o', 'vm.o', 'vm.s'],
}
const link: Command = { output: 'gcc.log', program: '/usr/bin/gcc', args: ['-o', 'vm', 'vm.o'] }
const run: Command = { output: 'printed', program: '/home/vm', args: [] }

test(
  'GCC makes the same code as elsewhere, and the program that it builds runs',
  inScratch(async (folder) => {
    if (!requireTool('gcc', 'gcc')) return
    const inside = await runInGuest(folder, files, [cc1, as, link, run])
    const outside = inside && (await runOnHost(folder, files, [cc1, as]))
    if (inside === undefined || outside === undefined) return
    for (const name of ['vm.s', 'vm.o']) assertSame(inside.files, name, contentOf(outside, name))
    const native = join(folder, 'native')
    execFileSync('gcc', [...FLAGS, '-o', native, path])
    assertSame(inside.files, 'printed', execFileSync(native))
    assert.match(contentOf(inside.files, 'printed').toString(), /^checksum [0-9a-f]{16}$/m)
  }),
)

test.run()
