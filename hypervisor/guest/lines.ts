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
  const ptr = changetype<usize>(guest) + (<usize>hart << 2);
  const old = load<u32>(ptr, offsetof<Guest>("wires0"));
  store<u32>(ptr, high ? old | bits : old & ~bits, offsetof<Guest>("wires0"));
}

if (offsetof<Guest>("wires7") - offsetof<Guest>("wires0") != 28) ERROR("the wires of the harts must be a run of words");
