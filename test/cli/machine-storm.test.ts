// Random commands against a running machine, from clients that are killed: nothing leaks, nothing hangs.
//
// ORLOP_STORM=N does N commands instead of 1000, ORLOP_STORM_SEED=S repeats a run.

import type { ChildProcess } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { OrlopError } from '../../cli/error.ts'
import type { Snapshot } from '../../cli/machine/machine.ts'
import { requireTool } from '../support/tools.ts'
import { background, Client, cleanUp, does, file, up, usesAtMost } from './lab.ts'
import { talker } from './orlop.ts'

const when = requireTool('riscv64-unknown-elf-gcc', 'gcc-riscv64-unknown-elf') ? test : test.skip

const COMMANDS = Number(process.env.ORLOP_STORM ?? 1000)
const SEED = Number(process.env.ORLOP_STORM_SEED ?? 20)
const NAMES = ['ant', 'bee', 'cat', 'dog']
/** A command that takes longer hangs. */
const ANSWER_MS = 60_000

/** xorshift32: the same commands for the same seed. */
class Dice {
  constructor(private state: number) {}

  below(most: number): number {
    this.state ^= this.state << 13
    this.state ^= this.state >>> 17
    this.state ^= this.state << 5
    return (this.state >>> 0) % most
  }

  of<T>(words: T[]): T {
    return words[this.below(words.length)] as T
  }
}

when(`after ${COMMANDS} random commands all frames are back and everything answers`, async () => {
  const guest = `{ firmware: ${talker().elf}, memory: 4M, autostart: false }`
  const fleet = (names: string[]) => `guests:\n${names.map((name) => `  ${name}: ${guest}\n`).join('')}`
  up(file('storm.yaml', `machine: { cpus: 2, memory: 128M }\n${fleet(NAMES)}`))
  const dice = new Dice(SEED)
  const client = await Client.connect('storm')
  const before = (await client.request<Snapshot>('look')).machine.usedBytes
  const consoles: ChildProcess[] = []
  const attached: Client[] = []
  const said: string[] = []
  let done = 0

  const ask = async (from: Client, verb: string, words: Record<string, unknown>) => {
    said.push(`${verb} ${JSON.stringify(words)}`)
    let timer: NodeJS.Timeout | undefined
    const late = new Promise((_, reject) => {
      const last = () => said.slice(-8).join('\n')
      timer = setTimeout(() => reject(new Error(`Seed ${SEED}, no answer to the last of:\n${last()}`)), ANSWER_MS)
    })
    try {
      await Promise.race([from.request(verb, words), late])
      done++
    } catch (error) {
      // A refusal is an answer; a fault of ours is none.
      if (!(error instanceof OrlopError) || error.exitCode === 70) throw error
    } finally {
      clearTimeout(timer)
    }
  }

  for (let i = 0; i < COMMANDS; i++) {
    const name = dice.of(NAMES)
    switch (dice.below(17)) {
      case 0:
      case 1:
      case 2:
        await ask(client, 'start', { guest: name })
        break
      case 3:
        await ask(client, 'pause', { guest: name })
        break
      case 4:
        await ask(client, 'unpause', { guest: name })
        break
      case 5:
        await ask(client, 'reset', { guest: name })
        break
      case 6:
        await ask(client, 'poweroff', { guest: name })
        break
      case 7:
        await ask(client, 'rm', { guest: name, force: dice.below(2) === 0 })
        break
      case 8:
        await ask(client, 'define', { text: fleet([name]), path: '/storm.yaml', start: dice.below(2) === 0 })
        break
      case 9:
        await ask(client, 'set', {
          guest: name,
          settings: { weight: 1 + dice.below(1000), cap: dice.below(100), sharing: dice.below(2) === 0 },
        })
        break
      case 10: {
        const other = await Client.connect('storm')
        attached.push(other)
        await ask(other, 'attach', { guest: name })
        break
      }
      case 11:
        attached.splice(dice.below(attached.length + 1), 1)[0]?.close()
        break
      case 12:
        // Letters that the guest obeys: it answers, prints, sleeps, ends, fails, or resets.
        await ask(client, 'input', {
          guest: name,
          bytes: Buffer.from(dice.of(['a', 'b', 's', 'q', 'p', 'r', 'l'])).toString('base64'),
        })
        break
      case 13:
        if (consoles.length < 3) consoles.push(background(['console', name]))
        else consoles.splice(dice.below(consoles.length), 1)[0]?.kill('SIGKILL')
        break
      case 14:
        // Nothing here listens to the key: refused, or forced.
        await ask(client, 'shutdown', { guest: name, timeoutMs: dice.below(20), force: dice.below(2) === 0 })
        break
      case 15:
        await ask(client, dice.of(['reboot', 'stats', 'info', 'look']), { guest: name })
        break
      case 16:
        // Time for what was asked to show what comes of it.
        await sleep(dice.below(20))
        break
    }
    // Two at once now and then, so that commands meet each other.
    if (dice.below(5) === 0) {
      await Promise.all([
        ask(client, dice.of(['reset', 'poweroff', 'start']), { guest: name }),
        ask(client, dice.of(['pause', 'unpause', 'poweroff']), { guest: name }),
      ])
    }
  }

  assert.ok(done > COMMANDS / 5, `Only ${done} commands were not refused.`)
  for (const child of consoles) child.kill('SIGKILL')
  for (const other of attached) other.close()
  for (const name of NAMES) await ask(client, 'rm', { guest: name, force: true })
  assert.equal((await client.request<Snapshot>('look')).guests, [])
  await usesAtMost(client, before)
  does('define', '--start', file('again.yaml', fleet(['again'])))
  assert.match(does('list'), /again +running/)
  client.close()
  does('down', '--timeout', '0')
})

test.after(cleanUp)
test.run()
