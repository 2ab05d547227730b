// npm start: builds Orlop, fetches Debian, and runs four Debian guests on one machine, with a live table in this terminal.
//
// `npm start -- --once` does the same without anybody at the keyboard: it types commands on each guest's console, checks what
// they answer and that all have worked, shuts the machine down, and ends with exit code 0 if all went well. Its disk is a new
// one, and checked afterwards.

import './node.ts'
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { cacheFolder, withScratch } from '../guests/cache.ts'
import { findDebian } from '../guests/debian/pull.ts'
import { OUT } from './artefact.ts'
import { buildAll } from './build.ts'
import { type DemoGuest, GUESTS, writeFleet } from './demo.ts'
import { Dialogue, Unanswered } from './dialogue.ts'
import { type Disk, demoDisk, diskIn, faultsOf } from './disk.ts'
import { withSignalsTo } from './process.ts'

const ORLOP = join(OUT, 'orlop.mjs')
const ONCE_TIMEOUT_MS = 5 * 60_000
const NAME = 'demo'

async function start(once: boolean): Promise<number> {
  if (!(await buildAll())) return 1
  const pulled = await orlop('pull', 'debian')
  if (pulled !== 0) return pulled
  if (once) {
    const name = `once-${process.pid}`
    return withScratch(join(cacheFolder(), 'once'), async (folder) => {
      const disk = await diskIn(folder)
      return check(await fleetIn(folder, name, disk), name, disk)
    })
  }
  const fleet = await fleetIn(join(cacheFolder(), 'demo'), NAME, await demoDisk())
  console.log(banner(fleet))
  return orlop('up', fleet)
}

async function fleetIn(folder: string, name: string, disk: Disk): Promise<string> {
  const system = await findDebian()
  if (system === undefined) throw new Error('The guest system that was just pulled is not in the cache.')
  return writeFleet(folder, name, { kernel: system.kernel, initrd: system.initrd }, disk)
}

/** Runs our own command on this terminal; gives its exit code. It ends in its own time after a signal, and we after it. */
function orlop(...args: string[]): Promise<number> {
  const child = spawn(process.execPath, [ORLOP, ...args], { stdio: 'inherit' })
  const ended = new Promise<number>((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve(code ?? 1))
  })
  // What the terminal sends it has got already, and twice means another thing.
  const pass = (signal: NodeJS.Signals) => {
    if (signal === 'SIGTERM') child.kill(signal)
  }
  return withSignalsTo(pass, () => ended)
}

function banner(fleet: string): string {
  const verb = 'npm run --silent orlop --'
  const rows: [string, string][] = [
    [`${verb} console desk`, 'a shell on a guest; Ctrl-] leaves it'],
    [`${verb} top`, 'the table below, anywhere'],
    [`${verb} set batch --cap 20`, 'at most a fifth of a CPU for it'],
    [`${verb} set batch --weight 1024`, 'four times the usual share'],
    [`${verb} pause web`, 'hold it, its clock included; unpause lets it go on'],
    [`${verb} shutdown store`, 'press its power key'],
    [`${verb} events --follow`, 'what happens, as it happens'],
  ]
  const width = Math.max(...rows.map(([command]) => command.length))
  return [
    '',
    `One machine, ${GUESTS.length} Debian guests (${fleet}):`,
    ...GUESTS.map(({ name, purpose }) => `    ${name.padEnd(8)}${purpose}`),
    '',
    'Try in another terminal:',
    ...rows.map(([command, why]) => `    ${command.padEnd(width)}   ${why}`),
    '',
  ].join('\n')
}

/** The shell's prompt, at the end of what was said; busybox may ask behind it where the cursor is (ESC [6n). */
const PROMPT = /# (.\[6n)?$/

/** Plays the part of the person at the keyboard; exit code 0 if every answer was right. */
async function check(fleet: string, name: string, disk: Disk): Promise<number> {
  const up = await orlop('up', '--detach', fleet)
  if (up !== 0) return up
  try {
    for (const guest of GUESTS) await talk(guest, name, disk)
    console.log()
    if ((await orlop('list', '--machine', name)) !== 0) throw new Unanswered('It does not list its guests.')
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error
    console.error(`\nThe guests did not do as they should. ${error.message}`)
    await orlop('down', '--machine', name)
    return 1
  }
  const down = await orlop('down', '--machine', name)
  if (down !== 0) return down
  const faults = faultsOf(disk)
  if (faults !== undefined) {
    console.error(`\nA guest has left faults on its disk:\n${faults}`)
    return 1
  }
  console.log(`\nAll ${GUESTS.length} guests answered and switched themselves off.`)
  return 0
}

/** Asks a guest on its console what it has worked out, and whether its work goes on. */
async function talk({ name, work }: DemoGuest, machine: string, disk: Disk): Promise<void> {
  // At a terminal one leaves with Ctrl-]; here it is a word that the guest says.
  const args = ['console', '--machine', machine, '--until', `bye-${name}`, name]
  const guest = new Dialogue(process.execPath, [ORLOP, ...args], ONCE_TIMEOUT_MS)
  await guest.hear(PROMPT)
  guest.type(`echo $((6*7))-${name} $(uname -m)`)
  await guest.hear(new RegExp(`^42-${name} riscv64`, 'm'))
  if (work !== undefined && (name !== 'store' || disk.isFormatted)) {
    // The file is empty for a moment each time it is written.
    guest.type('until n=$(cat /tmp/rounds 2>/dev/null) && [ "$n" ]; do sleep 1; done; echo $n ro""unds')
    await guest.hear(/^\d+ rounds/m)
  }
  guest.type(`echo by""e-${name}`)
  await guest.end()
}

const { values } = parseArgs({ options: { once: { type: 'boolean' } } })
process.exitCode = await start(values.once === true)
