// Kernel images for tests: headers without a kernel behind them, and the program of calls.S with its list of calls.

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { assemble, type Program } from '../support/asm.ts'

/** Where the test kernels lie: start of RAM and text_offset. */
export const KERNEL_BASE = 0x8020_0000

/** A RISC-V Image of so many bytes, with nothing but its header filled in. */
export function image(
  bytes: number,
  header: { textOffset?: bigint; imageSize?: bigint; magic?: number } = {},
): Uint8Array {
  const file = new Uint8Array(bytes)
  const view = new DataView(file.buffer)
  view.setBigUint64(8, header.textOffset ?? 0x20_0000n, true)
  view.setBigUint64(16, header.imageSize ?? BigInt(bytes), true)
  view.setUint32(56, header.magic ?? 0x0543_5352, true)
  return file
}

/** The same with the PE header of a kernel that is a UEFI program too: one section that ends at `sectionEnd`. */
export function peImage(bytes: number, sectionEnd: number): Uint8Array {
  const file = image(bytes)
  const view = new DataView(file.buffer)
  view.setUint16(0, 0x5a4d, true)
  view.setUint32(60, 64, true)
  view.setUint32(64, 0x4550, true)
  view.setUint16(64 + 6, 1, true)
  view.setUint16(64 + 20, 160, true)
  view.setUint32(64 + 24 + 160 + 16, sectionEnd - 4096, true)
  view.setUint32(64 + 24 + 160 + 20, 4096, true)
  return file
}

/** One SBI call, or one of calls.S's own routines. */
export type Call =
  | { extension: number; function?: number; args?: (number | bigint)[] }
  | { routine: string; args?: (number | bigint)[] }

/** The program of calls.S. */
export function callsProgram(): Program {
  return assemble({ sources: [fileURLToPath(new URL('calls.S', import.meta.url))], base: KERNEL_BASE })
}

/** The program with a list of calls behind it; arguments that are symbols of the program stand as their addresses. */
export function callsImage(calls: Call[]): Uint8Array {
  const program = callsProgram()
  const code = readFileSync(program.flat)
  const list = new BigUint64Array(1 + 8 * calls.length)
  list[0] = BigInt(calls.length)
  calls.forEach((call, i) => {
    const isOwn = 'routine' in call
    list[1 + 8 * i] = isOwn ? 0xffff_ffff_ffff_ffffn : BigInt(call.extension)
    list[2 + 8 * i] = isOwn ? BigInt(addressOf(program, call.routine)) : BigInt(call.function ?? 0)
    call.args?.forEach((value, k) => {
      list[3 + 8 * i + k] = BigInt.asUintN(64, BigInt(value))
    })
  })
  const at = addressOf(program, 'calls') - KERNEL_BASE
  const file = new Uint8Array(at + list.byteLength)
  file.set(code)
  file.set(new Uint8Array(list.buffer), at)
  return file
}

/** Address of a symbol of the program. */
export function addressOf(program: Program, symbol: string): number {
  const address = program.symbols.get(symbol)
  if (address === undefined) throw new Error(`calls.S has no ${symbol}`)
  return address
}
