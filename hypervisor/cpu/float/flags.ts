/**
 * The accrued exception flags of soft arithmetic (fflags, RISC-V unprivileged ISA 20.2).
 * They belong to this worker: the interpreter takes them after each call and merges them into its hart's fcsr.
 */

export const NX: u32 = 1; // inexact
export const UF: u32 = 2; // underflow
export const OF: u32 = 4; // overflow
export const DZ: u32 = 8; // division by zero
export const NV: u32 = 16; // invalid operation

/** Flags raised since the last take(). */
export let flags: u32 = 0;

/** Adds the flags of mask to those already raised. */
export function raise(mask: u32): void {
  flags |= mask;
}

/** Gives the flags raised so far and forgets them. */
export function take(): u32 {
  const taken = flags;
  flags = 0;
  return taken;
}
