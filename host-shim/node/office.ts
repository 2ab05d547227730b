// What a CPU's thread does for the machine's owner between runs: commands, which may take several turns so that running
// guests hardly notice, and news of guests that have ended.

import * as abi from '../../hypervisor/abi.ts'
import { MachineError } from '../error.ts'
import type { Machine, Source } from '../machine.ts'
import type { Sockets } from './attachments.ts'
import { sourceOf } from './file.ts'
import type { Command, ImageOrder, Request, ThreadMessage } from './protocol.ts'

/** A command that is being carried out: it is asked to go on once in each turn. */
interface Job {
  id: number
  steps: Generator<undefined, unknown>
}

export class Office {
  private jobs: Job[] = []
  /** Guests that were started, and whose end was not told yet. */
  private readonly running = new Set<number>()

  constructor(
    private readonly machine: Machine,
    private readonly attachments: Sockets,
    private readonly tell: (message: ThreadMessage) => void,
  ) {}

  isBusy(): boolean {
    return this.jobs.length > 0
  }

  take({ id, command }: Request): void {
    this.jobs.push({ id, steps: this.carryOut(command) })
  }

  /** Does one step of each command, and answers those that are done. */
  work(): void {
    if (this.jobs.length > 0) this.jobs = this.jobs.filter((job) => !this.step(job))
  }

  /** Tells of guests that have ended. */
  look(): void {
    for (const guest of this.running) {
      const { state, reason, code } = this.machine.state(guest)
      if (state !== abi.GUEST_STOPPED) continue
      this.running.delete(guest)
      const stats = this.machine.stats(guest)
      const divergence = reason === abi.STOP_DIVERGED ? this.machine.divergence(guest) : undefined
      this.tell({ kind: 'stopped', guest, ending: { reason, code, stats, ...(divergence && { divergence }) } })
    }
  }

  private step({ id, steps }: Job): boolean {
    try {
      const { done, value } = steps.next()
      if (done !== true) return false
      this.tell({ kind: 'done', id, answer: value })
    } catch (error) {
      if (!(error instanceof MachineError)) throw error
      this.tell({ kind: 'refused', id, code: error.code, message: error.message })
    }
    return true
  }

  private *carryOut(command: Command): Generator<undefined, unknown> {
    const { machine, attachments } = this
    switch (command.kind) {
      case 'attach-disks':
        return attachments.attachDisks(command.disks)
      case 'attach-guest':
        return attachments.attachGuest(command.guest, command.console)
      case 'attach-uplink':
        return attachments.attachUplink(command.uplink, command.rings)
      case 'detach-disks':
        return attachments.detachDisks(command.disks)
      case 'detach-guest':
        return attachments.detachGuest(command.guest)
      case 'detach-uplink':
        return attachments.detachUplink(command.uplink)
      case 'create':
        return machine.create(command.spec)
      case 'load':
        for (const { what, address, from } of command.images) {
          yield* machine.pieces(command.guest, {
            what,
            address,
            source: 'fd' in from ? sourceOf(from) : inMemory(from),
          })
        }
        return
      case 'set':
        for (const setting of command.settings) machine.set(command.guest, setting)
        return
      case 'start':
        machine.start(command.guest)
        this.running.add(command.guest)
        return cpuSeconds()
      case 'pause':
        return machine.pause(command.guest)
      case 'resume':
        return machine.resume(command.guest)
      case 'press':
        return machine.press(command.guest)
      case 'stop':
        return machine.stop(command.guest)
      case 'remove':
        // Its end is told before it is forgotten.
        this.look()
        return this.remove(command.guest)
      case 'state':
        return machine.state(command.guest)
      case 'stats':
        return machine.stats(command.guest)
      case 'machine-stats':
        return machine.machineStats()
      case 'define-network':
        return machine.defineNetwork(command.network, command.spec)
      case 'remove-network':
        return machine.removeNetwork(command.network)
      case 'network-report':
        return machine.networkReport(command.network)
      case 'forward':
        return machine.forward(command.network, command.forward, command.isNew)
      case 'link':
        return machine.setLink(command.uplink, command.isUp)
      case 'capture':
        return machine.capture(command.guest, command.nic, command.uplink)
      case 'plug':
        return machine.plug(command.guest, command.nic, command.uplink, command.spec)
      case 'unplug':
        return machine.unplug(command.guest, command.nic)
      case 'end':
        return
    }
  }

  private remove(guest: number): boolean {
    const isGone = this.machine.remove(guest)
    if (isGone) this.running.delete(guest)
    return isGone
  }
}

function inMemory({ name, bytes }: Exclude<ImageOrder['from'], { fd: number }>): Source {
  return {
    name,
    size: bytes.length,
    read: (target, offset) => target.set(bytes.subarray(offset, offset + target.length)),
  }
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}
