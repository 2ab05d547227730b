// What becomes of guests that have ended: some begin anew by themselves, of the others the user is told.

import {
  GUEST_STOPPED, RESET_COLD, RESET_WARM, RUN_FINISHED, STOP_DIVERGED, STOP_NO_MEMORY, STOP_PANIC, STOP_POWEROFF, STOP_TEST_FAILED,
} from "../../hypervisor/abi";
import { BUNDLE_AFTER_CRASH, BUNDLE_AFTER_POWEROFF, BUNDLE_AFTER_RESET } from "../bundle";
import * as bundle from "./bundle";
import * as env from "./env";
import { NAMES, NAME_SIZE } from "./layout";
import { say, sayBytes, sayNumber, sent } from "./say";

/** A guest begins at most so often, in ns, or one that fails at once would take all time. */
const LIFE_NS: f64 = 1_000_000_000;
/** When each guest began, f64 each. */
const BEGINNINGS: usize = memory.data(64 * 8, 8);

/** Makes and starts the guests. */
export function begin(guests: u32, now: f64): void {
  for (let guest: u32 = 0; guest < guests; guest++) {
    bundle.make(guest);
    store<f64>(BEGINNINGS + (<usize>guest << 3), now);
  }
}

/** Begins lives anew; gives for how long the machine may be left alone, which without them is `ns`. */
export function tend(guests: u32, now: f64, ns: f64): f64 {
  let quiet = ns;
  for (let guest: u32 = 0; guest < guests; guest++) {
    if (env.guestState(guest) != GUEST_STOPPED || (bundle.restarts(guest) & (1 << endOf(guest))) == 0) continue;
    const wait = load<f64>(BEGINNINGS + (<usize>guest << 3)) + LIFE_NS - now;
    if (wait <= 0) {
      bundle.remake(guest);
      store<f64>(BEGINNINGS + (<usize>guest << 3), now);
      quiet = 0;
    } else if (quiet == RUN_FINISHED || wait < quiet) quiet = wait;
  }
  return quiet;
}

/** How a guest that has stopped came to its end: BUNDLE_AFTER_*. */
function endOf(guest: u32): u32 {
  if (env.guestStopReason(guest) != STOP_POWEROFF) return BUNDLE_AFTER_CRASH;
  switch (env.guestStopCode(guest)) {
    case RESET_COLD: return BUNDLE_AFTER_RESET;
    // Linux asks for a warm reset when it has panicked.
    case RESET_WARM: return BUNDLE_AFTER_CRASH;
    default: return BUNDLE_AFTER_POWEROFF;
  }
}

/** Tells of each guest that has crashed: the exit code. */
export function tellEnds(guests: u32): u32 {
  let exitCode: u32 = 0;
  for (let guest: u32 = 0; guest < guests; guest++) {
    if (endOf(guest) != BUNDLE_AFTER_CRASH) continue;
    exitCode = 1;
    say("The guest ");
    sayBytes(NAMES + <usize>guest * NAME_SIZE, NAME_SIZE);
    switch (env.guestStopReason(guest)) {
      case STOP_POWEROFF:
      case STOP_PANIC:
        say(" has panicked");
        break;
      case STOP_TEST_FAILED:
        say(" has failed its test ");
        sayNumber(env.guestStopCode(guest));
        break;
      case STOP_NO_MEMORY:
        say(" has stopped: the machine had no memory left for it");
        break;
      case STOP_DIVERGED:
        say(" has stopped: translated code and the interpreter disagreed");
        break;
      default:
        say(" has been stopped");
        break;
    }
    say(".");
    sent();
  }
  return exitCode;
}
