// The thread of a physical CPU on Node: does what it is told between runs of the kernel, and sleeps when nothing is to do.

import { once } from 'node:events'
import { parentPort, receiveMessageOnPort } from 'node:worker_threads'
import { Control } from '../control.ts'
import { MachineError } from '../error.ts'
import { instantiate, Machine } from '../machine.ts'
import { Attachments } from './attachments.ts'
import { prepareEngine } from './engine.ts'
import { Office } from './office.ts'
import type { Completion, CpuInput, Request, ThreadMessage } from './protocol.ts'

type Port = NonNullable<typeof parentPort>

/** Serves the machine until it is told to end. */
export async function serveCpu(input: CpuInput): Promise<void> {
  const port = parentPort as Port
  const tell = (message: ThreadMessage) => port.postMessage(message)
  try {
    prepareEngine()
    // The kernel is compiled elsewhere while this thread starts.
    const [module] = (await once(port, 'message')) as [WebAssembly.Module]
    new Cpu(input, module, tell).run()
  } catch (error) {
    if (error instanceof MachineError) tell({ kind: 'refused', code: error.code, message: error.message })
    else tell({ kind: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) })
  }
}

class Cpu {
  private readonly machine: Machine
  private readonly control: Control
  private readonly office: Office
  private hasEnded = false

  constructor(
    private readonly input: CpuInput,
    module: WebAssembly.Module,
    tell: (message: ThreadMessage) => void,
  ) {
    const { cpu, cpus, memory, codeBytes, code, keeps, transfers } = input
    const attachments = new Attachments({
      tell,
      defer: (transfer) => transfers.postMessage(transfer),
      control: () => this.control,
    })
    const host = attachments.host(memory)
    const warn = (text: string) => tell({ kind: 'warning', text })
    const keep = keeps ? (bytes: Uint8Array) => tell({ kind: 'code', module: bytes }) : undefined
    const door = instantiate({ module, memory, host, code, warn, keep })
    this.machine = new Machine({ door, memory, cpus, cpu, codeBytes })
    const mailbox = this.machine.mailbox()
    this.control = new Control(memory, mailbox, cpus)
    this.office = new Office(this.machine, attachments, tell)
    tell({ kind: 'ready', mailbox })
  }

  run(): void {
    const { machine, control, office } = this
    const { cpu } = this.input
    let heard: number | undefined
    for (;;) {
      const wakes = control.wakes(cpu)
      if (wakes !== heard) {
        heard = wakes
        this.hear()
        if (this.hasEnded) break
      }
      office.work()
      const sleepNs = machine.run()
      office.look()
      if (office.isBusy() || sleepNs === 0) continue
      control.sleep(cpu, wakes, sleepNs < 0 ? Number.POSITIVE_INFINITY : sleepNs)
    }
    // How guests ended is told to the last one.
    office.look()
  }

  /** Takes what other threads have sent; each wakes this CPU behind it. */
  private hear(): void {
    const { commands, transfers } = this.input
    for (;;) {
      const request = receiveMessageOnPort(commands)?.message as Request | undefined
      if (request === undefined) break
      if (request.command.kind === 'end') this.hasEnded = true
      else this.office.take(request)
    }
    for (;;) {
      const completion = receiveMessageOnPort(transfers)?.message as Completion | undefined
      if (completion === undefined) return
      this.machine.blockDone(completion.tag, completion.status)
    }
  }
}
