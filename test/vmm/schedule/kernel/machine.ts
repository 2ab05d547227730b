// A machine without guests and without a clock: CPUs that do what vmm/scheduler does with the policy, harts that work and
// sleep as they are told. Time is a number that jumps to the next thing that happens, so each run takes the same way.

import { MAX_CPUS, MAX_GUESTS, MAX_HARTS } from "../../../../hypervisor/abi";
import { WINDOW } from "../../../../hypervisor/core/layout";
import * as policy from "../../../../hypervisor/vmm/schedule/policy";
import {
  NO_CPU, NO_ENTITY, STATE_BLOCKED, STATE_OFF, STATE_READY,
} from "../../../../hypervisor/vmm/schedule/policy";

export const MS: f64 = 1_000_000;
export const SECOND: f64 = 1_000_000_000;
/** What the kernel gives a slice at most, and how long a lap is. */
export const SLICE_NS: f64 = 3 * MS;
const LAP_NS: f64 = MS / 2;
/** What changing harts costs, which is charged with the slice. */
const SWITCH_NS: f64 = 5_000;
/** How long a CPU takes to wake up. */
const WAKE_NS: f64 = 1_000;
/** The longest rest of a CPU. */
const REST_NS: f64 = 100 * MS;

/** One hart: works for `burst` ns (Infinity: a hog), then sleeps for `sleep` ns. */
@unmanaged @final
class Worker {
  burst: f64;
  sleep: f64;
  /** ns of the burst that are left. */
  left: f64;
  /** ns of work so far, and ns it was charged for. */
  work: f64;
  charged: f64;
  /** When it should have woken, 0: it has had a CPU since. */
  due: f64;
}

/** One CPU. */
@unmanaged @final
class Cpu {
  /** When it does something next. */
  next: f64;
  /** What it runs, NO_ENTITY: nothing. */
  entity: u32;
  /** Length of the lap it is in. */
  lap: f64;
  sliceFrom: f64;
  sliceEnd: f64;
  idleNs: f64;
  idleSince: f64;
}

const WORKERS: usize = WINDOW;
const CPUS: usize = WINDOW + 0x8000;
const LATENCIES: usize = WINDOW + 0x9000;
const LATENCIES_MAX: u32 = 20_000;

let cpus: u32 = 0;
let now: f64 = 0;
let latencies: u32 = 0;
let seed: u64 = 1;
/** Harts' bursts and sleeps vary by a quarter to both sides. */
let jitter: bool = false;
/** Since when a CPU has been sleeping while a hart waits; Infinity: none does. */
let neglectedSince: f64 = Infinity;
/** Laps of a hundred that end with a hart that spins. */
let spinning: u32 = 0;

function worker(entity: u32): Worker {
  return changetype<Worker>(WORKERS + <usize>entity * offsetof<Worker>());
}

function cpuAt(cpu: u32): Cpu {
  return changetype<Cpu>(CPUS + <usize>cpu * offsetof<Cpu>());
}

/** The next random number below `bound`, the same in each run. */
export function random(bound: u32): u32 {
  seed = seed * 6364136223846793005 + 1442695040888963407;
  return <u32>((seed >> 33) % bound);
}

function vary(ns: f64): f64 {
  return jitter && ns != Infinity ? ns * (0.75 + <f64>random(1000) / 2000) : ns;
}

export function time(): f64 {
  return now;
}

/** A machine with so many CPUs. */
export function open(count: u32): void {
  cpus = count;
  neglectedSince = Infinity;
  now = 1_000 * SECOND;
  policy.open(count);
  for (let i: u32 = 0; i < count; i++) {
    cpuAt(i).entity = NO_ENTITY;
    cpuAt(i).next = now;
    cpuAt(i).idleSince = -1;
  }
}

/** A guest that was stopped runs again, its harts as they were. */
export function resume(guest: u32, harts: u32): void {
  policy.admit(guest, harts, now);
  for (let i: u32 = 0; i < harts; i++) wake(guest << 3 | i);
}

/** So many laps in a hundred end with a hart that spins. */
export function spin(percent: u32): void {
  spinning = percent;
}

/** Bursts and sleeps vary from now on. */
export function shake(start: u64): void {
  seed = start;
  jitter = true;
}

/** A guest whose harts all work for `burst` ns and sleep for `sleep` ns. */
export function add(guest: u32, harts: u32, weight: u32, burst: f64, sleep: f64): void {
  limit(guest, weight, 0, 0);
  policy.admit(guest, harts, now);
  for (let i: u32 = 0; i < harts; i++) {
    const entity = guest << 3 | i;
    worker(entity).burst = burst;
    worker(entity).sleep = sleep;
    worker(entity).left = vary(burst);
    worker(entity).due = now;
    stir(policy.wake(entity, now));
  }
}

/** A guest with `harts` harts, of which the first `awake` never sleep, and the others wait to be started. */
export function addHogs(guest: u32, harts: u32, awake: u32, weight: u32): void {
  limit(guest, weight, 0, 0);
  policy.admit(guest, harts, now);
  for (let i: u32 = 0; i < awake; i++) addSibling(guest, i);
}

/** Starts one more hog of a guest. */
export function addSibling(guest: u32, hart: u32): void {
  const entity = guest << 3 | hart;
  worker(entity).burst = Infinity;
  worker(entity).left = Infinity;
  wake(entity);
}

/** Limits a guest, in CPUs. */
export function limit(guest: u32, weight: u32, cap: f64, reservation: f64): void {
  policy.set(guest, weight, cap, reservation, now);
  stir(policy.helper(now));
}

/** A guest whose harts never sleep. */
export function addHog(guest: u32, harts: u32, weight: u32): void {
  add(guest, harts, weight, Infinity, 0);
}

/** Ends the sleep of a CPU. */
function stir(cpu: u32): void {
  if (cpu != NO_CPU && cpuAt(cpu).entity == NO_ENTITY && cpuAt(cpu).next > now) cpuAt(cpu).next = now + WAKE_NS;
}

/** Wakes a hart from outside. */
export function wake(entity: u32): void {
  if (policy.isBlocked(entity)) worker(entity).due = now;
  stir(policy.wake(entity, now));
}

function noteLatency(entity: u32): void {
  const due = worker(entity).due;
  if (due == 0) return;
  worker(entity).due = 0;
  if (latencies == LATENCIES_MAX || worker(entity).burst == Infinity) return;
  store<f64>(LATENCIES + (<usize>latencies << 3), now - due);
  latencies++;
}

function startLap(cpu: Cpu): void {
  const who = worker(cpu.entity);
  let lap = LAP_NS;
  if (cpu.sliceEnd - now < lap) lap = cpu.sliceEnd - now;
  if (who.left < lap) lap = who.left;
  if (lap < 1) lap = 1;
  cpu.lap = lap;
  cpu.next = now + lap;
}

/** A CPU with nothing to run looks for something. */
function seek(cpu: Cpu, number: u32): void {
  const entity = policy.pick(number, now);
  stir(policy.helper(now));
  if (entity == NO_ENTITY) {
    if (cpu.idleSince < 0) cpu.idleSince = now;
    const ns = policy.idleNs(number, now);
    cpu.next = now + (ns < REST_NS ? ns < WAKE_NS ? WAKE_NS : ns : REST_NS);
    return;
  }
  if (cpu.idleSince >= 0) {
    cpu.idleNs += now - cpu.idleSince;
    cpu.idleSince = -1;
  }
  noteLatency(entity);
  cpu.entity = entity;
  cpu.sliceFrom = now;
  now += SWITCH_NS;
  const slice = policy.sliceNs(entity, number, now);
  cpu.sliceEnd = now + (slice < SLICE_NS ? slice : SLICE_NS);
  startLap(cpu);
  now -= SWITCH_NS;
}

function leave(cpu: Cpu, number: u32, next: u32, deadline: f64): void {
  const entity = cpu.entity;
  cpu.entity = NO_ENTITY;
  worker(entity).charged += now - cpu.sliceFrom;
  policy.put(entity, number, now, now - cpu.sliceFrom, next, deadline);
  seek(cpu, number);
}

/** A lap has ended. */
function endLap(cpu: Cpu, number: u32): void {
  const entity = cpu.entity;
  const who = worker(entity);
  who.work += cpu.lap;
  who.left -= cpu.lap;
  if (who.left <= 0) {
    const deadline = who.sleep == Infinity ? Infinity : now + vary(who.sleep);
    who.left = vary(who.burst);
    who.due = deadline;
    return leave(cpu, number, STATE_BLOCKED, deadline);
  }
  const yields = policy.shouldYield(entity, number, now, now - cpu.sliceFrom);
  stir(policy.helper(now));
  const spins = spinning != 0 && random(100) < spinning && policy.yieldTo(entity, number, now);
  if (yields || spins || now >= cpu.sliceEnd) return leave(cpu, number, STATE_READY, Infinity);
  startLap(cpu);
}

/** Does a CPU sleep while a hart that may run waits, and no other one is on its way, which would wake the next? */
function isNeglected(): bool {
  let sleeping: u32 = 0;
  for (let i: u32 = 0; i < cpus; i++) {
    if (cpuAt(i).entity != NO_ENTITY) continue;
    if (cpuAt(i).next <= now + WAKE_NS) return false;
    sleeping++;
  }
  return sleeping != 0 && policy.waiting(now) != 0;
}

/** What happens while a CPU that sleeps has not been told is seen by those which work, when their laps end. */
function checkIdle(): void {
  if (!isNeglected()) neglectedSince = Infinity;
  else if (neglectedSince == Infinity) neglectedSince = now;
}

/** Does what happens next, if that is before `end`; false: nothing is. */
export function step(end: f64): bool {
  let first: u32 = 0;
  for (let i: u32 = 1; i < cpus; i++) if (cpuAt(i).next < cpuAt(first).next) first = i;
  const cpu = cpuAt(first);
  if (cpu.next > end) return false;
  assert(cpu.next - neglectedSince <= LAP_NS + WAKE_NS, "a CPU sleeps while a hart is ready");
  if (cpu.next > now) now = cpu.next;
  if (cpu.entity == NO_ENTITY) seek(cpu, first);
  else endLap(cpu, first);
  checkIdle();
  return true;
}

/** Lets the machine run for so long. */
export function run(ns: f64): void {
  const end = now + ns;
  while (step(end)) continue;
  now = end;
}

/** ns of work that a guest's harts have done. */
export function work(guest: u32): f64 {
  let sum: f64 = 0;
  for (let i: u32 = 0; i < <u32>MAX_HARTS; i++) sum += worker(guest << 3 | i).work;
  return sum;
}

/** ns that a guest was charged for its harts. */
export function charged(guest: u32): f64 {
  let sum: f64 = 0;
  for (let i: u32 = 0; i < <u32>MAX_HARTS; i++) sum += worker(guest << 3 | i).charged;
  return sum;
}

export function workOf(entity: u32): f64 {
  return worker(entity).work;
}

/** Forgets what was worked so far. */
export function zero(): void {
  for (let i: u32 = 0; i < <u32>MAX_GUESTS << 3; i++) {
    worker(i).work = 0;
    worker(i).charged = 0;
  }
  for (let i: u32 = 0; i < <u32>MAX_CPUS; i++) cpuAt(i).idleNs = 0;
  latencies = 0;
}

/** ns that all CPUs had nothing to do. */
export function idleNs(): f64 {
  let sum: f64 = 0;
  for (let i: u32 = 0; i < cpus; i++) {
    sum += cpuAt(i).idleNs;
    if (cpuAt(i).idleSince >= 0) sum += now - cpuAt(i).idleSince;
  }
  return sum;
}

/** How many wake-ups were there, and how many of them waited longer than `ns` for a CPU? */
export function wakeUps(): u32 {
  return latencies;
}

export function wakeUpsSlowerThan(ns: f64): u32 {
  let count: u32 = 0;
  for (let i: u32 = 0; i < latencies; i++) if (load<f64>(LATENCIES + (<usize>i << 3)) > ns) count++;
  return count;
}

/** A guest stops; its harts leave their CPUs when their laps end. */
export function stop(guest: u32): void {
  policy.dismiss(guest);
}

if (<usize>MAX_GUESTS * MAX_HARTS * offsetof<Worker>() > 0x8000) ERROR("the harts run into the CPUs");
if (STATE_OFF != 0) ERROR("a hart begins OFF");
