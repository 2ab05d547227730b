// What the thread of a machine that is a program of its own has of the guests' devices: the rings of their consoles and uplinks,
// which it joins to channels of the management stream, and the disks, which the program opens itself.

import { basename, dirname } from 'node:path'
import { DISK_READ_ONLY, E_IO } from '../../../hypervisor/abi.ts'
import { MachineError } from '../../error.ts'
import { Ring } from '../../ring.ts'
import * as stream from '../../stream.ts'
import type { Sockets } from '../attachments.ts'
import type { Disk } from '../disk.ts'
import type { ConsoleRings, ThreadMessage, UplinkRings } from '../protocol.ts'
import { BrokenStream, type Stream } from './stream.ts'

/** Error of WASI for what is read only. */
const ERRNO_ROFS = 69
const ERRNO_ACCES = 2

interface Channel {
  /** From the machine, and bytes of it that the program may still send. */
  out: Ring
  granted: number
  /** To the machine, and bytes that the program has still room for. */
  in: Ring
  room: number
  tellOut(): void
  tellRoom(): void
}

export class Channels implements Sockets {
  private readonly channels = new Map<number, Channel>()
  private readonly disks = new Set<number>()

  constructor(
    private readonly stream: Stream,
    /** Folders of the host that the program has as /d0, /d1 and so on. */
    private readonly folders: string[],
    private readonly tell: (message: ThreadMessage) => void,
  ) {}

  attachDisks(disks: [number, Disk][]): void {
    for (const [number, disk] of disks) this.attachDisk(number, disk)
  }

  attachGuest(guest: number, { output, input }: ConsoleRings): void {
    this.open(guest, stream.STREAM_CONSOLE_ROOM, {
      out: new Ring(output),
      in: new Ring(input),
      tellOut: () => this.tell({ kind: 'output', guest }),
      tellRoom: () => this.tell({ kind: 'room', guest }),
    })
  }

  attachUplink(uplink: number, rings: UplinkRings): void {
    const channel = stream.STREAM_UPLINKS + uplink
    const isLoopback = rings.out === rings.in
    this.open(channel, stream.STREAM_UPLINK_ROOM, {
      out: new Ring(rings.out),
      in: new Ring(rings.in),
      tellOut: isLoopback ? () => this.look(channel) : () => this.tell({ kind: 'frames', uplink }),
      tellRoom: isLoopback ? () => undefined : () => this.tell({ kind: 'frames-room', uplink }),
    })
  }

  detachDisks(disks: number[]): void {
    for (const number of disks) if (this.disks.delete(number)) this.call(stream.CALL_DISK_DETACH, [number])
  }

  detachGuest(guest: number): void {
    this.close(guest)
  }

  detachUplink(uplink: number): void {
    this.close(stream.STREAM_UPLINKS + uplink)
  }

  /** The program has sent bytes of a channel. */
  data(number: number, bytes: Uint8Array): void {
    const channel = this.channels.get(number)
    // What was on its way when the channel was closed.
    if (channel === undefined) return
    if (channel.out.write(bytes) < bytes.length) {
      throw new BrokenStream('The machine has sent more than there was room for.')
    }
    channel.granted -= bytes.length
    channel.out.askForRoom()
    if (channel.out.tellReader()) channel.tellOut()
  }

  /** The program has room for more. */
  room(number: number, bytes: number): void {
    const channel = this.channels.get(number)
    if (channel === undefined) return
    channel.room += bytes
    this.look(number)
  }

  /** Looks at a channel: what waits goes to the program, and what its reader has taken is room for more. */
  look(number: number): void {
    const channel = this.channels.get(number)
    if (channel === undefined) return
    const piece = new Uint8Array(Math.min(channel.room, channel.in.length))
    if (piece.length > 0) {
      channel.in.read(piece)
      channel.room -= piece.length
      this.stream.sendData(number, piece)
      if (channel.in.tellWriter()) channel.tellRoom()
    }
    const more = channel.out.room - channel.granted
    if (more <= 0) return
    channel.granted += more
    this.stream.sendRoom(number, more)
  }

  private open(number: number, room: number, channel: Omit<Channel, 'granted' | 'room'>): void {
    const granted = channel.out.room
    this.call(stream.CALL_OPEN, [number, granted])
    this.channels.set(number, { ...channel, granted, room })
    channel.out.askForRoom()
    this.look(number)
  }

  private close(number: number): void {
    if (this.channels.delete(number)) this.call(stream.CALL_CLOSE, [number])
  }

  private attachDisk(number: number, { name, path, readOnly }: Disk): void {
    const folder = this.folders.indexOf(dirname(path))
    if (folder < 0) {
      const known = this.folders.length === 0 ? 'none' : this.folders.join(', ')
      throw new MachineError(
        E_IO,
        `${name} lies in no folder that the runtime was given (${known}); put it there, or start the machine anew with it.`,
      )
    }
    const file = new TextEncoder().encode(`d${folder}/${basename(path)}`)
    const args = [number, folder, readOnly ? DISK_READ_ONLY : 0, file.length]
    const { value } = this.stream.call(stream.CALL_DISK_ATTACH, args, file, 0)
    if (value >= 0) {
      this.disks.add(number)
      return
    }
    const error = stream.CALL_DISK_FAILED - value
    const isReadOnly = error === ERRNO_ROFS || error === ERRNO_ACCES
    const how = isReadOnly
      ? 'cannot be written; make file and folder writable'
      : `cannot be opened (WASI error ${error})`
    throw new MachineError(E_IO, `${name} ${value === stream.CALL_DISK_REFUSED ? 'cannot be a disk there' : how}.`)
  }

  private call(fn: number, args: number[]): void {
    const { value } = this.stream.call(fn, args, new Uint8Array(0), 0)
    if (value < 0) throw new Error(`The image refuses call ${fn}: ${value}.`)
  }
}
