// What must hold between any two calls of the policy, whatever they were.

import { MAX_GUESTS, MAX_HARTS } from "../../../../hypervisor/abi";
import { STATE_BLOCKED, STATE_OFF, STATE_READY, STATE_RUNNING } from "../../../../hypervisor/vmm/schedule/policy";
import { bitOf, entityAt, guestOf, head, placeAt, shareAt } from "../../../../hypervisor/vmm/schedule/table";

const MS: f64 = 1_000_000;

let lastTime: f64 = 0;
let lastSteal: f64 = 0;

/** A new machine: nothing is known of it. */
export function begin(): void {
  lastTime = 0;
  lastSteal = 0;
}

function checkGuest(guest: u32): f64 {
  const share = shareAt(guest);
  let deadline = Infinity;
  let ready: u32 = 0;
  let running: u32 = 0;
  let startedSum: f64 = 0;
  let steal: f64 = 0;
  for (let i: u32 = 0; i < <u32>MAX_HARTS; i++) {
    const number = guest << 3 | i;
    const entity = entityAt(number);
    assert(entity.state <= STATE_RUNNING);
    if (entity.state == STATE_READY) ready |= bitOf(number);
    if (entity.state == STATE_RUNNING) {
      running |= bitOf(number);
      startedSum += entity.since;
      assert(placeAt(entity.lastCpu - 1).entity == number + 1, "a RUNNING hart has the CPU that it had last");
    }
    if (entity.state == STATE_BLOCKED && entity.deadline < deadline) deadline = entity.deadline;
    if (entity.state != STATE_BLOCKED) assert(entity.deadline == Infinity || entity.deadline == 0, "only who is BLOCKED has a deadline");
    if (share.admitted == 0) assert(entity.state == STATE_OFF || entity.state == STATE_RUNNING);
    if (i >= share.harts) assert(entity.state == STATE_OFF);
    steal += entity.stealNs;
  }
  assert(share.ready == ready && share.running == running, "masks are what they say");
  assert(share.startedSum - startedSum < 1 && share.startedSum - startedSum > -1);
  assert((head().ready >> <u64>guest & 1) == (ready != 0 ? 1 : 0));
  if ((head().timed >> <u64>guest & 1) != 0) assert(share.deadline == deadline);
  else assert(deadline == Infinity);
  return steal;
}

function checkLag(guest: u32): void {
  const share = shareAt(guest);
  if (share.weight == 0 || share.admitted == 0) return;
  const ahead = (share.time - head().time) * <f64>share.weight / 256;
  assert(ahead < 201 * MS, "nobody owes more than LEAD_NS");
  if (share.cap > 0) assert(share.budget <= share.cap * 20 * MS + MS && share.budget >= -1001 * MS);
  const most = share.reservation * 20 * MS + 1;
  if (share.reservation > 0) assert(share.credit <= most && share.credit >= -most);
}

/** Checks all. */
export function check(cpus: u32): void {
  let deadline = Infinity;
  let steal: f64 = 0;
  for (let guest: u32 = 0; guest < <u32>MAX_GUESTS; guest++) {
    steal += checkGuest(guest);
    checkLag(guest);
    if ((head().timed >> <u64>guest & 1) != 0 && shareAt(guest).deadline < deadline) deadline = shareAt(guest).deadline;
  }
  assert(head().deadline == deadline);
  assert(head().time >= lastTime, "virtual time does not go back");
  lastTime = head().time;
  assert(steal >= lastSteal, "what was stolen stays stolen");
  lastSteal = steal;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    const entity = placeAt(cpu).entity;
    if (entity == 0) continue;
    assert(entityAt(entity - 1).state == STATE_RUNNING && shareAt(guestOf(entity - 1)).running != 0);
    assert((head().idle >> cpu & 1) == 0, "who works is not idle");
  }
}

/** ns that the hart has been READY for without getting a CPU. */
export function waitNs(number: u32): f64 {
  const entity = entityAt(number);
  return entity.state == STATE_READY ? head().now - entity.since : 0;
}
