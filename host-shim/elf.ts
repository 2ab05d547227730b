// Reads what the machine needs of an ELF64 file for RISC-V: the segments to load, the entry, and a symbol's address.
//
// Layout: "Tool Interface Standard ELF 1.2" and its 64-bit form in the System V gABI, chapter 4 and 5. A file may come
// from anywhere, so each offset is checked against the file's length before it is used.

import { E_CORRUPT, E_UNSUPPORTED } from '../hypervisor/abi.ts'
import { MachineError } from './error.ts'

const HEADER_BYTES = 64
const ELFCLASS64 = 2
const ELFDATA2LSB = 1
const EM_RISCV = 243
const ET_EXEC = 2
const ET_DYN = 3
const PT_LOAD = 1
const PROGRAM_HEADER_BYTES = 56
const SECTION_HEADER_BYTES = 64
const SHT_SYMTAB = 2
const SHT_STRTAB = 3
const SHN_UNDEF = 0
const SYMBOL_BYTES = 24

export interface ElfSegment {
  /** Guest-physical address of the first byte. */
  address: number
  /** What the file gives; memory behind it, up to `memoryBytes`, is zero. */
  bytes: Uint8Array
  memoryBytes: number
}

/** Is this an ELF file at all? */
export function isElf(file: Uint8Array): boolean {
  return file.length >= 4 && file[0] === 0x7f && file[1] === 0x45 && file[2] === 0x4c && file[3] === 0x46
}

export class Elf {
  /** Physical address of the first instruction. */
  readonly entry: number
  readonly segments: ElfSegment[]
  private readonly view: DataView
  /** How far from where it was linked the program is loaded. */
  private readonly shift: number

  /**
   * A position-independent program that was linked below `base` (OpenSBI is, at 0) is loaded there instead. Throws
   * MachineError when the file is damaged, or not a 64-bit little-endian RISC-V program.
   */
  constructor(
    private readonly file: Uint8Array,
    private readonly name = 'The ELF file',
    base = 0,
  ) {
    this.view = new DataView(file.buffer, file.byteOffset, file.byteLength)
    if (!isElf(file)) throw this.corrupt('does not begin with the ELF magic')
    if (file.length < HEADER_BYTES) throw this.corrupt('is shorter than an ELF header')
    if (file[4] !== ELFCLASS64 || file[5] !== ELFDATA2LSB || this.u16(18) !== EM_RISCV) {
      throw new MachineError(E_UNSUPPORTED, `${name} is not a 64-bit RISC-V program.`)
    }
    if (this.u16(16) !== ET_EXEC && this.u16(16) !== ET_DYN) {
      throw new MachineError(E_UNSUPPORTED, `${name} is not linked; give the output of the linker.`)
    }
    const segments = this.readSegments()
    const lowest = Math.min(...segments.map(({ address }) => address))
    this.shift = this.u16(16) === ET_DYN && lowest < base ? base : 0
    this.segments = segments.map((segment) => ({ ...segment, address: segment.address + this.shift }))
    const entry = this.physical(this.u64(24))
    if (entry === undefined) throw this.corrupt('starts outside of its own segments')
    this.entry = entry
  }

  /** Virtual address of a symbol as it was linked, or undefined when there is no such symbol or no symbol table. */
  symbol(name: string): number | undefined {
    const wanted = new TextEncoder().encode(`${name}\0`)
    const sections = this.table(this.u64(40), this.u16(60), this.u16(58), SECTION_HEADER_BYTES, 'section headers')
    for (const section of sections) {
      if (this.u32(section + 4) !== SHT_SYMTAB) continue
      const strings = sections[this.u32(section + 40)]
      if (strings === undefined || this.u32(strings + 4) !== SHT_STRTAB) throw this.corrupt('has symbols without names')
      const names = this.part(this.u64(strings + 24), this.u64(strings + 32), 'symbol names')
      const start = this.u64(section + 24)
      const length = this.part(start, this.u64(section + 32), 'symbols').length
      for (let at = start; at + SYMBOL_BYTES <= start + length; at += SYMBOL_BYTES) {
        if (this.u16(at + 6) !== SHN_UNDEF && startsWith(names, this.u32(at), wanted)) return this.u64(at + 8)
      }
    }
    return undefined
  }

  private readSegments(): ElfSegment[] {
    const segments: ElfSegment[] = []
    for (const header of this.programHeaders()) {
      if (this.u32(header) !== PT_LOAD) continue
      const bytes = this.part(this.u64(header + 8), this.u64(header + 32), 'a segment')
      const memoryBytes = this.u64(header + 40)
      if (memoryBytes < bytes.length) throw this.corrupt('has a segment that is larger than its place in memory')
      const address = this.u64(header + 24)
      if (!Number.isFinite(address + memoryBytes)) throw this.corrupt('has a segment outside of any memory')
      segments.push({ address, bytes, memoryBytes })
    }
    if (segments.length === 0) throw this.corrupt('has nothing to load')
    return segments
  }

  /** Where in physical memory a virtual address of the program lies; they differ where it is moved before it runs. */
  physical(address: number): number | undefined {
    for (const header of this.programHeaders()) {
      const offset = address - this.u64(header + 16)
      const isInside = this.u32(header) === PT_LOAD && offset >= 0 && offset < this.u64(header + 40)
      if (isInside) return this.u64(header + 24) + offset + this.shift
    }
    return undefined
  }

  private programHeaders(): number[] {
    return this.table(this.u64(32), this.u16(56), this.u16(54), PROGRAM_HEADER_BYTES, 'program headers')
  }

  /** Offsets of `count` entries of a table, which lies in the file as a whole. */
  private table(offset: number, count: number, stride: number, leastStride: number, what: string): number[] {
    if (count === 0) return []
    if (stride < leastStride) throw this.corrupt(`has ${what} of a wrong size`)
    this.part(offset, count * stride, what)
    return Array.from({ length: count }, (_, i) => offset + i * stride)
  }

  private part(offset: number, length: number, what: string): Uint8Array {
    if (offset + length > this.file.length) throw this.corrupt(`is cut off: ${what} would lie behind its end`)
    return this.file.subarray(offset, offset + length)
  }

  private u16(at: number): number {
    return this.view.getUint16(at, true)
  }

  private u32(at: number): number {
    return this.view.getUint32(at, true)
  }

  /** A u64 as a number. What is too large for one is larger than any file and any guest, so infinity says enough. */
  private u64(at: number): number {
    const value = this.view.getBigUint64(at, true)
    return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : Number.POSITIVE_INFINITY
  }

  private corrupt(why: string): MachineError {
    return new MachineError(E_CORRUPT, `${this.name} ${why}; get or build it anew.`)
  }
}

function startsWith(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  return at + wanted.length <= bytes.length && wanted.every((byte, i) => bytes[at + i] === byte)
}
