// What a machine that trains has translated: collected from its modules (ORIGIN_* of hypervisor/abi.ts), the newest for each
// entry, in the order in which entries became hot.

import * as abi from '../hypervisor/abi.ts'
import { sectionsOf, sizedItems } from './wasm-image.ts'

/** Functions that were translated together, and what they were made from. */
export interface TrainedUnit {
  /** TLB set that the code was made for. */
  set: number
  /** Byte of the entry in its page. */
  place: number
  /** For each function its distance from the entry. */
  offsets: number[]
  /** Bodies of the functions, their sizes not in front. */
  bodies: Uint8Array[]
  /** The number by which they call the first of them; the kernel's function is KERNEL. */
  first: number
  /** TRAINED_RUN records. */
  runs: Uint8Array
  runCount: number
  /** The instruction at the entry: what stands for it in a pack. */
  raw: number
}

export const KERNEL = 0
/** Number of a module's first own function. */
const FIRST = 1

const CUSTOM = 0
const IMPORTS = 2
const CODE = 10
const NAME = 'orlop'
/** Of versions of what begins at one entry so many are kept: the newest may want pages that are not always there. */
const VERSIONS = 3
/** Bytes of code by which entries are told apart: a version may know only so much of its first run. */
const KEY_BYTES = 8

export class Training {
  /** The stamp of the kernel that has made all of it. */
  stamp = 0
  /** The kernel's function that finds out whether the host's multiply-adds round once; there, if it ever translated. */
  probe: Uint8Array | undefined
  private readonly entries = new Map<string, TrainedUnit[]>()

  /** Takes a module that was made for a guest that trains; others have nothing to say. */
  add(module: Uint8Array): void {
    const sections = sectionsOf(module)
    const code = sections.find(({ id }) => id === CODE)
    const named = sections.find(({ id, content }) => id === CUSTOM && isNamed(content))
    if (code === undefined) return
    // Copies, because the rest of the module is not kept.
    const bodies = sizedItems(code.content).map((body) => body.slice())
    // Alone among the modules it needs nothing of the machine.
    if (!sections.some(({ id }) => id === IMPORTS)) this.probe = bodies[0]
    if (named === undefined) return
    // A copy, because a section begins anywhere.
    const content = named.content.slice(1 + NAME.length)
    const view = new DataView(content.buffer)
    this.stamp = view.getUint32(0, true)
    let first = 0
    for (let at = 4; at < content.length; ) {
      const [origin, end] = readOrigin(content, view, at)
      const next = first + origin.offsets.length
      this.keep({ ...origin, bodies: bodies.slice(first, next), first: FIRST + first })
      first = next
      at = end
    }
  }

  /** All units, those first whose entry was hot first; of one entry the newest comes first. */
  units(): TrainedUnit[] {
    return [...this.entries.values()].flat()
  }

  private keep(unit: TrainedUnit): void {
    const first = new DataView(unit.runs.buffer, unit.runs.byteOffset).getUint32(abi.TRAINED_RUN_LENGTH, true)
    const start = unit.runs.subarray(abi.TRAINED_RUN, abi.TRAINED_RUN + Math.min(KEY_BYTES, first))
    const key = [unit.set, unit.place, text(start)].join(' ')
    const others = (this.entries.get(key) ?? []).filter(({ runs }) => text(runs) !== text(unit.runs))
    this.entries.set(key, [unit, ...others].slice(0, VERSIONS))
  }
}

function isNamed(content: Uint8Array): boolean {
  return content[0] === NAME.length && text(content.subarray(1, 1 + NAME.length)) === NAME
}

/** The unit described at `at`, and where the next one is. */
function readOrigin(
  content: Uint8Array,
  view: DataView,
  at: number,
): [unit: Omit<TrainedUnit, 'bodies' | 'first'>, end: number] {
  const u32 = (place: number) => view.getUint32(at + place, true)
  const place = u32(abi.ORIGIN_PLACE)
  const count = u32(abi.ORIGIN_FUNCTIONS)
  const offsets = Array.from({ length: count }, (_, k) => view.getInt32(at + abi.ORIGIN + 4 * k, true))
  const start = at + abi.ORIGIN + 4 * count
  const runCount = u32(abi.ORIGIN_RUNS)
  let end = start
  for (let i = 0; i < runCount; i++) {
    const length = view.getUint32(end + abi.TRAINED_RUN_LENGTH, true)
    end += abi.TRAINED_RUN + Math.ceil(length / 4) * 4
  }
  const runs = content.slice(start, end)
  return [{ set: u32(abi.ORIGIN_SET), place, offsets, runs, runCount, raw: rawOf(runs, place) }, end]
}

/** What stands for the first instruction of the first run: its 16 or 32 bits; of one that lies on two pages the first 16. */
function rawOf(runs: Uint8Array, place: number): number {
  const view = new DataView(runs.buffer, abi.TRAINED_RUN)
  const low = view.getUint16(0, true)
  return (low & 3) === 3 && place !== abi.PAGE_SIZE - 2 ? view.getUint32(0, true) : low
}

function text(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}
