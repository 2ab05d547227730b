// A physical CPU's thread, as the thread that owns the machine sees it: commands that are answered, and news.

import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads'
import { MachineError } from '../error.ts'
import type { Answer, Command, CpuInput, FramedInput, ThreadMessage } from './protocol.ts'

export interface ThreadCallbacks {
  /** What the thread says of itself; answers to commands are not among it. */
  hear(message: Exclude<ThreadMessage, { kind: 'done' }>): void
  /** The thread has ended, and nobody asked it to. */
  fail(error: Error): void
  /** Makes the CPU look at its commands. */
  wake(): void
}

interface Call {
  fulfil(answer: unknown): void
  reject(error: Error): void
}

/** Starts a thread of the machine; `name` says whose, in the middle of a sentence. */
export function startWorker(
  path: string,
  name: string,
  input: { workerData: unknown; transferList: MessagePort[] },
  callbacks: Pick<ThreadCallbacks, 'fail'> & { hear(message: ThreadMessage): void },
): Worker {
  // A bundle in plain JavaScript: what this process was started with is nothing to it.
  const worker = new Worker(path, { ...input, env: {}, execArgv: [] })
  worker.on('message', callbacks.hear)
  worker.on('error', (error: Error) => callbacks.fail(new Error(`The thread of ${name} has failed: ${error.message}.`)))
  worker.on('exit', (code) => callbacks.fail(new Error(`The thread of ${name} has ended with code ${code}.`)))
  return worker
}

export class CpuThread {
  readonly worker: Worker
  /** Fulfilled with the address of the machine's mailbox when the CPU's instance is there. */
  readonly ready: Promise<number>
  private readonly commands: MessagePort
  private readonly calls = new Map<number, Call>()
  private nextId = 0
  private tellReady!: (mailbox: number) => void

  constructor(
    path: string,
    input: Omit<CpuInput, 'commands'> | Omit<FramedInput, 'commands'>,
    private readonly callbacks: ThreadCallbacks,
  ) {
    const { port1, port2 } = new MessageChannel()
    this.commands = port1
    this.ready = new Promise((fulfil) => {
      this.tellReady = fulfil
    })
    const workerData = { commands: port2, ...input }
    const start = { workerData, transferList: 'transfers' in input ? [port2, input.transfers] : [port2] }
    this.worker = startWorker(path, `CPU ${input.cpu}`, start, {
      hear: (message) => this.hear(message),
      fail: callbacks.fail,
    })
  }

  /** Gives it the compiled kernel, which it waits for; none to one that has no instance. */
  begin(kernel: WebAssembly.Module | undefined): void {
    this.worker.postMessage(kernel)
  }

  /** Has a command carried out. Rejected with MachineError, when the kernel refuses, or with what `abandon` is given. */
  call<C extends Command>(command: C): Promise<Answer<C['kind']>> {
    const id = this.nextId++
    return new Promise((fulfil, reject) => {
      this.calls.set(id, { fulfil: fulfil as Call['fulfil'], reject })
      this.post(id, command)
    })
  }

  /** Tells it to end. */
  end(): void {
    this.post(this.nextId++, { kind: 'end' })
  }

  /** No answer will come any more. */
  abandon(error: Error): void {
    for (const { reject } of this.calls.values()) reject(error)
    this.calls.clear()
    this.commands.close()
  }

  private post(id: number, command: Command): void {
    this.commands.postMessage({ id, command })
    this.callbacks.wake()
  }

  private hear(message: ThreadMessage): void {
    if (message.kind === 'ready') this.tellReady(message.mailbox)
    else if (message.kind === 'done') this.settle(message.id)?.fulfil(message.answer)
    else if (message.kind === 'refused' && message.id !== undefined) {
      this.settle(message.id)?.reject(new MachineError(message.code, message.message))
    } else this.callbacks.hear(message)
  }

  private settle(id: number): Call | undefined {
    const call = this.calls.get(id)
    this.calls.delete(id)
    return call
  }
}
