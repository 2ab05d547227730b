// What the kernel imports (hypervisor/host.ts), over preview1, and the program that starts the machine and drives it.

import { E_AGAIN, E_UNSUPPORTED, RUN_FINISHED } from "../../hypervisor/abi";
import * as words from "./arguments";
import * as bundle from "./bundle";
import * as channels from "./channels";
import { now } from "./clock";
import * as console from "./console";
import * as env from "./env";
import * as framed from "./framed";
import * as lives from "./lives";
import { poll } from "./poll";
import { fail, say, sayNumber } from "./say";
import * as selfTest from "./self-test";
import * as wasi from "./wasi_snapshot_preview1";

export { now, wall } from "./clock";
export { blockInfo, blockSubmit } from "./disks";

/** While guests are busy, keys are looked for so often, in ns. */
const KEYS_NS: f64 = 10_000_000;
/** Who drives the machine: words.TERMINAL, FRAMED, or TESTED. */
let mode: u32 = words.TERMINAL;

export function entropy(ptr: usize, length: u32): void {
  if (mode == words.TESTED) return selfTest.entropy(ptr, length);
  if (wasi.random_get(ptr, length) == 0) return;
  say("The runtime gives no random bytes.");
  fail();
}

export function consoleWrite(guest: u32, port: u32, ptr: usize, length: u32): u32 {
  switch (mode) {
    case words.FRAMED: return channels.consoleWrite(guest, port, ptr, length);
    case words.TESTED: return selfTest.consoleWrite(guest, port, ptr, length);
    default: return console.consoleWrite(guest, port, ptr, length);
  }
}

export function consoleRead(guest: u32, port: u32, ptr: usize, capacity: u32): u32 {
  switch (mode) {
    case words.FRAMED: return channels.consoleRead(guest, port, ptr, capacity);
    case words.TESTED: return 0;
    default: return console.consoleRead(guest, port, ptr, capacity);
  }
}

/** At a terminal nothing is attached to uplinks. */
export function netSend(uplink: u32, ptr: usize, length: u32): i32 {
  return mode == words.FRAMED ? channels.netSend(uplink, ptr, length) : E_AGAIN;
}

export function netReceive(uplink: u32, ptr: usize, capacity: u32): u32 {
  return mode == words.FRAMED ? channels.netReceive(uplink, ptr, capacity) : 0;
}

/** Preview1 has no way to make code. */
export function codeInstall(_ptr: usize, _length: u32, _slot: u32, _count: u32): i32 {
  return E_UNSUPPORTED;
}

export function codeRemove(_slot: u32, _count: u32): void {}

export function panic(ptr: usize, _length: u32): void {
  say("The hypervisor has failed at ");
  sayNumber(load<u32>(ptr));
  say(":");
  sayNumber(load<u32>(ptr + 4));
  say(".");
  fail();
}

/** The program: ends with 0 when all guests have switched themselves off, or the user did, with 2 for unknown words, and else with 1. */
export function _start(): void {
  mode = words.mode();
  switch (mode) {
    case words.TOLD: return;
    case words.FRAMED: return framed.serve();
    case words.TESTED: return selfTest.serve(words.instructions);
    default: atTerminal();
  }
}

function atTerminal(): void {
  const guests = bundle.start();
  lives.begin(guests, now());
  console.open(guests, bundle.histories);
  let looked: f64 = 0;
  while (!console.wantsEnd()) {
    const ns = lives.tend(guests, now(), env.run(0));
    if (ns == RUN_FINISHED) break;
    if (ns == 0) {
      if (now() - looked < KEYS_NS) continue;
      looked = now();
    }
    if (poll(ns, console.listens())) console.hear();
  }
  const exitCode = console.wantsEnd() ? 0 : lives.tellEnds(guests);
  if (exitCode != 0) wasi.proc_exit(exitCode);
}
