// The state of the floating-point unit: fflags, frm, mstatus.FS, and what the interpreter's fast paths ask of them.

import { MSTATUS_FS } from "./csrs";
import { Hart } from "./hart";

const FS_DIRTY: u64 = MSTATUS_FS;
const FLAG_NX: u32 = 1;

/** Is the unit on? If not, all its instructions and CSRs are illegal. */
export function isOn(hart: Hart): bool {
  return (hart.mstatus & MSTATUS_FS) != 0;
}

/** Floating-point state was written. */
export function touch(hart: Hart): void {
  hart.mstatus |= FS_DIRTY;
  refresh(hart);
}

/** Sets flags and notes that state was written. */
export function raise(hart: Hart, flags: u32): void {
  hart.fflags |= flags;
  touch(hart);
}

/** Brings what the fast paths look at in step; to be called after every change of fflags, frm or mstatus. */
export function refresh(hart: Hart): void {
  const dirty = (hart.mstatus & MSTATUS_FS) == FS_DIRTY;
  const plain = dirty && hart.frm == 0 && (hart.fflags & FLAG_NX) != 0;
  hart.floatDirty = dirty ? 1 : 0;
  hart.floatLimitDouble = plain ? 0x7fd : 0;
  hart.floatLimitSingle = plain ? 0xfd : 0;
}
