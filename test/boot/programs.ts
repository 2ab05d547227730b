// The test guests of guests/programs: built when they are first needed, and run.

import { fileURLToPath } from 'node:url'
import { assemble } from '../support/asm.ts'
import { requireTool } from '../support/tools.ts'

const source = (name: string) => fileURLToPath(new URL(`../../guests/programs/${name}`, import.meta.url))

/** RAM of the guests that these programs run in; some look for its end. */
export const MEMORY_BYTES = 16 * 2 ** 20

/** Arguments of `orlop run` for so much memory. */
export const WITH_MEMORY = ['--memory', `${MEMORY_BYTES / 2 ** 20}M`]

/** Where a kernel lies in RAM (text_offset in kernel.S). */
const KERNEL_BASE = 0x8020_0000

export function canBuild(): boolean {
  return requireTool('riscv64-unknown-elf-gcc', 'gcc-riscv64-unknown-elf')
}

/** A machine-mode program in C, as an ELF file for --firmware. */
export function firmware(name: string, define: Record<string, number> = {}): string {
  const sources = [source('start.S'), source(`${name}.c`)]
  return assemble({ sources, includes: [source('machine.h')], define: { MEMORY: MEMORY_BYTES, ...define } }).elf
}

/** A machine-mode program in assembler, raw. */
export function rawFirmware(name: string, define: Record<string, number> = {}): string {
  return assemble({ sources: [source(`${name}.S`)], define }).flat
}

/** A supervisor-mode program in C, as an Image for --kernel. */
export function kernel(name: string, define: Record<string, number> = {}): string {
  const sources = [source('kernel.S'), source(`${name}.c`)]
  const all = { MEMORY: MEMORY_BYTES, ...define }
  return assemble({ sources, includes: [source('machine.h')], base: KERNEL_BASE, define: all }).flat
}
