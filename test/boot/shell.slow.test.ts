// Kernels boot to a shell with little and with much memory, and the shell tells what the guest sees of its computer.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { argumentsFor, debian, type FindGuest, lean, PROMPT } from './guests.ts'
import { splitReport, startOrlop } from './orlop.ts'

/** What Linux tells of our instruction set in /proc/cpuinfo; it lists what it knows, and 6.12 does not know all of it. */
const EXTENSIONS = [
  'zicbom',
  'zicboz',
  'zicntr',
  'zicond',
  'zicsr',
  'zifencei',
  'zawrs',
  'zfa',
  'zfhmin',
  'zba',
  'zbb',
  'zbc',
  'zbs',
  'sstc',
  'svinval',
  'svnapot',
  'svpbmt',
]
/** What a kernel keeps for itself, in MiB, beside 1/40 of its memory: its image and fixed tables. */
const KERNEL_MIB = { debian: 66, lean: 16 }

function boots(name: string, find: FindGuest, memory: string, keptMib: number): void {
  test(`${name} boots to a shell with ${memory}, and sees the computer it was given`, async () => {
    const guest = await find()
    if (guest === undefined) return
    await startOrlop(['run', ...argumentsFor(guest), '--memory', memory, '--stats', 'json']).hold(async (talk) => {
      /** What the shell says to a command, without the command's echo and the next prompt. */
      const ask = async (command: string) => {
        talk.type(`${command}\n`)
        return (await talk.hear(PROMPT)).split('\n').slice(1, -1).join('\n')
      }
      await talk.hear(PROMPT)
      assert.is(await ask('uname -sm'), 'Linux riscv64')
      assert.is(await ask('cat /proc/sys/kernel/hostname'), 'orlop')
      assert.match(await ask('tty'), /^\/dev\/ttyS0$/)

      const [, total = '', free = ''] = /^Mem:\s+(\d+)\s+\d+\s+(\d+)/m.exec(await ask('free')) ?? []
      const givenKib = (memory.endsWith('G') ? 1024 : 1) * Number.parseInt(memory, 10) * 1024
      const keptKib = keptMib * 1024 + givenKib / 40
      assert.ok(Number(total) <= givenKib && Number(total) > givenKib - keptKib, `${total} of ${givenKib} KiB`)
      assert.ok(Number(free) <= Number(total) && Number(free) > 0, `${free} of ${total} KiB are free`)

      const cpus = await ask('cat /proc/cpuinfo')
      assert.is(cpus.match(/^processor\t: \d+$/gm)?.length, 1, cpus)
      assert.match(cpus, /^mmu\t+: sv57$/m)
      const [, isa = ''] = /^isa\t+: (\S+)$/m.exec(cpus) ?? []
      const [base, ...extensions] = isa.split('_')
      assert.is(base, 'rv64imafdc')
      for (const extension of EXTENSIONS) assert.ok(extensions.includes(extension), `${extension} is not in ${isa}`)

      const seconds = Number(await ask('date +%s'))
      assert.ok(Math.abs(seconds - Date.now() / 1000) < 300, `the guest's clock shows ${seconds}`)
      assert.is(await ask('hexdump -n 4 /dev/hwrng >/dev/null && echo random'), 'random')

      talk.type('poweroff\n')
      assert.is(await talk.end(), 0, talk.errors)
      assert.is(talk.errors, '')
      const { report } = splitReport(talk.heard)
      assert.is(report?.outcome, 'poweroff')
      assert.is(report?.offences, 0)
      assert.ok((report?.firstUserInstructions ?? 0) > 0)
    })
  })
}

for (const memory of ['96M', '128M', '512M', '2G']) boots("Debian's kernel", debian, memory, KERNEL_MIB.debian)
for (const memory of ['32M', '128M']) boots('the lean kernel', lean, memory, KERNEL_MIB.lean)

test.run()
