// A machine for tests of the door: the kernel itself, with asserts, over a host that lies in arrays.

import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Code, makeCode } from '../../host-shim/code.ts'
import { type NetworkReport, type NetworkSpec, packNetwork, readNetworkReport } from '../../host-shim/networks.ts'
import { prepareEngine } from '../../host-shim/node/engine.ts'
import type { Training } from '../../host-shim/training.ts'
import * as abi from '../../hypervisor/abi.ts'
import { equip } from '../support/trained.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const OUT = join(ROOT, 'build/out/test')

/** Bytes of linear memory by default: the map below the frames takes about 160 MiB, most of it never touched. */
const MEMORY_BYTES = 512 << 20

/** What a test asks of a guest; as SPEC_*. */
export interface Spec {
  ramBytes?: number
  harts?: number
  boot?: number
  disks?: { disk: number; flags?: number }[]
  diskCount?: number
  nets?: { network: number; mac: number[]; flags?: number; vlan?: number; ip4?: number }[]
  netCount?: number
  name?: string
  seed?: bigint
  commandLine?: string
  flags?: number
  entry?: number
  tohost?: number
  translator?: number
  heat?: number
}

/** The door, as hypervisor/index.ts declares it. */
export interface Door {
  boot(cpus: number, memoryBytes: number, codeBytes: number): number
  window(): number
  networkDefine(id: number): number
  networkRemove(id: number): number
  networkReport(id: number): number
  networkLink(uplink: number, up: number): number
  networkCapture(guest: number, nic: number, uplink: number): number
  guestCreate(): number
  guestLoad(id: number, what: number, offset: number, total: number, length: number): number
  guestStart(id: number): number
  guestPause(id: number): number
  guestResume(id: number): number
  run(cpu: number): number
  blockDone(tag: number, status: number): void
  consoleReady(guest: number): void
  netReady(uplink: number): void
  guestStop(id: number): number
  guestState(id: number): number
  guestStopReason(id: number): number
  guestStopCode(id: number): number
  guestStats(id: number): number
  guestReadRam(id: number, gpa: number, length: number): number
  guestReadHart(id: number, index: number): number
  divergence(id: number): number
  guestSet(id: number, what: number, value: number): number
  guestPress(id: number): number
  machineStats(): number
  codeTrained(ptr: number, length: number): number
  mailbox(): number
  guestRemove(id: number): number
}

export interface MachineOptions {
  memoryBytes?: number
  /** Of these for each CPU's decoded code. Default: CODE_BYTES. */
  codeBytes?: number
  cpus?: number
  tickNs?: number
  code?(code: Code, memory: WebAssembly.Memory): Code
  /** Gets each module of translated code. */
  keep?(module: Uint8Array): void
}

/** One machine with a host of its own. */
export class Machine {
  readonly door: Door
  readonly memory: WebAssembly.Memory
  /** What each guest has written to its console ports: key `guest:port`. */
  readonly output = new Map<string, string>()
  /** What waits for each guest's console ports: key `guest:port`. */
  readonly input = new Map<string, number[]>()
  /** Sizes of the disks there are. */
  readonly disks: number[] = [1 << 20]
  /** What is on them; a disk without content answers with errors. */
  readonly contents = new Map<number, Uint8Array>()
  /** Added to the clock: time that a test lets pass. */
  skippedNs = 0
  /** The clock, of host.now(). */
  readonly now: () => number

  /**
   * With `tickNs` the clock is a counter: it moves on by so much whenever it is read, and whatever else runs on this computer
   * changes nothing. Otherwise it is the real one. `code` may put something between the kernel and the host that takes its code.
   */
  constructor(options: MachineOptions = {}) {
    const { tickNs } = options
    let readings = 0
    this.now = () => (tickNs === undefined ? performance.now() * 1e6 : tickNs * ++readings) + this.skippedNs
    const memoryBytes = options.memoryBytes ?? MEMORY_BYTES
    this.memory = new WebAssembly.Memory({ initial: memoryBytes >> 16, maximum: 65536, shared: true })
    prepareEngine()
    const code = makeCode({ memory: this.memory, kernel: () => instance.exports, warn: fail, keep: options.keep })
    const host = { ...this.host(), ...(options.code?.(code, this.memory) ?? code) }
    const instance: WebAssembly.Instance = new WebAssembly.Instance(kernel(), { env: { memory: this.memory }, host })
    this.door = instance.exports as unknown as Door
    const answer = this.door.boot(options.cpus ?? 1, memoryBytes, options.codeBytes ?? abi.CODE_BYTES)
    if (answer !== abi.OK) throw new Error(`boot answers ${answer}`)
  }

  /** The window as bytes. */
  get window(): Uint8Array {
    return new Uint8Array(this.memory.buffer, this.door.window(), abi.WINDOW_SIZE)
  }

  /** Gives the kernel code that was trained elsewhere; what it answers. */
  equip(training: Training): number {
    return equip(this.door as unknown as WebAssembly.Exports, this.memory, training)
  }

  private host(): Record<string, (...args: never[]) => unknown> {
    const bytes = (ptr: number, length: number) => new Uint8Array(this.memory.buffer, ptr, length)
    return {
      now: this.now,
      wall: () => Date.now() * 1e6,
      entropy: (ptr: number, length: number) => bytes(ptr, length).set(crypto.getRandomValues(new Uint8Array(length))),
      consoleWrite: (guest: number, port: number, ptr: number, length: number) => {
        const key = `${guest}:${port}`
        this.output.set(key, (this.output.get(key) ?? '') + Buffer.from(bytes(ptr, length)).toString('latin1'))
        return length
      },
      consoleRead: (guest: number, port: number, ptr: number, capacity: number) => {
        const waiting = this.input.get(`${guest}:${port}`)?.splice(0, capacity) ?? []
        bytes(ptr, waiting.length).set(waiting)
        return waiting.length
      },
      blockInfo: (disk: number, ptr: number) => {
        const size = this.disks[disk]
        if (size === undefined) return abi.E_BAD_ID
        const view = new DataView(this.memory.buffer, ptr, abi.BLOCK_INFO_SIZE)
        view.setBigUint64(abi.BLOCK_INFO_BYTES, BigInt(size), true)
        view.setUint32(abi.BLOCK_INFO_FLAGS, 0, true)
        return abi.OK
      },
      blockSubmit: (disk: number, operation: number, offset: bigint, length: bigint, list: number, count: number) =>
        this.transfer(
          disk,
          operation,
          Number(offset),
          Number(length),
          new Uint32Array(this.memory.buffer, list, 2 * count),
        ),
      netSend: () => abi.OK,
      netReceive: () => 0,
      panic: (ptr: number) => {
        const view = new DataView(this.memory.buffer, ptr, 8)
        throw new Error(`The kernel panicked: ${view.getUint32(0, true)}:${view.getUint32(4, true)}`)
      },
    }
  }

  private transfer(disk: number, operation: number, offset: number, length: number, segments: Uint32Array): number {
    const content = this.contents.get(disk)
    if (content === undefined) return abi.E_IO
    const isSegmented = operation === abi.BLOCK_READ || operation === abi.BLOCK_WRITE
    if (!isSegmented && operation !== abi.BLOCK_FLUSH) content.fill(0, offset, offset + length)
    for (let i = 0; i < segments.length; i += 2) {
      const part = new Uint8Array(this.memory.buffer, segments[i], segments[i + 1])
      if (operation === abi.BLOCK_READ) part.set(content.subarray(offset, offset + part.length))
      else content.set(part, offset)
      offset += part.length
    }
    return abi.BLOCK_DONE
  }

  /** Writes a spec into the window and creates the guest; its id or an error code. */
  create(spec: Spec): number {
    const window = this.window
    window.fill(0, 0, abi.SPEC_CMDLINE + abi.SPEC_CMDLINE_MAX)
    const view = new DataView(this.memory.buffer, this.door.window(), abi.WINDOW_SIZE)
    const commandLine = Buffer.from(spec.commandLine ?? '', 'latin1')
    view.setBigUint64(abi.SPEC_RAM_BYTES, BigInt(spec.ramBytes ?? 64 << 20), true)
    view.setUint32(abi.SPEC_HARTS, spec.harts ?? 1, true)
    view.setUint32(abi.SPEC_BOOT, spec.boot ?? abi.BOOT_DIRECT, true)
    view.setUint32(abi.SPEC_DISK_COUNT, spec.diskCount ?? spec.disks?.length ?? 0, true)
    view.setUint32(abi.SPEC_NET_COUNT, spec.netCount ?? spec.nets?.length ?? 0, true)
    view.setBigUint64(abi.SPEC_SEED, spec.seed ?? 0n, true)
    view.setUint32(abi.SPEC_CMDLINE_BYTES, commandLine.length, true)
    view.setUint32(abi.SPEC_FLAGS, spec.flags ?? 0, true)
    window.set(Buffer.from(spec.name ?? '', 'latin1'), abi.SPEC_NAME)
    view.setBigUint64(abi.SPEC_ENTRY, BigInt(spec.entry ?? 0), true)
    view.setBigUint64(abi.SPEC_TOHOST, BigInt(spec.tohost ?? 0), true)
    view.setUint32(abi.SPEC_TRANSLATOR, spec.translator ?? abi.TRANSLATOR_ON, true)
    view.setUint32(abi.SPEC_HEAT, spec.heat ?? 0, true)
    spec.disks?.forEach(({ disk, flags }, i) => {
      view.setUint32(abi.SPEC_DISKS + 16 * i, disk, true)
      view.setUint32(abi.SPEC_DISKS + 16 * i + 4, flags ?? 0, true)
    })
    spec.nets?.forEach(({ network, mac, flags, vlan, ip4 }, i) => {
      const at = abi.SPEC_NETS + abi.SPEC_NET_SIZE * i
      view.setUint32(at + abi.SPEC_NET_NETWORK, network, true)
      view.setUint16(at + abi.SPEC_NET_FLAGS, flags ?? 0, true)
      view.setUint16(at + abi.SPEC_NET_VLAN, vlan ?? 0, true)
      view.setUint32(at + abi.SPEC_NET_IP4, ip4 ?? 0, true)
      window.set(mac, at + abi.SPEC_NET_MAC)
    })
    window.set(commandLine.subarray(0, abi.SPEC_CMDLINE_MAX + 16), abi.SPEC_CMDLINE)
    return this.door.guestCreate()
  }

  /** Writes a network's description into the window and defines it; OK or an error code. By default a bridge without an uplink. */
  network(id: number, spec: NetworkSpec = {}): number {
    packNetwork(spec, this.window)
    return this.door.networkDefine(id)
  }

  /** The report of a network. */
  networkReport(id: number): NetworkReport {
    const code = this.door.networkReport(id)
    if (code !== abi.OK) throw new Error(`networkReport answers ${code}`)
    return readNetworkReport(this.window)
  }

  /** Loads an image in chunks; the first answer that is an error, or OK. `bytes` may be shorter than `total` says. */
  load(
    id: number,
    what: number,
    bytes: Uint8Array,
    options: { at?: number; total?: number; chunk?: number } = {},
  ): number {
    const chunk = options.chunk ?? abi.WINDOW_SIZE
    for (let offset = 0; offset < bytes.length; offset += chunk) {
      const part = bytes.subarray(offset, offset + chunk)
      this.window.set(part)
      const code = this.door.guestLoad(id, what, (options.at ?? 0) + offset, options.total ?? bytes.length, part.length)
      if (code !== abi.OK) return code
    }
    return abi.OK
  }

  /** Runs the machine until no guest runs any more, or `ok` holds; idle time is skipped. False: it took too long. */
  run(options: { until?: () => boolean; timeoutMs?: number } = {}): boolean {
    const end = performance.now() + (options.timeoutMs ?? 10_000)
    while (performance.now() < end) {
      const ns = this.door.run(0)
      if (ns === abi.RUN_FINISHED || options.until?.() === true) return true
      if (ns > 0) this.skippedNs += ns
    }
    return false
  }

  /** Bytes of guest RAM. */
  ram(id: number, gpa: number, length: number): Buffer {
    const code = this.door.guestReadRam(id, gpa, length)
    if (code !== abi.OK) throw new Error(`guestReadRam answers ${code}`)
    return Buffer.from(this.window.slice(0, length))
  }

  /** The report of a guest: STAT_*. */
  stats(id: number): number[] {
    this.door.guestStats(id)
    return this.numbers(0, abi.STAT_COUNT)
  }

  /** MACHINE_STAT_* of the machine. */
  machineStats(): number[] {
    this.door.machineStats()
    return this.numbers(0, abi.MACHINE_STAT_COUNT)
  }

  /** CPU_STAT_* of each CPU. */
  cpuStats(): number[][] {
    const cpus = this.machineStats()[abi.MACHINE_STAT_CPUS] as number
    const first = abi.MACHINE_STAT_COUNT
    return Array.from({ length: cpus }, (_, i) => this.numbers(first + i * abi.CPU_STAT_COUNT, abi.CPU_STAT_COUNT))
  }

  /** Numbers of 8 bytes that a report has left in the window. */
  private numbers(first: number, count: number): number[] {
    const view = new DataView(this.memory.buffer, this.door.window(), abi.WINDOW_SIZE)
    return Array.from({ length: count }, (_, i) => Number(view.getBigUint64(8 * (first + i), true)))
  }

  /** All that a guest has said on its UART. */
  said(id: number): string {
    return this.output.get(`${id}:0`) ?? ''
  }
}

/** Code that the engine does not take is a mistake of the kernel, and no test may pass over it. */
function fail(message: string): never {
  throw new Error(message)
}

let compiled: WebAssembly.Module | undefined

/** The kernel, compiled with asserts; made anew when a source has changed. */
function kernel(): WebAssembly.Module {
  if (compiled !== undefined) return compiled
  const hash = createHash('sha256').update(readFileSync(join(ROOT, 'asconfig.json')))
  const sources = readdirSync(join(ROOT, 'hypervisor'), { recursive: true, encoding: 'utf8' }).sort()
  for (const source of sources.filter((name) => name.endsWith('.ts'))) {
    hash.update(source).update(readFileSync(join(ROOT, 'hypervisor', source)))
  }
  const file = join(OUT, `kernel-${hash.digest('hex').slice(0, 12)}.wasm`)
  if (!existsSync(file)) {
    mkdirSync(OUT, { recursive: true })
    const work = `build/out/test/kernel-${process.pid}.wasm`
    const asc = join(ROOT, 'node_modules/.bin/asc')
    execFileSync(asc, ['--target', 'debug', '--outFile', work], { cwd: ROOT, stdio: ['ignore', 'inherit', 'inherit'] })
    renameSync(join(ROOT, work), file)
  }
  compiled = new WebAssembly.Module(readFileSync(file))
  return compiled
}
