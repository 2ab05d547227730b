// The hosted variant of a machine: each guest is a process of its own under the host's scheduler, with files of the host as its
// disks and sockets of the host as its wires. What it shares with others is the switch that the wires lead to, which is the
// kernel's too, on a machine without guests in the process that owns all.

import { spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { E_BAD_STATE, E_NO_SPACE, E_UNSUPPORTED, MAX_GUESTS, MAX_HARTS } from '../../../hypervisor/abi.ts'
import { MachineError } from '../../error.ts'
import type { GuestStats, MachineStats } from '../../stats.ts'
import { findArtefact } from '../artefact.ts'
import { closeDisks, type Disk, openDisks } from '../disk.ts'
import {
  type Cable,
  type Capture,
  type NetworkOptions,
  type RunningMachine,
  type RunningNetwork,
  startMachine,
} from '../main.ts'
import { randomMac } from '../networks.ts'
import { Numbers } from '../numbers.ts'
import type { GuestOptions, MachineOptions, NicOptions } from '../options.ts'
import { makeTemporary } from '../temporary.ts'
import { HostedGuest } from './guest.ts'
import type { HostedNic } from './protocol.ts'

/** RAM of the machine that has the switch, which has no guests. */
const SWITCH_RAM_BYTES = 1 << 20

/** What the machine has for a guest. */
interface Possessions {
  cables: Cable[]
  folder: string
  /** Its process has them open. */
  disks: Disk[]
}

export type HostedMachineOptions = Pick<MachineOptions, 'cpus' | 'runtime' | 'warn'>

export class HostedMachine {
  /** Most CPUs that one guest's process uses: a thread each. */
  readonly cpus: number
  /** Fulfilled after `stop`; rejected when the machine with the switch has failed, which ends all guests. */
  readonly ended: Promise<void>
  private readonly program: string
  private readonly numbers = new Numbers()
  private readonly guests = new Set<HostedGuest>()
  private readonly possessions = new Set<Possessions>()
  private readonly mtus = new Map<number, number | undefined>()
  private fabric: RunningMachine | undefined
  private stopping: Promise<void> | undefined
  private fulfil!: () => void
  private reject!: (error: Error) => void

  constructor(private readonly options: HostedMachineOptions) {
    this.cpus = options.cpus ?? availableParallelism()
    const program = findArtefact('guest.mjs')
    if (program === undefined) {
      throw new MachineError(E_UNSUPPORTED, 'The hypervisor has not been built yet; run "npm run build" first.')
    }
    this.program = program
    this.ended = new Promise((fulfil, reject) => {
      this.fulfil = fulfil
      this.reject = reject
    })
    this.ended.catch(() => undefined)
  }

  async defineNetwork(options: NetworkOptions): Promise<RunningNetwork> {
    this.refuseIfOver()
    const network = await this.switch().defineNetwork(options)
    this.mtus.set(network.number, options.mtu)
    return network
  }

  /** Starts the guest's process, and has it make the guest. Throws MachineError when it cannot be, and leaves nothing behind. */
  async define(options: GuestOptions): Promise<HostedGuest> {
    this.refuseIfOver()
    const number = this.numbers.take()
    const own: Possessions = { cables: [], folder: '', disks: [] }
    let guest: HostedGuest | undefined
    const release = async () => {
      if (guest !== undefined) this.guests.delete(guest)
      for (const cable of own.cables) await cable.close().catch(() => undefined)
      if (own.folder !== '') rmSync(own.folder, { recursive: true, force: true })
      this.possessions.delete(own)
      this.numbers.giveBack([number])
    }
    try {
      if (number >= MAX_GUESTS) throw new MachineError(E_NO_SPACE, `A machine has at most ${MAX_GUESTS} guests.`)
      // A process knows of its own disks alone.
      own.disks = openDisks(options.disks ?? [], this.disks())
      closeDisks(own.disks)
      this.possessions.add(own)
      const { nets = [], output, warn, ...plan } = options
      const nics: HostedNic[] = []
      for (const [i, nic] of nets.entries()) nics.push(await this.wire(number, i, nic, options, own))
      const words = own.folder === '' ? [] : [own.folder]
      const child = spawn(process.execPath, [this.program, ...words], {
        stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
      })
      guest = new HostedGuest(number, child, options, release)
      this.guests.add(guest)
      const cpus = Math.min(options.harts ?? 1, this.cpus, MAX_HARTS)
      const { runtime } = this.options
      const machine = { cpus: runtime === undefined ? cpus : 1, memoryBytes: options.ramBytes, runtime }
      await guest.ask('define', { machine, guest: plan, nics })
      return guest
    } catch (error) {
      await guest?.end()
      await release()
      throw error
    }
  }

  /** Hands records of a pcap file to `take`, for all that passes one of a guest's network devices. */
  async capture({ id }: { readonly id: number }, nic: number, take: (records: Uint8Array) => void): Promise<Capture> {
    return this.switch().capture({ id }, nic, take)
  }

  async captureUplink(network: { readonly number: number }, take: (records: Uint8Array) => void): Promise<Capture> {
    return this.switch().captureUplink(network, take)
  }

  /** The sum of what the processes say of themselves: each has a memory, and CPUs, of its own. */
  async stats(): Promise<MachineStats> {
    const all = await Promise.all(
      [...this.guests].map(async (guest) => {
        await guest.stats().catch((): GuestStats | undefined => undefined)
        return guest.last?.machine
      }),
    )
    const there = all.filter((stats) => stats !== undefined)
    const sum = (count: (stats: MachineStats) => number) => there.reduce((total, stats) => total + count(stats), 0)
    return {
      frames: sum(({ frames }) => frames),
      usedFrames: sum(({ usedFrames }) => usedFrames),
      promisedFrames: sum(({ promisedFrames }) => promisedFrames),
      savedFrames: sum(({ savedFrames }) => savedFrames),
      cpus: there.flatMap(({ cpus }) => cpus),
    }
  }

  /** Ends all processes. */
  stop(): Promise<void> {
    this.stopping ??= this.end()
    return this.stopping
  }

  private async end(): Promise<void> {
    await Promise.all([...this.guests].map((guest) => guest.end()))
    for (const { folder } of this.possessions) if (folder !== '') rmSync(folder, { recursive: true, force: true })
    await this.fabric?.stop()
    this.fulfil()
  }

  /** Gives a device its port at the switch, and a socket where its process finds it. */
  private async wire(
    guest: number,
    i: number,
    { network, mac = randomMac(), ...nic }: NicOptions,
    { name, warn }: GuestOptions,
    own: Possessions,
  ): Promise<HostedNic> {
    if (own.folder === '') own.folder = makeTemporary('wire')
    const path = join(own.folder, `${i}`)
    const mtu = this.mtus.get(network.number)
    const cable = { ...nic, guest, nic: i, name, network, mac, mtu, warn, offload: true, wire: { listen: { path } } }
    own.cables.push(await this.switch().plug(cable))
    return { path, mtu, mac }
  }

  private disks(): Disk[] {
    return [...this.possessions].flatMap(({ disks }) => disks)
  }

  /** The machine that has the switch. */
  private switch(): RunningMachine {
    if (this.fabric === undefined) {
      const { warn } = this.options
      this.fabric = startMachine({ cpus: 1, memoryBytes: SWITCH_RAM_BYTES, code: 'none', ...(warn && { warn }) })
      this.fabric.ended.catch((error) => this.fail(error))
    }
    return this.fabric
  }

  private fail(error: Error): void {
    this.reject(error)
    for (const guest of this.guests) void guest.end()
  }

  private refuseIfOver(): void {
    if (this.stopping === undefined) return
    throw new MachineError(E_BAD_STATE, 'The machine has been stopped; start a new one.')
  }
}
