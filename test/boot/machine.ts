// A machine in this process with one guest, for what `orlop run` has no word for: several CPUs and harts, the power key.

import { type Ending, type RunningGuest, startMachine } from '../../host-shim/node/main.ts'
import type { GuestOptions } from '../../host-shim/node/options.ts'

const PATIENCE_MS = 300_000

/** What the guest's console has shown so far. */
export class Screen {
  /** Without carriage returns. */
  text = ''
  private notify: () => void = () => {}

  constructor(private readonly guest: () => Promise<Ending>) {}

  add(piece: Uint8Array): void {
    this.text += Buffer.from(piece).toString('latin1').replaceAll('\r', '')
    this.notify()
  }

  /** Waits until there is something that matches. Throws when the guest ends before. */
  async hear(words: RegExp): Promise<void> {
    const isOver = this.guest().then(() => true)
    while (!words.test(this.text)) {
      const news = new Promise<false>((fulfil) => {
        this.notify = () => fulfil(false)
      })
      if ((await within(Promise.race([news, isOver]), () => this.text)) && !words.test(this.text))
        throw new Error(`The guest has ended and did not say ${words}:\n${this.text}`)
    }
  }
}

/** Starts a machine with so many CPUs and this guest, lets `visit` do what it wants, and takes all away. */
export async function withGuest<T>(
  cpus: number,
  options: Omit<GuestOptions, 'output'>,
  visit: (guest: RunningGuest, screen: Screen) => Promise<T>,
): Promise<T> {
  const machine = startMachine({ cpus, memoryBytes: options.ramBytes })
  try {
    const screen = new Screen(() => guest.ended)
    const guest = await machine.define({ ...options, output: (piece) => screen.add(piece) })
    await guest.start()
    return await visit(guest, screen)
  } finally {
    await machine.stop()
  }
}

/** How the guest ends, which must be soon. */
export function ending(guest: RunningGuest, screen: Screen, patienceMs = PATIENCE_MS): Promise<Ending> {
  return within(guest.ended, () => screen.text, patienceMs)
}

async function within<T>(promise: Promise<T>, said: () => string, patienceMs = PATIENCE_MS): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Nothing has happened in ${patienceMs} ms:\n${said()}`)), patienceMs)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}
