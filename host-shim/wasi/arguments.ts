// The words behind the program's name.

import { ABI_VERSION } from "../../hypervisor/abi";
import { BUNDLE_VERSION } from "../bundle";
import { FIXED_MILLIONS } from "./fixed";
import { LETTERS_MOST, PART } from "./layout";
import { failWith, say, sayBytes, sayNumber, shown } from "./say";
import * as wasi from "./wasi_snapshot_preview1";

const POINTERS: usize = memory.data(64, 4);
const MOST: u32 = 16;
const WORDS: usize = memory.data(1024, 8);
const BAD_WORDS: u32 = 2;
const MILLION: u64 = 1_000_000;
const SELF_TEST: usize = 11;
const EQUALS: u32 = 61;

/** What the program is to do: a terminal drives the machine, its management stream does, or all is said. */
export const TERMINAL: u32 = 0;
export const FRAMED: u32 = 1;
export const TOLD: u32 = 2;
export const TESTED: u32 = 3;

/** Of the self-test. */
export let instructions: u64 = FIXED_MILLIONS * MILLION;

/** What the words ask for. Ends the program for words that it does not know. */
export function mode(): u32 {
  if (wasi.args_sizes_get(PART, PART + 4) != 0) return TERMINAL;
  const count = load<u32>(PART);
  if (count == 0) return TERMINAL;
  if (count > MOST || load<u32>(PART, 4) > LETTERS_MOST || wasi.args_get(POINTERS, WORDS) != 0) unknown(0);
  let found = TERMINAL;
  for (let i: u32 = 1; i < count; i++) {
    const word = <usize>load<u32>(POINTERS + (<usize>i << 2));
    if (is(word, "--help") || is(word, "-h")) return tellHelp();
    if (is(word, "--version")) return tellVersion();
    if (is(word, "--port=framed")) found = FRAMED;
    else if (begins(word, "--self-test")) found = tested(word);
    else unknown(word);
  }
  return found;
}

function tellHelp(): u32 {
  say("Orlop, a hypervisor that boots RISC-V Linux, as a program for WASI.\n\n");
  say("Boots the guests of a folder made by \"orlop bundle\", which the runtime gives it as /, or those in itself:\n");
  say("  wasmtime run --dir=FOLDER::/ FOLDER/orlop.wasm\n\n");
  say("Ctrl-] and Enter: the next guest has the terminal. Ctrl-], q and Enter: all are switched off.\n\n");
  say("  --port=framed  stdin and stdout carry the machine's management stream; \"orlop up --runtime\" speaks it\n");
  say("  --self-test=N  run without input or time for N million instructions (100), and print hashes of the guests' memory\n");
  say("  --version      print the versions of the ABI and of the folders\n");
  say("  -h, --help     print this text\n\n");
  say("Exit codes: 0 all guests are off; 1 a failure, or a guest has crashed; 2 unknown arguments.");
  shown();
  return TOLD;
}

function tellVersion(): u32 {
  say("Orlop for WASI, ABI ");
  sayNumber(ABI_VERSION);
  say(", boot folders of version ");
  sayNumber(BUNDLE_VERSION);
  shown();
  return TOLD;
}

/** "--self-test", or that with "=" and a number. */
function tested(word: usize): u32 {
  let at = word + SELF_TEST;
  if (load<u8>(at) == 0) return TESTED;
  if (load<u8>(at) != EQUALS || load<u8>(at + 1) == 0) unknown(word);
  let millions: u64 = 0;
  while (load<u8>(++at) != 0) {
    const digit: u32 = <u32>load<u8>(at) - 48;
    if (digit > 9 || millions >= MILLION) unknown(word);
    millions = millions * 10 + digit;
  }
  instructions = millions * MILLION;
  return TESTED;
}

function is(word: usize, text: string): bool {
  return begins(word, text) && load<u8>(word + text.length) == 0;
}

function begins(word: usize, text: string): bool {
  for (let i: i32 = 0; i < text.length; i++) if (<u32>load<u8>(word + i) != text.charCodeAt(i)) return false;
  return true;
}

function unknown(word: usize): void {
  if (word == 0) say("So many arguments are not known");
  else {
    say('"');
    sayBytes(word, LETTERS_MOST);
    say('" is no argument');
  }
  say("; --help lists those that there are.");
  failWith(BAD_WORDS);
}

if (MOST * 4 != 64) ERROR("pointers without a place");
