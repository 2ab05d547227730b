// The instructions of our hart, as GNU objdump calls them with "-M no-aliases": RV64GC, Zba, Zbb, Zbc, Zbs, Zicond, Zfa, Zfhmin,
// and what belongs to the privileged architecture.
//
// A group has the mask that all of its instructions share, their operands, and for each name the bits under the mask. A name
// with a star has endings for aq and rl. Where two groups know the same word, the first one counts.

type Group = [mask: number, operands: string, matches: Record<string, number>]

export interface Instruction {
  name: string
  mask: number
  match: number
  /** Operands between commas, as cli/disassemble.ts names them. */
  operands: string
}

// The masks have the names of the formats; a figure says up to which operand the word is fixed.
const R = 0xfe00707f
const R2 = 0xfff0707f
const I = 0x0000707f
const U = 0x0000007f
const H = 0xfc00707f
const A = 0xf800707f
const L = 0xf9f0707f
const F = 0xfe00007f
const F2 = 0xfff0007f
const F4 = 0x0600007f
const V = 0xfe007fff
const C = 0xfff07fff
const E = 0xf00fffff
const P = 0x01f07fff
const ALL = 0xffffffff

// biome-ignore format: a table
const WIDE: Group[] = [
  [P, 'prefetch(rs1)', { 'prefetch.i': 0x00006013, 'prefetch.r': 0x00106013, 'prefetch.w': 0x00306013 }],
  [ALL, '', { 'fence.tso': 0x8330000f, unimp: 0xc0001073 }],
  [R, 'rd,rs1,rs2', {
    add: 0x00000033, sub: 0x40000033, sll: 0x00001033, slt: 0x00002033, sltu: 0x00003033, xor: 0x00004033,
    srl: 0x00005033, sra: 0x40005033, or: 0x00006033, and: 0x00007033, addw: 0x0000003b, subw: 0x4000003b,
    sllw: 0x0000103b, srlw: 0x0000503b, sraw: 0x4000503b, mul: 0x02000033, mulh: 0x02001033, mulhsu: 0x02002033,
    mulhu: 0x02003033, div: 0x02004033, divu: 0x02005033, rem: 0x02006033, remu: 0x02007033, mulw: 0x0200003b,
    divw: 0x0200403b, divuw: 0x0200503b, remw: 0x0200603b, remuw: 0x0200703b, sh1add: 0x20002033, sh2add: 0x20004033,
    sh3add: 0x20006033, 'add.uw': 0x0800003b, 'sh1add.uw': 0x2000203b, 'sh2add.uw': 0x2000403b,
    'sh3add.uw': 0x2000603b, andn: 0x40007033, orn: 0x40006033, xnor: 0x40004033, min: 0x0a004033, minu: 0x0a005033,
    max: 0x0a006033, maxu: 0x0a007033, rol: 0x60001033, ror: 0x60005033, rolw: 0x6000103b, rorw: 0x6000503b,
    clmul: 0x0a001033, clmulr: 0x0a002033, clmulh: 0x0a003033, bclr: 0x48001033, bext: 0x48005033, binv: 0x68001033,
    bset: 0x28001033, 'czero.eqz': 0x0e005033, 'czero.nez': 0x0e007033,
  }],
  [I, 'rd,rs1,imm', {
    addi: 0x00000013, slti: 0x00002013, sltiu: 0x00003013, xori: 0x00004013, ori: 0x00006013, andi: 0x00007013,
    addiw: 0x0000001b,
  }],
  [H, 'rd,rs1,shamt', {
    slli: 0x00001013, srli: 0x00005013, srai: 0x40005013, 'slli.uw': 0x0800101b, rori: 0x60005013, bclri: 0x48001013,
    bexti: 0x48005013, binvi: 0x68001013, bseti: 0x28001013,
  }],
  [R, 'rd,rs1,shamt', {
    slliw: 0x0000101b, srliw: 0x0000501b, sraiw: 0x4000501b, roriw: 0x6000501b,
  }],
  [U, 'rd,upper', {
    lui: 0x00000037, auipc: 0x00000017,
  }],
  [U, 'rd,jump', {
    jal: 0x0000006f,
  }],
  [I, 'rd,imm(rs1)', {
    jalr: 0x00000067, lb: 0x00000003, lh: 0x00001003, lw: 0x00002003, ld: 0x00003003, lbu: 0x00004003,
    lhu: 0x00005003, lwu: 0x00006003,
  }],
  [I, 'rs1,rs2,branch', {
    beq: 0x00000063, bne: 0x00001063, blt: 0x00004063, bge: 0x00005063, bltu: 0x00006063, bgeu: 0x00007063,
  }],
  [I, 'rs2,store(rs1)', {
    sb: 0x00000023, sh: 0x00001023, sw: 0x00002023, sd: 0x00003023,
  }],
  [E, 'pred,succ', {
    fence: 0x0000000f,
  }],
  [ALL, '', {
    'fence.i': 0x0000100f, ecall: 0x00000073, ebreak: 0x00100073, sret: 0x10200073, mret: 0x30200073, wfi: 0x10500073,
    'wrs.nto': 0x00d00073, 'wrs.sto': 0x01d00073, 'sfence.w.inval': 0x18000073, 'sfence.inval.ir': 0x18100073,
  }],
  [R2, 'rd,rs1', {
    clz: 0x60001013, ctz: 0x60101013, cpop: 0x60201013, 'sext.b': 0x60401013, 'sext.h': 0x60501013, clzw: 0x6000101b,
    ctzw: 0x6010101b, cpopw: 0x6020101b, 'zext.h': 0x0800403b, 'orc.b': 0x28705013, rev8: 0x6b805013,
  }],
  [L, 'rd,(rs1)', {
    'lr.w*': 0x1000202f, 'lr.d*': 0x1000302f,
  }],
  [A, 'rd,rs2,(rs1)', {
    'sc.w*': 0x1800202f, 'sc.d*': 0x1800302f, 'amoadd.w*': 0x0000202f, 'amoadd.d*': 0x0000302f,
    'amoswap.w*': 0x0800202f, 'amoswap.d*': 0x0800302f, 'amoxor.w*': 0x2000202f, 'amoxor.d*': 0x2000302f,
    'amoor.w*': 0x4000202f, 'amoor.d*': 0x4000302f, 'amoand.w*': 0x6000202f, 'amoand.d*': 0x6000302f,
    'amomin.w*': 0x8000202f, 'amomin.d*': 0x8000302f, 'amomax.w*': 0xa000202f, 'amomax.d*': 0xa000302f,
    'amominu.w*': 0xc000202f, 'amominu.d*': 0xc000302f, 'amomaxu.w*': 0xe000202f, 'amomaxu.d*': 0xe000302f,
  }],
  [F, 'fd,fs1,fs2,rm', {
    'fadd.s': 0x00000053, 'fsub.s': 0x08000053, 'fmul.s': 0x10000053, 'fdiv.s': 0x18000053, 'fadd.d': 0x02000053,
    'fsub.d': 0x0a000053, 'fmul.d': 0x12000053, 'fdiv.d': 0x1a000053,
  }],
  [F2, 'fd,fs1,rm', {
    'fsqrt.s': 0x58000053, 'fround.s': 0x40400053, 'froundnx.s': 0x40500053, 'fsqrt.d': 0x5a000053,
    'fround.d': 0x42400053, 'froundnx.d': 0x42500053, 'fcvt.s.d': 0x40100053, 'fcvt.h.s': 0x44000053,
    'fcvt.h.d': 0x44100053,
  }],
  [R, 'fd,fs1,fs2', {
    'fsgnj.s': 0x20000053, 'fsgnjn.s': 0x20001053, 'fsgnjx.s': 0x20002053, 'fmin.s': 0x28000053, 'fmax.s': 0x28001053,
    'fminm.s': 0x28002053, 'fmaxm.s': 0x28003053, 'fsgnj.d': 0x22000053, 'fsgnjn.d': 0x22001053,
    'fsgnjx.d': 0x22002053, 'fmin.d': 0x2a000053, 'fmax.d': 0x2a001053, 'fminm.d': 0x2a002053, 'fmaxm.d': 0x2a003053,
  }],
  [R, 'rd,fs1,fs2', {
    'fle.s': 0xa0000053, 'flt.s': 0xa0001053, 'feq.s': 0xa0002053, 'fleq.s': 0xa0004053, 'fltq.s': 0xa0005053,
    'fle.d': 0xa2000053, 'flt.d': 0xa2001053, 'feq.d': 0xa2002053, 'fleq.d': 0xa2004053, 'fltq.d': 0xa2005053,
  }],
  [R2, 'rd,fs1', {
    'fclass.s': 0xe0001053, 'fclass.d': 0xe2001053, 'fmv.x.w': 0xe0000053, 'fmv.x.d': 0xe2000053,
    'fmv.x.h': 0xe4000053,
  }],
  [F2, 'rd,fs1,rm', {
    'fcvt.w.s': 0xc0000053, 'fcvt.wu.s': 0xc0100053, 'fcvt.l.s': 0xc0200053, 'fcvt.lu.s': 0xc0300053,
    'fcvt.w.d': 0xc2000053, 'fcvt.wu.d': 0xc2100053, 'fcvt.l.d': 0xc2200053, 'fcvt.lu.d': 0xc2300053,
  }],
  [F2, 'fd,rs1,rm', {
    'fcvt.s.w': 0xd0000053, 'fcvt.s.wu': 0xd0100053, 'fcvt.s.l': 0xd0200053, 'fcvt.s.lu': 0xd0300053,
    'fcvt.d.l': 0xd2200053, 'fcvt.d.lu': 0xd2300053,
  }],
  [F4, 'fd,fs1,fs2,fs3,rm', {
    'fmadd.s': 0x00000043, 'fmsub.s': 0x00000047, 'fnmsub.s': 0x0000004b, 'fnmadd.s': 0x0000004f,
    'fmadd.d': 0x02000043, 'fmsub.d': 0x02000047, 'fnmsub.d': 0x0200004b, 'fnmadd.d': 0x0200004f,
  }],
  [R2, 'fd,constant', {
    'fli.s': 0xf0100053, 'fli.d': 0xf2100053,
  }],
  [F2, 'fd,rs1,exact', {
    'fcvt.d.w': 0xd2000053, 'fcvt.d.wu': 0xd2100053,
  }],
  [R2, 'fd,rs1', {
    'fmv.w.x': 0xf0000053, 'fmv.d.x': 0xf2000053, 'fmv.h.x': 0xf4000053,
  }],
  [F2, 'fd,fs1,exact', {
    'fcvt.d.s': 0x42000053, 'fcvt.s.h': 0x40200053, 'fcvt.d.h': 0x42200053,
  }],
  [R2, 'rd,fs1,mode', {
    'fcvtmod.w.d': 0xc2801053,
  }],
  [I, 'fd,imm(rs1)', {
    flw: 0x00002007, fld: 0x00003007, flh: 0x00001007,
  }],
  [I, 'fs2,store(rs1)', {
    fsw: 0x00002027, fsd: 0x00003027, fsh: 0x00001027,
  }],
  [I, 'rd,csr,rs1', {
    csrrw: 0x00001073, csrrs: 0x00002073, csrrc: 0x00003073,
  }],
  [I, 'rd,csr,zimm', {
    csrrwi: 0x00005073, csrrsi: 0x00006073, csrrci: 0x00007073,
  }],
  [V, 'rs1,rs2', {
    'sfence.vma': 0x12000073, 'sinval.vma': 0x16000073,
  }],
  [C, '(rs1)', {
    'cbo.inval': 0x0000200f, 'cbo.clean': 0x0010200f, 'cbo.flush': 0x0020200f, 'cbo.zero': 0x0040200f,
  }],
]

const Q0 = 0xe003
const RD0 = 0xef83

// biome-ignore format: a table
const COMPRESSED: Group[] = [
  [0xffff, '', { 'c.unimp': 0x0000, 'c.ebreak': 0x9002 }],
  [0xffe3, 'half', { '.2byte': 0x0000 }],
  [Q0, 'rdq,x2,addi4spn', { 'c.addi4spn': 0x0000 }],
  [Q0, 'fdq,offsetd(rs1q)', { 'c.fld': 0x2000, 'c.fsd': 0xa000 }],
  [Q0, 'rdq,offsetw(rs1q)', { 'c.lw': 0x4000, 'c.sw': 0xc000 }],
  [Q0, 'rdq,offsetd(rs1q)', { 'c.ld': 0x6000, 'c.sd': 0xe000 }],
  [Q0, 'crd,cimm', { 'c.addi': 0x0001, 'c.li': 0x4001 }],
  [RD0, 'half', { '.2byte': 0x2001 }],
  [Q0, 'crd,cimm', { 'c.addiw': 0x2001 }],
  [RD0, 'x2,addi16sp', { 'c.addi16sp': 0x6101 }],
  [0xf07f, 'half', { '.2byte': 0x6001 }],
  [Q0, 'crd,cupper', { 'c.lui': 0x6001 }],
  [0xfc7f, 'rs1q', { 'c.srli64': 0x8001, 'c.srai64': 0x8401 }],
  [0xec03, 'rs1q,cshamt', { 'c.srli': 0x8001, 'c.srai': 0x8401 }],
  [0xec03, 'rs1q,cimm', { 'c.andi': 0x8801 }],
  [0xfc63, 'rs1q,rdq', {
    'c.sub': 0x8c01, 'c.xor': 0x8c21, 'c.or': 0x8c41, 'c.and': 0x8c61, 'c.subw': 0x9c01, 'c.addw': 0x9c21,
  }],
  [Q0, 'cjump', { 'c.j': 0xa001 }],
  [Q0, 'rs1q,cbranch', { 'c.beqz': 0xc001, 'c.bnez': 0xe001 }],
  [0xf07f, 'crd', { 'c.slli64': 0x0002 }],
  [Q0, 'crd,cshamt', { 'c.slli': 0x0002 }],
  [Q0, 'cfd,loadspd(x2)', { 'c.fldsp': 0x2002 }],
  [RD0, 'half', { '.2byte': 0x4002 }],
  [Q0, 'crd,loadspw(x2)', { 'c.lwsp': 0x4002 }],
  [RD0, 'half', { '.2byte': 0x6002 }],
  [Q0, 'crd,loadspd(x2)', { 'c.ldsp': 0x6002 }],
  [0xffff, 'half', { '.2byte': 0x8002 }],
  [0xf07f, 'crd', { 'c.jr': 0x8002, 'c.jalr': 0x9002 }],
  [0xf003, 'crd,crs2', { 'c.mv': 0x8002, 'c.add': 0x9002 }],
  [Q0, 'cfs2,storespd(x2)', { 'c.fsdsp': 0xa002 }],
  [Q0, 'crs2,storespw(x2)', { 'c.swsp': 0xc002 }],
  [Q0, 'crs2,storespd(x2)', { 'c.sdsp': 0xe002 }],
]

function rows(groups: Group[]): Instruction[] {
  return groups.flatMap(([mask, operands, matches]) =>
    Object.entries(matches).map(([name, match]) => ({ name, mask, match, operands })),
  )
}

/** Instructions of 32 bits, and of 16. */
export const INSTRUCTIONS = { wide: rows(WIDE), compressed: rows(COMPRESSED) }

/** Control registers by number. */
// biome-ignore format: a table
export const CSRS = new Map<number, string>([
  [0x001, 'fflags'], [0x002, 'frm'], [0x003, 'fcsr'], [0x100, 'sstatus'], [0x104, 'sie'], [0x105, 'stvec'],
  [0x106, 'scounteren'], [0x10a, 'senvcfg'], [0x140, 'sscratch'], [0x141, 'sepc'], [0x142, 'scause'],
  [0x143, 'stval'], [0x144, 'sip'], [0x14d, 'stimecmp'], [0x180, 'satp'], [0x300, 'mstatus'], [0x301, 'misa'],
  [0x302, 'medeleg'], [0x303, 'mideleg'], [0x304, 'mie'], [0x305, 'mtvec'], [0x306, 'mcounteren'],
  [0x30a, 'menvcfg'], [0x320, 'mcountinhibit'], [0x340, 'mscratch'], [0x341, 'mepc'], [0x342, 'mcause'],
  [0x343, 'mtval'], [0x344, 'mip'], [0xb00, 'mcycle'], [0xb02, 'minstret'], [0xc00, 'cycle'], [0xc01, 'time'],
  [0xc02, 'instret'], [0xf11, 'mvendorid'], [0xf12, 'marchid'], [0xf13, 'mimpid'], [0xf14, 'mhartid'],
  [0xf15, 'mconfigptr'],
  ...numbered('pmpcfg', 0x3a0, 0, 16), ...numbered('pmpaddr', 0x3b0, 0, 64), ...numbered('mhpmevent', 0x323, 3, 29),
  ...numbered('mhpmcounter', 0xb03, 3, 29), ...numbered('hpmcounter', 0xc03, 3, 29),
])

function numbered(name: string, address: number, from: number, count: number): [number, string][] {
  return Array.from({ length: count }, (_, i) => [address + i, `${name}${from + i}`])
}
