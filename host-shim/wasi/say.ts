// Sentences for the user, on stderr, put together from pieces.

import { LETTERS, LETTERS_MOST } from "./layout";
import { writeAll } from "./files";
import { proc_exit } from "./wasi_snapshot_preview1";

const STDOUT: u32 = 1;
const STDERR: u32 = 2;

let length: u32 = 0;

/** Adds ASCII text to the sentence. */
export function say(text: string): void {
  const ptr = changetype<usize>(text);
  for (let i: i32 = 0; i < text.length; i++) letter(load<u8>(ptr + (<usize>i << 1)));
}

/** Adds bytes up to a zero, at most `most`; what could change a terminal becomes a question mark. */
export function sayBytes(ptr: usize, most: u32): void {
  for (let i: u32 = 0; i < most; i++) {
    const byte = load<u8>(ptr + i);
    if (byte == 0) return;
    letter(byte < 32 || byte == 127 ? 63 : byte);
  }
}

export function sayNumber(value: u64): void {
  if (value >= 10) sayNumber(value / 10);
  letter(48 + <u32>(value % 10));
}

/** A word of 32 bits, with all its digits. */
export function sayHex(value: u32): void {
  for (let shift: i32 = 28; shift >= 0; shift -= 4) {
    const digit = (value >> shift) & 15;
    letter(digit < 10 ? 48 + digit : 87 + digit);
  }
}

/** Sends the sentence as a line. */
export function sent(): void {
  send(STDERR);
}

/** Gives what was asked for on stdout. */
export function shown(): void {
  send(STDOUT);
}

/** Sends the sentence, and ends the program with a failure. */
export function fail(): void {
  failWith(1);
}

export function failWith(exitCode: u32): void {
  sent();
  proc_exit(exitCode);
  unreachable();
}

function send(stream: u32): void {
  store<u8>(LETTERS + length, 10);
  writeAll(stream, LETTERS, length + 1);
  length = 0;
}

function letter(byte: u32): void {
  if (length + 1 < LETTERS_MOST) store<u8>(LETTERS + length++, byte);
}
