// Writer of flattened device trees (Devicetree Specification 0.4, chapter 5; format version 17).
//
//   header | memory reservations (none) | structure block | strings block
//
// Calls nest as the tree does: open; enter … leave; property followed by what it holds; close.
// A string literal is constant data (UTF-16 code units), so names can stand here as text without any allocation.

const MAGIC: u32 = 0xd00dfeed;
const VERSION: u32 = 17;
const LAST_COMPATIBLE_VERSION: u32 = 16;

const BEGIN_NODE: u32 = 1;
const END_NODE: u32 = 2;
const PROP: u32 = 3;
const END: u32 = 9;

const HEADER_SIZE: usize = 40;
/** One terminating entry: this board reserves nothing. */
const RESERVATIONS_SIZE: usize = 16;

/** Names of properties are collected here behind the structure block until `close` moves them up to it. */
const STRINGS_OFFSET: usize = 0x1_8000;
/** Bytes of buffer a tree may need while it is written. */
export const BUFFER_SIZE: usize = 0x2_0000;

// The one tree this worker is writing.
let base: usize = 0;
let cursor: usize = 0;
let stringsEnd: usize = 0;
/** Where the length word of the open property lies, 0: none open. */
let lengthWord: usize = 0;

function put(word: u32): void {
  assert(cursor + 4 <= base + STRINGS_OFFSET);
  store<u32>(cursor, bswap<u32>(word));
  cursor += 4;
}

function putByte(value: u32): void {
  assert(cursor < base + STRINGS_OFFSET);
  store<u8>(cursor++, value);
}

function align(): void {
  while ((cursor & 3) != 0) putByte(0);
}

/** Ends the open property: its length is known now. */
function seal(): void {
  if (lengthWord == 0) return;
  store<u32>(lengthWord, bswap<u32>(<u32>(cursor - lengthWord - 8)));
  lengthWord = 0;
  align();
}

function putHex(value: u64): void {
  let shift: u64 = 60;
  while (shift > 0 && value >> shift == 0) shift -= 4;
  for (;;) {
    const digit = <u32>(value >> shift & 15);
    putByte(digit < 10 ? 0x30 + digit : 0x57 + digit);
    if (shift == 0) return;
    shift -= 4;
  }
}

/** Is `text`, with its NUL, what stands at `ptr`? */
function isAt(text: string, ptr: usize): bool {
  const n = text.length;
  for (let i = 0; i < n; i++) if (load<u8>(ptr + i) != text.charCodeAt(i)) return false;
  return load<u8>(ptr + n) == 0;
}

/** Offset of a property name in the strings block; each name stands there once. */
function nameOffset(name: string): u32 {
  const strings = base + STRINGS_OFFSET;
  let ptr = strings;
  while (ptr < stringsEnd) {
    if (isAt(name, ptr)) return <u32>(ptr - strings);
    while (load<u8>(ptr++) != 0) continue;
  }
  assert(stringsEnd + name.length < base + BUFFER_SIZE);
  for (let i = 0, n = name.length; i < n; i++) store<u8>(stringsEnd++, name.charCodeAt(i));
  store<u8>(stringsEnd++, 0);
  return <u32>(ptr - strings);
}

/** Starts a tree in `buffer`, which has BUFFER_SIZE bytes, and enters its root node. */
export function open(buffer: usize): void {
  base = buffer;
  memory.fill(base, 0, HEADER_SIZE + RESERVATIONS_SIZE);
  cursor = base + HEADER_SIZE + RESERVATIONS_SIZE;
  stringsEnd = base + STRINGS_OFFSET;
  lengthWord = 0;
  enter("");
}

/** Leaves the root node and finishes the tree; gives its size in bytes. */
export function close(bootHart: u32): u32 {
  leave();
  put(END);
  const structure = base + HEADER_SIZE + RESERVATIONS_SIZE;
  const structureSize = cursor - structure;
  const stringsSize = stringsEnd - base - STRINGS_OFFSET;
  const strings = cursor;
  memory.copy(strings, base + STRINGS_OFFSET, stringsSize);
  const total = strings + stringsSize - base;
  cursor = base;
  put(MAGIC);
  put(<u32>total);
  put(<u32>(structure - base));
  put(<u32>(strings - base));
  put(<u32>HEADER_SIZE);
  put(VERSION);
  put(LAST_COMPATIBLE_VERSION);
  put(bootHart);
  put(<u32>stringsSize);
  put(<u32>structureSize);
  return <u32>total;
}

/** Begins a node; `leave` ends it. */
export function enter(name: string): void {
  seal();
  put(BEGIN_NODE);
  addCharacters(name);
  putByte(0);
  align();
}

/** Begins a node with a unit address: `name@address`. */
export function enterAt(name: string, address: u64): void {
  seal();
  put(BEGIN_NODE);
  addCharacters(name);
  putByte(0x40);
  putHex(address);
  putByte(0);
  align();
}

/** Ends the node entered last. */
export function leave(): void {
  seal();
  put(END_NODE);
}

/** Begins a property; what the following `add…` calls write is its value. */
export function property(name: string): void {
  seal();
  put(PROP);
  lengthWord = cursor;
  put(0);
  put(nameOffset(name));
}

/** One 32-bit cell. */
export function addCell(value: u32): void {
  put(value);
}

/** Two cells that make one number. */
export function addLong(value: u64): void {
  put(<u32>(value >> 32));
  put(<u32>value);
}

/** Bytes as they are. */
export function addBytes(ptr: usize, length: u32): void {
  assert(cursor + length <= base + STRINGS_OFFSET);
  memory.copy(cursor, ptr, length);
  cursor += length;
}

/** `length` bytes that the caller fills in before anything else is added; where they lie. */
export function addRoom(length: u32): usize {
  const room = cursor;
  assert(room + length <= base + STRINGS_OFFSET);
  cursor += length;
  return room;
}

/** One character. */
export function addCharacter(code: u32): void {
  putByte(code);
}

/** Characters without the NUL at their end. */
export function addCharacters(text: string): void {
  for (let i = 0, n = text.length; i < n; i++) putByte(text.charCodeAt(i));
}

/** Text and its NUL; a list of texts is one literal with NULs between. */
export function addText(text: string): void {
  addCharacters(text);
  putByte(0);
}

/** A property that holds one cell. */
export function cell(name: string, value: u32): void {
  property(name);
  addCell(value);
}

/** A property that holds one 64-bit number. */
export function long(name: string, value: u64): void {
  property(name);
  addLong(value);
}

/** A property that holds text, or a list of texts. */
export function text(name: string, value: string): void {
  property(name);
  addText(value);
}

/** A `reg` property with one range, in a node whose parent counts in two cells. */
export function reg(address: u64, size: u64): void {
  property("reg");
  addLong(address);
  addLong(size);
}
