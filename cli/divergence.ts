// What `orlop run --translator verify` tells when both engines disagree: their states side by side, and the code.

import type { Divergence, HartState } from '../host-shim/divergence.ts'
import { disassemble } from './disassemble.ts'

/** Numbers are hexadecimal texts, because JSON cannot hold 64 bits. */
export interface DivergenceReport {
  /** Where both began. */
  pc: string
  /** Instructions that translated code said it had done. */
  instructions: number
  /** Where memory differs, and what is there after each; null: only registers differ. */
  memory: { address: string; interpreter: string; translated: string } | null
  /** The program counter, and every register that differs. */
  registers: { name: string; before: string; interpreter: string; translated: string }[]
  /** The guest's code from `pc` on; `at` says who ended there. */
  code: { pc: string; text: string; at: ('interpreter' | 'translated')[] }[]
}

/** So many instructions are shown, and more if an engine ended further on. */
const LINES = 64

// biome-ignore format: a table
const INTEGERS = [
  'zero', 'ra', 'sp', 'gp', 'tp', 't0', 't1', 't2', 's0', 's1', 'a0', 'a1', 'a2', 'a3', 'a4', 'a5',
  'a6', 'a7', 's2', 's3', 's4', 's5', 's6', 's7', 's8', 's9', 's10', 's11', 't3', 't4', 't5', 't6',
]
// biome-ignore format: a table
const FLOATS = [
  'ft0', 'ft1', 'ft2', 'ft3', 'ft4', 'ft5', 'ft6', 'ft7', 'fs0', 'fs1', 'fa0', 'fa1', 'fa2', 'fa3', 'fa4', 'fa5',
  'fa6', 'fa7', 'fs2', 'fs3', 'fs4', 'fs5', 'fs6', 'fs7', 'fs8', 'fs9', 'fs10', 'fs11', 'ft8', 'ft9', 'ft10', 'ft11',
]

export function reportDivergence(divergence: Divergence): DivergenceReport {
  const { pc, instructions, memory, interpreted, translated } = divergence
  const before = registersOf(divergence.before)
  const after = registersOf(translated)
  const lines = [...disassemble(divergence.code.subarray(0, lengthOf(divergence.code)), pc)]
  const last = lines.findLastIndex((line) => line.pc === interpreted.pc || line.pc === translated.pc)
  return {
    pc: hex(pc),
    instructions,
    memory:
      memory === undefined
        ? null
        : { address: hex(memory.address), interpreter: hex(memory.expected), translated: hex(memory.found) },
    registers: [...registersOf(interpreted)]
      .filter(([name, value]) => name === 'pc' || value !== after.get(name))
      .map(([name, value]) => ({
        name,
        before: hex(before.get(name) as bigint),
        interpreter: hex(value),
        translated: hex(after.get(name) as bigint),
      })),
    code: lines.slice(0, Math.max(LINES, last + 1)).map((line) => ({
      pc: hex(line.pc),
      text: line.text,
      at: [
        ...(line.pc === interpreted.pc ? ['interpreter' as const] : []),
        ...(line.pc === translated.pc ? ['translated' as const] : []),
      ],
    })),
  }
}

export function divergenceAsText({ pc, instructions, memory, registers, code }: DivergenceReport): string {
  const row = (...cells: string[]) => `${cells.map((cell) => cell.padEnd(20)).join('')}`.trimEnd()
  const lines = [`Both began at ${pc}; translated code says that it has done ${instructions} instructions.`]
  if (memory !== null) {
    const { address, interpreter, translated } = memory
    lines.push(
      `Memory differs from ${address} on: ${interpreter} after the interpreter, ${translated} after the other.`,
    )
  }
  lines.push('', row('', 'before', 'interpreter', 'translated'))
  for (const { name, before, interpreter, translated } of registers) {
    lines.push(row(name, before, interpreter, translated))
  }
  lines.push('')
  for (const { pc: at, text, at: ended } of code) {
    const mark = ended.length === 0 ? '' : `  <- ${ended.join(' and ')}`
    lines.push(`${at.padEnd(20)}${text}${mark}`)
  }
  return `${lines.join('\n')}\n`
}

/** Bytes of code without the zeroes behind it. */
function lengthOf(code: Uint8Array): number {
  return 4 * Math.ceil((code.findLastIndex((byte) => byte !== 0) + 1) / 4)
}

/** Registers by name, in the order in which they are shown. */
function registersOf(hart: HartState): Map<string, bigint> {
  return new Map([
    ['pc', hart.pc],
    ...hart.integers.map((value, i): [string, bigint] => [`x${i} ${INTEGERS[i]}`, value]),
    ...hart.floats.map((value, i): [string, bigint] => [`f${i} ${FLOATS[i]}`, value]),
    ['privilege', hart.privilege],
    ['fcsr', hart.fcsr],
    ['retired', hart.retired],
  ])
}

function hex(value: bigint): string {
  return `0x${value.toString(16)}`
}
