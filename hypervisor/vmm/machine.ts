// Starting the machine: its CPUs, its memory, and the window to its host.

import { E_BAD_ARG, E_BAD_STATE, MAX_CPUS, OK, PAGE_SIZE } from "../abi";
import { CODE_LEAST, CODE_MOST } from "../cpu/code";
import * as frames from "../core/frames";
import { MACHINE, MAILBOX, WINDOW, codeBase } from "../core/layout";
import { machine } from "../core/machine";
import { panic } from "../core/panic";
import * as harts from "./harts";

/** 4 GiB: what 32-bit linear memory can hold. */
const MEMORY_MOST: f64 = 4294967296;

/** Starts it with so many CPUs, bytes of linear memory, and of these for each CPU's decoded code; E_BAD_ARG, or E_BAD_STATE if it has been started. */
export function start(cpus: u32, memoryBytes: f64, codeBytes: u32): i32 {
  // The compiler lays out static data without knowing our map.
  if (__heap_base > MACHINE) panic(1, <u32>__heap_base);
  if (machine().cpus != 0) return E_BAD_STATE;
  if (cpus == 0 || cpus > <u32>MAX_CPUS) return E_BAD_ARG;
  if (codeBytes < CODE_LEAST || codeBytes > CODE_MOST || (codeBytes & PAGE_SIZE - 1) != 0) return E_BAD_ARG;
  if (!(memoryBytes > <f64>codeBase(cpus) + <f64>cpus * <f64>codeBytes) || memoryBytes > MEMORY_MOST) return E_BAD_ARG;
  frames.open(cpus, <u64>memoryBytes, codeBytes);
  harts.open(cpus);
  machine().cpus = cpus;
  return OK;
}

/** Is this one of its CPUs? */
export function hasCpu(cpu: u32): bool {
  return cpu < machine().cpus;
}

/** Address of the words that other threads of the host write (MAILBOX_*). */
export function mailbox(): usize {
  return MAILBOX;
}

/** Address of the window. */
export function window(): usize {
  return WINDOW;
}
