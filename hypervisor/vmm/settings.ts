// What the host may set of a guest, also while it runs: its shares of CPUs and memory, and limits of its devices.

import {
  E_BAD_ARG, E_NO_SPACE, GUEST_RUNNING, MAX_GUESTS, OK, SET_CAP, SET_GUARANTEE, SET_RESERVATION, SET_SHARING, SET_TARGET, SET_WEIGHT,
} from "../abi";
import { machine } from "../core/machine";
import * as limits from "../devices/limits";
import { Guest, acquire, guestAt, release } from "../guest/guest";
import * as host from "../host";
import * as due from "./due";
import * as harts from "./harts";
import * as memory from "./memory/settings";

const WEIGHT_MOST: f64 = 65535;
/** Of all CPUs together so much can be promised: the rest is for the kernel, and for who has no promise. */
const RESERVED_MOST: f64 = 0.95;

/** CPUs promised to all other guests. */
function reservedBeside(guest: Guest): f64 {
  let sum: f64 = 0;
  for (let id: u32 = 0; id < <u32>MAX_GUESTS; id++) {
    if (id != guest.id && guestAt(id).state != 0) sum += guestAt(id).reservation;
  }
  return sum;
}

function setShare(guest: Guest, what: u32, value: f64): i32 {
  if (what == SET_WEIGHT) {
    if (!(value >= 1 && value <= WEIGHT_MOST) || value != Math.floor(value)) return E_BAD_ARG;
    guest.weight = <u32>value;
    return OK;
  }
  const cpus = value / 100;
  if (!(cpus >= 0 && cpus <= <f64>guest.harts)) return E_BAD_ARG;
  if (what == SET_CAP) {
    guest.cap = cpus;
    return OK;
  }
  if (reservedBeside(guest) + cpus > RESERVED_MOST * <f64>machine().cpus) return E_NO_SPACE;
  guest.reservation = cpus;
  return OK;
}

/** Sets SET_* of a guest; E_BAD_ARG, E_NO_SPACE: no CPUs left to promise, E_NO_MEMORY: no memory left to promise. */
export function set(guest: Guest, what: u32, value: f64): i32 {
  acquire(guest);
  const code = change(guest, what, value);
  if (code == OK && guest.state == GUEST_RUNNING) {
    harts.setShares(guest, host.now());
    due.soon(guest);
  }
  release(guest);
  return code;
}

function change(guest: Guest, what: u32, value: f64): i32 {
  switch (what) {
    case SET_WEIGHT:
    case SET_CAP:
    case SET_RESERVATION: return setShare(guest, what, value);
    case SET_GUARANTEE:
    case SET_TARGET:
    case SET_SHARING: return memory.set(guest, what, value);
    default: return limits.set(guest, what, value);
  }
}
