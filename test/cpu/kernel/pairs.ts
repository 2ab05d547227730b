// Programs full of what cpu/fuse.ts puts together: run in slices of one, where each pair is done by halves, of three, and at once.

import { Hart } from "../../../hypervisor/cpu/hart";
import { below, seed } from "../../support/kernel/random";
import { CODE, DATA, addi, at, bne, emit, emitShort, go, jump, ld, makeHart, sd } from "./bench";

const PROGRAMS: u32 = 60;
const LENGTH: u32 = 80;
/** Registers that programs play with; x8 holds DATA. */
const FIRST: u32 = 9;
const COUNT: u32 = 5;

function register(): u32 {
  return FIRST + below(COUNT);
}

function immediate(): i32 {
  return <i32>below(4096) - 2048;
}

/** A branch of any kind over the next four or eight bytes. */
function branch(): u32 {
  const kinds = below(6);
  const funct3: u32 = kinds < 2 ? kinds : kinds + 2;
  return bne(register(), below(4) == 0 ? 0 : register(), 8) & ~0x7000 | funct3 << 12;
}

/** One instruction, mostly one that pairs with its neighbours. */
function one(): u32 {
  const rd = register();
  const rs = register();
  switch (below(12)) {
    case 0: return addi(rd, rd, immediate());
    case 1: return addi(rd, rd, immediate()) | 8;
    case 2: return addi(rd, rs, 0) | 8;
    case 3: return addi(rd, 0, immediate());
    case 4: return addi(rd, rs, immediate()) | 0x7000;
    case 5: return addi(rd, rs, 0);
    case 6: return ld(rd, 8, below(16) << 3);
    case 7: return sd(rs, 8, below(16) << 3);
    case 8: return 0x02000033 | rd << 7 | rs << 15 | register() << 20;
    case 9: return 0x0200003b | rd << 7 | rs << 15 | register() << 20;
    case 10: return 0x33 | rd << 7 | rd << 15 | register() << 20 | below(2) << 3;
    default: return branch();
  }
}

/** The same program for three guests, with 16-bit forms in between. */
function program(a: Hart, b: Hart, c: Hart): void {
  let place: u64 = CODE;
  for (let i: u32 = 0; i < LENGTH; i++) {
    if (below(4) == 0) {
      // c.addi rd, imm and c.mv rd, rs and c.li rd, imm
      const rd = register();
      const kind = below(3);
      const bits = kind == 0 ? 0x0001 | rd << 7 | (1 + below(31)) << 2 : kind == 1 ? 0x8002 | rd << 7 | register() << 2 : 0x4001 | rd << 7 | below(32) << 2;
      at(place); emitShort(a, bits);
      at(place); emitShort(b, bits);
      at(place); emitShort(c, bits);
      place += 2;
      // Another, so that branches over eight bytes land on an instruction.
      at(place); emitShort(a, 0x0001);
      at(place); emitShort(b, 0x0001);
      at(place); emitShort(c, 0x0001);
      place += 2;
    } else {
      const raw = one();
      at(place); emit(a, raw);
      at(place); emit(b, raw);
      at(place); emit(c, raw);
      place += 4;
    }
  }
  const back = <i32>(CODE - place);
  for (let i = 0; i < 3; i++) {
    const hart = i == 0 ? a : i == 1 ? b : c;
    at(place); emit(hart, jump(back));
    at(place + 4); emit(hart, jump(back - 4));
  }
}

function same(a: Hart, b: Hart): void {
  assert(a.pc == b.pc, "pc");
  assert(a.retired == b.retired, "count");
  for (let i: u32 = 0; i < 32; i++) assert(a.x(i) == b.x(i), "register");
}

export function pairs_done_by_halves_give_the_same_state_as_pairs_done_at_once(): void {
  seed(7);
  for (let n: u32 = 0; n < PROGRAMS; n++) {
    const whole = makeHart(64);
    const threes = makeHart(64, 1);
    const ones = makeHart(64, 2);
    whole.x8 = threes.x8 = ones.x8 = DATA;
    program(whole, threes, ones);
    for (let round = 0; round < 20; round++) {
      go(whole, 60);
      for (let i = 0; i < 20; i++) go(threes, 3);
      for (let i = 0; i < 60; i++) go(ones, 1);
      same(whole, threes);
      same(whole, ones);
    }
  }
}
