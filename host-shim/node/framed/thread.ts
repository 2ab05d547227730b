// The thread between a machine that is a program of its own and everything else of it on Node: it does what CPU 0's thread does
// (cpu.ts), by calls over the management stream instead of calls of an instance.

import { once } from 'node:events'
import { parentPort, receiveMessageOnPort } from 'node:worker_threads'
import { MAILBOX_INPUT, MAILBOX_UPLINKS, MAX_GUESTS, MAX_UPLINKS, WINDOW_SIZE } from '../../../hypervisor/abi.ts'
import { Control } from '../../control.ts'
import { MachineError } from '../../error.ts'
import { Machine } from '../../machine.ts'
import { Ring } from '../../ring.ts'
import { STREAM_UPLINKS } from '../../stream.ts'
import { Office } from '../office.ts'
import type { FramedInput, Request, ThreadMessage } from '../protocol.ts'
import { Channels } from './channels.ts'
import { makeDoor } from './door.ts'
import { FRAMED_MAILBOX, FRAMED_WINDOW } from './memory.ts'
import { BrokenStream, Stream } from './stream.ts'

type Port = NonNullable<typeof parentPort>

/** Serves the machine until it is told to end. */
export async function serveFramed(input: FramedInput): Promise<void> {
  const port = parentPort as Port
  const tell = (message: ThreadMessage) => port.postMessage(message)
  try {
    await once(port, 'message')
    new FramedCpu(input, tell).run()
  } catch (error) {
    if (error instanceof MachineError) tell({ kind: 'refused', code: error.code, message: error.message })
    else if (error instanceof BrokenStream) tell({ kind: 'failed', message: error.message })
    else tell({ kind: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  }
}

class FramedCpu {
  private readonly control: Control
  private readonly words: Int32Array
  private readonly channels: Channels
  private readonly stream: Stream
  private readonly office: Office
  private hasEnded = false

  constructor(
    private readonly input: FramedInput,
    tell: (message: ThreadMessage) => void,
  ) {
    const { memory, codeBytes, stream, folders } = input
    this.control = new Control(memory, FRAMED_MAILBOX, 1)
    this.words = new Int32Array(memory.buffer)
    this.stream = new Stream({
      out: new Ring(stream.out),
      in: new Ring(stream.in),
      nudge: () => tell({ kind: 'stream' }),
      wakes: () => this.control.wakes(0),
      sleep: (seen) => this.control.sleep(0, seen, Number.POSITIVE_INFINITY),
      data: (channel, bytes) => this.channels.data(channel, bytes),
      room: (channel, bytes) => this.channels.room(channel, bytes),
    })
    this.channels = new Channels(this.stream, folders, tell)
    const door = makeDoor(this.stream, new Uint8Array(memory.buffer, FRAMED_WINDOW, WINDOW_SIZE), FRAMED_WINDOW)
    const machine = new Machine({ door, memory, codeBytes })
    this.office = new Office(machine, this.channels, tell)
    tell({ kind: 'ready', mailbox: FRAMED_MAILBOX })
  }

  run(): void {
    const { control, office, stream } = this
    while (!this.hasEnded) {
      const wakes = control.wakes(0)
      this.hear()
      office.work()
      this.lookAtChannels()
      while (stream.take());
      office.look()
      if (!office.isBusy() && !this.hasEnded) control.sleep(0, wakes, Number.POSITIVE_INFINITY)
    }
  }

  private hear(): void {
    for (;;) {
      const request = receiveMessageOnPort(this.input.commands)?.message as Request | undefined
      if (request === undefined) return
      if (request.command.kind === 'end') this.hasEnded = true
      else this.office.take(request)
    }
  }

  /** Sees to what the mailbox says: consoles and uplinks whose rings have moved. */
  private lookAtChannels(): void {
    for (let word = 0; word < MAX_GUESTS / 32; word++) this.lookAt(MAILBOX_INPUT / 4 + word, 32 * word, 32)
    this.lookAt(MAILBOX_UPLINKS / 4, STREAM_UPLINKS, MAX_UPLINKS)
  }

  private lookAt(word: number, first: number, count: number): void {
    const bits = Atomics.exchange(this.words, FRAMED_MAILBOX / 4 + word, 0)
    for (let bit = 0; bit < count; bit++) if ((bits >>> bit) & 1) this.channels.look(first + bit)
  }
}
