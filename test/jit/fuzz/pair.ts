// Runs a program in the kernel twice, by the interpreter and by the engine under test, and finds the first slice after which
// both differ (kernel/pair.ts does the comparing).

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { NO_CODE } from '../../../host-shim/code.ts'
import { Training } from '../../../host-shim/training.ts'
import { OK, TRANSLATOR_TRAIN } from '../../../hypervisor/abi.ts'
import { TestHost } from '../../support/host.ts'
import { compile } from '../../support/kernel.ts'
import { equip } from '../../support/trained.ts'
import type { Program } from './program.ts'
import { PAGES, RAM, TREES } from './map.ts'

const MEMORY_PAGES = 8192
/** Bytes of a slice in the schedule. */
const WINDOW_SLICE = 16
const EXITS_MOST = 1000
type Words = [bigint, bigint, bigint, bigint]
const SAME = 0xffff_ffff
const IN_RAM = 0x1_0000

/** The exports of kernel/entry.ts. */
interface Kernel {
  make(id: number, pages: number, translator: number, heat: number): void
  page(id: number, gpa: number): number
  hart(id: number): number
  schedule(): number
  exits(id: number): number
  play(from: number, to: number, how: number, often: number): number
  difference(withRam: boolean): number
  retired(): number
  began(): bigint
  watch(from: number, to: number): void
}

/** How guest 1 runs: TRANSLATOR_*, and at once or in steps. */
export interface Way {
  translator: number
  /** WHOLE 0, STEPS 1. */
  how: number
  /** The host takes no code, and what the program needs was trained before, on another machine. Default: false. */
  isTrained?: boolean
}
/** Added to `how` where there are page tables: the interpreter that is compared with has no TLB. */
const FORGETS = 2

/** The first difference of a program's two runs. */
export interface Difference {
  /** After this slice. */
  slice: number
  /** Names of what differs, with both values: the interpreter's, then the other's. */
  lines: string[]
  /** pc of both guests before the slice, and after it. */
  before: bigint
  after: [bigint, bigint]
}

/** A kernel with two guests, good for many programs. */
export class Pair {
  private kernel!: Kernel
  private memory!: WebAssembly.Memory
  private host!: TestHost

  private constructor(private readonly module: WebAssembly.Module) {
    this.renew()
  }

  /** Begins with a fresh memory and a fresh instance, whose translated code is kept in `training`. */
  renew(training?: Training): void {
    this.memory = new WebAssembly.Memory({ initial: MEMORY_PAGES, maximum: 65536, shared: true })
    this.host = new TestHost(this.memory, training && ((module) => training.add(module)))
    this.begin(this.host.imports)
  }

  private begin(imports: WebAssembly.Imports): void {
    const instance = new WebAssembly.Instance(this.module, imports)
    this.host.attach(instance)
    this.kernel = instance.exports as unknown as Kernel
  }

  /** Begins with a fresh memory, and a host that takes no code. */
  private renewWithoutCode(): void {
    this.memory = new WebAssembly.Memory({ initial: MEMORY_PAGES, maximum: 65536, shared: true })
    this.host = new TestHost(this.memory)
    this.begin({ ...this.host.imports, host: { ...this.host.imports.host, ...NO_CODE } as never })
  }

  /** `file`: a module made from kernel/entry.ts elsewhere, of another kernel. */
  static async open(file?: string): Promise<Pair> {
    if (file !== undefined) return new Pair(new WebAssembly.Module(readFileSync(file)))
    return new Pair(await compile({ entry: 'test/jit/fuzz/kernel/entry.ts' }))
  }

  /**
   * The first difference, or undefined; a crash is one, too. RAM is compared after every `often` slices. `instructions` counts
   * what guest 1 retired. What ran before in the same instance, renewed by nobody, may have left translated code behind.
   */
  run(program: Program, way: Way, often = 64): { difference: Difference | undefined; instructions: number } {
    try {
      if (way.isTrained === true) {
        const training = new Training()
        this.renew(training)
        this.compare(program, { ...way, translator: TRANSLATOR_TRAIN }, often)
        this.renewWithoutCode()
        return this.compare(program, way, often, training)
      }
      return this.compare(program, way, often)
    } catch (cause) {
      const lines = [this.host.lastWords ?? (cause as Error).message]
      this.renew()
      return { difference: { slice: program.schedule.length - 1, lines, before: 0n, after: [0n, 0n] }, instructions: 0 }
    }
  }

  private compare(program: Program, way: Way, often: number, training?: Training) {
    const { kernel } = this
    this.load(program, way)
    if (training !== undefined && training.units().length > 0) {
      const answer = equip(kernel as unknown as WebAssembly.Exports, this.memory, training)
      if (answer !== OK) throw new Error(`The kernel answers ${answer} to what was trained`)
    }
    // What page tables say about pages changes only when pages are accessed.
    kernel.watch((TREES[0] - RAM) >>> 12, (TREES[2] - RAM) >>> 12)
    const how = way.how | (program.world.mode === 'M' ? 0 : FORGETS)
    const slice = kernel.play(0, program.schedule.length, how, often)
    const instructions = kernel.retired()
    if (slice === program.schedule.length) return { difference: undefined, instructions }
    const pcs = [0, 1].map((id) => this.word(this.hart(id), FIELDS.get('pc') as number)) as [bigint, bigint]
    return { difference: { slice, lines: this.lines(), before: kernel.began(), after: pcs }, instructions }
  }

  private load(program: Program, way: Way): void {
    const { kernel } = this
    for (const id of [0, 1]) {
      kernel.make(id, PAGES, id === 0 ? 1 : way.translator, program.heat)
      for (let at = 0; at < program.image.length; at += 4096) {
        const part = program.image.subarray(at, at + 4096)
        if (part.some((byte) => byte !== 0)) this.bytes(kernel.page(id, RAM + at), 4096).set(part)
      }
    }
    const words = new Uint32Array(this.memory.buffer, kernel.schedule() >>> 0, program.schedule.length * 4)
    program.schedule.forEach((slice, i) => {
      words.set([slice.budget, slice.event, slice.first, slice.second], i * (WINDOW_SLICE / 4))
    })
  }

  private bytes(ptr: number, length: number): Uint8Array {
    return new Uint8Array(this.memory.buffer, ptr >>> 0, length)
  }

  private hart(id: number): DataView {
    return new DataView(this.memory.buffer, this.kernel.hart(id) >>> 0, 4096)
  }

  private word(view: DataView, at: number): bigint {
    return view.getBigUint64(at, true)
  }

  private lines(): string[] {
    const [a, b] = [this.hart(0), this.hart(1)]
    const lines: string[] = []
    for (const [name, at] of FIELDS) {
      // From there on all is counted for reports, or derived.
      if (name === 'tlbFills') break
      if (HIDDEN.test(name)) continue
      const [mine, other] = [this.word(a, at), this.word(b, at)]
      if (mine !== other) lines.push(`${name.padEnd(16)}${hex(mine)}  ${hex(other)}`)
    }
    const found = this.kernel.difference(true)
    if (found !== SAME && found >= IN_RAM) lines.push(...this.ramLines(RAM + (found - IN_RAM) * 4096))
    lines.push(...this.exitLines())
    return lines
  }

  /** Exits of the slice from the first one that differs on. */
  private exitLines(): string[] {
    const [a, b] = [0, 1].map((id) => this.exits(id)) as [string[], string[]]
    const first = a.findIndex((exit, i) => exit !== b[i])
    if (first < 0 && a.length === b.length) return []
    const from = first < 0 ? a.length : first
    return [`exit ${from} of this slice`.padEnd(16), `  ${a[from] ?? '(none)'}`, `  ${b[from] ?? '(none)'}`]
  }

  private exits(id: number): string[] {
    const list = new BigUint64Array(this.memory.buffer, this.kernel.exits(id) >>> 0, 1 + 4 * EXITS_MOST)
    return Array.from({ length: Math.min(Number(list[0]), EXITS_MOST) }, (_, i) => {
      const [reason, address, bytes, value] = [1, 2, 3, 4].map((k) => list[4 * i + k] as bigint) as Words
      return `EXIT ${reason}: ${bytes} bytes at ${hex(address)}, ${hex(value)}`
    })
  }

  private ramLines(gpa: number): string[] {
    const [a, b] = [0, 1].map((id) => new DataView(this.memory.buffer, this.kernel.page(id, gpa) >>> 0, 4096)) as [
      DataView,
      DataView,
    ]
    const lines: string[] = []
    for (let at = 0; at < 4096 && lines.length < 8; at += 8) {
      const [mine, other] = [a.getBigUint64(at, true), b.getBigUint64(at, true)]
      if (mine !== other) lines.push(`${`[${(gpa + at).toString(16)}]`.padEnd(16)}${hex(mine)}  ${hex(other)}`)
    }
    return lines
  }
}

export function hex(value: bigint): string {
  return `0x${value.toString(16).padStart(16, '0')}`
}

const HIDDEN = /^(left|guest|index|float|exit|trapCause|trapValue)/

/** Byte offsets of the fields of a hart that are 8 bytes wide, or stand for two of 4; read from where they are declared. */
const FIELDS = fields()

function fields(): Map<string, number> {
  const source = readFileSync(fileURLToPath(new URL('../../../hypervisor/cpu/hart.ts', import.meta.url)), 'utf8')
  const body = source.slice(source.indexOf('export class Hart {'), source.indexOf('  /** Register number `i`'))
  const found = new Map<string, number>()
  let at = 0
  for (const [, name, type] of body.replace(/\/\*\*.*?\*\/|\/\/[^\n]*/gs, '').matchAll(/(\w+): ([ui](?:32|64));/g)) {
    const size = type?.endsWith('64') ? 8 : 4
    at = Math.ceil(at / size) * size
    found.set(name as string, at)
    at += size
  }
  return found
}
