// The thread of a machine's physical CPU on Node: boots the kernel, starts the guest, and runs until it ends.

import { once } from 'node:events'
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import * as abi from '../../hypervisor/abi.ts'
import { Control } from '../control.ts'
import { Elf, isElf } from '../elf.ts'
import { MachineError } from '../error.ts'
import type { GuestSpec } from '../guest-spec.ts'
import { Machine, memoryFor, type Source } from '../machine.ts'
import { Ring } from '../ring.ts'
import { now, wall } from './clock.ts'
import { makeConsole } from './console.ts'
import { makeDisks } from './disk.ts'
import { prepareEngine } from './engine.ts'
import { makeEntropy } from './entropy.ts'
import { type OpenFile, readWhole, sourceOf } from './file.ts'
import { loopback, makePorts, ringPort } from './net.ts'
import type { Ending, WorkerInput, WorkerMessage } from './protocol.ts'

/** The id of the one guest: the first that a new machine gives. */
const GUEST = 0
/** This thread's physical CPU. */
const CPU = 0

const port = parentPort as MessagePort
const input = workerData as WorkerInput
const control = new Control(input.control)

try {
  prepareEngine()
  // The kernel is compiled elsewhere while this thread starts.
  const [module] = (await once(port, 'message')) as [WebAssembly.Module]
  const machine = bootMachine(module)
  const startupCpuSeconds = cpuSeconds()
  runToEnd(machine)
  const { state, reason, code } = machine.state(GUEST)
  const isKilled = state !== abi.GUEST_STOPPED || reason === abi.STOP_NONE
  const ending: Ending = {
    reason: isKilled ? abi.STOP_KILLED : reason,
    code,
    stats: machine.stats(GUEST),
    ...(reason === abi.STOP_DIVERGED && { divergence: machine.divergence(GUEST) }),
    startupCpuSeconds,
  }
  tell({ kind: 'ended', ending })
} catch (error) {
  if (error instanceof MachineError) tell({ kind: 'refused', code: error.code, message: error.message })
  else tell({ kind: 'failed', message: error instanceof Error ? (error.stack ?? error.message) : String(error) })
}

/** A machine with the guest in it, which has started. */
function bootMachine(module: WebAssembly.Module): Machine {
  const { kernel, initrd, firmware } = input
  const memory = memoryFor(input.spec.ramBytes)
  const line = {
    output: new Ring(input.consoleOutput),
    input: new Ring(input.consoleInput),
    tellOutput: () => tell({ kind: 'output' }),
    tellRoom: () => tell({ kind: 'room' }),
  }
  const ports = input.ports.map((rings, number) =>
    rings === 'loopback'
      ? loopback()
      : ringPort(new Ring(rings.out), new Ring(rings.in), () => tell({ kind: 'frames', port: number })),
  )
  const warn = (text: string) => tell({ kind: 'warning', text })
  const machine = new Machine({
    module,
    memory,
    warn,
    host: {
      now,
      wall,
      entropy: makeEntropy(memory),
      ...makeConsole(memory, GUEST, line),
      ...makeDisks(memory, input.disks, {
        warn,
        isStopped: () => control.isStopped(),
      }),
      ...makePorts(memory, ports),
    },
  })
  const { spec, pieces } = withFirmware(input.spec, firmware)
  const id = machine.create(spec)
  if (id !== GUEST) throw new Error(`The first guest of a new machine is number ${id}.`)
  for (const { address, source } of pieces) machine.loadPhysical(id, address, source)
  if (kernel !== undefined) machine.loadImage(id, abi.LOAD_KERNEL, sourceOf(kernel))
  if (initrd !== undefined) machine.loadImage(id, abi.LOAD_INITRD, sourceOf(initrd))
  machine.start(id)
  return machine
}

/** What a firmware file decides about the guest, and what of it goes where. */
function withFirmware(spec: GuestSpec, firmware: OpenFile | undefined) {
  const pieces: { address: number; source: Source }[] = []
  if (firmware === undefined) return { spec, pieces }
  const bytes = readWhole(firmware)
  if (!isElf(bytes)) {
    pieces.push({ address: abi.GUEST_RAM_BASE, source: sourceOf(firmware) })
    return { spec: { ...spec, firmware: true }, pieces }
  }
  const elf = new Elf(bytes, firmware.name, abi.GUEST_RAM_BASE)
  for (const segment of elf.segments) {
    // RAM is zero at first, so what the file leaves out needs no loading.
    if (segment.bytes.length === 0) continue
    pieces.push({ address: segment.address, source: inMemory(firmware.name, segment.bytes) })
  }
  const symbol = elf.symbol('tohost')
  const tohost = symbol === undefined ? undefined : elf.physical(symbol)
  return { spec: { ...spec, firmware: true, entry: elf.entry, tohost }, pieces }
}

function inMemory(name: string, bytes: Uint8Array): Source {
  return {
    name,
    size: bytes.length,
    read: (target, offset) => target.set(bytes.subarray(offset, offset + target.length)),
  }
}

/** Runs until the guest has ended or the outside says so. */
function runToEnd(machine: Machine): void {
  // No number of wakes: what was told before the machine was there, above all to end, counts too.
  let heard = -1
  for (;;) {
    const wakes = control.wakes()
    if (wakes !== heard) {
      heard = wakes
      if (control.isStopped()) {
        if (machine.state(GUEST).state !== abi.GUEST_STOPPED) machine.stop(GUEST)
        return
      }
      machine.consoleReady(GUEST)
      for (const number of input.ports.keys()) machine.netReady(number)
    }
    const sleepNs = machine.run(CPU)
    if (sleepNs === abi.RUN_FINISHED) return
    if (sleepNs > 0) control.sleep(heard, sleepNs)
  }
}

function cpuSeconds(): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

function tell(message: WorkerMessage): void {
  port.postMessage(message)
}
