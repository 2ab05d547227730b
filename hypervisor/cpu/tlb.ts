// The software TLBs of a hart: for reads, writes and fetches, and for each way of looking at memory.
//
//   hart + TLB            set U      what U mode sees
//        + TLB_SET        set S      S mode with SUM = 0
//        + 2 TLB_SET      set SUM    S mode with SUM = 1
//        + 3 TLB_SET      set M      M mode, and all modes' physical view in it
//   a set:    +0 1024 read entries | +TLB_WRITE 1024 write entries | +TLB_FETCH 256 fetch entries
//   an entry: u64 tag (guest-virtual address of the page) | u32 pointer | u32 unused
//             pointer: first byte of the frame, for fetches first slot of the decoded page (cpu/code.ts)
//
// A hit is (tag ^ address) <= 4096 - size: that one comparison also refuses accesses that leave the page. The index
// folds the page number, so that no power-of-two distance below 4 GiB falls on one entry; for fetches it is a product. Permission, dirty tracking,
// copy-on-write, code and devices are all just misses. Entry 0 is empty with tag 0x1000, the others with tag 0: pages
// that hash elsewhere, so an empty entry can't be hit.
//
// Lists of what was filled make emptying cheap: Linux empties often what it has barely used. What is not marked global is
// local: it holds in the address space in use alone. All of set U counts as local; the local fills of S and SUM have lists of
// their own, so that a change of the address space leaves the kernel's pages where they are.

import { Hart, PRIV_M, PRIV_S, PRIV_U } from "./hart";
import * as micro from "./micro";
import * as paths from "./paths";

export const TLB: usize = 0x1000;
export const TLB_SET: usize = 0x9000;
export const TLB_WRITE: usize = 0x4000;
export const TLB_FETCH: usize = 0x8000;

/** 2^32 / golden ratio: spreads neighbouring pages and all power-of-two distances. */
export const HASH: u32 = 0x9e3779b1;

const SETS: u32 = 4;
export const SET_U: u32 = 0;
const SET_S: u32 = 1;
const SET_SUM: u32 = 2;
const SET_M: u32 = 3;

/** Behind the sets: lists of FILLS_MAX addresses (relative to the set) of filled entries, u16 / 16. List n < 4: set n. */
const FILLS: usize = TLB + <usize>SETS * TLB_SET;
const LISTS: u32 = 6;
/** List of the local fills of set S; that of set SUM follows. */
const LOCAL: u32 = 4;
export const FILLS_MAX: u32 = 256;
/** The lists of what is local and worth keeping for an address space that is left (cpu/spaces.ts). */
export const LIST_U: u32 = SET_U;
export const LIST_SUM: u32 = LOCAL + 1;

/** Behind the lists: which pages set U was given fetch entries for since it was emptied, a filter of 512 bits. */
export const FETCHED: usize = FILLS + <usize>(LISTS * FILLS_MAX << 1);
export const FETCHED_SIZE: usize = 64;

if (FETCHED + FETCHED_SIZE > paths.PATHS) ERROR("the TLBs run into the paths");

export const MSTATUS_MPRV: u64 = 1 << 17;
export const MSTATUS_SUM: u64 = 1 << 18;

/** Offset from the hart of the set for data accesses with this privilege. */
function setFor(hart: Hart, privilege: u32): u32 {
  let set = SET_U;
  if (privilege == PRIV_M) set = SET_M;
  else if (privilege == PRIV_S) set = (hart.mstatus & MSTATUS_SUM) != 0 ? SET_SUM : SET_S;
  return <u32>TLB + set * <u32>TLB_SET;
}

/** Privilege that loads and stores are checked with (MPRV, privileged spec 3.1.6.3). */
export function dataPrivilege(hart: Hart): u32 {
  if (hart.priv == PRIV_M && (hart.mstatus & MSTATUS_MPRV) != 0) return <u32>(hart.mstatus >> 11) & 3;
  return hart.priv;
}

/** Chooses the sets anew: to be called whenever privilege or mstatus changed. */
export function select(hart: Hart): void {
  hart.dataSet = setFor(hart, dataPrivilege(hart));
  hart.fetchSet = hart.priv == PRIV_U ? <u32>TLB : hart.priv == PRIV_S ? <u32>(TLB + TLB_SET) : <u32>(TLB + 3 * TLB_SET);
  chooseEpoch(hart);
}

function chooseEpoch(hart: Hart): void {
  hart.fetchEpoch = hart.priv == PRIV_U ? hart.epochU : hart.priv == PRIV_S ? hart.epochS : hart.epochM;
}

/** Where a page's entry lies in a table of data entries. Translated code computes the same (jit/memory.ts). */
export function dataPlace(gva: u64): usize {
  return <usize>(<u32>gva >> 8 ^ <u32>gva >> 18) & 0x3ff0;
}

/** Number of the set that code runs in at the hart's privilege: data and fetches, as long as MPRV is off. */
export function setNumber(offset: u32): u32 {
  return (offset - <u32>TLB) / <u32>TLB_SET;
}

/** Address of the data entry for this page in the set in use; `table` is 0 or TLB_WRITE. */
export function dataEntry(hart: Hart, table: usize, gva: u64): usize {
  return changetype<usize>(hart) + <usize>hart.dataSet + table + dataPlace(gva);
}

/** Where a page's entry lies in a table of fetch entries. */
function fetchPlace(gva: u64): usize {
  return <usize>(<u32>(gva >> 12) * HASH >> 20) & 0xff0;
}

/** Address of the fetch entry for this page in the set in use. */
export function fetchEntry(hart: Hart, gva: u64): usize {
  return changetype<usize>(hart) + <usize>hart.fetchSet + TLB_FETCH + fetchPlace(gva);
}

function fillsOf(hart: Hart, list: u32): u32 {
  return load<u32>(changetype<usize>(hart) + (<usize>list << 2), offsetof<Hart>("fills0"));
}

function setFills(hart: Hart, list: u32, count: u32): void {
  store<u32>(changetype<usize>(hart) + (<usize>list << 2), count, offsetof<Hart>("fills0"));
}

/** How many entries are listed. A list that ran over has none that could be relied on. */
export function listed(hart: Hart, list: u32): u32 {
  const fills = fillsOf(hart, list);
  return fills > FILLS_MAX ? 0 : fills;
}

/** Place in its set of the i-th entry that is listed. */
export function listedAt(hart: Hart, list: u32, i: u32): usize {
  return <usize>load<u16>(changetype<usize>(hart) + FILLS + (<usize>(list * FILLS_MAX + i) << 1)) << 4;
}

function note(hart: Hart, list: u32, place: usize): void {
  const fills = fillsOf(hart, list);
  if (fills < FILLS_MAX) store<u16>(changetype<usize>(hart) + FILLS + (<usize>(list * FILLS_MAX + fills) << 1), <u16>(place >> 4));
  setFills(hart, list, fills + 1);
}

/** Byte of the filter in which a page's bit lies, and the bit. */
function fetchedByte(hart: Hart, gva: u64): usize {
  return changetype<usize>(hart) + FETCHED + (<usize>((<u32>(gva >> 12) * HASH) >> 26));
}

function fetchedBit(gva: u64): u32 {
  return <u32>1 << ((<u32>(gva >> 12) * HASH) >> 23 & 7);
}

/** Fills an entry, and notes it for when it is to be emptied. hart.isGlobal says how far it holds. */
export function fill(hart: Hart, setOffset: u32, entry: usize, gva: u64, pointer: usize): void {
  const set = setNumber(setOffset);
  const place = entry - changetype<usize>(hart) - <usize>setOffset;
  note(hart, set, place);
  if (set == SET_U) {
    if (place >= TLB_FETCH) store<u8>(fetchedByte(hart, gva), <u8>(<u32>load<u8>(fetchedByte(hart, gva)) | fetchedBit(gva)));
  } else if (set != SET_M && hart.isGlobal == 0) {
    note(hart, LOCAL - SET_S + set, place);
  }
  store<u64>(entry, gva & ~0xfff);
  store<u32>(entry, <u32>pointer, 8);
  hart.tlbFills++;
}

/** Fills the entry at `place` of the set of LIST_U or LIST_SUM with what it held before. */
export function refill(hart: Hart, list: u32, place: usize, tag: u64, pointer: u32): void {
  const set = list == LIST_U ? SET_U : SET_SUM;
  note(hart, set, place);
  if (list != set) note(hart, list, place);
  const entry = changetype<usize>(hart) + TLB + <usize>set * TLB_SET + place;
  store<u64>(entry, tag);
  store<u32>(entry, pointer, 8);
}

/** The entry at `place` of the set of LIST_U or LIST_SUM. */
export function listedEntry(hart: Hart, list: u32, place: usize): usize {
  return changetype<usize>(hart) + TLB + <usize>(list == LIST_U ? SET_U : SET_SUM) * TLB_SET + place;
}

/** The bit of hart.superpages that stands for the gigabyte an address lies in. */
function gigabyte(gva: u64): u64 {
  const place: u64 = <u64>(<u32>(gva >> 30) * HASH >> 26);
  return <u64>1 << place;
}

/** Notes that an entry was filled from a leaf of more than a page: its addresses can't be flushed one by one. */
export function noteSuperpage(hart: Hart, gva: u64, leafMask: u64): void {
  if (leafMask <= 0xfff || dataPrivilege(hart) == PRIV_M) return;
  // A leaf of more than a gigabyte, or no translation at all: no address is safe.
  hart.superpages |= leafMask >> 30 != 0 ? ~(<u64>0) : gigabyte(gva);
}

let epochs: u32 = 0;

/** Entries of all fetch TLBs are about to be emptied. */
function nextEpoch(hart: Hart): void {
  hart.epochU = ++epochs;
  hart.epochS = ++epochs;
  hart.epochM = ++epochs;
  chooseEpoch(hart);
}

function clearEntry(base: usize, place: usize): void {
  const empty: u64 = place == 0 || place == TLB_WRITE || place == TLB_FETCH ? 0x1000 : 0;
  store<u64>(base + place, empty);
}

/** S mode fetches through set S whatever SUM is, so set SUM has room for fetch entries that is never touched. */
function emptyFetchesOf(base: usize): void {
  memory.fill(base + TLB_FETCH, 0, TLB_SET - TLB_FETCH);
  clearEntry(base, TLB_FETCH);
}

/** Empties the entries of `set` that are listed, or all of them if the list ran over. */
function empty(hart: Hart, set: u32, list: u32): void {
  const base = changetype<usize>(hart) + TLB + <usize>set * TLB_SET;
  const fills = fillsOf(hart, list);
  setFills(hart, list, 0);
  if (set == SET_U) micro.empty(hart);
  if (fills <= FILLS_MAX) {
    for (let i: u32 = 0; i < fills; i++) clearEntry(base, listedAt(hart, list, i));
    return;
  }
  memory.fill(base, 0, TLB_FETCH);
  clearEntry(base, 0);
  clearEntry(base, TLB_WRITE);
  if (set != SET_SUM) emptyFetchesOf(base);
  setFills(hart, set, 0);
}

function forgetFetched(hart: Hart): void {
  memory.fill(changetype<usize>(hart) + FETCHED, 0, FETCHED_SIZE);
}

/** Empties all TLBs. */
export function flush(hart: Hart): void {
  nextEpoch(hart);
  paths.renumber(hart);
  hart.flushes++;
  for (let set: u32 = 0; set < SETS; set++) empty(hart, set, set);
  hart.localFills1 = hart.localFills2 = 0;
  forgetFetched(hart);
  hart.superpages = 0;
}

/** Empties what holds in the address space in use alone. */
export function flushLocal(hart: Hart): void {
  hart.epochU = ++epochs;
  if (hart.localFills1 != 0) hart.epochS = ++epochs;
  chooseEpoch(hart);
  paths.renumber(hart);
  empty(hart, SET_U, SET_U);
  empty(hart, SET_S, LOCAL);
  empty(hart, SET_SUM, LIST_SUM);
  forgetFetched(hart);
}

/** Set U has been refilled with what it held in this epoch. */
export function resume(hart: Hart, epoch: u32): void {
  hart.epochU = epoch;
  chooseEpoch(hart);
}

/**
 * Makes all entries empty, whatever the memory held before: for a hart that is new. Set M of one that never is in M mode is
 * left alone, so that it takes no memory.
 */
export function reset(hart: Hart, hasM: bool): void {
  hart.fills0 = hart.fills1 = hart.fills2 = FILLS_MAX + 1;
  hart.fills3 = hasM ? FILLS_MAX + 1 : 0;
  paths.reset(hart);
  micro.reset(hart);
  flush(hart);
  select(hart);
}

/**
 * Empties what covers one guest-virtual address, in all address spaces: a page, or everything if a superpage may cover it.
 * `superpages` is a filter over gigabytes, so that the kernel's own superpages don't make every flush of one user page a flush
 * of all.
 */
export function flushAddress(hart: Hart, gva: u64): void {
  if ((hart.superpages & gigabyte(gva)) != 0) {
    flush(hart);
    return;
  }
  hart.flushes++;
  hart.epochS = ++epochs;
  clearAddress(hart, gva);
}

/** Empties what covers one guest-virtual address in the address space in use alone. */
export function flushLocalAddress(hart: Hart, gva: u64): void {
  if ((hart.superpages & gigabyte(gva)) != 0) {
    flushLocal(hart);
    return;
  }
  if (hart.localFills1 != 0) hart.epochS = ++epochs;
  clearAddress(hart, gva);
}

function clearAddress(hart: Hart, gva: u64): void {
  if ((<u32>load<u8>(fetchedByte(hart, gva)) & fetchedBit(gva)) != 0) hart.epochU = ++epochs;
  chooseEpoch(hart);
  paths.forget(hart, gva);
  micro.empty(hart);
  const data = dataPlace(gva);
  const fetch = TLB_FETCH + fetchPlace(gva);
  for (let set: u32 = 0; set < SET_M; set++) {
    const base = changetype<usize>(hart) + TLB + <usize>set * TLB_SET;
    if ((load<u64>(base + data) ^ gva) < 4096) clearEntry(base, data);
    if ((load<u64>(base + TLB_WRITE + data) ^ gva) < 4096) clearEntry(base, TLB_WRITE + data);
    if ((load<u64>(base + fetch) ^ gva) < 4096) clearEntry(base, fetch);
  }
}

/** Empties the write TLBs alone: some frame became code. */
export function flushWrites(hart: Hart): void {
  hart.flushes++;
  for (let set: u32 = 0; set < SETS; set++) {
    if (load<u32>(changetype<usize>(hart) + (<usize>set << 2), offsetof<Hart>("fills0")) == 0) continue;
    const base = changetype<usize>(hart) + TLB + <usize>set * TLB_SET;
    memory.fill(base + TLB_WRITE, 0, TLB_FETCH - TLB_WRITE);
    if (set == SET_U) micro.emptyWrites(hart);
    clearEntry(base, TLB_WRITE);
  }
}

/** Empties the fetch TLBs alone: decoded pages were dropped. */
export function flushFetches(hart: Hart): void {
  hart.flushes++;
  emptyFetches(hart);
}

/** A number for an epoch, as no other has on this CPU. */
export function takeEpoch(): u32 {
  return ++epochs;
}

/** Empties the fetch TLBs in use, as the hart has come from another CPU. What is kept of other spaces is not touched. */
export function emptyFetches(hart: Hart): void {
  nextEpoch(hart);
  for (let set: u32 = 0; set < SETS; set++) {
    if (load<u32>(changetype<usize>(hart) + (<usize>set << 2), offsetof<Hart>("fills0")) == 0) continue;
    if (set != SET_SUM) emptyFetchesOf(changetype<usize>(hart) + TLB + <usize>set * TLB_SET);
  }
}
