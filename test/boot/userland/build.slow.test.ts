// make -j4 in a Debian with four harts on two CPUs builds a program of several files in three ways, and the program runs: what
// the compilers make beside each other is what the same compiler makes alone under QEMU.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { inScratch } from '../../guests/scratch.ts'
import { assertSame, type Command, contentOf, runOnHarts, runOnHost } from './session.ts'

const SOURCES = ['main', 'atomics', 'futexes', 'litmus']
const LEVELS = ['O1', 'O2', 'Os']
/** Compared with what QEMU makes of it. */
const [NAME, LEVEL] = ['litmus', 'O2']
/** What Debian's GCC tells its parts. */
const TARGET = ['-march=rv64imafdc_zicsr_zifencei', '-mabi=lp64d']

const MAKEFILE = `
LEVELS = ${LEVELS.join(' ')}
SOURCES = ${SOURCES.join(' ')}

all: $(LEVELS:%=smp-%)

define build
smp-$(1): $(SOURCES:%=$(1)-%.o)
\tgcc -pthread -o $$@ $$^
$(1)-%.s: %.c smp.h
\tgcc -$(1) -S -o $$@ $$<
$(1)-%.o: $(1)-%.s
\tgcc -c -o $$@ $$<
endef
$(foreach level,$(LEVELS),$(eval $(call build,$(level))))

.SECONDARY:
`

const files: Record<string, Buffer | string> = { Makefile: MAKEFILE }
for (const file of [...SOURCES.map((name) => `${name}.c`), 'smp.h']) {
  files[file] = readFileSync(fileURLToPath(new URL(`../smp/${file}`, import.meta.url)))
}

const make: Command = { output: 'make.log', program: '/usr/bin/make', args: ['-j4'] }
const runs = LEVELS.map(
  (level): Command => ({ output: `${level}.log`, program: `/home/smp-${level}`, args: ['atomics', '200'] }),
)
const cc1: Command = {
  output: 'cc1.log',
  program: '/usr/libexec/gcc/riscv64-linux-gnu/14/cc1',
  args: ['-quiet', '-imultiarch', 'riscv64-linux-gnu', ...TARGET, `-${LEVEL}`, `${NAME}.c`, '-o', `${LEVEL}-${NAME}.s`],
}

test(
  'make -j4 on four harts builds what one compiler builds elsewhere, and the program that comes out runs on all harts',
  inScratch(async (folder) => {
    const inside = await runOnHarts(folder, files, [make, ...runs], { harts: 4, cpus: 2, memoryMib: 768 })
    const outside = inside && (await runOnHost(folder, files, [cc1]))
    if (inside === undefined || outside === undefined) return
    assertSame(inside.files, `${LEVEL}-${NAME}.s`, contentOf(outside, `${LEVEL}-${NAME}.s`))
    for (const level of LEVELS) {
      assert.match(contentOf(inside.files, `${level}.log`).toString(), /^atomics: 0 failures on 4 harts$/m)
    }
    assert.ok(inside.stats.migrations > 0, 'No hart has ever changed its CPU')
  }),
)

test.run()
