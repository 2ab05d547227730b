// Page tables that several harts walk, mark and change at once.

import { RAM_BASE, guestAt } from "../../../hypervisor/guest/guest";
import { PRIV_S, hartAt } from "../../../hypervisor/cpu/hart";
import * as mmu from "../../../hypervisor/cpu/mmu";
import { ACCESS_WRITE, TRANSLATED } from "../../../hypervisor/cpu/mmu";
import { MENVCFG_ADUE } from "../../../hypervisor/cpu/csrs";
import * as ram from "../../../hypervisor/guest/ram";
import { WORDS, add, boot, finish, finished, makeGuest, meet } from "./crowd";

const ROOT: u64 = RAM_BASE + 0x10000;
const MIDDLE: u64 = ROOT + 0x1000;
const LEAVES: u64 = ROOT + 0x2000;
const PAGES: u32 = 4;
const TURNS: u32 = 30_000;
const V_R_W: u64 = 7;
const A_D: u64 = 0xc0;
/** For software: one of these bits for each of two CPUs. */
const RSW: u64 = 0x100;

function put(table: u64, i: u64, pte: u64): void {
  store<u64>(ram.writable(guestAt(0), table + (i << 3)), pte);
}

function entry(i: u32): usize {
  return ram.writable(guestAt(0), LEAVES + (<u64>i << 3));
}

export function marks_of_accesses_lose_no_other_change_of_the_entry__before(): void {
  boot();
  const guest = makeGuest(0, 2, 64);
  put(ROOT, 0, MIDDLE >> 2 | 1);
  put(MIDDLE, 0, LEAVES >> 2 | 1);
  for (let i: u32 = 0; i < PAGES; i++) put(LEAVES, i, (RAM_BASE + 0x20000 + (<u64>i << 12)) >> 2 | V_R_W);
  for (let i: u32 = 0; i < 2; i++) {
    const hart = hartAt(guest, i);
    hart.priv = PRIV_S;
    hart.menvcfg = MENVCFG_ADUE;
    hart.pmpActive = 0;
    hart.satp = <u64>8 << 60 | ROOT >> 12;
  }
}

/** CPU 0 and 1 walk and set A and D; CPU 2 takes these away, and changes a bit that is its own. */
export function marks_of_accesses_lose_no_other_change_of_the_entry__on(cpu: u32): void {
  const guest = guestAt(0);
  meet();
  if (cpu == 2) {
    for (let i: u32 = 0; finished() < 2; i++) {
      const ptr = entry(i % PAGES);
      atomic.and<u64>(ptr, ~A_D);
      const wanted: u64 = atomic.xor<u64>(ptr, RSW) & RSW ^ RSW;
      for (let k = 0; k < 50; k++) {
        const now = atomic.load<u64>(ptr);
        assert((now & RSW) == wanted);
        if ((now & A_D) == A_D) add(WORDS, 1);
      }
    }
    return;
  }
  const hart = hartAt(guest, cpu);
  for (let i: u32 = 0; i < TURNS || atomic.load<u32>(WORDS) < TURNS; i++) {
    const gva: u64 = <u64>(i % PAGES) << 12;
    assert(mmu.translate(hart, guest, gva, 8, ACCESS_WRITE) == TRANSLATED);
    assert(mmu.gpa == RAM_BASE + 0x20000 + gva);
  }
  finish();
}

export function marks_of_accesses_lose_no_other_change_of_the_entry__after(): void {
  assert(load<u32>(WORDS) >= TURNS);
  for (let i: u32 = 0; i < PAGES; i++) {
    const hart = hartAt(guestAt(0), 0);
    assert(mmu.translate(hart, guestAt(0), <u64>i << 12, 8, ACCESS_WRITE) == TRANSLATED);
    const pte = load<u64>(entry(i));
    assert((pte & A_D) == A_D && (pte & ~(A_D | RSW)) == ((RAM_BASE + 0x20000 + (<u64>i << 12)) >> 2 | V_R_W));
  }
}
