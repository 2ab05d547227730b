/*
 * The same cases as entry.ts, computed by real RISC-V instructions: runs under qemu-riscv64 (or on a RISC-V machine).
 * Reads cases (u32 operation, u32 rounding mode, u64 a, b, c) from stdin, writes results (u64 value, u64 flags) to stdout.
 * The operation numbers come from operation.ts as macros on the compiler's command line. Zfa is spelled out with .insn,
 * because the assemblers of the day may not know it: funct7, rs2 and funct3 are those of the Zfa chapter.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

struct a_case { uint32_t operation, mode; uint64_t a, b, c; };
struct a_result { uint64_t value, flags; };

/* Operands arrive as in, lie in fa0 to fa2 and a0, and the result leaves as out. */
#define RUN(in, instruction, out)                                                     \
  __asm__ volatile(in "\n csrw fcsr, %5\n" instruction "\n csrr %1, fflags\n" out     \
    : "=&r"(value), "=&r"(flags) : "r"(a), "r"(b), "r"(c), "r"(fcsr) : "a0", "fa0", "fa1", "fa2")

#define DOUBLES "fmv.d.x fa0, %2\n fmv.d.x fa1, %3\n fmv.d.x fa2, %4"
#define SINGLES "fmv.w.x fa0, %2\n fmv.w.x fa1, %3\n fmv.w.x fa2, %4"
#define HALF    ".insn r 0x53, 0, 0x7a, fa0, %2, x0"  /* fmv.h.x */
#define INTEGER "mv a0, %2"
#define TO_DOUBLE  "fmv.x.d %0, fa0"
#define TO_SINGLE  "fmv.x.w %0, fa0\n slli %0, %0, 32\n srli %0, %0, 32"
#define TO_HALF    ".insn r 0x53, 0, 0x72, %0, fa0, f0\n slli %0, %0, 48\n srli %0, %0, 48"  /* fmv.x.h */
#define TO_INTEGER "mv %0, a0"

#define DD(name, instruction) case name: RUN(DOUBLES, instruction, TO_DOUBLE); break;
#define SS(name, instruction) case name: RUN(SINGLES, instruction, TO_SINGLE); break;
#define DX(name, instruction) case name: RUN(DOUBLES, instruction, TO_INTEGER); break;
#define SX(name, instruction) case name: RUN(SINGLES, instruction, TO_INTEGER); break;
#define XD(name, instruction) case name: RUN(INTEGER, instruction, TO_DOUBLE); break;
#define XS(name, instruction) case name: RUN(INTEGER, instruction, TO_SINGLE); break;

#define LITERAL(width, i, out) case i: RUN("", ".insn r 0x53, 0, " width ", fa0, f" #i ", f1", out); break;
#define LITERALS(width, out)                                                                         \
  switch (a) {                                                                                       \
    LITERAL(width, 0, out) LITERAL(width, 1, out) LITERAL(width, 2, out) LITERAL(width, 3, out)      \
    LITERAL(width, 4, out) LITERAL(width, 5, out) LITERAL(width, 6, out) LITERAL(width, 7, out)      \
    LITERAL(width, 8, out) LITERAL(width, 9, out) LITERAL(width, 10, out) LITERAL(width, 11, out)    \
    LITERAL(width, 12, out) LITERAL(width, 13, out) LITERAL(width, 14, out) LITERAL(width, 15, out)  \
    LITERAL(width, 16, out) LITERAL(width, 17, out) LITERAL(width, 18, out) LITERAL(width, 19, out)  \
    LITERAL(width, 20, out) LITERAL(width, 21, out) LITERAL(width, 22, out) LITERAL(width, 23, out)  \
    LITERAL(width, 24, out) LITERAL(width, 25, out) LITERAL(width, 26, out) LITERAL(width, 27, out)  \
    LITERAL(width, 28, out) LITERAL(width, 29, out) LITERAL(width, 30, out) LITERAL(width, 31, out)  \
  }

static struct a_result compute(const struct a_case *it) {
  uint64_t a = it->a, b = it->b, c = it->c, fcsr = it->mode << 5, value = 0, flags = 0;
  switch (it->operation) {
    DD(F64_ADD, "fadd.d fa0, fa0, fa1")
    DD(F64_SUB, "fsub.d fa0, fa0, fa1")
    DD(F64_MUL, "fmul.d fa0, fa0, fa1")
    DD(F64_DIV, "fdiv.d fa0, fa0, fa1")
    DD(F64_SQRT, "fsqrt.d fa0, fa0")
    DD(F64_MULADD, "fmadd.d fa0, fa0, fa1, fa2")
    SS(F32_ADD, "fadd.s fa0, fa0, fa1")
    SS(F32_SUB, "fsub.s fa0, fa0, fa1")
    SS(F32_MUL, "fmul.s fa0, fa0, fa1")
    SS(F32_DIV, "fdiv.s fa0, fa0, fa1")
    SS(F32_SQRT, "fsqrt.s fa0, fa0")
    SS(F32_MULADD, "fmadd.s fa0, fa0, fa1, fa2")
    DD(F64_MIN, "fmin.d fa0, fa0, fa1")
    DD(F64_MAX, "fmax.d fa0, fa0, fa1")
    DD(F64_MINM, ".insn r 0x53, 2, 0x15, fa0, fa0, fa1")
    DD(F64_MAXM, ".insn r 0x53, 3, 0x15, fa0, fa0, fa1")
    DX(F64_EQ, "feq.d a0, fa0, fa1")
    DX(F64_LT, "flt.d a0, fa0, fa1")
    DX(F64_LE, "fle.d a0, fa0, fa1")
    DX(F64_LTQ, ".insn r 0x53, 5, 0x51, a0, fa0, fa1")
    DX(F64_LEQ, ".insn r 0x53, 4, 0x51, a0, fa0, fa1")
    DX(F64_CLASS, "fclass.d a0, fa0")
    SS(F32_MIN, "fmin.s fa0, fa0, fa1")
    SS(F32_MAX, "fmax.s fa0, fa0, fa1")
    SS(F32_MINM, ".insn r 0x53, 2, 0x14, fa0, fa0, fa1")
    SS(F32_MAXM, ".insn r 0x53, 3, 0x14, fa0, fa0, fa1")
    SX(F32_EQ, "feq.s a0, fa0, fa1")
    SX(F32_LT, "flt.s a0, fa0, fa1")
    SX(F32_LE, "fle.s a0, fa0, fa1")
    SX(F32_LTQ, ".insn r 0x53, 5, 0x50, a0, fa0, fa1")
    SX(F32_LEQ, ".insn r 0x53, 4, 0x50, a0, fa0, fa1")
    SX(F32_CLASS, "fclass.s a0, fa0")
    DD(F64_ROUND, ".insn r 0x53, 7, 0x21, fa0, fa0, f4")
    DD(F64_ROUNDNX, ".insn r 0x53, 7, 0x21, fa0, fa0, f5")
    SS(F32_ROUND, ".insn r 0x53, 7, 0x20, fa0, fa0, f4")
    SS(F32_ROUNDNX, ".insn r 0x53, 7, 0x20, fa0, fa0, f5")
    DX(F64_TO_I32, "fcvt.w.d a0, fa0")
    DX(F64_TO_U32, "fcvt.wu.d a0, fa0")
    DX(F64_TO_I64, "fcvt.l.d a0, fa0")
    DX(F64_TO_U64, "fcvt.lu.d a0, fa0")
    DX(F64_TO_I32_MODULAR, ".insn r 0x53, 1, 0x61, a0, fa0, f8")
    SX(F32_TO_I32, "fcvt.w.s a0, fa0")
    SX(F32_TO_U32, "fcvt.wu.s a0, fa0")
    SX(F32_TO_I64, "fcvt.l.s a0, fa0")
    SX(F32_TO_U64, "fcvt.lu.s a0, fa0")
    XD(I32_TO_F64, "fcvt.d.w fa0, a0")
    XD(U32_TO_F64, "fcvt.d.wu fa0, a0")
    XD(I64_TO_F64, "fcvt.d.l fa0, a0")
    XD(U64_TO_F64, "fcvt.d.lu fa0, a0")
    XS(I32_TO_F32, "fcvt.s.w fa0, a0")
    XS(U32_TO_F32, "fcvt.s.wu fa0, a0")
    XS(I64_TO_F32, "fcvt.s.l fa0, a0")
    XS(U64_TO_F32, "fcvt.s.lu fa0, a0")
    case F64_TO_F32: RUN(DOUBLES, "fcvt.s.d fa0, fa0", TO_SINGLE); break;
    case F32_TO_F64: RUN(SINGLES, "fcvt.d.s fa0, fa0", TO_DOUBLE); break;
    case F32_TO_F16: RUN(SINGLES, ".insn r 0x53, 7, 0x22, fa0, fa0, f0", TO_HALF); break;
    case F16_TO_F32: RUN(HALF, ".insn r 0x53, 0, 0x20, fa0, fa0, f2", TO_SINGLE); break;
    case F64_TO_F16: RUN(DOUBLES, ".insn r 0x53, 7, 0x22, fa0, fa0, f1", TO_HALF); break;
    case F16_TO_F64: RUN(HALF, ".insn r 0x53, 0, 0x21, fa0, fa0, f2", TO_DOUBLE); break;
    case F64_LITERAL: LITERALS("0x79", TO_DOUBLE) break;
    case F32_LITERAL: LITERALS("0x78", TO_SINGLE) break;
    default: fprintf(stderr, "Unknown operation %u: operation.ts has one that oracle.c has not\n", it->operation); exit(2);
  }
  return (struct a_result){ value, flags };
}

int main(void) {
  static struct a_case cases[4096];
  static struct a_result results[4096];
  size_t count;
  while ((count = fread(cases, sizeof cases[0], 4096, stdin)) != 0) {
    for (size_t i = 0; i < count; i++) results[i] = compute(&cases[i]);
    if (fwrite(results, sizeof results[0], count, stdout) != count) return 1;
  }
  return 0;
}
