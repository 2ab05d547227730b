// What the host may set of a guest's memory: SET_GUARANTEE, SET_TARGET, SET_SHARING.

import { E_BAD_ARG, OK, PAGE_SIZE, SET_GUARANTEE, SET_TARGET } from "../../abi";
import { Guest } from "../../guest/guest";
import * as promises from "../../guest/promises";
import * as pressure from "./pressure";

/** Sets one of them, in bytes or 0 and 1. The guest's lock is held. E_BAD_ARG, E_NO_MEMORY: not so much is left to promise. */
export function set(guest: Guest, what: u32, value: f64): i32 {
  if (what == SET_GUARANTEE || what == SET_TARGET) {
    if (!(value >= 0 && value <= <f64>(guest.ramPages << 12))) return E_BAD_ARG;
    const pages = <u32>Math.ceil(value / PAGE_SIZE);
    return what == SET_GUARANTEE ? setGuarantee(guest, pages) : setTarget(guest, pages);
  }
  return value == 0 || value == 1 ? setSharing(guest, value == 1) : E_BAD_ARG;
}

/** So many pages are there for the guest whenever it touches them, and what the map needs; E_NO_MEMORY. */
export function setGuarantee(guest: Guest, pages: u32): i32 {
  if (<u64>pages > guest.ramPages) return E_BAD_ARG;
  return promises.setGuarantee(guest, pages);
}

/** So many pages it shall keep; the balloon is asked to hold the rest. E_BAD_ARG: more than it has, or none. */
export function setTarget(guest: Guest, pages: u32): i32 {
  if (pages == 0 || <u64>pages > guest.ramPages) return E_BAD_ARG;
  guest.target = pages;
  pressure.settle(guest);
  return OK;
}

/** May pages of it share frames with pages of others? What shares one already goes on, until it is written. */
export function setSharing(guest: Guest, on: bool): i32 {
  guest.sharing = on ? 1 : 0;
  return OK;
}
