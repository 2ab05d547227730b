// Writes machine code into a guest's RAM image: at any address, with labels that may come later.

import { encode } from '../../lockstep/encode.ts'

/** A place in the code; `address` is known once it has been set. */
export interface Label {
  address: number | undefined
}

/** An instruction of the image, for reports and for cutting a failure down. */
export interface Placed {
  /** Guest-physical. */
  gpa: number
  bytes: 2 | 4
}

type Kind = 'B' | 'J' | 'CB' | 'CJ' | 'PC' | 'WORD'

interface Fixup {
  kind: Kind
  /** Where the bytes lie, and for which address they were written. */
  gpa: number
  gva: number
  label: Label
}

const OUT_OF_CODE = 'The fuzzer wrote outside of its image'

/** Code goes where `at` says; virtual and physical addresses differ where code is to be mapped elsewhere. */
export class Assembler {
  readonly bytes: Uint8Array
  readonly placed: Placed[] = []
  private readonly view: DataView
  private readonly fixups: Fixup[] = []
  private gpa: number
  /** Added to a physical address to make the virtual one. */
  private shift = 0

  constructor(
    readonly base: number,
    size: number,
  ) {
    this.bytes = new Uint8Array(size)
    this.view = new DataView(this.bytes.buffer)
    this.gpa = base
  }

  /** Goes on at this physical address, for code that will be seen at `gva`. */
  at(gpa: number, gva = gpa): void {
    this.gpa = gpa
    this.shift = gva - gpa
  }

  /** The virtual address of what comes next. */
  get here(): number {
    return this.gpa + this.shift
  }

  label(): Label {
    return { address: undefined }
  }

  /** A label for what comes next. */
  mark(label: Label = this.label()): Label {
    label.address = this.here
    return label
  }

  /** An instruction of 16 or 32 bits, as its low bits say. */
  emit(word: number): void {
    const bytes = (word & 3) === 3 ? 4 : 2
    const at = this.offset(this.gpa, bytes)
    this.view.setUint16(at, word & 0xffff, true)
    if (bytes === 4) this.view.setUint16(at + 2, word >>> 16, true)
    this.placed.push({ gpa: this.gpa, bytes })
    this.gpa += bytes
  }

  op(name: string, operands: Parameters<typeof encode>[1] = {}): void {
    this.emit(encode(name, operands))
  }

  /** A branch, jump, or 16-bit branch or jump, whose target is `label`. */
  jump(word: number, label: Label): void {
    const kind = (word & 3) === 3 ? ((word & 0x7f) === 0x6f ? 'J' : 'B') : (word & 0xc000) === 0xc000 ? 'CB' : 'CJ'
    this.fix(kind, label)
    this.emit(word)
  }

  /** auipc and an instruction of format I that adds the rest: `addi` for an address, `jalr` for a call, a load. */
  reach(rd: number, label: Label, second: number): void {
    this.fix('PC', label)
    this.op('auipc', { rd })
    this.emit(second)
  }

  /** rd = address of label. */
  address(rd: number, label: Label): void {
    this.reach(rd, label, encode('addi', { rd, rs1: rd }))
  }

  /** rd = any 32-bit value, sign-extended. */
  constant(rd: number, value: number): void {
    const low = (value << 20) >> 20
    this.op('lui', { rd, imm: ((value - low) >>> 12) & 0xfffff })
    this.op('addiw', { rd, rs1: rd, imm: low })
  }

  /** A word of data with a label's address. */
  word(gpa: number, label: Label): void {
    this.fixups.push({ kind: 'WORD', gpa, gva: gpa, label })
  }

  set64(gpa: number, value: bigint): void {
    this.view.setBigUint64(this.offset(gpa, 8), BigInt.asUintN(64, value), true)
  }

  set32(gpa: number, value: number): void {
    this.view.setUint32(this.offset(gpa, 4), value, true)
  }

  /** Half of an instruction of 32 bits, the rest of which lies elsewhere. */
  half(value: number): void {
    this.view.setUint16(this.offset(this.gpa, 2), value, true)
    this.gpa += 2
  }

  /** Puts the addresses of labels where they are used. A target out of reach becomes the next instruction. */
  finish(): void {
    for (const { kind, gpa, gva, label } of this.fixups) {
      const target = label.address ?? gva
      const at = this.offset(gpa, 2)
      const distance = target - gva
      if (kind === 'WORD') {
        this.set64(gpa, BigInt(target))
      } else if (kind === 'PC') {
        const low = (distance << 20) >> 20
        this.or32(at, encode('auipc', { imm: ((distance - low) >>> 12) & 0xfffff }) & ~0x7f)
        this.or32(at + 4, (low & 0xfff) << 20)
      } else if (kind === 'B') {
        this.or32(at, encode('beq', { imm: reachable(distance, 4096, 4) }) & ~0x7f)
      } else if (kind === 'J') {
        this.or32(at, encode('jal', { imm: reachable(distance, 1 << 20, 4) }) & ~0x7f)
      } else {
        const near = reachable(distance, kind === 'CB' ? 256 : 2048, 2)
        this.view.setUint16(at, this.view.getUint16(at, true) | (kind === 'CB' ? branch16(near) : jump16(near)), true)
      }
    }
  }

  private fix(kind: Kind, label: Label): void {
    this.fixups.push({ kind, gpa: this.gpa, gva: this.here, label })
  }

  private or32(at: number, bits: number): void {
    this.view.setUint32(at, (this.view.getUint32(at, true) | bits) >>> 0, true)
  }

  private offset(gpa: number, bytes: number): number {
    const offset = gpa - this.base
    if (offset < 0 || offset + bytes > this.bytes.length) throw new Error(OUT_OF_CODE)
    return offset
  }
}

function reachable(distance: number, limit: number, next: number): number {
  return distance >= -limit && distance < limit ? distance : next
}

const field = (value: number, from: number, width: number, to: number) => ((value >> from) & ((1 << width) - 1)) << to

/** The distance as c.beqz and c.bnez hold it. */
function branch16(d: number): number {
  return field(d, 8, 1, 12) | field(d, 3, 2, 10) | field(d, 6, 2, 5) | field(d, 1, 2, 3) | field(d, 5, 1, 2)
}

/** The distance as c.j holds it. */
function jump16(d: number): number {
  return (
    field(d, 11, 1, 12) |
    field(d, 4, 1, 11) |
    field(d, 8, 2, 9) |
    field(d, 10, 1, 8) |
    field(d, 6, 1, 7) |
    field(d, 7, 1, 6) |
    field(d, 1, 3, 3) |
    field(d, 5, 1, 2)
  )
}
