// SBI steal-time accounting (chapter 16): each hart may name 64 bytes of RAM in which it is told how long it waited for a CPU.
//
//   +0 sequence (u32), odd while the rest is being written | +4 flags (u32), 0 | +8 steal (u64), ns | +16 preempted (u8) | zero

import { Hart } from "../../cpu/hart";
import { Guest } from "../../guest/guest";
import * as ram from "../../guest/ram";
import { papersOf } from "../papers";
import {
  SBI_ERR_FAILED, SBI_ERR_INVALID_ADDRESS, SBI_ERR_INVALID_PARAM, SBI_ERR_NOT_SUPPORTED, argument, fail, functionId, succeed,
} from "./call";

const SET_SHMEM: u32 = 0;

const SHMEM_BYTES: u64 = 64;
const SEQUENCE: usize = 0;
const STEAL: usize = 8;
const PREEMPTED: usize = 16;
/** Both halves of the address: no memory any more. */
const DISABLE: u64 = <u64>-1;

function setShmem(guest: Guest, hart: Hart): void {
  const gpa = argument(hart, 0);
  const high = argument(hart, 1);
  if (argument(hart, 2) != 0) return fail(hart, SBI_ERR_INVALID_PARAM);
  if (gpa == DISABLE && high == DISABLE) {
    papersOf(guest).setSta(hart.index, 0);
    return succeed(hart, 0);
  }
  if ((gpa & SHMEM_BYTES - 1) != 0) return fail(hart, SBI_ERR_INVALID_PARAM);
  // The high half is for RV32 physical addresses beyond the register; RV64 has none.
  if (high != 0 || !ram.hasRange(guest, gpa, SHMEM_BYTES)) return fail(hart, SBI_ERR_INVALID_ADDRESS);
  const ptr = ram.writable(guest, gpa);
  if (ptr == 0) return fail(hart, SBI_ERR_FAILED);
  memory.fill(ptr, 0, <usize>SHMEM_BYTES);
  papersOf(guest).setSta(hart.index, gpa);
  succeed(hart, 0);
}

/** Tells the hart, if it wants to know, for how long it could have run so far and had no CPU, and whether that is so now. */
export function publish(guest: Guest, hart: Hart, stealNs: u64, preempted: bool): void {
  const gpa = papersOf(guest).sta(hart.index);
  if (gpa == 0) return;
  const ptr = ram.writable(guest, gpa);
  if (ptr == 0) return;
  // Whatever the guest has made of the word, it is odd during the change and even behind it.
  const sequence = load<u32>(ptr, SEQUENCE) | 1;
  store<u32>(ptr, sequence, SEQUENCE);
  store<u64>(ptr, stealNs, STEAL);
  store<u8>(ptr, preempted ? 1 : 0, PREEMPTED);
  store<u32>(ptr, sequence + 1, SEQUENCE);
}

/** Answers a call. */
export function call(guest: Guest, hart: Hart): void {
  if (functionId(hart) != SET_SHMEM) return fail(hart, SBI_ERR_NOT_SUPPORTED);
  setShmem(guest, hart);
}
