// Guests with four harts: the memory model, atomics, futexes, and harts that are taken away and given back, on one CPU and on two.
//
// The programs in smp/ check themselves; what one hart only sees of another when both run at once shows on two CPUs.

import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { writeCpio } from '../../guests/initramfs/cpio.ts'
import type { Ending } from '../../host-shim/node/main.ts'
import { STOP_POWEROFF } from '../../hypervisor/abi.ts'
import { inScratch } from '../guests/scratch.ts'
import { requireTool } from '../support/tools.ts'
import { APPEND, type Guest, lean, withScript } from './guests.ts'
import { ending, withGuest } from './machine.ts'

const MIB = 2 ** 20
const HARTS = 4
/** Tests in smp/litmus.c, and batches of 512 runs of each. */
const LITMUS_TESTS = 42
const ROUNDS = 40
const SOURCES = ['main', 'atomics', 'futexes', 'litmus']
/** What a script says when all went well. */
const WELL = 'all is well'

/** The lean guest with the program /smp and a script; undefined where it cannot be built. */
async function guestWith(folder: string, script: string): Promise<Guest | undefined> {
  const found = await lean()
  if (found === undefined) return undefined
  if (!requireTool('riscv64-linux-gnu-gcc', 'gcc-riscv64-linux-gnu libc6-dev-riscv64-cross')) return undefined
  const program = join(folder, 'smp')
  const files = SOURCES.map((name) => fileURLToPath(new URL(`./smp/${name}.c`, import.meta.url)))
  const flags = ['-O2', '-static', '-pthread', '-march=rv64gc', '-mabi=lp64d', '-Wall', '-Wextra', '-Werror']
  execFileSync('riscv64-linux-gnu-gcc', [...flags, '-o', program, ...files])
  const { kernel, initrd, name } = withScript(found, folder, script)
  const entry = { path: 'smp', type: 'file' as const, content: readFileSync(program), mode: 0o755 }
  const whole = join(folder, 'initrd')
  writeFileSync(whole, Buffer.concat([readFileSync(initrd), writeCpio([entry])]))
  return { name, kernel, initrd: whole }
}

/** Runs a script in a guest with four harts on so many CPUs; it must say that all went well. Gives what it said, and its end. */
async function run(folder: string, cpus: number, script: string): Promise<{ said: string; end: Ending } | undefined> {
  const guest = await guestWith(folder, `${script}\necho ${WELL}; sleep 1`)
  if (guest === undefined) return undefined
  const { kernel, initrd } = guest
  const options = { kernel, initrd, ramBytes: 128 * MIB, harts: HARTS, commandLine: `${APPEND} orlop.run=/test` }
  return withGuest(cpus, options, async (running, screen) => {
    const end = await ending(running, screen)
    assert.match(screen.text, new RegExp(`^${WELL}$`, 'm'), screen.text)
    assert.not.match(screen.text, /Oops|BUG:|WARNING:|stall|FAILED/, screen.text)
    assert.is(end.reason, STOP_POWEROFF)
    assert.is(end.stats.offences, 0)
    return { said: screen.text, end }
  })
}

const HOTPLUG = `set -e
online() { echo "$2" >"/sys/devices/system/cpu/cpu$1/online"; }
work() {
  while [ ! -e /tmp/done ]; do /smp "$@" >"/tmp/said.$1" || { cat "/tmp/said.$1"; touch /tmp/failed; }; done
}
work atomics 2000 &
work futexes 20 &
work litmus 1 &
round=0
while [ $((round += 1)) -le 40 ]; do
  for hart in 1 2 3; do online $hart 0; done
  read -r harts </sys/devices/system/cpu/online
  [ "$harts" = 0 ]
  for hart in 3 1 2; do online $hart 1; done
  read -r harts </sys/devices/system/cpu/online
  [ "$harts" = 0-3 ]
done
touch /tmp/done
wait
[ ! -e /tmp/failed ]`

for (const cpus of [1, 2]) {
  const where = cpus === 1 ? 'on one CPU' : `on ${cpus} CPUs`

  test(
    `${where} atomic instructions of four harts lose nothing`,
    inScratch(async (folder) => {
      await run(folder, cpus, 'set -e; /smp atomics 300000')
    }),
  )

  test(
    `${where} threads and processes wait for each other, and none is forgotten`,
    inScratch(async (folder) => {
      await run(folder, cpus, 'set -e; /smp futexes 1000')
    }),
  )

  test(
    `${where} four harts never see what the memory model forbids`,
    inScratch(async (folder) => {
      const result = await run(folder, cpus, `set -e; /smp litmus ${ROUNDS}`)
      if (result === undefined) return
      const meetings = [...result.said.matchAll(/(\d+) meetings/g)].map((match) => Number(match[1]))
      assert.is(meetings.length, LITMUS_TESTS, result.said)
    }),
  )

  test(
    `${where} harts are taken away and given back while threads run`,
    inScratch(async (folder) => {
      await run(folder, cpus, HOTPLUG)
    }),
  )
}

test.run()
