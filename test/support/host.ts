// The outside world of a kernel test: a host with in-memory disks, consoles and network ports, and the switches of
// outside.ts by which a test plays with it. It checks what the kernel promises: pieces of memory that lie in memory.

import {
  BLOCK_DISCARD,
  BLOCK_DONE,
  BLOCK_FLUSH,
  BLOCK_INFO_BYTES,
  BLOCK_INFO_FLAGS,
  BLOCK_PENDING,
  BLOCK_READ,
  BLOCK_WRITE,
  BLOCK_WRITE_ZEROES,
  E_AGAIN,
  E_BAD_ID,
  OK,
} from '../../hypervisor/abi.ts'
import { makeCode } from '../../host-shim/code.ts'
import { prepareEngine } from '../../host-shim/node/engine.ts'

interface Disk {
  bytes: Uint8Array
  flags: number
}
interface Transfer {
  disk: number
  operation: number
  offset: number
  length: number
  segments: [number, number][]
  tag: number
}

/** One test's host; `imports` is what the module is instantiated with. */
export class TestHost {
  /** What the last failed assert or panic said. */
  lastWords: string | undefined
  readonly imports: WebAssembly.Imports

  /** What fuzzers begin with. */
  readonly seed = Number(process.env.ORLOP_SEED ?? 1) >>> 0

  private ground = 0
  private nowNs = 0
  private wallNs = 0
  private random = 1
  private consoleRoom = Infinity
  private readonly typed = new Map<number, number[]>()
  private readonly written = new Map<number, number[]>()
  private readonly disks = new Map<number, Disk>()
  private readonly submits: Transfer[] = []
  private readonly pending: Transfer[] = []
  private isLater = false
  private status: number = OK
  private readonly arrived = new Map<number, Uint8Array[]>()
  private readonly sent = new Map<number, Uint8Array[]>()
  private isFull = false
  private kernel: WebAssembly.Exports | undefined

  /** `keep` gets each module of translated code. */
  constructor(
    private readonly memory: WebAssembly.Memory,
    private readonly keep?: (module: Uint8Array) => void,
  ) {
    prepareEngine()
    this.imports = { env: { memory }, host: this.host(), outside: this.outside() }
  }

  /** To be told of the instance that was made with `imports`: code that it makes is given its exports. */
  attach(instance: WebAssembly.Instance): void {
    this.kernel = instance.exports
  }

  private bytes(ptr: number, length: number): Uint8Array {
    if (ptr < 1024 || ptr + length > this.memory.buffer.byteLength)
      throw new Error(`The kernel named ${length} bytes at ${ptr}`)
    return new Uint8Array(this.memory.buffer, ptr, length)
  }

  private string(ptr: number): string {
    if (ptr === 0) return ''
    const length = new Uint32Array(this.memory.buffer, ptr - 4, 1)[0]!
    return String.fromCharCode(...new Uint16Array(this.memory.buffer, ptr, length >> 1))
  }

  private host(): WebAssembly.ModuleImports {
    return {
      now: () => this.nowNs,
      wall: () => this.wallNs,
      entropy: (ptr: number, length: number) => {
        for (const [i] of this.bytes(ptr >>> 0, length).entries()) {
          this.random = (Math.imul(this.random, 1103515245) + 12345) >>> 0
          this.bytes(ptr >>> 0, length)[i] = 1 + ((this.random >>> 16) % 255)
        }
      },
      consoleWrite: (_guest: number, port: number, ptr: number, length: number) => {
        const taken = Math.min(length, this.consoleRoom)
        this.consoleRoom -= taken
        queue(this.written, port).push(...this.bytes(ptr >>> 0, taken))
        return taken
      },
      consoleRead: (_guest: number, port: number, ptr: number, capacity: number) => {
        const part = queue(this.typed, port).splice(0, capacity)
        this.bytes(ptr >>> 0, capacity).set(part)
        return part.length
      },
      blockInfo: (disk: number, ptr: number) => {
        const found = this.disks.get(disk)
        if (found === undefined) return E_BAD_ID
        const view = new DataView(this.memory.buffer, ptr >>> 0)
        view.setBigUint64(BLOCK_INFO_BYTES, BigInt(found.bytes.length), true)
        view.setUint32(BLOCK_INFO_FLAGS, found.flags, true)
        return OK
      },
      blockSubmit: (
        disk: number,
        operation: number,
        offset: bigint,
        length: bigint,
        list: number,
        count: number,
        tag: number,
      ) => this.submit(disk, operation, Number(offset), Number(length), list >>> 0, count, tag),
      netSend: (port: number, ptr: number, length: number) => {
        if (this.isFull) return E_AGAIN
        queue(this.sent, port).push(this.bytes(ptr >>> 0, length).slice())
        return OK
      },
      netReceive: (port: number, ptr: number, capacity: number) => {
        const frame = queue(this.arrived, port).shift()
        if (frame === undefined) return 0
        this.bytes(ptr >>> 0, capacity).set(frame)
        return frame.length
      },
      ...makeCode({
        memory: this.memory,
        kernel: () => this.kernel!,
        ...(this.keep && { keep: this.keep }),
        warn: (message) => {
          throw new Error(message)
        },
      }),
      panic: (ptr: number) => {
        const words = new Uint32Array(this.memory.buffer, ptr >>> 0, 2)
        this.lastWords ??= `The kernel panicked: ${words[0]}, ${words[1]}`
      },
    }
  }

  private submit(
    disk: number,
    operation: number,
    offset: number,
    length: number,
    list: number,
    count: number,
    tag: number,
  ): number {
    const target = this.disks.get(disk)
    if (target === undefined) return E_BAD_ID
    if (offset + length > target.bytes.length)
      throw new Error(`The kernel asked for ${length} bytes at ${offset} of disk ${disk}`)
    const words = new Uint32Array(this.bytes(list, count * 8).slice().buffer)
    const segments: [number, number][] = []
    for (let i = 0; i < count; i++) segments.push([words[2 * i]!, words[2 * i + 1]!])
    for (const [ptr] of segments) if (ptr < this.ground) throw new Error(`The kernel offers ${ptr} as data of a guest`)
    const total = segments.reduce((sum, segment) => sum + segment[1], 0)
    const hasData = operation === BLOCK_READ || operation === BLOCK_WRITE
    if (hasData && total !== length) throw new Error(`The kernel gave segments of ${total} bytes for ${length}`)
    const transfer = { disk, operation, offset, length, segments, tag }
    this.submits.push(transfer)
    if (this.isLater) {
      this.pending.push(transfer)
      return BLOCK_PENDING
    }
    const status = this.carryOut(transfer)
    return status === OK ? BLOCK_DONE : status
  }

  private carryOut(transfer: Transfer): number {
    if (this.status !== OK) return this.status
    const disk = this.disks.get(transfer.disk)!.bytes
    if (transfer.operation === BLOCK_DISCARD || transfer.operation === BLOCK_WRITE_ZEROES) {
      disk.fill(0, transfer.offset, transfer.offset + transfer.length)
    } else if (transfer.operation !== BLOCK_FLUSH) {
      let at = transfer.offset
      for (const [ptr, length] of transfer.segments) {
        if (transfer.operation === BLOCK_READ) this.bytes(ptr, length).set(disk.subarray(at, at + length))
        else disk.set(this.bytes(ptr, length), at)
        at += length
      }
    }
    return OK
  }

  private outside(): WebAssembly.ModuleImports {
    return {
      fail: (message: number, file: number, line: number, column: number) => {
        this.lastWords = `${this.string(message) || 'Assertion failed'} (${this.string(file)}:${line}:${column})`
      },
      seed: () => this.seed,
      setGround: (ptr: number) => {
        this.ground = ptr >>> 0
      },
      show: (value: number) => console.log(value),
      setNow: (ns: number) => {
        this.nowNs = ns
      },
      setWall: (ns: number) => {
        this.wallNs = ns
      },
      typeIn: (port: number, ptr: number, length: number) => {
        queue(this.typed, port).push(...this.bytes(ptr, length))
      },
      consoleTakes: (bytes: number) => {
        this.consoleRoom = bytes >>> 0
      },
      consoleLength: (port: number) => queue(this.written, port).length,
      consoleByte: (port: number, at: number) => queue(this.written, port)[at]!,
      makeDisk: (disk: number, bytes: number, flags: number) => {
        const content = new Uint8Array(bytes)
        for (let i = 0; i < bytes; i++) content[i] = i * 7 + (i >> 9)
        this.disks.set(disk, { bytes: content, flags })
      },
      diskByte: (disk: number, at: number) => this.disks.get(disk)!.bytes[at]!,
      setLater: (later: number) => {
        this.isLater = later !== 0
      },
      setStatus: (status: number) => {
        this.status = status
      },
      submitCount: () => this.submits.length,
      submitOperation: (i: number) => this.submits[i]!.operation,
      submitOffset: (i: number) => this.submits[i]!.offset,
      submitLength: (i: number) => this.submits[i]!.length,
      submitSegments: (i: number) => this.submits[i]!.segments.length,
      pendingCount: () => this.pending.length,
      pendingTag: () => this.pending[0]!.tag,
      finish: () => this.carryOut(this.pending.shift()!),
      arrive: (port: number, ptr: number, length: number) => {
        queue(this.arrived, port).push(this.bytes(ptr, length).slice())
      },
      setFull: (full: number) => {
        this.isFull = full !== 0
      },
      sentCount: (port: number) => queue(this.sent, port).length,
      sentLength: (port: number, i: number) => queue(this.sent, port)[i]!.length,
      sentByte: (port: number, i: number, at: number) => queue(this.sent, port)[i]![at]!,
    }
  }
}

function queue<T>(map: Map<number, T[]>, key: number): T[] {
  let found = map.get(key)
  if (found === undefined) map.set(key, (found = []))
  return found
}
