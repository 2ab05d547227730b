/** Conversions of half precision (Zfhmin): halves lie in the low 16 bits of a word. To a wider format they are exact. */
import { resize } from "./convert";
import { RTZ } from "./mode";

export function f32ToF16(a: u32, rm: u32): u32 {
  return <u32>resize<u32, u16>(a, rm);
}

export function f64ToF16(a: u64, rm: u32): u32 {
  return <u32>resize<u64, u16>(a, rm);
}

export function f16ToF32(a: u32): u32 {
  return <u32>resize<u16, u32>(a & 0xffff, RTZ);
}

export function f16ToF64(a: u32): u64 {
  return resize<u16, u64>(a & 0xffff, RTZ);
}
