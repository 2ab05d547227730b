// Translates what has become hot on a CPU: all that waits goes into one module, between two slices of the hart that met it.

import { E_UNSUPPORTED, OK, TRANSLATOR_OFF, TRANSLATOR_TRAIN, TRANSLATOR_VERIFY } from "../abi";
import * as host from "../host";
import * as code from "../cpu/code";
import * as fresh from "../cpu/fresh";
import { Hart } from "../cpu/hart";
import * as heat from "../cpu/heat";
import { Hot } from "../cpu/heat";
import * as regions from "../cpu/regions";
import { REGIONS_MAX, TABLE, areaOf } from "../cpu/regions";
import * as pack from "../cpu/trained";
import { LOG_END } from "../cpu/verify";
import { Guest } from "../guest/guest";
import * as atomics from "./atomics";
import * as desk from "./desk";
import * as fused from "./fused";
import * as module from "./module";
import * as origins from "./origins";
import * as pages from "./pages";
import * as probe from "./probe";
import * as trained from "./trained";
import * as unit from "./unit";
import * as wasm from "./wasm";

/** What an entry that can't be translated must cost before it is tried again, in instructions. */
const PATIENCE: i32 = 1 << 26;
/** The same for an entry that has only not been trained. */
const PATIENCE_TRAINED: i32 = 1 << 22;
/** Bytes of code with which a module is called full. */
const FULL: u32 = 1 << 19;

/** Translates the entries that wait on this CPU. They were met by `hart`, most likely in the address space it has now. */
export function drain(hart: Hart, guest: Guest, cpu: u32): void {
  const count = heat.count(cpu);
  if (count == 0) return;
  regions.settle(cpu);
  desk.sit(cpu);
  if (!hasProbed) probeHost();
  let done: u32 = 0;
  while (done < count && guest.translator != <u32>TRANSLATOR_OFF) done = batch(hart, guest, cpu, done, count);
  heat.clear(cpu);
}

let hasProbed: bool = false;
/** The host takes no code, but some came with the image. */
let isRefused: bool = false;

/** Asks the host's engine, once per worker, whether its multiply-adds round once. */
function probeHost(): void {
  hasProbed = true;
  const ptr = desk.module();
  if (host.codeInstall(ptr, probe.write(ptr), TABLE - 1, 1) != OK) return;
  fused.setFusedHost(call_indirect<i32>(TABLE - 1, <u32>0, 0, <u64>0, 0) == 1);
  host.codeRemove(TABLE - 1, 1);
}

/** Makes a module of the entries from number `first` on, until it is full; the number of the next entry. */
function batch(hart: Hart, guest: Guest, cpu: u32, first: u32, count: u32): u32 {
  const log: usize = guest.translator == <u32>TRANSLATOR_VERIFY ? areaOf(cpu) + LOG_END : 0;
  const isTraining = guest.translator >= <u32>TRANSLATOR_TRAIN;
  fused.allow(guest.translator != <u32>TRANSLATOR_TRAIN);
  atomics.allow(!isTraining);
  module.begin();
  origins.begin();
  let next = first;
  while (next < count && wasm.at - desk.bodies() < FULL && module.functions + desk.FUNCTIONS_MAX <= desk.ENTRIES_MAX) {
    const hot = heat.at(cpu, next++);
    const frame = code.frameOf(hot.page);
    const place = <i32>(hot.pc & 0xfff);
    // An entry on a page that is fresh heats again.
    if (frame == 0 || fresh.has(cpu, <usize>hot.page) || !regions.isWanted(cpu, hot.set, frame, place)) continue;
    pages.begin(hart, guest, cpu, hot.pc, hot.set);
    // The address space may be another by now: then the entry heats again in its own.
    if (pages.frameOf(0) != frame) continue;
    if (log == 0 && pack.isThere() && trained.take(hart, guest, cpu, frame, place, hot.set)) continue;
    if (!isRefused && add(cpu, hot, frame, place, log, isTraining)) continue;
    if (!isRefused) guest.refusals++;
    heat.cool(cpu, <usize>hot.page + (<usize>place << 2), hot.set, isRefused ? PATIENCE_TRAINED : PATIENCE);
  }
  if (module.functions != 0) install(guest, cpu, isTraining ? origins.length() : 0);
  return next;
}

/** Adds the unit of a hot entry to the module; false: it can't be translated. */
function add(cpu: u32, hot: Hot, frame: u32, place: i32, log: usize, isTraining: bool): bool {
  const functions = unit.read(place, hot.set);
  if (functions == 0) return false;
  const start = wasm.at;
  const number = regions.takeUnit(cpu);
  const fresh = regions.unitAt(cpu, number);
  fresh.set = hot.set;
  if (unit.cover(cpu, fresh, place)) {
    unit.write(module.FIRST + module.functions, hot.set, !code.isNarrow(cpu, frame), log);
    if (!wasm.isFull && (!isTraining || origins.add(place, hot.set))) {
      for (let k: u32 = 0; k < functions; k++) desk.setEntry(module.functions + k, number, place + desk.functionAt(k).offset);
      fresh.bytes = <u32>(wasm.at - start);
      module.added(functions);
      return true;
    }
  }
  wasm.rewind(start);
  regions.drop(cpu, number);
  return false;
}

/** Hands the module to the host, and makes its functions entries. */
function install(guest: Guest, cpu: u32, origins: u32): void {
  const length = module.finish(origins);
  const count = module.functions;
  const first = regions.takeRegions(cpu, count, length);
  const result = first == REGIONS_MAX ? OK - 1 : host.codeInstall(desk.module(), length, TABLE + first, count);
  for (let k: u32 = 0; k < count; k++) {
    const number = desk.entryUnit(k);
    if (result == OK) regions.open(cpu, first + k, number, desk.entryPlace(k), TABLE + first + k);
    else if (regions.unitAt(cpu, number).isAlive != 0) regions.drop(cpu, number);
  }
  if (result == OK) regions.translatedOf(cpu).modules++;
  else guest.refusals++;
  // Where no code can be made the interpreter carries on alone.
  if (result != E_UNSUPPORTED) return;
  if (pack.isThere()) isRefused = true;
  else guest.translator = TRANSLATOR_OFF;
}
