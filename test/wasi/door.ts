// The self-test of the image on the Node build: the same boot folder, read by JavaScript, over a host with the same fixed clock.

import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { OUT } from '../../build/artefact.ts'
import * as numbers from '../../host-shim/bundle.ts'
import { prepareEngine } from '../../host-shim/node/engine.ts'
import { FIXED_SEED, FIXED_TICK_NS, FIXED_WALL_NS } from '../../host-shim/wasi/fixed.ts'
import { WASM_PAGE } from '../../host-shim/wasm-image.ts'
import * as abi from '../../hypervisor/abi.ts'
import type { Door } from '../vmm/machine.ts'

const PAGE = 4096

/** Runs the guests of a folder, which have no disks, and gives the lines that the image's self-test gives. */
export function selfTest(folder: string, instructions: number): string[] {
  const first = readFileSync(join(folder, '0.guest'))
  const heads = Array.from({ length: first.readUInt32LE(numbers.BUNDLE_GUESTS) }, (_, i) =>
    readFileSync(join(folder, `${i}.guest`)),
  )
  const ramBytes = heads.reduce((sum, head) => sum + Number(specOf(head).readBigUInt64LE(abi.SPEC_RAM_BYTES)), 0)
  const pages = Math.ceil((abi.MACHINE_BYTES + ramBytes + ramBytes / abi.MAP_SHARE) / WASM_PAGE)
  const machine = new FixedMachine(pages)
  heads.forEach((head, id) => machine.make(folder, head, id))
  const ids = heads.map((_, id) => id)
  while (ids.reduce((sum, id) => sum + machine.retired(id), 0) < instructions) if (!machine.step()) break
  return heads.map((head, id) => {
    const name = head.toString('latin1', numbers.BUNDLE_NAME, head.indexOf(0, numbers.BUNDLE_NAME))
    const hash = createHash('sha256')
    for (let gpa: number = abi.GUEST_RAM_BASE; machine.reads(id, gpa); gpa += PAGE)
      hash.update(machine.window.subarray(0, PAGE))
    return `self-test: ${name}: ${machine.retired(id)} instructions, memory ${hash.digest('hex')}`
  })
}

function specOf(head: Buffer): Buffer {
  const files = head.readUInt32LE(numbers.BUNDLE_FILES) * numbers.BUNDLE_FILE_SIZE
  const settings = head.readUInt32LE(numbers.BUNDLE_SETTINGS) * numbers.BUNDLE_SETTING_SIZE
  return head.subarray(numbers.BUNDLE_HEAD + files + settings)
}

class FixedMachine {
  private readonly memory: WebAssembly.Memory
  private readonly door: Door
  private nowNs = 0
  private random = BigInt(FIXED_SEED)

  constructor(pages: number) {
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: 65536, shared: true })
    prepareEngine()
    const module = new WebAssembly.Module(readFileSync(join(OUT, 'orlop.wasm')))
    const instance = new WebAssembly.Instance(module, { env: { memory: this.memory }, host: this.host() })
    this.door = instance.exports as unknown as Door
    must(this.door.boot(1, pages * WASM_PAGE, abi.CODE_BYTES))
  }

  get window(): Uint8Array {
    return new Uint8Array(this.memory.buffer, this.door.window(), abi.WINDOW_SIZE)
  }

  make(folder: string, head: Buffer, id: number): void {
    this.window.set(specOf(head))
    must(this.door.guestCreate() - id)
    for (let i = 0; i < head.readUInt32LE(numbers.BUNDLE_FILES); i++) {
      const entry = head.subarray(numbers.BUNDLE_HEAD + i * numbers.BUNDLE_FILE_SIZE)
      const path = entry
        .subarray(numbers.BUNDLE_FILE_PATH)
        .subarray(0, entry.readUInt32LE(numbers.BUNDLE_FILE_PATH_BYTES))
      const bytes = readFileSync(join(folder, path.toString()))
      const address = Number(entry.readBigUInt64LE(numbers.BUNDLE_FILE_ADDRESS))
      for (let at = 0; at < bytes.length; at += abi.WINDOW_SIZE) {
        const piece = bytes.subarray(at, at + abi.WINDOW_SIZE)
        this.window.set(piece)
        const kind = entry.readUInt32LE(numbers.BUNDLE_FILE_KIND)
        must(this.door.guestLoad(id, kind, address + at, bytes.length, piece.length))
      }
    }
    must(this.door.guestStart(id))
  }

  /** One run of the machine, and the time in which it rests; false: no guest runs any more. */
  step(): boolean {
    const ns = this.door.run(0)
    if (ns === abi.RUN_FINISHED) return false
    this.nowNs += ns
    return true
  }

  retired(id: number): number {
    must(this.door.guestStats(id))
    const { buffer, byteOffset } = this.window
    return Number(new DataView(buffer, byteOffset).getBigUint64(8 * abi.STAT_INSTRUCTIONS, true))
  }

  /** Puts a page of a guest's memory into the window; false: there is no memory. */
  reads(id: number, gpa: number): boolean {
    return this.door.guestReadRam(id, gpa, PAGE) === abi.OK
  }

  private host(): WebAssembly.ModuleImports {
    return {
      now: () => {
        this.nowNs += FIXED_TICK_NS
        return this.nowNs
      },
      wall: () => FIXED_WALL_NS,
      entropy: (ptr: number, length: number) => {
        const bytes = new Uint8Array(this.memory.buffer, ptr, length)
        for (let i = 0; i < length; i++) bytes[i] = this.nextByte()
      },
      consoleWrite: (_guest: number, _port: number, _ptr: number, length: number) => length,
      consoleRead: () => 0,
      blockInfo: () => abi.E_BAD_ID,
      blockSubmit: () => abi.E_BAD_ID,
      netSend: () => abi.E_AGAIN,
      netReceive: () => 0,
      codeInstall: () => abi.E_UNSUPPORTED,
      codeRemove: () => undefined,
      panic: (ptr: number) => {
        throw new Error(`The kernel panicked: ${new Uint32Array(this.memory.buffer, ptr, 2)}`)
      },
    }
  }

  /** splitmix64, whose upper byte is taken. */
  private nextByte(): number {
    this.random = BigInt.asUintN(64, this.random + 0x9e37_79b9_7f4a_7c15n)
    let z = this.random
    z = BigInt.asUintN(64, (z ^ (z >> 30n)) * 0xbf58_476d_1ce4_e5b9n)
    z = BigInt.asUintN(64, (z ^ (z >> 27n)) * 0x94d0_49bb_1331_11ebn)
    return Number(z >> 56n)
  }
}

function must(code: number): void {
  if (code !== abi.OK) throw new Error(`The door answers ${code}`)
}
