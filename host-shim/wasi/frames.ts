// Frames of the management stream on stdout: small ones wait for each other, and all go before anybody waits for an answer.

import { STREAM_CHANNEL, STREAM_HEAD, STREAM_KIND, STREAM_LENGTH } from "../stream";
import { writeAll } from "./files";
import { fail, say } from "./say";
import { proc_exit } from "./wasi_snapshot_preview1";

const STDOUT: u32 = 1;
const HEAD: usize = memory.data(8, 4);
/** Bytes of the buffer. */
export const BUFFER_BYTES: u32 = 65536;
let buffer: usize = 0;
let filled: u32 = 0;

/** Puts the buffer where BUFFER_BYTES are free. */
export function place(ptr: usize): void {
  buffer = ptr;
}

/** Begins a frame whose payload has so many bytes, which must follow. */
export function begin(kind: u32, channel: u32, length: u32): void {
  store<u32>(HEAD + STREAM_LENGTH, length);
  store<u16>(HEAD + STREAM_KIND, <u16>kind);
  store<u16>(HEAD + STREAM_CHANNEL, <u16>channel);
  add(HEAD, STREAM_HEAD);
}

export function add(ptr: usize, length: u32): void {
  if (length > BUFFER_BYTES - filled) flush();
  if (length > BUFFER_BYTES) {
    send(ptr, length);
    return;
  }
  memory.copy(buffer + filled, ptr, length);
  filled += length;
}

export function flush(): void {
  if (filled > 0) send(buffer, filled);
  filled = 0;
}

function send(ptr: usize, length: u32): void {
  // Nobody is there any more to drive the machine, or to be told.
  if (!writeAll(STDOUT, ptr, length)) proc_exit(0);
}

/** What has come is no frame of this stream: ends the program. */
export function refuse(why: string): void {
  flush();
  say("The management stream is broken: ");
  say(why);
  say(".");
  fail();
}
