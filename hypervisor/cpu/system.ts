// SYSTEM instructions: CSR access, traps on request, returns, wfi, fences of address translation; and cache-block operations.

import { BOOT_DIRECT } from "../abi";
import { Guest } from "../guest/guest";
import * as access from "./access";
import { DONE, TRAP } from "./access";
import * as csr from "./csr";
import { EFFECT_INTERRUPTS, EFFECT_NONE, EFFECT_TIMER } from "./csr";
import {
  CAUSE_BREAKPOINT, CAUSE_ECALL_U, MENVCFG_CBCFE, MENVCFG_CBIE, MENVCFG_CBZE, CAUSE_STORE_ACCESS, CAUSE_STORE_PAGE,
  MSTATUS_TSR, MSTATUS_TVM, MSTATUS_TW, CAUSE_ILLEGAL,
} from "./csrs";
import { PAUSE } from "./decode";
import * as fresh from "./fresh";
import { EXIT_ECALL, EXIT_PAUSE, EXIT_TIMER, EXIT_WFI, Hart, PRIV_M, PRIV_S, PRIV_U } from "./hart";
import * as interrupts from "./interrupts";
import * as spaces from "./spaces";
import * as tlb from "./tlb";
import * as trap from "./trap";

/** Done; interrupts and modes must be looked at again. */
export const SYNC: u32 = 4;
/** Done; `run` ends with exit code (answer - LEAVE). */
export const LEAVE: u32 = 16;

/** Bits of an ASID; the others are to be ignored (privileged spec 12.2.1). */
const ASID: u64 = 0xffff;
/** Size of a cache block for cbo.* in bytes, as the device tree says. */
const BLOCK: u64 = 64;

function illegal(hart: Hart, raw: u32): u32 {
  return access.refuse(hart, raw, CAUSE_ILLEGAL);
}

/** Executes an instruction of opcode SYSTEM; hart.pc still points at it, `next` behind it. DONE, TRAP, SYNC or LEAVE. */
export function execute(hart: Hart, guest: Guest, raw: u32, next: u64): u32 {
  const funct3 = raw >> 12 & 7;
  if (funct3 == 4) return illegal(hart, raw);
  if (funct3 != 0) return registers(hart, guest, raw, funct3, next);
  if ((raw >> 7 & 31) != 0) return illegal(hart, raw);
  const kind = raw >> 25;
  if (kind == 0x09 || kind == 0x0b) return fence(hart, raw, next);
  if (kind == 0x0c) {
    // sfence.w.inval, sfence.inval.ir order what sinval.vma, done at once here, leaves to be ordered.
    if (hart.priv == PRIV_U || (raw != 0x1800_0073 && raw != 0x1810_0073)) return illegal(hart, raw);
    hart.pc = next;
    return DONE;
  }
  switch (raw) {
    case 0x0000_0073: return call(hart, guest, next);
    case 0x0010_0073: return access.refuse(hart, hart.pc, CAUSE_BREAKPOINT);
    case 0x1020_0073:
      if (hart.priv == PRIV_U || (hart.priv == PRIV_S && (hart.mstatus & MSTATUS_TSR) != 0)) return illegal(hart, raw);
      trap.returnFromSupervisor(hart, guest);
      return SYNC;
    case 0x3020_0073:
      if (hart.priv != PRIV_M) return illegal(hart, raw);
      trap.returnFromMachine(hart, guest);
      return SYNC;
    case 0x1050_0073: return wait(hart, raw, next);
    // wrs.nto, wrs.sto wait for a store of another hart, and may end for any reason: so they do, when others have had a chance.
    case 0x00d0_0073:
    case 0x01d0_0073:
      hart.pc = next;
      return hart.hasSiblings != 0 && hart.reservationSize != 0 ? LEAVE + EXIT_PAUSE : DONE;
    default: return illegal(hart, raw);
  }
}

function call(hart: Hart, guest: Guest, next: u64): u32 {
  if (hart.priv == PRIV_S && guest.boot == BOOT_DIRECT) {
    hart.pc = next;
    return LEAVE + EXIT_ECALL;
  }
  return access.refuse(hart, 0, CAUSE_ECALL_U + <u64>hart.priv);
}

function wait(hart: Hart, raw: u32, next: u64): u32 {
  if (hart.priv == PRIV_U || (hart.priv == PRIV_S && (hart.mstatus & MSTATUS_TW) != 0)) return illegal(hart, raw);
  hart.pc = next;
  if (interrupts.wakes(hart)) return SYNC;
  hart.waiting = 1;
  return LEAVE + EXIT_WFI;
}

/** sfence.vma and sinval.vma. */
function fence(hart: Hart, raw: u32, next: u64): u32 {
  if (hart.priv == PRIV_U || (hart.priv == PRIV_S && (hart.mstatus & MSTATUS_TVM) != 0)) return illegal(hart, raw);
  const rs1 = raw >> 15 & 31;
  const rs2 = raw >> 20 & 31;
  if (rs2 != 0) {
    const asid = hart.x(rs2) & ASID;
    if (rs1 == 0) spaces.flush(hart, asid);
    else spaces.flushAddress(hart, asid, hart.x(rs1));
  } else if (rs1 == 0) {
    tlb.flush(hart);
  } else {
    tlb.flushAddress(hart, hart.x(rs1));
  }
  hart.pc = next;
  return DONE;
}

/** Any atomic operation orders all that is before it and behind it; asc 0.28 has none that does only that. */
function order(hart: Hart): void {
  if (ASC_FEATURE_THREADS) atomic.add<u32>(changetype<usize>(hart) + offsetof<Hart>("fences"), 0);
}

/** One in so many pauses of a hart leaves: a lock is mostly free again before, and whoever decides costs more than a pause. */
const PAUSES: u32 = 64;

/** fence, fence.i and pause. */
export function hint(hart: Hart, raw: u32, next: u64): u32 {
  hart.pc = next;
  if ((raw >> 12 & 7) == 1) fresh.fence(access.cpu);
  else if (raw != PAUSE) order(hart);
  return raw == PAUSE && hart.hasSiblings != 0 && ++hart.pauses % PAUSES == 0 ? LEAVE + EXIT_PAUSE : DONE;
}

/** csrrw, csrrs, csrrc and their immediate forms. */
function registers(hart: Hart, guest: Guest, raw: u32, funct3: u32, next: u64): u32 {
  const number = raw >> 20;
  const rs1 = raw >> 15 & 31;
  const rd = raw >> 7 & 31;
  const isWrite = (funct3 & 3) == 1 || rs1 != 0;
  if (isWrite && (number >> 10 & 3) == 3) return illegal(hart, raw);
  if (!csr.read(hart, guest, number)) return illegal(hart, raw);
  const old = csr.value;
  let effect = EFFECT_NONE;
  if (isWrite) {
    const operand: u64 = (funct3 & 4) != 0 ? <u64>rs1 : hart.x(rs1);
    const kind = funct3 & 3;
    // Set and clear of mip act on what software wrote, not on what wires show (3.1.9).
    const base: u64 = number == 0x344 || number == 0x144 ? hart.mip : old;
    effect = csr.write(hart, number, kind == 1 ? operand : kind == 2 ? base | operand : base & ~operand);
  }
  hart.setX(rd, old);
  hart.pc = next;
  if (effect == EFFECT_TIMER) return LEAVE + EXIT_TIMER;
  return effect == EFFECT_INTERRUPTS ? SYNC : DONE;
}

/** cbo.inval, cbo.clean, cbo.flush, cbo.zero (CMO spec): caches are not modelled, but who may use them is. */
export function cacheBlock(hart: Hart, guest: Guest, raw: u32, next: u64): u32 {
  if ((raw >> 7 & 31) != 0) return illegal(hart, raw);
  const kind = raw >> 20;
  const gva = hart.x(raw >> 15 & 31);
  let wanted: u64 = MENVCFG_CBCFE;
  if (kind == 0) wanted = MENVCFG_CBIE;
  else if (kind == 4) wanted = MENVCFG_CBZE;
  else if (kind > 2) return illegal(hart, raw);
  if (hart.priv < PRIV_M && (hart.menvcfg & wanted) == 0) return illegal(hart, raw);
  if (hart.priv == PRIV_U && (hart.senvcfg & wanted) == 0) return illegal(hart, raw);
  const first = gva & ~(BLOCK - 1);
  let result = access.DONE;
  if (kind == 4) {
    result = access.writable(hart, guest, first, <u32>BLOCK);
    if (result == DONE) memory.fill(access.target, 0, <usize>BLOCK);
    else if (result == access.DEVICE) result = access.refuse(hart, gva, CAUSE_STORE_ACCESS);
  } else {
    // A block that may be read or written may be managed; faults are those of a store.
    result = access.load_(hart, first, 8);
    if (result == TRAP) {
      result = access.writable(hart, guest, first, 8);
    }
    if (result == access.DEVICE) result = DONE;
  }
  if (result == TRAP) {
    if (hart.trapCause == CAUSE_STORE_PAGE || hart.trapCause == CAUSE_STORE_ACCESS) hart.trapValue = gva;
    return TRAP;
  }
  if (result == DONE) hart.pc = next;
  return result;
}
