/**
 * The float room as a module of its own for the tests: run() computes a whole batch of cases.
 * A case is 32 bytes: u32 operation, u32 rounding mode, u64 a, b, c. A result is 16: u64 value, u64 flags.
 */
import { f32Add, f32Sub, f64Add, f64Sub } from "../../../hypervisor/cpu/float/add";
import { f32Class, f64Class } from "../../../hypervisor/cpu/float/classify";
import {
  f32Eq, f32Le, f32LeQuiet, f32Lt, f32LtQuiet, f32Max, f32MaxM, f32Min, f32MinM,
  f64Eq, f64Le, f64LeQuiet, f64Lt, f64LtQuiet, f64Max, f64MaxM, f64Min, f64MinM,
} from "../../../hypervisor/cpu/float/compare";
import {
  f32ToF64, f32ToI32, f32ToI64, f32ToU32, f32ToU64, f64ToF32, f64ToI32, f64ToI32Modular, f64ToI64, f64ToU32, f64ToU64,
  i32ToF32, i32ToF64, i64ToF32, i64ToF64, u32ToF32, u32ToF64, u64ToF32, u64ToF64,
} from "../../../hypervisor/cpu/float/convert";
import { f32Div, f64Div } from "../../../hypervisor/cpu/float/div";
import { take } from "../../../hypervisor/cpu/float/flags";
import { f32MulAdd, f64MulAdd } from "../../../hypervisor/cpu/float/fma";
import { f16ToF32, f16ToF64, f32ToF16, f64ToF16 } from "../../../hypervisor/cpu/float/half";
import { f32Literal, f64Literal } from "../../../hypervisor/cpu/float/literal";
import { f32Mul, f64Mul } from "../../../hypervisor/cpu/float/mul";
import { f32Round, f64Round } from "../../../hypervisor/cpu/float/round";
import { f32Sqrt, f64Sqrt } from "../../../hypervisor/cpu/float/sqrt";
import { Operation } from "./operation";

function compute(operation: u32, rm: u32, a: u64, b: u64, c: u64): u64 {
  const s = <u32>a, t = <u32>b, u = <u32>c;
  switch (operation) {
    case Operation.F64_ADD: return f64Add(a, b, rm);
    case Operation.F64_SUB: return f64Sub(a, b, rm);
    case Operation.F64_MUL: return f64Mul(a, b, rm);
    case Operation.F64_DIV: return f64Div(a, b, rm);
    case Operation.F64_SQRT: return f64Sqrt(a, rm);
    case Operation.F64_MULADD: return f64MulAdd(a, b, c, rm);
    case Operation.F32_ADD: return f32Add(s, t, rm);
    case Operation.F32_SUB: return f32Sub(s, t, rm);
    case Operation.F32_MUL: return f32Mul(s, t, rm);
    case Operation.F32_DIV: return f32Div(s, t, rm);
    case Operation.F32_SQRT: return f32Sqrt(s, rm);
    case Operation.F32_MULADD: return f32MulAdd(s, t, u, rm);
    case Operation.F64_MIN: return f64Min(a, b);
    case Operation.F64_MAX: return f64Max(a, b);
    case Operation.F64_MINM: return f64MinM(a, b);
    case Operation.F64_MAXM: return f64MaxM(a, b);
    case Operation.F64_EQ: return f64Eq(a, b);
    case Operation.F64_LT: return f64Lt(a, b);
    case Operation.F64_LE: return f64Le(a, b);
    case Operation.F64_LTQ: return f64LtQuiet(a, b);
    case Operation.F64_LEQ: return f64LeQuiet(a, b);
    case Operation.F64_CLASS: return f64Class(a);
    case Operation.F32_MIN: return f32Min(s, t);
    case Operation.F32_MAX: return f32Max(s, t);
    case Operation.F32_MINM: return f32MinM(s, t);
    case Operation.F32_MAXM: return f32MaxM(s, t);
    case Operation.F32_EQ: return f32Eq(s, t);
    case Operation.F32_LT: return f32Lt(s, t);
    case Operation.F32_LE: return f32Le(s, t);
    case Operation.F32_LTQ: return f32LtQuiet(s, t);
    case Operation.F32_LEQ: return f32LeQuiet(s, t);
    case Operation.F32_CLASS: return f32Class(s);
    case Operation.F64_ROUND: return f64Round(a, rm, false);
    case Operation.F64_ROUNDNX: return f64Round(a, rm, true);
    case Operation.F32_ROUND: return f32Round(s, rm, false);
    case Operation.F32_ROUNDNX: return f32Round(s, rm, true);
    case Operation.F64_TO_I32: return f64ToI32(a, rm);
    case Operation.F64_TO_U32: return f64ToU32(a, rm);
    case Operation.F64_TO_I64: return f64ToI64(a, rm);
    case Operation.F64_TO_U64: return f64ToU64(a, rm);
    case Operation.F64_TO_I32_MODULAR: return f64ToI32Modular(a);
    case Operation.F32_TO_I32: return f32ToI32(s, rm);
    case Operation.F32_TO_U32: return f32ToU32(s, rm);
    case Operation.F32_TO_I64: return f32ToI64(s, rm);
    case Operation.F32_TO_U64: return f32ToU64(s, rm);
    case Operation.I32_TO_F64: return i32ToF64(<i32>s, rm);
    case Operation.U32_TO_F64: return u32ToF64(s, rm);
    case Operation.I64_TO_F64: return i64ToF64(<i64>a, rm);
    case Operation.U64_TO_F64: return u64ToF64(a, rm);
    case Operation.I32_TO_F32: return i32ToF32(<i32>s, rm);
    case Operation.U32_TO_F32: return u32ToF32(s, rm);
    case Operation.I64_TO_F32: return i64ToF32(<i64>a, rm);
    case Operation.U64_TO_F32: return u64ToF32(a, rm);
    case Operation.F64_TO_F32: return f64ToF32(a, rm);
    case Operation.F32_TO_F64: return f32ToF64(s);
    case Operation.F32_TO_F16: return f32ToF16(s, rm);
    case Operation.F16_TO_F32: return f16ToF32(s);
    case Operation.F64_TO_F16: return f64ToF16(a, rm);
    case Operation.F16_TO_F64: return f16ToF64(s);
    case Operation.F64_LITERAL: return f64Literal(s);
    case Operation.F32_LITERAL: return f32Literal(s);
    default: return 0;
  }
}

/** Computes `count` cases at `cases` and writes their results at `results`. */
export function run(cases: usize, results: usize, count: u32): void {
  for (let i: u32 = 0; i < count; i++) {
    store<u64>(results, compute(load<u32>(cases), load<u32>(cases, 4), load<u64>(cases, 8), load<u64>(cases, 16), load<u64>(cases, 24)));
    store<u64>(results, take(), 8);
    cases += 32;
    results += 16;
  }
}
