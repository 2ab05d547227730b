// SBI performance monitoring (chapter 11): the two counters every hart has, cycles and instructions.
// They never stop, so "stopped" is a note in the guest's papers; what drivers do is read, subtract, add up.

import { CSR_CYCLE, CSR_INSTRET } from "../../cpu/csrs";
import { Hart } from "../../cpu/hart";
import { Guest } from "../../guest/guest";
import { papersOf } from "../papers";
import {
  SBI_ERR_ALREADY_STARTED, SBI_ERR_ALREADY_STOPPED, SBI_ERR_INVALID_PARAM, SBI_ERR_NOT_SUPPORTED,
  argument, fail, functionId, succeed,
} from "./call";

const NUM_COUNTERS: u32 = 0;
const COUNTER_GET_INFO: u32 = 1;
const COUNTER_CONFIG_MATCHING: u32 = 2;
const COUNTER_START: u32 = 3;
const COUNTER_STOP: u32 = 4;
const COUNTER_FW_READ: u32 = 5;
const COUNTER_FW_READ_HI: u32 = 6;

/** Counter 0: cycle, counter 1: instret. */
const COUNTERS: u32 = 2;
const CYCLE: u32 = 0;
const ALL: u64 = (1 << COUNTERS) - 1;

/** Width of a counter less one, where counter_get_info has it. */
const INFO_WIDTH: u64 = 63 << 12;

// Event indices (section 11.3): type in bits 16 … 19, code below.
const EVENT_CPU_CYCLES: u64 = 1;
const EVENT_INSTRUCTIONS: u64 = 2;

const CFG_SKIP_MATCH: u64 = 1;
const CFG_CLEAR_VALUE: u64 = 2;
const CFG_AUTO_START: u64 = 4;
const START_SET_INIT_VALUE: u64 = 1;
const STOP_RESET: u64 = 1;

/** Counter n counts: bit 16 + n of the hart's PMU word; bit n alone: it is configured. */
const RUNNING_SHIFT: u32 = 16;

/** The set of counters a call names (base, mask); 0: none, or one that does not exist. */
function counters(hart: Hart): u32 {
  const base = argument(hart, 0);
  const mask = argument(hart, 1);
  if (base >= COUNTERS || mask == 0) return 0;
  if ((mask & ~(ALL >> base)) != 0) return 0;
  return <u32>(mask << base);
}

function setValue(hart: Hart, counter: u32, value: u64): void {
  if (counter == CYCLE) hart.mcycleOffset = value - hart.retired;
  else hart.minstretOffset = value - hart.retired;
}

function info(hart: Hart): void {
  const counter = argument(hart, 0);
  if (counter >= COUNTERS) return fail(hart, SBI_ERR_INVALID_PARAM);
  succeed(hart, INFO_WIDTH | (counter == CYCLE ? CSR_CYCLE : CSR_INSTRET));
}

/** The counter for an event out of a set; COUNTERS if there is none. */
function match(set: u32, event: u64): u32 {
  if (event == EVENT_CPU_CYCLES && (set & 1) != 0) return 0;
  if (event == EVENT_INSTRUCTIONS && (set & 2) != 0) return 1;
  return COUNTERS;
}

function configure(guest: Guest, hart: Hart): void {
  const set = counters(hart);
  if (set == 0) return fail(hart, SBI_ERR_INVALID_PARAM);
  const flags = argument(hart, 2);
  const papers = papersOf(guest);
  let word = papers.pmu(hart.index);
  const counter = (flags & CFG_SKIP_MATCH) != 0 ? ctz<u32>(set) : match(set, argument(hart, 3));
  if (counter == COUNTERS) return fail(hart, SBI_ERR_NOT_SUPPORTED);
  if ((flags & CFG_SKIP_MATCH) != 0 && (word >> counter & 1) == 0) return fail(hart, SBI_ERR_INVALID_PARAM);
  word |= <u32>1 << counter;
  if ((flags & CFG_CLEAR_VALUE) != 0) setValue(hart, counter, 0);
  if ((flags & CFG_AUTO_START) != 0) word |= <u32>1 << RUNNING_SHIFT + counter;
  papers.setPmu(hart.index, word);
  succeed(hart, counter);
}

function start(guest: Guest, hart: Hart): void {
  const set = counters(hart);
  const papers = papersOf(guest);
  const word = papers.pmu(hart.index);
  if (set == 0 || (set & ~word) != 0) return fail(hart, SBI_ERR_INVALID_PARAM);
  if ((argument(hart, 2) & START_SET_INIT_VALUE) != 0) {
    for (let i: u32 = 0; i < COUNTERS; i++) if ((set >> i & 1) != 0) setValue(hart, i, argument(hart, 3));
  }
  if ((word >> RUNNING_SHIFT & set) != 0) return fail(hart, SBI_ERR_ALREADY_STARTED);
  papers.setPmu(hart.index, word | set << RUNNING_SHIFT);
  succeed(hart, 0);
}

function stop(guest: Guest, hart: Hart): void {
  const set = counters(hart);
  if (set == 0) return fail(hart, SBI_ERR_INVALID_PARAM);
  const papers = papersOf(guest);
  const word = papers.pmu(hart.index);
  let left = word & ~(set << RUNNING_SHIFT);
  if ((argument(hart, 2) & STOP_RESET) != 0) left &= ~set;
  papers.setPmu(hart.index, left);
  if ((word >> RUNNING_SHIFT & set) != set) return fail(hart, SBI_ERR_ALREADY_STOPPED);
  succeed(hart, 0);
}

/** Answers a call. */
export function call(guest: Guest, hart: Hart): void {
  switch (functionId(hart)) {
    case NUM_COUNTERS: return succeed(hart, COUNTERS);
    case COUNTER_GET_INFO: return info(hart);
    case COUNTER_CONFIG_MATCHING: return configure(guest, hart);
    case COUNTER_START: return start(guest, hart);
    case COUNTER_STOP: return stop(guest, hart);
    // There are no firmware counters, so no number names one.
    case COUNTER_FW_READ:
    case COUNTER_FW_READ_HI: return fail(hart, SBI_ERR_INVALID_PARAM);
    default: fail(hart, SBI_ERR_NOT_SUPPORTED);
  }
}
