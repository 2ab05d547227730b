// A guest that lives through the whole benchmark and runs programs on request, in Orlop or in QEMU alike.
//
// Its init (programs/linux/init.c) reads the program and its words from the console. Between two programs the guest
// sleeps in that read, so an idle one costs the other nothing, and what its process uses in between is the program's.

import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { OrlopError } from '../cli/error.ts'
import { keep, kill } from './children.ts'
import { cpuSeconds } from './usage.ts'

/** What a program in the guest has cost, and what it printed. */
export interface Ran {
  /** CPU seconds of the whole process from the request until nothing was left to do, translation included. */
  cpuSeconds: number
  output: string
}

const READY = /^orlop-bench ready\n/m
const DONE = /^orlop-bench done (\d+)\n/m
const BOOT_MS = 120_000
const RUN_MS = 900_000
/** Compilers may go on behind a program that has ended: its bill is closed when no more than a tick a look is added. */
const LOOK_MS = 100
const LOOKS = 50
const TICK_SECONDS = 0.0101

export class Guest {
  private readonly child: ChildProcessWithoutNullStreams
  private heard = ''
  private errors = ''
  private ending: string | undefined
  private notify: () => void = () => {}

  private constructor(
    /** For messages. */
    readonly name: string,
    command: string[],
  ) {
    const [program = '', ...words] = command
    this.child = keep(spawn(program, words, { stdio: 'pipe' }))
    this.child.stdout.setEncoding('latin1').on('data', (data: string) => {
      this.heard += data.replaceAll('\r', '')
      this.notify()
    })
    this.child.stderr.setEncoding('utf8').on('data', (data: string) => {
      this.errors += data
    })
    // It may end while we type: how it ended is what counts then.
    this.child.stdin.on('error', () => {})
    this.child.on('error', (error) => this.end(error.message))
    this.child.on('close', (code, signal) => this.end(signal === null ? `exit code ${code}` : `${signal}`))
  }

  /** Starts the command and waits until its guest takes requests. */
  static async start(name: string, command: string[]): Promise<Guest> {
    const guest = new Guest(name, command)
    await guest.hear(READY, BOOT_MS)
    await guest.settle()
    return guest
  }

  /** Runs a program with its words, which must end well. */
  async run(words: string[]): Promise<Ran> {
    const used = this.used()
    this.child.stdin.write(`${words.join(' ')}\n`)
    const done = await this.hear(DONE, RUN_MS)
    const output = done.input.slice(0, done.index)
    if (done[1] !== '0') throw this.complaint(`failed to run "${words.join(' ')}" (status ${done[1]})`, output)
    return { cpuSeconds: (await this.settle()) - used, output }
  }

  /** Switches the guest off. */
  async off(): Promise<void> {
    this.child.stdin.write('off\n')
    const timer = setTimeout(() => kill(this.child), 10_000)
    while (this.ending === undefined) await this.news()
    clearTimeout(timer)
  }

  /** CPU seconds that its process has used so far. */
  used(): number {
    if (this.child.pid === undefined || this.ending !== undefined) throw this.complaint('has ended')
    return cpuSeconds(this.child.pid)
  }

  /** Waits until the process has nothing more to do; gives the CPU seconds it has used by then. */
  private async settle(): Promise<number> {
    let used = this.used()
    for (let look = 0; look < LOOKS; look++) {
      await sleep(LOOK_MS)
      const before = used
      used = this.used()
      if (used - before < TICK_SECONDS) break
    }
    return used
  }

  /** Waits for words; forgets all up to their end. */
  private async hear(words: RegExp, timeoutMs: number): Promise<RegExpExecArray> {
    const deadline = setTimeout(() => {
      this.end(`no answer within ${timeoutMs / 1000} s`)
      kill(this.child)
    }, timeoutMs)
    try {
      for (;;) {
        const match = words.exec(this.heard)
        if (match !== null) {
          this.heard = this.heard.slice(match.index + match[0].length)
          return match
        }
        if (this.ending !== undefined) throw this.complaint('has ended')
        await this.news()
      }
    } finally {
      clearTimeout(deadline)
    }
  }

  private news(): Promise<void> {
    return new Promise((resolve) => {
      this.notify = resolve
    })
  }

  private end(how: string): void {
    this.ending ??= how
    this.notify()
  }

  private complaint(what: string, said = this.heard): OrlopError {
    const how = this.ending === undefined ? '' : ` (${this.ending})`
    return new OrlopError(
      `The guest in ${this.name} ${what}${how}; the last it said:\n${`${said}\n${this.errors}`.slice(-2000).trim()}`,
      1,
    )
  }
}
