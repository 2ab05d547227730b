// A machine in this very process and its guests, which run programs on request: the init is the one of the translator's
// benchmark (programs/linux/init.c), and each guest's console goes to its tenant here.

import { setTimeout as sleep } from 'node:timers/promises'
import { OrlopError } from '../cli/error.ts'
import { type GuestOptions, type RunningGuest, type RunningMachine, startMachine } from '../host-shim/node/main.ts'
import { benchSystem, type System } from './engines.ts'
import type { BenchOptions } from './options.ts'

/** RAM that the init, busybox and the programs need with room to spare. */
export const TENANT_BYTES = 64 * 2 ** 20

const READY = /^orlop-bench ready\n/m
const DONE = /^orlop-bench done (\d+)\n/m
const BOOT_MS = 120_000
/** Programs may go on for so long beyond what they were told: on a crowded machine everything is late. */
export const LATE_MS = 60_000
/** No more of a console is kept: floods come here, too. */
const HEARD_MOST = 1 << 20

export class Tenant {
  private heard = ''
  private notify: () => void = () => {}
  private over: string | undefined

  private constructor(
    /** For messages. */
    readonly name: string,
    readonly guest: RunningGuest,
  ) {}

  /** Defines a guest, which does not run yet. `options` are those of the guest but for its output. */
  static async define(machine: RunningMachine, name: string, options: Omit<GuestOptions, 'output'>): Promise<Tenant> {
    let tenant: Tenant | undefined
    const output = (piece: Uint8Array) => tenant?.take(Buffer.from(piece).toString('latin1'))
    const guest = await machine.define({ name, ...options, output })
    tenant = new Tenant(name, guest)
    guest.ended.then(
      ({ reason }) => tenant?.end(`it has stopped, for reason ${reason}`),
      (error) => tenant?.end(String(error)),
    )
    return tenant
  }

  /** Defines a guest with the system of the benchmark, starts it, and waits until it takes requests. */
  static async start(
    machine: RunningMachine,
    name: string,
    { kernel, initrd, append }: System,
    options: Partial<GuestOptions> = {},
  ): Promise<Tenant> {
    const system = { kernel, initrd, commandLine: append, ramBytes: TENANT_BYTES }
    const tenant = await Tenant.define(machine, name, { ...system, ...options })
    await tenant.guest.start()
    await tenant.ready()
    return tenant
  }

  /** Fulfilled when the guest takes requests. */
  async ready(): Promise<void> {
    await this.hear(READY, BOOT_MS)
  }

  /** Has it run a program that does not end, or whose end is not waited for. */
  send(words: string[]): void {
    this.guest.input(Buffer.from(`${words.join(' ')}\n`))
  }

  /** Runs a program with its words, which must end well within `mostMs`; gives its output. */
  async run(words: string[], mostMs = LATE_MS): Promise<string> {
    this.heard = ''
    this.send(words)
    return this.done(words, mostMs)
  }

  /** Waits for the words, and gives what they match; all up to their end is forgotten. */
  async hear(words: RegExp, mostMs: number): Promise<RegExpExecArray> {
    let isLate = false
    const timer = setTimeout(() => {
      isLate = true
      this.notify()
    }, mostMs)
    try {
      for (;;) {
        const match = words.exec(this.heard)
        if (match !== null) {
          this.heard = this.heard.slice(match.index + match[0].length)
          return match
        }
        if (this.over !== undefined) throw this.complaint(this.over)
        if (isLate) throw this.complaint(`there was no answer within ${mostMs / 1000} s`)
        await new Promise<void>((resolve) => {
          this.notify = resolve
        })
      }
    } finally {
      clearTimeout(timer)
    }
  }

  private async done(words: string[], mostMs: number): Promise<string> {
    const done = await this.hear(DONE, mostMs)
    const output = done.input.slice(0, done.index)
    if (done[1] === '0') return output
    throw this.complaint(`"${words.join(' ')}" ended with status ${done[1]}: ${output.trim()}`)
  }

  private take(text: string): void {
    this.heard = (this.heard + text.replaceAll('\r', '')).slice(-HEARD_MOST)
    this.notify()
  }

  private end(how: string): void {
    this.over ??= how
    this.notify()
  }

  private complaint(why: string): OrlopError {
    return new OrlopError(
      `The guest ${this.name} does not go on: ${why}; the last it said:\n${this.heard.slice(-1000)}`,
      1,
    )
  }
}

/** Runs `work` with a machine that is gone afterwards, however it ends. */
export async function withMachine<T>(
  cpus: number,
  memoryBytes: number,
  work: (machine: RunningMachine) => Promise<T>,
): Promise<T> {
  const machine = startMachine({ cpus, memoryBytes })
  try {
    // A machine that fails ends the work, which may wait for something else just then.
    return await Promise.race([work(machine), machine.ended as Promise<never>])
  } finally {
    await machine.stop().catch(() => {})
  }
}

/** The system of the tenants, with the programs that they are to run. */
export function tenantSystem(programs: string[], { progress }: Pick<BenchOptions, 'progress'>): Promise<System> {
  return benchSystem(programs, progress)
}

/** Starts several guests at once. */
export function startAll(
  machine: RunningMachine,
  names: string[],
  system: System,
  options: (i: number) => Partial<GuestOptions> = () => ({}),
): Promise<Tenant[]> {
  return Promise.all(names.map((name, i) => Tenant.start(machine, name, system, options(i))))
}

/** Lets the guests come to rest: what a start or an end leaves behind is done by then. */
export function settle(ms = 300): Promise<void> {
  return sleep(ms)
}
