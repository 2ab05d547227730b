// The way out of the machine: takes frames out of its ring, as fast as somebody takes them on.

import type { Frames } from '../../frames.ts'

export class Outlet {
  private isHeld = false

  /**
   * `move` takes one frame or more out of the ring, of which there is one; false: no more for now, until `release`. `wake`
   * is called when the machine waits for the room that this makes.
   */
  constructor(
    private readonly out: Frames,
    private readonly wake: () => void,
    private readonly move: () => boolean,
  ) {}

  /** Moves all that is there, and asks to be told of more. */
  pump(): void {
    while (!this.isHeld) {
      if (this.out.nextLength() === 0) {
        this.out.ring.askForBytes()
        if (this.out.nextLength() === 0) return
      }
      this.isHeld = !this.move()
      if (this.out.ring.tellWriter()) this.wake()
    }
  }

  /** More can be taken on. */
  release(): void {
    this.isHeld = false
    this.pump()
  }
}
