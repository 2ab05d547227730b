// Interrupt wires of a guest: lines from devices into the interrupt controller, wires from there into the harts.

import { Guest } from "./guest";

/** Sets the level of interrupt line `line` (1 … 63). */
export function set(guest: Guest, line: u32, high: bool): void {
  const bit: u64 = <u64>1 << line;
  const lines = high ? guest.lines | bit : guest.lines & ~bit;
  if (lines == guest.lines) return;
  guest.lines = lines;
  guest.linesChanged++;
}

/** Is interrupt line `line` high? */
export function isHigh(guest: Guest, line: u32): bool {
  return (guest.lines >> line & 1) != 0;
}

/** The interrupt bits, as in `mip`, that wires hold high for hart `hart`. */
export function wires(guest: Guest, hart: u32): u32 {
  return load<u32>(changetype<usize>(guest) + (<usize>hart << 2), offsetof<Guest>("wires0"));
}

/** Sets or clears interrupt bits, as in `mip`, for hart `hart`. */
export function setWires(guest: Guest, hart: u32, bits: u32, high: bool): void {
  const ptr = changetype<usize>(guest) + (<usize>hart << 2) + offsetof<Guest>("wires0");
  const old = load<u32>(ptr);
  if ((old & bits) == (high ? bits : 0)) return;
  if (!ASC_FEATURE_THREADS) store<u32>(ptr, high ? old | bits : old & ~bits);
  else if (high) atomic.or<u32>(ptr, bits);
  else atomic.and<u32>(ptr, ~bits);
}

function postedWord(guest: Guest, hart: u32): usize {
  return changetype<usize>(guest) + (<usize>hart << 2) + offsetof<Guest>("posted0");
}

/** Posts interrupt bits, as in `mip`, to hart `hart`, which takes them over when it looks; from any CPU, under no lock. */
export function post(guest: Guest, hart: u32, bits: u32): void {
  const ptr = postedWord(guest, hart);
  if (ASC_FEATURE_THREADS) atomic.or<u32>(ptr, bits);
  else store<u32>(ptr, load<u32>(ptr) | bits);
}

/** What is posted to hart `hart` and not taken over. */
export function posted(guest: Guest, hart: u32): u32 {
  return load<u32>(postedWord(guest, hart));
}

/** Takes what is posted, for the hart's own CPU. */
export function takePosted(guest: Guest, hart: u32): u32 {
  const ptr = postedWord(guest, hart);
  const bits = load<u32>(ptr);
  if (bits == 0) return 0;
  if (ASC_FEATURE_THREADS) return atomic.xchg<u32>(ptr, 0);
  store<u32>(ptr, 0);
  return bits;
}

if (offsetof<Guest>("wires7") - offsetof<Guest>("wires0") != 28) ERROR("the wires of the harts must be a run of words");
if (offsetof<Guest>("posted7") - offsetof<Guest>("posted0") != 28) ERROR("the posts of the harts must be a run of words");
