// How the outside reaches a machine that runs: a word that wakes it, and one that ends it.
//
// Both lie in shared memory, so that a guest that never sleeps is ended as surely as one that always does.

const WAKE = 0
const STOP = 1
const BYTES = 8

export class Control {
  private readonly words: Int32Array

  /** Both sides make one over the same bytes. */
  constructor(readonly buffer: SharedArrayBuffer = new SharedArrayBuffer(BYTES)) {
    this.words = new Int32Array(buffer)
  }

  /** Ends the machine's sleep, or its next one, if it is just about to lie down. */
  wake(): void {
    Atomics.add(this.words, WAKE, 1)
    Atomics.notify(this.words, WAKE)
  }

  /** Asks the machine to end; it does so within milliseconds. */
  stop(): void {
    Atomics.store(this.words, STOP, 1)
    this.wake()
  }

  isStopped(): boolean {
    return Atomics.load(this.words, STOP) !== 0
  }

  /** Number of wakes so far: to be read before looking for work, and given to `sleep` if there was none. */
  wakes(): number {
    return Atomics.load(this.words, WAKE)
  }

  /** Sleeps until the next wake after `seen`, or for `ns` nanoseconds. */
  sleep(seen: number, ns: number): void {
    Atomics.wait(this.words, WAKE, seen, ns / 1e6)
  }
}
