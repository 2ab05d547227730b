// What one CPU's thread has of the guests' devices: views of rings in shared memory, and numbers of open files. Every CPU has
// the same, and keeps nothing else, because any of them may work for any guest.

import type { Control } from '../control.ts'
import { Frames } from '../frames.ts'
import type { Host } from '../machine.ts'
import { Ring } from '../ring.ts'
import { now, wall } from './clock.ts'
import { type ConsoleLine, makeConsole } from './console.ts'
import { type Disk, makeDisks } from './disk.ts'
import { makeEntropy } from './entropy.ts'
import { makeNet, type NetPort } from './net.ts'
import type { Transfer } from './disk.ts'
import type { ConsoleRings, ThreadMessage, UplinkRings } from './protocol.ts'

export interface AttachmentCallbacks {
  tell(message: ThreadMessage): void
  defer(transfer: Transfer): void
  /** Known when there is a guest. */
  control(): Control
}

/** What a guest, a disk or an uplink is attached to. */
export type Sockets = Pick<Attachments, keyof Attachments & `${'attach' | 'detach'}${string}`>

export class Attachments {
  private readonly lines = new Map<number, ConsoleLine>()
  private readonly disks = new Map<number, Disk>()
  private readonly uplinks = new Map<number, NetPort>()

  constructor(private readonly callbacks: AttachmentCallbacks) {}

  /** The kernel's imports over them. */
  host(memory: WebAssembly.Memory): Host {
    const { tell, defer } = this.callbacks
    return {
      now,
      wall,
      entropy: makeEntropy(memory),
      ...makeConsole(memory, this.lines),
      ...makeDisks(memory, this.disks, {
        fail: (disk, failure) => tell({ kind: 'disk-failed', disk, ...failure }),
        defer,
      }),
      ...makeNet(memory, this.uplinks),
    }
  }

  attachDisks(disks: [number, Disk][]): void {
    for (const [number, disk] of disks) this.disks.set(number, disk)
  }

  attachGuest(guest: number, console: ConsoleRings): void {
    const { tell } = this.callbacks
    this.lines.set(guest, {
      output: new Ring(console.output),
      input: new Ring(console.input),
      tellOutput: () => tell({ kind: 'output', guest }),
      tellRoom: () => tell({ kind: 'room', guest }),
    })
  }

  attachUplink(uplink: number, rings: UplinkRings): void {
    const { tell, control } = this.callbacks
    const isLoopback = rings.out === rings.in
    this.uplinks.set(uplink, {
      out: new Frames(new Ring(rings.out)),
      in: new Frames(new Ring(rings.in)),
      tellOut: isLoopback ? () => control().uplink(uplink) : () => tell({ kind: 'frames', uplink }),
      tellRoom: isLoopback ? () => control().uplink(uplink) : () => tell({ kind: 'frames-room', uplink }),
    })
  }

  detachDisks(disks: number[]): void {
    for (const number of disks) this.disks.delete(number)
  }

  detachGuest(guest: number): void {
    this.lines.delete(guest)
  }

  detachUplink(uplink: number): void {
    this.uplinks.delete(uplink)
  }
}
