// Alarms of many sleepers with one timer: a heap, in which an alarm that was put off stays where it is until it rings.

import type { Clock } from './sockets.ts'

/** Who can be woken. The fields belong to Alarms. */
export interface Sleeper {
  /** When it is to be woken, in ms of the clock; 0: not at all. */
  wakeAt: number
  /** When the heap will look at it, no later than `wakeAt`; 0: it is not in the heap. */
  lookAt: number
  wake(now: number): void
}

interface Entry {
  at: number
  sleeper: Sleeper
}

export class Alarms {
  private readonly heap: Entry[] = []
  private timerAt = 0
  private stopTimer: (() => void) | undefined

  constructor(private readonly clock: Clock) {}

  /** Wakes `sleeper` at `at`, and no more at what was set before; 0: not at all. */
  set(sleeper: Sleeper, at: number): void {
    sleeper.wakeAt = at
    if (at === 0 || (sleeper.lookAt !== 0 && sleeper.lookAt <= at)) return
    sleeper.lookAt = at
    this.push({ at, sleeper })
    this.wind()
  }

  close(): void {
    this.heap.length = 0
    this.stopTimer?.()
    this.stopTimer = undefined
  }

  private ring(): void {
    this.stopTimer = undefined
    const now = this.clock.now()
    while (this.heap.length > 0 && this.heap[0]!.at <= now) {
      const { at, sleeper } = this.pop()
      // One that was set to an earlier time has left a later entry behind.
      if (sleeper.lookAt !== at) continue
      sleeper.lookAt = 0
      const due = sleeper.wakeAt
      if (due > now) this.set(sleeper, due)
      else if (due > 0) {
        sleeper.wakeAt = 0
        sleeper.wake(now)
      }
    }
    this.wind()
  }

  private wind(): void {
    const first = this.heap[0]
    if (first === undefined) return
    if (this.stopTimer !== undefined && this.timerAt <= first.at) return
    this.stopTimer?.()
    this.timerAt = first.at
    this.stopTimer = this.clock.after(Math.max(1, Math.ceil(first.at - this.clock.now())), () => this.ring())
  }

  private push(entry: Entry): void {
    const { heap } = this
    let at = heap.push(entry) - 1
    while (at > 0) {
      const above = (at - 1) >> 1
      if (heap[above]!.at <= entry.at) break
      heap[at] = heap[above]!
      at = above
    }
    heap[at] = entry
  }

  private pop(): Entry {
    const { heap } = this
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return first
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && heap[below + 1]!.at < heap[below]!.at) below++
      if (heap[below]!.at >= last.at) break
      heap[at] = heap[below]!
      at = below
    }
    heap[at] = last
    return first
  }
}
