// Captures of a guest's network devices, through all lives of the guest.

import { pcapHeader } from '../../host-shim/node/uplinks/capture.ts'
import type { Metal, MetalCapture, MetalGuest } from './metal.ts'

export type Taker = (bytes: Uint8Array) => void

/** One that somebody asked for. */
interface Wish {
  nic: number
  take: Taker
  /** While the guest is on. */
  running?: MetalCapture
}

export class Captures {
  private readonly wishes = new Set<Wish>()

  constructor(private readonly machine: Metal) {}

  /** Captures from now on, or as soon as there is a guest; `take` gets a pcap file in pieces, each of whole records. */
  async begin(nic: number, take: Taker, guest: MetalGuest | undefined): Promise<() => Promise<void>> {
    // Frames may come before its start is known of here, and the header is first of all.
    take(pcapHeader())
    const wish: Wish = { nic, take }
    if (guest !== undefined) wish.running = await this.start(wish, guest)
    this.wishes.add(wish)
    return async () => {
      this.wishes.delete(wish)
      await wish.running?.close()
      wish.running = undefined
    }
  }

  /** The guest has a new life, which has not begun. */
  async arm(guest: MetalGuest): Promise<void> {
    for (const wish of this.wishes) wish.running = await this.start(wish, guest)
  }

  /** The guest is about to go. */
  async disarm(): Promise<void> {
    for (const wish of this.wishes) {
      await wish.running?.close()
      wish.running = undefined
    }
  }

  private start({ nic, take }: Wish, guest: MetalGuest): Promise<MetalCapture> {
    return this.machine.capture(guest, nic, take)
  }
}
