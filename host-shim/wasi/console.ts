// The terminal: one guest has it at a time, and the others' last words are kept for when they get it.
//
// Preview1 cannot switch a terminal to single keys, so what is typed comes in lines, and Ctrl-] is followed by Enter, or by q and
// Enter. A terminal that the user has made raw (stty raw -echo) works with the same keys.

import { GUEST_RUNNING } from "../../hypervisor/abi";
import { consoleReady, guestState } from "./env";
import { isTerminal, readSome, writeAll } from "./files";
import { HISTORY_RING, HISTORY_STRIDE, NAMES, NAME_SIZE, TYPED, TYPED_MOST } from "./layout";
import { say, sayBytes, sayNumber, sent } from "./say";

const STDIN: u32 = 0;
const STDOUT: u32 = 1;
/** The port that a guest's UART is; nobody listens to the others. */
const UART: u32 = 0;
const ESCAPE: u32 = 0x1d;
const NEWLINE: u32 = 10;
const RETURN: u32 = 13;
const KEY_QUIT: u32 = 113;

/** Who has the terminal, and how many guests there are. */
let current: u32 = 0;
let guests: u32 = 0;
/** Where the histories lie. */
let histories: usize = 0;
/** Bytes at TYPED, and how many of them were read. */
let typed: u32 = 0;
let taken: u32 = 0;
let isEscaped = false;
let hasClosed = false;
let isLeft = false;

/** Gives guest 0 the terminal; `ptr` has HISTORY_STRIDE zeroes for each guest. */
export function open(count: u32, ptr: usize): void {
  guests = count;
  histories = ptr;
  if (count > 1) say("Ctrl-] Enter: next guest. ");
  say("Ctrl-] q Enter: switch all off.");
  sent();
  if (!isTerminal(STDIN)) return;
  say("Keys come line by line; for single ones, type stty raw -echo before this program, and stty sane after it.");
  sent();
}

/** Has the user asked for the end? */
export function wantsEnd(): bool {
  return isLeft;
}

/** May something be typed that we have room for? */
export function listens(): bool {
  return !hasClosed && typed == taken;
}

/** Something was typed, or the end of it is there. */
export function hear(): void {
  const count = readSome(STDIN, TYPED, TYPED_MOST);
  typed = taken = 0;
  if (count == 0) hasClosed = true;
  if (count <= 0) return;
  for (let i: i32 = 0; i < count; i++) key(load<u8>(TYPED + i));
  if (typed > 0) consoleReady(current);
}

/** Nothing more can be typed. */
export function close(): void {
  hasClosed = true;
}

export function consoleWrite(guest: u32, port: u32, ptr: usize, length: u32): u32 {
  if (port != UART) return length;
  if (guest == current) {
    writeAll(STDOUT, ptr, length);
    return length;
  }
  const history = histories + <usize>guest * HISTORY_STRIDE;
  let count = load<u32>(history);
  for (let i: u32 = 0; i < length; i++) store<u8>(history + 8 + count++ % HISTORY_RING, load<u8>(ptr + i));
  store<u32>(history, count);
  return length;
}

export function consoleRead(guest: u32, port: u32, ptr: usize, capacity: u32): u32 {
  if (port != UART || guest != current) return 0;
  const left = typed - taken;
  const count = left < capacity ? left : capacity;
  memory.copy(ptr, TYPED + taken, count);
  taken += count;
  return count;
}

/** Takes one key: for the guest, or what Ctrl-] has announced. Those of one guest move up to the front of TYPED. */
function key(byte: u32): void {
  if (!isEscaped && byte == ESCAPE) {
    isEscaped = true;
    return;
  }
  if (!isEscaped) {
    store<u8>(TYPED + typed++, byte);
    return;
  }
  isEscaped = false;
  if (byte == ESCAPE) store<u8>(TYPED + typed++, byte);
  else if (byte == KEY_QUIT) isLeft = true;
  else if (byte == NEWLINE || byte == RETURN) next();
}

/** The next guest that runs gets the terminal, and shows what it last said. What was typed for this one and not read is gone. */
function next(): void {
  typed = taken = 0;
  for (let i: u32 = 1; i <= guests; i++) {
    const guest = (current + i) % guests;
    if (guest == current || guestState(guest) != GUEST_RUNNING) continue;
    current = guest;
    break;
  }
  say("This is guest ");
  sayNumber(current);
  say(", ");
  sayBytes(NAMES + <usize>current * NAME_SIZE, NAME_SIZE);
  say(".");
  sent();
  const history = histories + <usize>current * HISTORY_STRIDE;
  const count = load<u32>(history);
  const start: u32 = count % HISTORY_RING;
  if (count > HISTORY_RING) writeAll(STDOUT, history + 8 + start, HISTORY_RING - start);
  writeAll(STDOUT, history + 8, start);
  store<u32>(history, 0);
}
