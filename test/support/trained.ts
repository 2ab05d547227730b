// Gives a kernel that runs in a test the trained code of another run, as an image for WASI has it from the start.

import * as abi from '../../hypervisor/abi.ts'
import { relocate } from '../../host-shim/relocate.ts'
import { packOf } from '../../host-shim/trained-image.ts'
import { KERNEL, type TrainedUnit, type Training } from '../../host-shim/training.ts'
import { unsigned } from '../../host-shim/wasm-image.ts'

const WASM_PAGE = 65536
const I32 = 0x7f
const I64 = 0x7e

/** The exports that are needed of a kernel. */
interface Door {
  table: WebAssembly.Table
  callCode: () => void
  codeTrained(ptr: number, length: number): number
}

/** What the kernel answers to a pack of these units, which lies behind all memory that it has. */
export function equip(exports: WebAssembly.Exports, memory: WebAssembly.Memory, training: Training): number {
  const { table, callCode, codeTrained } = exports as unknown as Door
  const units = training.units()
  const count = units.reduce((sum, { bodies }) => sum + bodies.length, 0)
  table.grow(Math.max(0, abi.TRAINED_TABLE + count - table.length))
  let place = abi.TRAINED_TABLE
  for (const unit of units) {
    const module = new WebAssembly.Module(moduleOf(unit))
    const instance = new WebAssembly.Instance(module, { o: { c: callCode, m: memory } })
    for (let k = 0; k < unit.bodies.length; k++) table.set(place++, instance.exports[k] as () => void)
  }
  const pack = packOf(units, training.stamp, 0)
  const ptr = memory.grow(Math.ceil(pack.length / WASM_PAGE)) * WASM_PAGE
  new Uint8Array(memory.buffer, ptr, pack.length).set(pack)
  return codeTrained(ptr, pack.length)
}

/** A module of its own with the functions of a unit, which it exports by number. */
function moduleOf({ bodies, first }: TrainedUnit): Uint8Array<ArrayBuffer> {
  const own = (index: number) => (index === KERNEL ? 0 : 1 + index - first)
  const functions = bodies.map((body) => relocate(body, own).flatMap((part) => [...part]))
  const name = (text: string) => [...unsigned(text.length), ...Buffer.from(text)]
  const vector = (items: number[][]) => [...unsigned(items.length), ...items.flat()]
  const section = (id: number, content: number[]) => [id, ...unsigned(content.length), ...content]
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, vector([[0x60, 4, I32, I32, I64, I32, 1, I32]])),
    ...section(
      2,
      vector([
        [...name('o'), ...name('c'), 0, 0],
        [...name('o'), ...name('m'), 2, 3, 1, ...unsigned(65536)],
      ]),
    ),
    ...section(3, vector(functions.map(() => [0]))),
    ...section(7, vector(functions.map((_, k) => [...name(`${k}`), 0, ...unsigned(1 + k)]))),
    ...section(10, vector(functions.map((body) => [...unsigned(body.length), ...body]))),
  ])
}
