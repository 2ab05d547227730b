// npm start: builds Orlop, fetches Debian, and boots it to a shell in this terminal, with a disk attached.
//
// `npm start -- --once` does the same without anybody at the keyboard: it types commands, checks what the guest answers,
// switches it off, and ends with exit code 0 if all went well. Its disk is a new one, and checked afterwards.

import './node.ts'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { cacheFolder, withScratch } from '../guests/cache.ts'
import { OUT } from './artefact.ts'
import { buildAll } from './build.ts'
import { Dialogue, Unanswered } from './dialogue.ts'
import { type Disk, demoDisk, diskIn, faultsOf, LETTER, LETTER_NAME } from './disk.ts'

const ORLOP = join(OUT, 'orlop.mjs')
const ONCE_TIMEOUT_MS = 5 * 60_000

async function start(once: boolean): Promise<number> {
  if (!(await buildAll())) return 1
  const pulled = await orlop('pull', 'debian')
  if (pulled !== 0) return pulled
  if (once) return withScratch(join(cacheFolder(), 'once'), async (folder) => show(await diskIn(folder), talk))
  return show(await demoDisk(), (disk) => orlop('run', '--disk', disk.path))
}

function show(disk: Disk, run: (disk: Disk) => Promise<number>): Promise<number> {
  console.log(banner(disk))
  return run(disk)
}

/** Runs our own command on this terminal; gives its exit code. */
function orlop(...args: string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [ORLOP, ...args], { stdio: 'inherit' })
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? 1))
  })
}

function banner({ path, isFormatted }: Disk): string {
  const disk = isFormatted
    ? [`mount /dev/vda /mnt; cat /mnt/${LETTER_NAME}`, 'look at the disk']
    : ['cat /dev/vda | od | head', 'look at the disk (blank: mke2fs, from e2fsprogs, is not on this host)']
  const rows = [
    ['cat /proc/cpuinfo', 'see which computer this is'],
    disk,
    ['ip addr', 'see the network; "orlop run --net ..." adds a card'],
    ['dmesg', 'read what the kernel found'],
    ['poweroff', 'switch the machine off'],
    ['Ctrl-]', 'pull the plug'],
  ] as [string, string][]
  const width = Math.max(...rows.map(([command]) => command.length))
  const title = `A RISC-V computer boots Debian here. Its disk is ${path}. Try:`
  return ['', title, ...rows.map(([command, why]) => `    ${command.padEnd(width)}   ${why}`), ''].join('\n')
}

/** The shell's prompt, at the end of what was said; busybox may ask behind it where the cursor is (ESC [6n). */
const PROMPT = /# (.\[6n)?$/

/** Plays the part of the person at the keyboard; exit code 0 if every answer was right. */
async function talk(disk: Disk): Promise<number> {
  const guest = new Dialogue(process.execPath, [ORLOP, 'run', '--disk', disk.path], ONCE_TIMEOUT_MS)
  const ask = async (command: string, answer: RegExp) => {
    guest.type(command)
    await guest.hear(answer)
    await guest.hear(PROMPT)
  }
  try {
    await guest.hear(PROMPT)
    await ask('echo $((6*7))-orlop', /^42-orlop/m)
    await ask('uname -m', /^riscv64/m)
    if (disk.isFormatted) {
      await ask('mount /dev/vda /mnt && cat /mnt/*.txt', new RegExp(LETTER))
      await ask('date > /mnt/seen && umount /mnt && echo un""mounted', /^unmounted/m)
    }
    guest.type('poweroff')
    const code = await guest.end()
    if (code !== 0) throw new Unanswered(`It ended with exit code ${code}.`)
    const faults = faultsOf(disk)
    if (faults !== undefined) throw new Unanswered(`It left faults on its disk:\n${faults}`)
    console.log('\nThe guest answered and switched itself off.')
    return 0
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error
    console.error(`\nThe guest did not do as it should. ${error.message}`)
    return 1
  }
}

const { values } = parseArgs({ options: { once: { type: 'boolean' } } })
process.exitCode = await start(values.once === true)
