// One SBI call: registers in, registers out (SBI 2.0, chapter 3), and the error codes all extensions share.

import { Hart } from "../../cpu/hart";

export const SBI_SUCCESS: i64 = 0;
export const SBI_ERR_FAILED: i64 = -1;
export const SBI_ERR_NOT_SUPPORTED: i64 = -2;
export const SBI_ERR_INVALID_PARAM: i64 = -3;
export const SBI_ERR_INVALID_ADDRESS: i64 = -5;
export const SBI_ERR_ALREADY_AVAILABLE: i64 = -6;
export const SBI_ERR_ALREADY_STARTED: i64 = -7;
export const SBI_ERR_ALREADY_STOPPED: i64 = -8;

const A0: u32 = 10;
const A1: u32 = 11;
const A6: u32 = 16;
const A7: u32 = 17;

/** Extension asked for (EID): 32 bits by the spec, the rest of the register is ignored as OpenSBI does. */
export function extension(hart: Hart): u32 {
  return <u32>hart.x(A7);
}

/** Function of the extension (FID). */
export function functionId(hart: Hart): u32 {
  return <u32>hart.x(A6);
}

/** The i-th argument, 0 … 5. */
export function argument(hart: Hart, i: u32): u64 {
  return hart.x(A0 + i);
}

/** Answers with success and a value. */
export function succeed(hart: Hart, value: u64): void {
  hart.setX(A0, SBI_SUCCESS);
  hart.setX(A1, value);
}

/** Answers with an error. */
export function fail(hart: Hart, error: i64): void {
  hart.setX(A0, error);
  hart.setX(A1, 0);
}

/** Answers as the legacy extensions do: a0 only (chapter 5). */
export function answerLegacy(hart: Hart, value: i64): void {
  hart.setX(A0, value);
}
