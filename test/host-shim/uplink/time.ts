// A clock that tests move, so that hours pass at once.

import type { Clock } from '../../../host-shim/uplink/sockets.ts'

interface Timer {
  at: number
  call: () => void
}

export class SetClock implements Clock {
  private time = 1_000
  private timers: Timer[] = []
  private soonCalls: (() => void)[] = []

  now(): number {
    return this.time
  }

  after(ms: number, call: () => void): () => void {
    const timer = { at: this.time + ms, call }
    this.timers.push(timer)
    return () => {
      this.timers = this.timers.filter((one) => one !== timer)
    }
  }

  soon(call: () => void): void {
    this.soonCalls.push(call)
  }

  /** Calls what is due soon. */
  settle(): void {
    for (let calls = this.soonCalls.splice(0); calls.length > 0; calls = this.soonCalls.splice(0))
      for (const call of calls) call()
  }

  /** Lets so much time pass, and calls what falls due in it. */
  pass(ms: number): void {
    const end = this.time + ms
    for (;;) {
      this.settle()
      const [next] = this.timers.filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
      if (next === undefined) break
      this.timers = this.timers.filter((one) => one !== next)
      this.time = Math.max(this.time, next.at)
      next.call()
    }
    this.time = end
    this.settle()
  }

  get pending(): number {
    return this.timers.length
  }
}
