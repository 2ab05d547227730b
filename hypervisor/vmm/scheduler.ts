// The loop of a physical CPU: serves devices that want it, gives itself to the hart that the schedule picks, for a slice, and
// rests when there is none. The kernel never sleeps: `run` gives the ns until something may happen.

import { GUEST_RUNNING, MAX_GUESTS, RUN_AGAIN, RUN_FINISHED } from "../abi";
import { Cpu, cpuAt } from "../core/cpus";
import * as mailbox from "../core/mailbox";
import * as access from "../cpu/access";
import { guestAt } from "../guest/guest";
import * as desk from "../net/desk";
import { isUplink } from "../net/uplink";
import * as bill from "./bill";
import * as harts from "./harts";
import * as pressure from "./memory/pressure";
import * as sharing from "./memory/sharing";
import { NO_ENTITY } from "./schedule/policy";
import * as service from "./service";
import * as slice from "./slice";
import * as table from "./table";

/** One call of `run` works for about so long, so that the host stays responsive (a browser draws every 16 ms). */
const RUN_NS: f64 = 2_000_000;
/** Longest rest: whoever has work for this CPU ends it, but a host that can't must not starve us. */
const REST_NS: f64 = 100_000_000;

/** The last call of `run` said that there was nothing to do. */
let rested: bool = false;

/** The time this CPU's worker did not run: idle, if there was nothing to do, and then idle time of all who might have run. */
function billOutside(cpu: Cpu, ns: f64): void {
  if (!rested) {
    cpu.kernelNs += ns;
    return;
  }
  cpu.idleNs += ns;
  let count = 0;
  for (let id: u32 = 0; id < <u32>MAX_GUESTS; id++) if (guestAt(id).state == GUEST_RUNNING) count++;
  if (count == 0) return;
  for (let id: u32 = 0; id < <u32>MAX_GUESTS; id++) {
    if (guestAt(id).state == GUEST_RUNNING) bill.idle(guestAt(id), ns / count);
  }
}

/** ns until this CPU may have something to do. */
function rest(number: u32): f64 {
  if (!table.any(GUEST_RUNNING)) return RUN_FINISHED;
  let ns = service.restNs();
  const idle = harts.idleNs(number, bill.now());
  if (idle < ns) ns = idle;
  if (ns > REST_NS) ns = REST_NS;
  return ns > 0 ? ns : RUN_AGAIN;
}

/** Lets the guests work on a CPU for about RUN_NS; ns it may be left alone, RUN_AGAIN, or RUN_FINISHED. */
export function run(number: u32): f64 {
  access.setCpu(number);
  desk.sit(number);
  const cpu = cpuAt(number);
  billOutside(cpu, bill.open(cpu));
  rested = false;
  const end = bill.now() + RUN_NS;
  while (true) {
    service.round(cpu);
    pressure.tick(cpu, bill.now());
    sharing.tick(cpu, bill.now());
    const entity = harts.pick(number, bill.now());
    bill.toCpu(cpu);
    if (entity == NO_ENTITY) {
      const ns = rest(number);
      rested = ns != RUN_AGAIN;
      if (rested || bill.now() >= end) return ns;
      continue;
    }
    slice.play(entity, number);
    if (bill.now() >= end) return RUN_AGAIN;
  }
}

/** Frames wait at an uplink, or it takes frames again: the next who looks sees to it. */
export function expectFrames(uplink: u32): void {
  if (isUplink(uplink)) mailbox.announceUplink(uplink);
}

/** Input waits for a guest: it is fetched as soon as a CPU looks. */
export function expectInput(id: u32): void {
  if (id < <u32>MAX_GUESTS) mailbox.announce(id);
}
