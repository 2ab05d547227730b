// Programs for a bare machine that get hot (mix.c), and images that are trained with them.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { runOrlop } from '../boot/orlop.ts'
import { assemble } from '../support/asm.ts'

export const RAM_BYTES = 16 * 2 ** 20

const path = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** The program, built with these macros; its path. */
export function programFor(define: Record<string, number> = {}): string {
  const sources = [path('../../guests/programs/start.S'), path('mix.c')]
  return assemble({ sources, includes: [path('../../guests/programs/machine.h')], define }).elf
}

/** Runs `orlop train` for a fleet of one guest with this program; the image. */
export async function train(firmware: string, folder: string, flags: string[] = []): Promise<string> {
  const fleet = join(folder, 'fleet.yaml')
  const image = join(folder, 'trained.wasm')
  const machine = `machine: { name: train-${process.pid} }`
  writeFileSync(fleet, `${machine}\nguests: { mix: { memory: 16M, firmware: ${firmware} } }\n`)
  const { exitCode, errors, console } = await runOrlop(['train', '--heat', '1000', '-o', image, ...flags, fleet])
  assert.is(exitCode, 0, errors)
  assert.match(console, /trained\.wasm: [\d.]+ MiB, of which [\d.]+ MiB are \d+ translated functions\n$/)
  return image
}

/** Gives `work` a folder that is gone afterwards. */
export async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'orlop-train-'))
  try {
    await work(folder)
  } finally {
    rmSync(folder, { recursive: true })
  }
}
