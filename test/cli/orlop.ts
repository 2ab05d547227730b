// Starts the built `orlop` for the tests of its commands, and talks to it.

import { type ChildProcessWithoutNullStreams, spawn, spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import * as assert from 'uvu/assert'
import { assemble } from '../support/asm.ts'

const here = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** Far more than anything here takes on a slow computer that has much else to do. */
const PATIENCE_MS = 240_000

/** The program under test, as the build has made it. */
export const ORLOP = here('../../build/out/orlop.mjs')

/** A firmware that obeys letters on its console. */
export const talker = () => assemble({ sources: [here('talker.S')] })
/** A test program that writes this number to `tohost`. */
export const tohost = (RESULT: number) => assemble({ sources: [here('../host-shim/tohost.S')], define: { RESULT } })

/** Runs to the end, with this text as input. */
export function orlop(args: string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, [ORLOP, ...args], {
    input,
    encoding: 'utf8',
    timeout: PATIENCE_MS,
  })
  return { status, stdout, stderr }
}

/** A run that one can talk to. */
export class Run {
  readonly child: ChildProcessWithoutNullStreams
  stdout = ''
  stderr = ''
  readonly ended: Promise<number | null>

  constructor(args: string[], program = process.execPath, before = [ORLOP]) {
    this.child = spawn(program, [...before, ...args])
    this.child.stdout.setEncoding('latin1').on('data', (text) => (this.stdout += text))
    this.child.stderr.setEncoding('utf8').on('data', (text) => (this.stderr += text))
    this.ended = new Promise((fulfil) => this.child.on('close', fulfil))
  }

  async shows(text: string): Promise<void> {
    for (const start = Date.now(); Date.now() - start < PATIENCE_MS; ) {
      if (this.stdout.includes(text)) return
      await sleep(10)
    }
    this.child.kill('SIGKILL')
    assert.unreachable(`"${text}" did not come; there was "${this.stdout.slice(-200)}" and "${this.stderr}"`)
  }
}
