// What both engines made of the same start, read from the transfer window (DIVERGENCE_* in hypervisor/abi.ts).

import * as abi from '../hypervisor/abi.ts'

/** A hart as `guestReadHart` writes it. */
export interface HartState {
  /** x0 … x31, f0 … f31. */
  integers: bigint[]
  floats: bigint[]
  pc: bigint
  privilege: bigint
  fcsr: bigint
  /** Instructions retired. */
  retired: bigint
}

export interface Divergence {
  /** Where both began, guest-virtual. */
  pc: bigint
  /** Instructions that translated code said it had retired. */
  instructions: number
  /** Where memory differs: address of the first byte, and the u64 there after the interpreter and after translated code. */
  memory?: { address: bigint; expected: bigint; found: bigint }
  before: HartState
  interpreted: HartState
  translated: HartState
  /** The guest's code from `pc` on, to the end of its page. */
  code: Uint8Array
}

/** Reads what `divergence` has just written to `window`. */
export function readDivergence(window: Uint8Array): Divergence {
  const view = new DataView(window.buffer, window.byteOffset, window.byteLength)
  const u32 = (at: number) => view.getUint32(at, true)
  const u64 = (at: number) => view.getBigUint64(at, true)
  const registers = (at: number) => Array.from({ length: 32 }, (_, i) => u64(at + 8 * i))
  const hart = (at: number) => ({
    integers: registers(at),
    floats: registers(at + 256),
    pc: u64(at + 512),
    privilege: u64(at + 520),
    fcsr: u64(at + 528),
    retired: u64(at + 536),
  })
  const memory = {
    address: u64(abi.DIVERGENCE_ADDRESS),
    expected: u64(abi.DIVERGENCE_EXPECTED),
    found: u64(abi.DIVERGENCE_FOUND),
  }
  return {
    pc: u64(abi.DIVERGENCE_PC),
    instructions: Number(u64(abi.DIVERGENCE_INSTRUCTIONS)),
    ...(u32(abi.DIVERGENCE_KIND) === 1 && { memory }),
    before: hart(abi.DIVERGENCE_BEFORE),
    interpreted: hart(abi.DIVERGENCE_INTERPRETED),
    translated: hart(abi.DIVERGENCE_TRANSLATED),
    // A copy that belongs to nobody else, because the window is shared memory.
    code: window.slice(abi.DIVERGENCE_CODE, abi.DIVERGENCE_CODE + u32(abi.DIVERGENCE_CODE_BYTES)),
  }
}
