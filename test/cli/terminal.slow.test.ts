// `orlop up` and `orlop top` on a real terminal: the live table, changes of its size, Ctrl-C once and twice.

import { existsSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { argumentsFor, lean } from '../boot/guests.ts'
import { requireTool } from '../support/tools.ts'
import { DEAF, deafGuest, fieldsOf } from './deaf.ts'
import { Display } from './display.ts'
import { Client, cleanUp, does, file, folder, says, socketOf, until, up } from './lab.ts'
import { orlop, talker } from './orlop.ts'
import { hasTerminal, type Size, Terminal } from './pty.ts'

const when = hasTerminal && requireTool('riscv64-unknown-elf-gcc', 'gcc-riscv64-unknown-elf') ? test : test.skip
const whenTerminal = hasTerminal ? test : test.skip

const WIDE: Size = { columns: 110, rows: 24 }
const NARROW: Size = { columns: 40, rows: 8 }
const CLEAR = '\x1b[H\x1b[2J'
const HEAD = /^ID {2}NAME +STATE/

const fleet = (name: string) =>
  file(
    `${name}.yaml`,
    `machine: { cpus: 2, memory: 64M }
guests:
  alpha: { firmware: ${talker().elf}, memory: 4M }
  omega: { firmware: ${talker().elf}, memory: 4M }
`,
  )

/** The last picture that was drawn whole, as a terminal of this size shows it. */
function picture(said: string, { columns, rows }: Size): string[] {
  const whole = said.lastIndexOf('\x1b[J')
  const display = new Display(columns, rows)
  display.write(said.slice(0, whole + 3).replaceAll('^C', ''))
  return display.lines
}

/** How often a picture was drawn in place of another. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is how a terminal is told.
const redraws = (said: string) => said.match(/\x1b\[\d+A\r/g)?.length ?? 0

/** The part of what was said since the terminal lost the picture. */
const sinceClear = (said: string) => said.slice(Math.max(0, said.lastIndexOf(CLEAR)))

function looksWell(lines: string[], { columns, rows }: Size): void {
  const text = lines.join('\n')
  assert.is(lines.filter((line) => HEAD.test(line)).length, 1, text)
  assert.is(lines.filter((line) => line.startsWith('front: 2 CPUs')).length, 1, text)
  assert.ok(lines.every((line) => line.length < columns) && lines.length <= rows, text)
}

when('the live table is redrawn in its place, in any size, and Ctrl-C leaves what happened', async () => {
  const screen = new Terminal(['up', '--name', 'front', fleet('front')], WIDE)
  await until('it was redrawn', () => /omega +running/.test(screen.said) && redraws(screen.said) >= 3)
  looksWell(picture(screen.said, WIDE), WIDE)
  assert.match(picture(screen.said, WIDE).join('\n'), /Ctrl-C shuts down; in another terminal: orlop list/)

  screen.resize(NARROW)
  await until('it is narrow', () => screen.said.includes(CLEAR) && redraws(sinceClear(screen.said)) >= 2)
  looksWell(picture(sinceClear(screen.said), NARROW), NARROW)
  // It was cut off, not wrapped: the guests are in rows of their own.
  assert.match(picture(sinceClear(screen.said), NARROW).join('\n'), /^ID.*\n 1 {2}alpha.*\n 2 {2}omega/m)

  screen.resize(WIDE)
  const before = screen.said.length
  await until('it is wide again', () => /^ID.*NET IN\/OUT/m.test(screen.said.slice(before)))
  looksWell(picture(sinceClear(screen.said), WIDE), WIDE)

  screen.press('\x03')
  assert.is(await screen.code(), 0)
  assert.ok(screen.isAsBefore)
  const left = picture(screen.said, WIDE).join('\n')
  assert.match(left, /machine: going down\n[\s\S]*omega: shut off \(powered off with the machine\)/)
  assert.not.match(left, /Ctrl-C|NAME/)
  assert.is(existsSync(socketOf('front')), false)
})

when('top redraws its table, too, and Ctrl-C leaves it with the machine running', async () => {
  up(fleet('front'))
  const screen = new Terminal(['top', '--interval', '0.2'], NARROW)
  await until('it was redrawn', () => redraws(screen.said) >= 3)
  looksWell(picture(screen.said, NARROW), NARROW)
  screen.press('\x03')
  assert.is(await screen.code(), 130)
  assert.ok(screen.isAsBefore)
  // Where there is no terminal, pictures follow each other in plain lines.
  const { stdout } = orlop(['top', '--count', '2', '--interval', '0.2'])
  assert.is(stdout.match(/^front: 2 CPUs/gm)?.length, 2)
  assert.not.match(stdout, /[^\n -~]/)
  does('down')
})

whenTerminal('Ctrl-C lets guests that listen shut themselves down', async () => {
  const system = await lean()
  if (system === undefined) return
  const path = file(
    'polite.yaml',
    `machine: { cpus: 2, memory: 192M }\nguests:\n  one: { ${fieldsOf(argumentsFor(system))} }\n`,
  )
  const screen = new Terminal(['up', path], WIDE)
  await until('it answers', () => existsSync(socketOf('polite')))
  const client = await Client.connect('polite')
  await says(client, 'one', 'Leave with')
  client.close()
  screen.press('\x03')
  assert.is(await screen.code(), 0)
  assert.match(picture(screen.said, WIDE).join('\n'), /one: shut off \(powered itself off\)/)
})

whenTerminal('a second Ctrl-C does not wait for guests that do not listen', async () => {
  const guest = await deafGuest(lean, folder)
  if (guest === undefined) return
  const path = file('stubborn.yaml', `machine: { cpus: 2, memory: 192M }\nguests:\n  one: { ${guest} }\n`)
  const screen = new Terminal(['up', path], WIDE)
  await until('it answers', () => existsSync(socketOf('stubborn')))
  const client = await Client.connect('stubborn')
  await says(client, 'one', DEAF)
  client.close()
  screen.press('\x03')
  await screen.shows('Going down; Ctrl-C ends it at once.')
  await until('it is being shut down', () => /one +in shutdown/.test(picture(screen.said, WIDE).join('\n')))
  screen.press('\x03')
  assert.is(await screen.code(), 130)
  assert.ok(screen.isAsBefore)
  assert.match(picture(screen.said, WIDE).join('\n'), /one: shut off \(powered off with the machine\)/)
  assert.is(existsSync(socketOf('stubborn')), false)
})

test.after(cleanUp)
test.run()
