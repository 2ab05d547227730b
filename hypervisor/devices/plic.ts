// The platform-level interrupt controller: folds the guest's interrupt lines into the wires SEIP and MEIP of its harts.
//
// Contexts are those of QEMU's `virt` board: hart h has context 2h for M mode and 2h + 1 for S mode. Section numbers are
// those of the RISC-V PLIC specification 1.0.0. A line is level-triggered: its gateway forwards one request, and the next
// only after the handler has said that it is done (2.1 "Interrupt Gateways").
//
//   lines --(not being served)--> pending --(enabled, above the threshold)--> wire
//                                    | claim                 ^ complete, if the line is still high
//                                    +-----> being served ---+

import { MAX_HARTS } from "../abi";
import { Guest, offend } from "../guest/guest";
import * as lines from "../guest/lines";
import { Device } from "./device";

/** Register offsets, section 3 "Memory Map". */
const PRIORITY_END: u32 = 0x1000;
const PENDING: u32 = 0x1000;
const PENDING_END: u32 = 0x1008;
const ENABLE: u32 = 0x2000;
const ENABLE_STRIDE_BITS: u32 = 7;
const CONTEXT: u32 = 0x200000;
const CONTEXT_STRIDE_BITS: u32 = 12;
const CONTEXT_THRESHOLD: u32 = 0;
const CONTEXT_CLAIM: u32 = 4;

const SOURCES: u32 = 64;
const CONTEXTS: u32 = 2 * MAX_HARTS;
const PRIORITIES: u32 = 8;

const SEIP: u32 = 1 << 9;
const MEIP: u32 = 1 << 11;

@unmanaged @final
export class Plic extends Device {
  /** Bit n: source n has a request that nobody has claimed. */
  pending: u64;
  /** Bit n: a handler has claimed source n and has not completed it. */
  served: u64;
  /** Guest.linesChanged when the lines were last looked at. */
  seen: u32;
  /** For each priority the sources that have it: bit n of word p. Priority 0 means "never". */
  priority0: u64; priority1: u64; priority2: u64; priority3: u64;
  priority4: u64; priority5: u64; priority6: u64; priority7: u64;
  /** For each context the sources it listens to. */
  enable0: u64; enable1: u64; enable2: u64; enable3: u64; enable4: u64; enable5: u64; enable6: u64; enable7: u64;
  enable8: u64; enable9: u64; enable10: u64; enable11: u64; enable12: u64; enable13: u64; enable14: u64; enable15: u64;
  /** For each context the priority that a request must exceed. */
  threshold0: u32; threshold1: u32; threshold2: u32; threshold3: u32;
  threshold4: u32; threshold5: u32; threshold6: u32; threshold7: u32;
  threshold8: u32; threshold9: u32; threshold10: u32; threshold11: u32;
  threshold12: u32; threshold13: u32; threshold14: u32; threshold15: u32;
}
if (offsetof<Plic>("priority7") - offsetof<Plic>("priority0") != 56) ERROR("the priorities must be a run of words");
if (offsetof<Plic>("enable15") - offsetof<Plic>("enable0") != 120) ERROR("one enable word a context is needed");
if (offsetof<Plic>("threshold15") - offsetof<Plic>("threshold0") != 60) ERROR("one threshold a context is needed");
if (CONTEXTS != 16) ERROR("Plic has words for 16 contexts");

function ofPriority(plic: Plic, priority: u32): u64 {
  return load<u64>(changetype<usize>(plic) + (<usize>priority << 3), offsetof<Plic>("priority0"));
}

function setOfPriority(plic: Plic, priority: u32, sources: u64): void {
  store<u64>(changetype<usize>(plic) + (<usize>priority << 3), sources, offsetof<Plic>("priority0"));
}

function enable(plic: Plic, context: u32): u64 {
  return load<u64>(changetype<usize>(plic) + (<usize>context << 3), offsetof<Plic>("enable0"));
}

function setEnable(plic: Plic, context: u32, sources: u64): void {
  store<u64>(changetype<usize>(plic) + (<usize>context << 3), sources, offsetof<Plic>("enable0"));
}

function threshold(plic: Plic, context: u32): u32 {
  return load<u32>(changetype<usize>(plic) + (<usize>context << 2), offsetof<Plic>("threshold0"));
}

function setThreshold(plic: Plic, context: u32, priority: u32): void {
  store<u32>(changetype<usize>(plic) + (<usize>context << 2), priority, offsetof<Plic>("threshold0"));
}

function priorityOf(plic: Plic, source: u32): u32 {
  for (let priority: u32 = 1; priority < PRIORITIES; priority++) {
    if ((ofPriority(plic, priority) >> source & 1) != 0) return priority;
  }
  return 0;
}

function setPriorityOf(plic: Plic, source: u32, priority: u32): void {
  const bit: u64 = <u64>1 << source;
  for (let i: u32 = 0; i < PRIORITIES; i++) {
    const others = ofPriority(plic, i) & ~bit;
    setOfPriority(plic, i, i == priority ? others | bit : others);
  }
}

/** Forwards what the gateways let through, and sets the wires of all contexts. */
function update(guest: Guest, plic: Plic): void {
  plic.seen = guest.linesChanged;
  plic.pending |= guest.lines & ~plic.served & ~<u64>1;
  for (let context: u32 = 0; context < guest.harts << 1; context++) {
    const candidates = plic.pending & enable(plic, context);
    let above: u64 = 0;
    for (let priority = threshold(plic, context) + 1; priority < PRIORITIES; priority++) {
      above |= ofPriority(plic, priority);
    }
    lines.setWires(guest, context >> 1, (context & 1) != 0 ? SEIP : MEIP, (candidates & above) != 0);
  }
}

/** Takes the most urgent request of a context (section 7 "Claim Process"): highest priority, then lowest number; 0: none. */
function claim(guest: Guest, plic: Plic, context: u32): u32 {
  const candidates = plic.pending & enable(plic, context);
  if (candidates == 0) return 0;
  for (let priority: u32 = PRIORITIES - 1; priority > 0; priority--) {
    const best = candidates & ofPriority(plic, priority);
    if (best == 0) continue;
    const source = <u32>ctz(best);
    plic.pending &= ~(<u64>1 << source);
    plic.served |= <u64>1 << source;
    update(guest, plic);
    return source;
  }
  return 0;
}

/** A handler is done with a source (section 8 "Interrupt Completion"); one that the context does not listen to is ignored. */
function completeSource(guest: Guest, plic: Plic, context: u32, source: u32): void {
  if (source >= SOURCES || (enable(plic, context) >> source & 1) == 0) return;
  plic.served &= ~(<u64>1 << source);
  update(guest, plic);
}

/** Power-on state: nothing enabled, nothing pending. */
export function reset(plic: Plic): void {
  plic.pending = 0;
  plic.served = 0;
  plic.seen = 0;
  for (let i: u32 = 0; i < PRIORITIES; i++) setOfPriority(plic, i, i == 0 ? ~<u64>0 : 0);
  for (let i: u32 = 0; i < CONTEXTS; i++) {
    setEnable(plic, i, 0);
    setThreshold(plic, i, 0);
  }
}

/** Answers a load; reading the claim register takes a request. */
export function read(guest: Guest, plic: Plic, offset: u64, size: u32): u64 {
  const at = <u32>offset;
  if (size == 4 && (at & 3) == 0) {
    if (at < PRIORITY_END) {
      if (at >> 2 < SOURCES) return priorityOf(plic, at >> 2);
    } else if (at >= PENDING && at < PENDING_END) {
      return plic.pending >> ((at & 4) << 3) & 0xffff_ffff;
    } else if (at >= ENABLE && at < CONTEXT) {
      const context = at - ENABLE >> ENABLE_STRIDE_BITS;
      const word = at & (1 << ENABLE_STRIDE_BITS) - 1;
      if (context < guest.harts << 1 && word < 8) return enable(plic, context) >> (word << 3) & 0xffff_ffff;
    } else if (at >= CONTEXT) {
      const context = at - CONTEXT >> CONTEXT_STRIDE_BITS;
      if (context < guest.harts << 1) {
        const register = at & (1 << CONTEXT_STRIDE_BITS) - 1;
        if (register == CONTEXT_THRESHOLD) return threshold(plic, context);
        if (register == CONTEXT_CLAIM) return claim(guest, plic, context);
      }
    }
  }
  offend(guest);
  return 0;
}

/** Takes a store; whatever may change the wires changes them at once. */
export function write(guest: Guest, plic: Plic, offset: u64, size: u32, value: u64): void {
  const at = <u32>offset;
  const word = <u32>value;
  if (size == 4 && (at & 3) == 0) {
    if (at < PRIORITY_END) {
      const source = at >> 2;
      if (source < SOURCES) {
        if (source != 0) setPriorityOf(plic, source, word & PRIORITIES - 1);
        update(guest, plic);
        return;
      }
    } else if (at >= PENDING && at < PENDING_END) {
      return; // read-only (section 5)
    } else if (at >= ENABLE && at < CONTEXT) {
      const context = at - ENABLE >> ENABLE_STRIDE_BITS;
      const half = at & (1 << ENABLE_STRIDE_BITS) - 1;
      if (context < guest.harts << 1 && half < 8) {
        const shift = <u64>half << 3;
        const kept = enable(plic, context) & ~(<u64>0xffff_ffff << shift);
        setEnable(plic, context, (kept | <u64>word << shift) & ~<u64>1);
        update(guest, plic);
        return;
      }
    } else if (at >= CONTEXT) {
      const context = at - CONTEXT >> CONTEXT_STRIDE_BITS;
      if (context < guest.harts << 1) {
        const register = at & (1 << CONTEXT_STRIDE_BITS) - 1;
        if (register == CONTEXT_THRESHOLD) {
          setThreshold(plic, context, word & PRIORITIES - 1);
          update(guest, plic);
          return;
        }
        if (register == CONTEXT_CLAIM) {
          completeSource(guest, plic, context, word);
          return;
        }
      }
    }
  }
  offend(guest);
}

/** Looks at the lines again if they have changed since the last time. */
export function refresh(guest: Guest, plic: Plic): void {
  if (plic.seen != guest.linesChanged) update(guest, plic);
}
