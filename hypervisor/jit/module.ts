// A wasm module of translated functions: they have one type, import the memory and the way to other modules' functions, and
// are exported by number.

import * as desk from "./desk";
import * as wasm from "./wasm";
import { I32, I64 } from "./wasm";

/** 65536 pages: as much as the machine's memory may ever have. */
const MEMORY_MOST: u32 = 65536;

/** The kernel's function that runs what other modules have (cpu/dispatch.ts), and the first of our own. */
export const KERNEL: u32 = 0;
export const FIRST: u32 = 1;

/** Functions written so far. */
export let functions: u32 = 0;

/** Begins with an empty module. */
export function begin(): void {
  functions = 0;
  wasm.open(desk.bodies(), desk.bodies() + desk.BODIES_SIZE);
}

/** Notes that `count` functions have been written. */
export function added(count: u32): void {
  functions += count;
}

function section(id: u32): usize {
  wasm.byte(id);
  return wasm.reserve();
}

function close(place: usize): void {
  wasm.patch(place, <u32>(wasm.at - place) - 5);
}

/** Decimal digits as the export's name. */
function name(number: u32): void {
  const digits: u32 = number < 10 ? 1 : number < 100 ? 2 : number < 1000 ? 3 : 4;
  wasm.unsigned(digits);
  let power: u32 = digits == 1 ? 1 : digits == 2 ? 10 : digits == 3 ? 100 : 1000;
  while (power != 0) {
    wasm.byte(0x30 + number / power % 10);
    power /= 10;
  }
}

/** Puts the module together, with a section of `origins` bytes at desk.origins(); its size in bytes, at desk.module(). */
export function finish(origins: u32): u32 {
  const bytes = <u32>(wasm.at - desk.bodies());
  wasm.open(desk.module(), desk.module() + desk.MODULE_SIZE);
  wasm.byte(0x00); wasm.byte(0x61); wasm.byte(0x73); wasm.byte(0x6d);
  wasm.byte(1); wasm.byte(0); wasm.byte(0); wasm.byte(0);
  let place = section(1);
  wasm.unsigned(1);
  wasm.byte(0x60);
  wasm.unsigned(4);
  wasm.byte(I32); wasm.byte(I32); wasm.byte(I64); wasm.byte(I32);
  wasm.unsigned(1);
  wasm.byte(I32);
  close(place);
  place = section(2);
  wasm.unsigned(2);
  // Function 0 has their type, and is the kernel's.
  wasm.unsigned(1); wasm.byte(0x6f);
  wasm.unsigned(1); wasm.byte(0x63);
  wasm.byte(0); wasm.byte(0);
  wasm.unsigned(1); wasm.byte(0x6f);
  wasm.unsigned(1); wasm.byte(0x6d);
  // Memory, shared, with bounds: at least one page, at most all there can be.
  wasm.byte(2); wasm.byte(3); wasm.unsigned(1); wasm.unsigned(MEMORY_MOST);
  close(place);
  place = section(3);
  wasm.unsigned(functions);
  for (let i: u32 = 0; i < functions; i++) wasm.byte(0);
  close(place);
  place = section(7);
  wasm.unsigned(functions);
  for (let i: u32 = 0; i < functions; i++) {
    name(i);
    wasm.byte(0);
    wasm.unsigned(FIRST + i);
  }
  close(place);
  place = section(10);
  wasm.unsigned(functions);
  memory.copy(wasm.at, desk.bodies(), bytes);
  wasm.rewind(wasm.at + bytes);
  close(place);
  if (origins != 0) {
    place = section(0);
    wasm.unsigned(5);
    wasm.byte(0x6f); wasm.byte(0x72); wasm.byte(0x6c); wasm.byte(0x6f); wasm.byte(0x70);
    memory.copy(wasm.at, desk.origins(), origins);
    wasm.rewind(wasm.at + origins);
    close(place);
  }
  return <u32>(wasm.at - desk.module());
}
