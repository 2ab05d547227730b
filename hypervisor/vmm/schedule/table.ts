// What the schedule knows: a record for each guest, hart and physical CPU, and a head. All zero is the state before `open`.
//
//   SCHEDULE + 0x00000   Head, then MAX_CPUS Places
//   SCHEDULE + 0x01000   MAX_GUESTS Shares
//   SCHEDULE + 0x04000   MAX_GUESTS * MAX_HARTS Entities, by entity = guest << 3 | hart
//   SCHEDULE + 0x0a000   the trace (trace.ts)
//
// Nothing here is an address, and nothing reads a clock: who copies the part before the trace has the whole state.

import { MAX_CPUS, MAX_GUESTS, MAX_HARTS } from "../../abi";
import { SCHEDULE, SCHEDULE_SIZE } from "../../core/layout";

/** The hart can't be made ready: its guest does not run, or it was stopped for good. */
export const STATE_OFF: u32 = 0;
/** It waits for a wake-up or its deadline. */
export const STATE_BLOCKED: u32 = 1;
/** It waits for a CPU. */
export const STATE_READY: u32 = 2;
/** It has one. */
export const STATE_RUNNING: u32 = 3;

export const NO_ENTITY: u32 = 0xffff_ffff;
export const NO_CPU: u32 = 0xffff_ffff;

/** Bits of an entity that are the hart. */
export const HART_BITS: u32 = 3;
const ENTITIES: u32 = MAX_GUESTS << HART_BITS;

/** The weight that virtual time is counted for: ns of such a guest are ns of virtual time. */
export const UNIT_WEIGHT: f64 = 256;

const PLACES: usize = SCHEDULE + 0x100;
const SHARES: usize = SCHEDULE + 0x1000;
const SHARE_STRIDE: usize = 0xc0;
const ENTITY_TABLE: usize = SCHEDULE + 0x4000;
const ENTITY_STRIDE: usize = 48;
/** The trace fills the rest of the schedule. */
export const TRACE: usize = SCHEDULE + 0xa000;
/** Bytes of the state: all that lies before the trace. */
export const STATE_BYTES: u32 = 0xa000;

/** What concerns all guests. */
@unmanaged @final
export class Head {
  /** CPUs of the machine, 0 before `open`. */
  cpus: u32;
  /** Bit n: CPU n found nothing to run. And: somebody was told to wake it since. */
  idle: u32;
  notified: u32;
  unused: u32;
  /** Bit n: guest n has READY harts. And: it has BLOCKED ones with a deadline. */
  ready: u64;
  timed: u64;
  /** Where virtual time stands: the least of those who wait for a CPU, at the last pick; it never goes back. */
  time: f64;
  /** Latest `now` that anyone came with. */
  now: f64;
  /** Earliest deadline of all BLOCKED harts; Infinity: none. */
  deadline: f64;
}

/** One guest's share of the CPUs, which all its harts use up together. */
@unmanaged @final
export class Share {
  weight: u32;
  harts: u32;
  /** 1: the guest runs; its harts may be READY. */
  admitted: u32;
  /** Bit n: hart n is READY. And: RUNNING. */
  ready: u32;
  running: u32;
  /** 1: its cap is used up, and it waits for a refill. */
  throttled: u32;
  /** CPUs it gets at most, and whenever it wants them; 0: none. */
  cap: f64;
  reservation: f64;
  /** Virtual time: what it has used in ns, times 256 / weight. */
  time: f64;
  /** ns that its cap leaves it, and that its reservation owes it; negative: it is in debt. */
  budget: f64;
  credit: f64;
  /** Up to when these two have been filled. */
  filledAt: f64;
  /** Sum of the times at which its RUNNING harts got their CPUs. */
  startedSum: f64;
  /** Earliest deadline of its BLOCKED harts; Infinity: none. */
  deadline: f64;
  /** Where the time of its harts stands, as Head.time does for guests: by it they take turns. */
  hartTime: f64;
  /** Times that a hart got a CPU; times that this was not the one before. */
  slices: u64;
  migrations: u64;
}

/** One hart of a guest. */
@unmanaged @final
export class Entity {
  /** STATE_*. */
  state: u32;
  /** The CPU it had last, plus 1; 0: none yet. */
  lastCpu: u32;
  /** 1: it has not had a CPU since it was woken. */
  woken: u32;
  unused: u32;
  /** ns it has used; lifted when it wakes, so that sleep saves nothing up. */
  time: f64;
  /** READY: since when. RUNNING: since when. */
  since: f64;
  /** BLOCKED: when it becomes READY by itself; Infinity: never. */
  deadline: f64;
  /** ns of all READY states that have ended. */
  stealNs: f64;
}

/** One physical CPU. */
@unmanaged @final
export class Place {
  /** The hart that has it, plus 1; 0: none. */
  entity: u32;
  /** A hart, plus 1, that a spinning sibling has left this CPU to; 0: none. */
  boosted: u32;
}

if (offsetof<Head>() > PLACES - SCHEDULE) ERROR("the head runs into the CPUs");
if (PLACES + <usize>MAX_CPUS * offsetof<Place>() > SHARES) ERROR("the CPUs run into the guests");
if (offsetof<Share>() > SHARE_STRIDE) ERROR("a guest's record has outgrown its place");
if (SHARES + <usize>MAX_GUESTS * SHARE_STRIDE > ENTITY_TABLE) ERROR("the guests run into the harts");
if (offsetof<Entity>() > ENTITY_STRIDE) ERROR("a hart's record has outgrown its place");
if (ENTITY_TABLE + <usize>ENTITIES * ENTITY_STRIDE > TRACE) ERROR("the harts run into the trace");
if (SCHEDULE + STATE_BYTES != TRACE) ERROR("the state ends where the trace begins");
if (TRACE >= SCHEDULE + SCHEDULE_SIZE) ERROR("the trace has no room");
if (MAX_GUESTS > 64 || MAX_CPUS > 32 || MAX_HARTS > 1 << HART_BITS) ERROR("masks and entities have no room for so many");

/** The head. */
export function head(): Head {
  return changetype<Head>(SCHEDULE);
}

/** Record of CPU `cpu`. */
export function placeAt(cpu: u32): Place {
  assert(cpu < <u32>MAX_CPUS);
  return changetype<Place>(PLACES + <usize>cpu * offsetof<Place>());
}

/** Record of guest `guest`. */
export function shareAt(guest: u32): Share {
  assert(guest < <u32>MAX_GUESTS);
  return changetype<Share>(SHARES + <usize>guest * SHARE_STRIDE);
}

/** Record of the hart with that number. */
export function entityAt(number: u32): Entity {
  assert(number < ENTITIES);
  return changetype<Entity>(ENTITY_TABLE + <usize>number * ENTITY_STRIDE);
}

/** The guest that a hart belongs to. */
export function guestOf(number: u32): u32 {
  return number >> HART_BITS;
}

/** The hart's bit in the masks of its guest. */
export function bitOf(number: u32): u32 {
  return <u32>1 << (number & (1 << HART_BITS) - 1);
}
