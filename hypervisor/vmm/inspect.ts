// Looking into a guest from outside: bytes of its RAM, registers of its harts.

import { E_BAD_ARG, E_BAD_STATE, OK, STOP_DIVERGED, WINDOW_SIZE } from "../abi";
import * as verify from "../cpu/verify";
import { hartAt } from "../cpu/hart";
import { Guest, acquire, release } from "../guest/guest";
import * as ram from "../guest/ram";

/** Copies guest RAM to `target`; E_BAD_ARG where it is not RAM, or more than the window holds. */
export function readRam(guest: Guest, gpa: u64, length: u32, target: usize): i32 {
  if (length > <u32>WINDOW_SIZE || !ram.hasRange(guest, gpa, length)) return E_BAD_ARG;
  acquire(guest);
  const starved = guest.starved;
  ram.copyOut(guest, gpa, target, length);
  guest.starved = starved; // it is not the guest that looks
  release(guest);
  return OK;
}

/** Writes x0 … x31, f0 … f31, pc, privilege, fcsr and retired instructions to `target`, 8 bytes each. */
export function readHart(guest: Guest, index: u32, target: usize): i32 {
  if (index >= guest.harts) return E_BAD_ARG;
  const hart = hartAt(guest, index);
  for (let i: u32 = 0; i < 32; i++) {
    store<u64>(target + (<usize>i << 3), hart.x(i));
    store<u64>(target + (<usize>i << 3), hart.f(i), 256);
  }
  store<u64>(target, hart.pc, 512);
  store<u64>(target, hart.priv, 520);
  store<u64>(target, hart.frm << 5 | hart.fflags, 528);
  store<u64>(target, hart.retired, 536);
  return OK;
}

/** Writes to `target` what was found when both engines disagreed. */
export function divergence(guest: Guest, target: usize): i32 {
  if (guest.stop != STOP_DIVERGED) return E_BAD_STATE;
  verify.copyReport(guest.divergedOn, target);
  return OK;
}
