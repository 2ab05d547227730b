// Gives the calls in a wasm function other targets, as functions must have that move to another module.
// (WebAssembly core specification 2.0, section 5.4; relaxed SIMD and threads as their proposals say.)

import { unsigned } from './wasm-image.ts'

const CALL = 0x10
const BR_TABLE = 0x0e
const SIMD = 0xfd
const ATOMIC = 0xfe
const BULK = 0xfc
/** The first of relaxed SIMD's numbers. */
const RELAXED_SIMD = 0x100

/** What follows an instruction: so many LEB128 numbers, then so many bytes. */
type Immediate = readonly [numbers: number, bytes: number]
const NONE: Immediate = [0, 0]
const INDEX: Immediate = [1, 0]
const PLACE: Immediate = [2, 0]

/** The body, its size not in front, with `target` of each function that it calls in that function's place. */
export function relocate(body: Uint8Array, target: (index: number) => number): Uint8Array[] {
  const reader = new Reader(body)
  const parts: Uint8Array[] = []
  let copied = 0
  for (const instruction of instructions(reader)) {
    if (instruction !== CALL) continue
    parts.push(body.subarray(copied, reader.at))
    parts.push(Uint8Array.from(unsigned(target(reader.number()))))
    copied = reader.at
  }
  return [...parts, body.subarray(copied)]
}

/** Has the body an instruction of relaxed SIMD, which an engine may lack? */
export function usesRelaxedSimd(body: Uint8Array): boolean {
  const reader = new Reader(body)
  for (const instruction of instructions(reader)) {
    if (instruction === SIMD && reader.number() >= RELAXED_SIMD) return true
  }
  return false
}

/** The first byte of each instruction, whose rest comes next in the reader, and may be read. */
function* instructions(reader: Reader): Generator<number> {
  for (let groups = reader.number(); groups > 0; groups--) reader.skip([1, 1])
  while (!reader.isAtEnd()) {
    const instruction = reader.byte()
    const rest = reader.at
    yield instruction
    reader.at = rest
    if (instruction === BR_TABLE) {
      for (let labels = reader.number() + 1; labels > 0; labels--) reader.number()
    } else {
      reader.skip(immediateOf(instruction, reader))
    }
  }
}

function immediateOf(instruction: number, reader: Reader): Immediate {
  if (instruction === SIMD) return ofSimd(reader.number())
  // A fence has a byte, all other atomic instructions a place in memory.
  if (instruction === ATOMIC) return reader.number() === 0x03 ? [0, 1] : PLACE
  if (instruction === BULK) return ofBulk(reader.number())
  // block, loop, if; br, br_if; locals, globals and tables; constants, ref.func.
  if (instruction >= 0x02 && instruction <= 0x04) return INDEX
  if (instruction === 0x0c || instruction === 0x0d) return INDEX
  if (instruction >= 0x20 && instruction <= 0x26) return INDEX
  if (instruction === 0x41 || instruction === 0x42 || instruction === 0xd2) return INDEX
  if (instruction === 0x43) return [0, 4]
  if (instruction === 0x44) return [0, 8]
  if (instruction === CALL) return INDEX
  if (instruction === 0x11 || (instruction >= 0x28 && instruction <= 0x3e)) return PLACE
  if (instruction === 0x3f || instruction === 0x40 || instruction === 0xd0) return [0, 1]
  return NONE
}

function ofSimd(number: number): Immediate {
  if (number <= 0x0b || number === 0x5c || number === 0x5d) return PLACE
  if (number === 0x0c || number === 0x0d) return [0, 16]
  if (number >= 0x15 && number <= 0x22) return [0, 1]
  if (number >= 0x54 && number <= 0x5b) return [2, 1]
  return NONE
}

function ofBulk(number: number): Immediate {
  if (number < 8) return NONE
  return number === 9 || number === 11 || number === 13 || number > 14 ? INDEX : PLACE
}

class Reader {
  at = 0

  constructor(private readonly bytes: Uint8Array) {}

  isAtEnd(): boolean {
    return this.at >= this.bytes.length
  }

  byte(): number {
    return this.bytes[this.at++] as number
  }

  /** An unsigned LEB128 number; of longer ones the low 32 bits. */
  number(): number {
    let value = 0
    for (let shift = 0; ; shift += 7) {
      const byte = this.byte()
      if (shift < 32) value |= (byte & 0x7f) << shift
      if (byte < 0x80 || this.at > this.bytes.length) return value >>> 0
    }
  }

  skip([numbers, bytes]: Immediate): void {
    for (let i = 0; i < numbers; i++) this.number()
    this.at += bytes
  }
}
