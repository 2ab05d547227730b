// A table of 32-bit RISC-V instructions and an encoder for them.

/** Which operands an instruction has, and where they stand in its word. */
export type Format =
  | 'R' // rd rs1 rs2
  | 'R1' // rd rs1
  | 'I' // rd rs1 imm12
  | 'H5' // rd rs1 shamt5
  | 'H6' // rd rs1 shamt6
  | 'S' // rs1 rs2 imm12
  | 'B' // rs1 rs2 imm13
  | 'U' // rd imm20
  | 'J' // rd imm21
  | 'A' // rd rs1 rs2 aqrl
  | 'F3' // rd rs1 rs2 rm
  | 'F2' // rd rs1 rm
  | 'F4' // rd rs1 rs2 rs3 rm
  | 'C' // rd csr rs1
  | 'Z' // none

/** Operands; those that a format does not name are ignored. */
export interface Operands {
  rd?: number
  rs1?: number
  rs2?: number
  rs3?: number
  /** Immediate, shift amount, aq and rl bits, or number of a control register. */
  imm?: number
  rm?: number
}

export interface Instruction {
  name: string
  format: Format
  bits: number
}

/** name, format, opcode, funct3, funct7 (or what stands there), rs2 where it is part of the operation. */
type Row = [string, Format, number, number?, number?, number?]

const OP = 0x33
const OP32 = 0x3b
const OPIMM = 0x13
const OPIMM32 = 0x1b
const FP = 0x53

// biome-ignore format: a table
const INTEGER: Row[] = [
  ['add', 'R', OP, 0], ['sub', 'R', OP, 0, 0x20], ['sll', 'R', OP, 1], ['slt', 'R', OP, 2], ['sltu', 'R', OP, 3],
  ['xor', 'R', OP, 4], ['srl', 'R', OP, 5], ['sra', 'R', OP, 5, 0x20], ['or', 'R', OP, 6], ['and', 'R', OP, 7],
  ['addw', 'R', OP32, 0], ['subw', 'R', OP32, 0, 0x20], ['sllw', 'R', OP32, 1], ['srlw', 'R', OP32, 5], ['sraw', 'R', OP32, 5, 0x20],
  ['addi', 'I', OPIMM, 0], ['slti', 'I', OPIMM, 2], ['sltiu', 'I', OPIMM, 3], ['xori', 'I', OPIMM, 4], ['ori', 'I', OPIMM, 6],
  ['andi', 'I', OPIMM, 7], ['slli', 'H6', OPIMM, 1], ['srli', 'H6', OPIMM, 5], ['srai', 'H6', OPIMM, 5, 0x20],
  ['addiw', 'I', OPIMM32, 0], ['slliw', 'H5', OPIMM32, 1], ['srliw', 'H5', OPIMM32, 5], ['sraiw', 'H5', OPIMM32, 5, 0x20],
  ['lui', 'U', 0x37], ['auipc', 'U', 0x17], ['jal', 'J', 0x6f], ['jalr', 'I', 0x67, 0],
  ['beq', 'B', 0x63, 0], ['bne', 'B', 0x63, 1], ['blt', 'B', 0x63, 4], ['bge', 'B', 0x63, 5], ['bltu', 'B', 0x63, 6], ['bgeu', 'B', 0x63, 7],
  ['lb', 'I', 0x03, 0], ['lh', 'I', 0x03, 1], ['lw', 'I', 0x03, 2], ['ld', 'I', 0x03, 3], ['lbu', 'I', 0x03, 4], ['lhu', 'I', 0x03, 5], ['lwu', 'I', 0x03, 6],
  ['sb', 'S', 0x23, 0], ['sh', 'S', 0x23, 1], ['sw', 'S', 0x23, 2], ['sd', 'S', 0x23, 3],
  ['fence', 'I', 0x0f, 0], ['fence.i', 'I', 0x0f, 1],
]

// biome-ignore format: a table
const MULTIPLY: Row[] = [
  ['mul', 'R', OP, 0, 1], ['mulh', 'R', OP, 1, 1], ['mulhsu', 'R', OP, 2, 1], ['mulhu', 'R', OP, 3, 1],
  ['div', 'R', OP, 4, 1], ['divu', 'R', OP, 5, 1], ['rem', 'R', OP, 6, 1], ['remu', 'R', OP, 7, 1],
  ['mulw', 'R', OP32, 0, 1], ['divw', 'R', OP32, 4, 1], ['divuw', 'R', OP32, 5, 1], ['remw', 'R', OP32, 6, 1], ['remuw', 'R', OP32, 7, 1],
]

// biome-ignore format: a table
const BITS: Row[] = [
  ['sh1add', 'R', OP, 2, 0x10], ['sh2add', 'R', OP, 4, 0x10], ['sh3add', 'R', OP, 6, 0x10], ['add.uw', 'R', OP32, 0, 4],
  ['sh1add.uw', 'R', OP32, 2, 0x10], ['sh2add.uw', 'R', OP32, 4, 0x10], ['sh3add.uw', 'R', OP32, 6, 0x10], ['slli.uw', 'H6', OPIMM32, 1, 4],
  ['andn', 'R', OP, 7, 0x20], ['orn', 'R', OP, 6, 0x20], ['xnor', 'R', OP, 4, 0x20],
  ['clz', 'R1', OPIMM, 1, 0x30, 0], ['ctz', 'R1', OPIMM, 1, 0x30, 1], ['cpop', 'R1', OPIMM, 1, 0x30, 2], ['sext.b', 'R1', OPIMM, 1, 0x30, 4], ['sext.h', 'R1', OPIMM, 1, 0x30, 5],
  ['clzw', 'R1', OPIMM32, 1, 0x30, 0], ['ctzw', 'R1', OPIMM32, 1, 0x30, 1], ['cpopw', 'R1', OPIMM32, 1, 0x30, 2], ['zext.h', 'R1', OP32, 4, 4, 0],
  ['min', 'R', OP, 4, 5], ['minu', 'R', OP, 5, 5], ['max', 'R', OP, 6, 5], ['maxu', 'R', OP, 7, 5],
  ['rol', 'R', OP, 1, 0x30], ['ror', 'R', OP, 5, 0x30], ['rori', 'H6', OPIMM, 5, 0x30], ['rolw', 'R', OP32, 1, 0x30], ['rorw', 'R', OP32, 5, 0x30], ['roriw', 'H5', OPIMM32, 5, 0x30],
  ['orc.b', 'R1', OPIMM, 5, 0x14, 7], ['rev8', 'R1', OPIMM, 5, 0x35, 0x18],
  ['clmul', 'R', OP, 1, 5], ['clmulr', 'R', OP, 2, 5], ['clmulh', 'R', OP, 3, 5],
  ['bclr', 'R', OP, 1, 0x24], ['bext', 'R', OP, 5, 0x24], ['binv', 'R', OP, 1, 0x34], ['bset', 'R', OP, 1, 0x14],
  ['bclri', 'H6', OPIMM, 1, 0x24], ['bexti', 'H6', OPIMM, 5, 0x24], ['binvi', 'H6', OPIMM, 1, 0x34], ['bseti', 'H6', OPIMM, 1, 0x14],
  ['czero.eqz', 'R', OP, 5, 7], ['czero.nez', 'R', OP, 7, 7],
]

const AMO_CODES: [string, number][] = [
  ['amoadd', 0],
  ['amoswap', 1],
  ['amoxor', 4],
  ['amoor', 8],
  ['amoand', 12],
  ['amomin', 16],
  ['amomax', 20],
  ['amominu', 24],
  ['amomaxu', 28],
]
const ATOMIC: Row[] = [
  ['lr.w', 'A', 0x2f, 2, 2 << 2],
  ['lr.d', 'A', 0x2f, 3, 2 << 2],
  ['sc.w', 'A', 0x2f, 2, 3 << 2],
  ['sc.d', 'A', 0x2f, 3, 3 << 2],
  ...AMO_CODES.flatMap(([name, code]): Row[] => [
    [`${name}.w`, 'A', 0x2f, 2, code << 2],
    [`${name}.d`, 'A', 0x2f, 3, code << 2],
  ]),
]

/** The float instructions of one width; `width` is the two format bits, `memory` the funct3 of its load and store. */
function floats(suffix: string, width: number): Row[] {
  const s = suffix
  // biome-ignore format: a table
  return [
    [`fadd.${s}`, 'F3', FP, 0, width], [`fsub.${s}`, 'F3', FP, 0, 4 | width], [`fmul.${s}`, 'F3', FP, 0, 8 | width], [`fdiv.${s}`, 'F3', FP, 0, 12 | width],
    [`fsqrt.${s}`, 'F2', FP, 0, 0x2c | width, 0],
    [`fsgnj.${s}`, 'R', FP, 0, 0x10 | width], [`fsgnjn.${s}`, 'R', FP, 1, 0x10 | width], [`fsgnjx.${s}`, 'R', FP, 2, 0x10 | width],
    [`fmin.${s}`, 'R', FP, 0, 0x14 | width], [`fmax.${s}`, 'R', FP, 1, 0x14 | width],
    [`fle.${s}`, 'R', FP, 0, 0x50 | width], [`flt.${s}`, 'R', FP, 1, 0x50 | width], [`feq.${s}`, 'R', FP, 2, 0x50 | width],
    [`fclass.${s}`, 'R1', FP, 1, 0x70 | width, 0],
    [`fcvt.w.${s}`, 'F2', FP, 0, 0x60 | width, 0], [`fcvt.wu.${s}`, 'F2', FP, 0, 0x60 | width, 1],
    [`fcvt.l.${s}`, 'F2', FP, 0, 0x60 | width, 2], [`fcvt.lu.${s}`, 'F2', FP, 0, 0x60 | width, 3],
    [`fcvt.${s}.w`, 'F2', FP, 0, 0x68 | width, 0], [`fcvt.${s}.wu`, 'F2', FP, 0, 0x68 | width, 1],
    [`fcvt.${s}.l`, 'F2', FP, 0, 0x68 | width, 2], [`fcvt.${s}.lu`, 'F2', FP, 0, 0x68 | width, 3],
    [`fmadd.${s}`, 'F4', 0x43, 0, width], [`fmsub.${s}`, 'F4', 0x47, 0, width], [`fnmsub.${s}`, 'F4', 0x4b, 0, width], [`fnmadd.${s}`, 'F4', 0x4f, 0, width],
    [`fli.${s}`, 'R1', FP, 0, 0x78 | width, 1],
    [`fminm.${s}`, 'R', FP, 2, 0x14 | width], [`fmaxm.${s}`, 'R', FP, 3, 0x14 | width],
    [`fround.${s}`, 'F2', FP, 0, 0x20 | width, 4], [`froundnx.${s}`, 'F2', FP, 0, 0x20 | width, 5],
    [`fleq.${s}`, 'R', FP, 4, 0x50 | width], [`fltq.${s}`, 'R', FP, 5, 0x50 | width],
  ]
}

// biome-ignore format: a table
const FLOAT: Row[] = [
  ...floats('s', 0), ...floats('d', 1),
  ['fmv.x.w', 'R1', FP, 0, 0x70, 0], ['fmv.w.x', 'R1', FP, 0, 0x78, 0], ['fmv.x.d', 'R1', FP, 0, 0x71, 0], ['fmv.d.x', 'R1', FP, 0, 0x79, 0],
  ['fcvt.s.d', 'F2', FP, 0, 0x20, 1], ['fcvt.d.s', 'F2', FP, 0, 0x21, 0], ['fcvtmod.w.d', 'R1', FP, 1, 0x61, 8],
  ['flw', 'I', 0x07, 2], ['fld', 'I', 0x07, 3], ['fsw', 'S', 0x27, 2], ['fsd', 'S', 0x27, 3],
  ['flh', 'I', 0x07, 1], ['fsh', 'S', 0x27, 1], ['fmv.x.h', 'R1', FP, 0, 0x72, 0], ['fmv.h.x', 'R1', FP, 0, 0x7a, 0],
  ['fcvt.s.h', 'F2', FP, 0, 0x20, 2], ['fcvt.h.s', 'F2', FP, 0, 0x22, 0], ['fcvt.d.h', 'F2', FP, 0, 0x21, 2], ['fcvt.h.d', 'F2', FP, 0, 0x22, 1],
]

// biome-ignore format: a table
const SYSTEM: Row[] = [
  ['csrrw', 'C', 0x73, 1], ['csrrs', 'C', 0x73, 2], ['csrrc', 'C', 0x73, 3], ['csrrwi', 'C', 0x73, 5], ['csrrsi', 'C', 0x73, 6], ['csrrci', 'C', 0x73, 7],
  ['ecall', 'Z', 0x73], ['ebreak', 'Z', 0x73, 0, 0, 1], ['sret', 'Z', 0x73, 0, 0x08, 2], ['mret', 'Z', 0x73, 0, 0x18, 2], ['wfi', 'Z', 0x73, 0, 0x08, 5],
  ['wrs.nto', 'Z', 0x73, 0, 0, 0x0d], ['wrs.sto', 'Z', 0x73, 0, 0, 0x1d],
  ['sfence.vma', 'R', 0x73, 0, 0x09], ['sinval.vma', 'R', 0x73, 0, 0x0b], ['sfence.w.inval', 'Z', 0x73, 0, 0x0c, 0], ['sfence.inval.ir', 'Z', 0x73, 0, 0x0c, 1],
  ['cbo.inval', 'R1', 0x0f, 2, 0, 0], ['cbo.clean', 'R1', 0x0f, 2, 0, 1], ['cbo.flush', 'R1', 0x0f, 2, 0, 2], ['cbo.zero', 'R1', 0x0f, 2, 0, 4],
]

const TABLE = new Map<string, Instruction>()
for (const [name, format, opcode, funct3 = 0, funct7 = 0, rs2 = 0] of [
  ...INTEGER,
  ...MULTIPLY,
  ...BITS,
  ...ATOMIC,
  ...FLOAT,
  ...SYSTEM,
]) {
  TABLE.set(name, { name, format, bits: (opcode | (funct3 << 12) | (rs2 << 20) | (funct7 << 25)) >>> 0 })
}

const names = (rows: Row[]) => rows.map(([name]) => name)

/** The names of the instructions of each part of the instruction set. */
export const SETS = {
  integer: names(INTEGER),
  multiply: names(MULTIPLY),
  bits: names(BITS),
  atomic: names(ATOMIC),
  float: names(FLOAT),
  system: names(SYSTEM),
}

/** The description of an instruction by name. */
export function describe(name: string): Instruction {
  const instruction = TABLE.get(name)
  if (instruction === undefined) throw new Error(`No instruction is called ${name}`)
  return instruction
}

/** The word of an instruction. */
export function encode(name: string, operands: Operands = {}): number {
  const { format, bits } = describe(name)
  const { rd = 0, rs1 = 0, rs2 = 0, rs3 = 0, imm = 0, rm = 0 } = operands
  const left = rd << 7
  const first = rs1 << 15
  const second = rs2 << 20
  const word = () => {
    switch (format) {
      case 'R':
        return left | first | second
      case 'R1':
        return left | first
      case 'I':
        return left | first | ((imm & 0xfff) << 20)
      case 'H5':
        return left | first | ((imm & 31) << 20)
      case 'H6':
        return left | first | ((imm & 63) << 20)
      case 'S':
        return first | second | ((imm & 31) << 7) | (((imm >> 5) & 0x7f) << 25)
      case 'B':
        return (
          first |
          second |
          (((imm >> 11) & 1) << 7) |
          (((imm >> 1) & 15) << 8) |
          (((imm >> 5) & 63) << 25) |
          (((imm >> 12) & 1) << 31)
        )
      case 'U':
        return left | (imm << 12)
      case 'J':
        return (
          left |
          (((imm >> 12) & 0xff) << 12) |
          (((imm >> 11) & 1) << 20) |
          (((imm >> 1) & 0x3ff) << 21) |
          (((imm >> 20) & 1) << 31)
        )
      case 'A':
        return left | first | second | ((imm & 3) << 25)
      case 'F3':
        return left | first | second | (rm << 12)
      case 'F2':
        return left | first | (rm << 12)
      case 'F4':
        return left | first | second | (rs3 << 27) | (rm << 12)
      case 'C':
        return left | first | (imm << 20)
      case 'Z':
        return 0
    }
  }
  return (bits | word()) >>> 0
}

/** The 16-bit parcels of instructions, 16 or 32 bits wide. */
export function parcelsOf(words: number[]): number[] {
  return words.flatMap((word) => ((word & 3) === 3 ? [word & 0xffff, word >>> 16] : [word & 0xffff]))
}
