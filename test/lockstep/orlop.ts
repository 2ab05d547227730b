// Runs bare-metal images in Orlop itself: the built kernel in this process, over a host that has nothing but clocks.

import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as abi from '../../hypervisor/abi.ts'
import { makeCode } from '../../host-shim/code.ts'
import { type GuestSpec, packSpec } from '../../host-shim/guest-spec.ts'
import { memoryFor, planMemory } from '../../host-shim/machine.ts'
import { prepareEngine } from '../../host-shim/node/engine.ts'
import type { Engine, RunOptions } from './engine.ts'

const KERNEL = fileURLToPath(new URL('../../build/out/orlop.wasm', import.meta.url))
const RAM = 0x8000_0000
const PATIENCE_MS = 60_000

/** What lockstep uses of the door (hypervisor/index.ts). */
interface Door {
  boot(cpus: number, memoryBytes: number, codeBytes: number): number
  window(): number
  guestCreate(): number
  guestLoad(id: number, what: number, offset: number, total: number, length: number): number
  guestStart(id: number): number
  run(cpu: number): number
  guestStopReason(id: number): number
  guestStopCode(id: number): number
  guestStats(id: number): number
  guestReadRam(id: number, gpa: number, length: number): number
}

/** What becomes of hot code, and what counts as hot. */
export type Translation = Pick<GuestSpec, 'translator' | 'heat'>

/** Our machine as a lockstep engine; a fresh one for each run. */
export function orlopEngine(translation: Translation = {}): Engine {
  const module = builtKernel()
  const count = { regions: 0 }
  return {
    name: 'Orlop',
    run: (image, options) => runInOrlop(module, image, options, translation, count),
    translated: () => count.regions,
  }
}

function builtKernel(): WebAssembly.Module {
  if (!existsSync(KERNEL)) throw new Error('The kernel has not been built yet; run "npm run build" first')
  return new WebAssembly.Module(readFileSync(KERNEL))
}

/** How a program ended that tells its result through HTIF. */
export interface Verdict {
  /** STOP_* */
  reason: number
  /** Number of the test that failed. */
  code: number
}

/** Runs a flat program until it writes to its `tohost` word, or powers off. */
export async function runProgram(image: Uint8Array, tohost: number, translation: Translation = {}): Promise<Verdict> {
  const { door, guest } = await runToEnd(builtKernel(), image, { ramBytes: 16 << 20, tohost, ...translation })
  return { reason: door.guestStopReason(guest), code: door.guestStopCode(guest) }
}

async function runInOrlop(
  module: WebAssembly.Module,
  image: Uint8Array,
  options: RunOptions,
  translation: Translation,
  count: { regions: number },
): Promise<Uint8Array> {
  const spec = { ramBytes: options.memoryBytes, ...translation }
  const { door, guest, window } = await runToEnd(module, image, spec)
  const reason = door.guestStopReason(guest)
  if (reason !== abi.STOP_POWEROFF)
    throw new Error(`The guest did not power off in Orlop; it stopped for reason ${reason}`)
  expectOk('guestStats', door.guestStats(guest))
  const stat = (number: number) => new DataView(window.buffer, window.byteOffset).getBigUint64(8 * number, true)
  for (const number of [abi.STAT_REGIONS, abi.STAT_EVICTIONS, abi.STAT_INVALIDATIONS])
    count.regions += Number(stat(number))

  const log = new Uint8Array(options.logBytes)
  for (let at = 0; at < log.length; at += abi.WINDOW_SIZE) {
    const length = Math.min(abi.WINDOW_SIZE, log.length - at)
    expectOk('guestReadRam', door.guestReadRam(guest, options.logAddress + at, length))
    log.set(window.subarray(0, length), at)
  }
  return log
}

/** Starts a machine with one guest, the image at its reset vector, and runs it to its end. */
async function runToEnd(module: WebAssembly.Module, image: Uint8Array, spec: Omit<GuestSpec, 'seed'>) {
  prepareEngine()
  const memory = memoryFor(planMemory(spec.ramBytes))
  const host = {
    ...bareHost(memory, spec.heat === undefined ? realClock : makeCounter()),
    ...makeCode({ memory, kernel: () => instance.exports, warn: fail }),
  }
  const instance: WebAssembly.Instance = new WebAssembly.Instance(module, { env: { memory }, host })
  const door = instance.exports as unknown as Door
  expectOk('boot', door.boot(1, memory.buffer.byteLength, abi.CODE_BYTES))
  const window = new Uint8Array(memory.buffer, door.window() >>> 0, abi.WINDOW_SIZE)
  packSpec({ ...spec, firmware: true, seed: 0n }, window)
  const guest = door.guestCreate()
  expectOk('guestCreate', guest)
  for (let at = 0; at < image.length; at += abi.WINDOW_SIZE) {
    const part = image.subarray(at, at + abi.WINDOW_SIZE)
    window.set(part)
    expectOk('guestLoad', door.guestLoad(guest, abi.LOAD_PHYSICAL, RAM + at, image.length, part.length))
  }
  expectOk('guestStart', door.guestStart(guest))

  const end = performance.now() + PATIENCE_MS
  while (door.run(0) !== abi.RUN_FINISHED) {
    if (performance.now() > end) throw new Error('Orlop did not finish the image within a minute')
    // The other machine runs meanwhile: its process must be heard.
    await new Promise((resolve) => setImmediate(resolve))
  }
  return { door, guest, window }
}

/** Code that the engine does not take is a mistake of the kernel, and no test may pass over it. */
function fail(message: string): never {
  throw new Error(message)
}

function expectOk(what: string, code: number): void {
  if (code < 0) throw new Error(`${what} of the kernel answers ${code}`)
}

const realClock = () => Math.round(performance.now() * 1e6)

/**
 * A clock by which the machine is so slow that its slices become as short as they can be: hot code is translated between
 * two slices, and short programs would be over before.
 */
function makeCounter(): () => number {
  let readings = 0
  return () => 2e6 * ++readings
}

/** No disks, no network, a console that takes everything and says nothing. */
function bareHost(memory: WebAssembly.Memory, now: () => number): WebAssembly.ModuleImports {
  return {
    now,
    wall: () => Date.now() * 1e6,
    entropy: () => undefined,
    consoleWrite: (_guest: number, _port: number, _ptr: number, length: number) => length,
    consoleRead: () => 0,
    blockInfo: () => abi.E_BAD_ID,
    blockSubmit: () => abi.E_BAD_ID,
    netSend: () => abi.OK,
    netReceive: () => 0,
    panic: (ptr: number) => {
      const words = new DataView(memory.buffer, ptr >>> 0, 8)
      throw new Error(`The kernel panicked at ${words.getUint32(0, true)}:${words.getUint32(4, true)}`)
    },
  }
}
