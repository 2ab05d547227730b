// The virtio memory balloon (virtio 1.2, 5.5): pages that a guest does not use give their frames back to the machine.
//
//   queue 0        inflate: arrays of u32 page numbers that the driver has put into the balloon
//   queue 1        deflate: the same for pages that it takes back
//   then those of  statistics: one buffer, which the driver fills anew whenever it gets it back
//   what was       reporting: chains whose parts are free pages themselves
//   negotiated
//
// A page in the balloon, or reported, loses its frame, and reads zero when it is touched again: also one that the driver names
// twice, or goes on using. So there is nothing to be done for deflating, and the driver need not tell us (MUST_TELL_HOST).
// Frames go in batches, as all harts must leave guest code once for each. While the host works on the guest's frames none of
// them may go: then the queues wait, and are given back untouched if that takes too long. Where the machine has no frame left
// to say in that a chain is done, pages are taken first: what the driver gives is what we lack.

import { PAGE_SIZE } from "../../abi";
import { Guest, offend } from "../../guest/guest";
import * as ram from "../../guest/ram";
import { LEAVING_MAX } from "../../guest/ram";
import * as mmio from "./mmio";
import * as ring from "./queue";
import { FEATURES_OF_ALL, INTERRUPT_CONFIG, NONE, Queue, Virtio, has, interrupt, isLive, queueAt } from "./virtio";
import * as virtio from "./virtio";

const ID_BALLOON: u32 = 5;
const QUEUE_INFLATE: u32 = 0;
const QUEUE_DEFLATE: u32 = 1;
/** First queue of those that come with features. */
const QUEUE_FEATURES: u32 = 2;
const QUEUE_COUNT: u32 = 5;
/** The specification counts queues that are not there, drivers do not: both places of the reporting queue are looked at. */
const QUEUE_REPORTING: u32 = 4;

/** Feature bits, 5.5.3. */
const VIRTIO_BALLOON_F_STATS_VQ: u64 = 1 << 1;
const VIRTIO_BALLOON_F_DEFLATE_ON_OOM: u64 = 1 << 2;
const VIRTIO_BALLOON_F_PAGE_POISON: u64 = 1 << 4;
const VIRTIO_BALLOON_F_REPORTING: u64 = 1 << 5;

/** Offsets in the configuration space, 5.5.4. */
const CONFIG_NUM_PAGES: u32 = 0;
const CONFIG_ACTUAL: u32 = 4;
const CONFIG_POISON_VAL: u32 = 12;
const CONFIG_BYTES: u32 = 16;

/** Statistics: u16 tag, u64 value, 5.5.6.4. */
const STAT_BYTES: u32 = 10;
export const STATS: u32 = 16;
/** Tags of statistics, 5.5.6.4: bytes. */
export const VIRTIO_BALLOON_S_MEMFREE: u32 = 4;
export const VIRTIO_BALLOON_S_AVAIL: u32 = 6;
/** More than these in one buffer are not looked at. */
const STATS_LOOKS: u32 = 32;

/** Page numbers read at a time. */
const NUMBERS: u32 = 64;
/** Page numbers, or parts of a chain, that are looked at in one turn; the next `poll` goes on. */
const LOOKS: u32 = LEAVING_MAX;
/** Pages of reported parts that are taken out of the map in one turn. */
const PAGES: u32 = LEAVING_MAX;
/** Turns that a chain waits for the host's transfers to end. */
const PATIENCE: u32 = 1000;

@unmanaged @final
export class Balloon extends Virtio {
  /** Pages that it is asked to hold: owned by vmm/memory. */
  asked: u32;
  /** Pages of RAM that the guest shall not exceed while the machine is short; 0: no matter. Owned by vmm/memory. */
  keep: u32;
  /** Pages that have given their frame back, by either way, since the guest was made. */
  inflated: u64;
  reported: u64;
  /** Page numbers outside RAM. */
  wild: u64;
  /** Chains given back untouched, since the host worked on the guest's frames for too long. */
  skipped: u64;
  /** Turns that the oldest chain has waited. */
  waited: u32;
  /** Bytes of the oldest chain of either queue that are done; `Queue.done` is too small for these. */
  inflateDone: u64;
  reportDone: u64;
  /** Index in the available ring of the buffer of statistics that was read last; NONE: none was. */
  statsAt: u32;
  /** Looks at the machine's memory for which somebody still wants to know them. */
  statsWanted: u32;
  /** A statistic on its way. */
  entry0: u64; entry1: u64;
  /** Statistics by tag; all ones: the driver did not tell. */
  stat0: u64; stat1: u64; stat2: u64; stat3: u64; stat4: u64; stat5: u64; stat6: u64; stat7: u64;
  stat8: u64; stat9: u64; stat10: u64; stat11: u64; stat12: u64; stat13: u64; stat14: u64; stat15: u64;
}
/** Page numbers on their way. */
const BUFFER: usize = offsetof<Balloon>();
if (BUFFER + (<usize>NUMBERS << 2) > virtio.STATE_SIZE) ERROR("the balloon's buffer runs into the queues");
if (offsetof<Balloon>("stat15") - offsetof<Balloon>("stat0") != 120) ERROR("statistics must be a run of numbers");

/** Power-on state, or after the driver's reset. What the machine asks for stays. */
export function reset(balloon: Balloon): void {
  virtio.reset(balloon);
  balloon.deviceId = ID_BALLOON;
  balloon.queueCount = QUEUE_COUNT;
  balloon.configBytes = CONFIG_BYTES;
  balloon.offered = FEATURES_OF_ALL | VIRTIO_BALLOON_F_STATS_VQ | VIRTIO_BALLOON_F_DEFLATE_ON_OOM |
    VIRTIO_BALLOON_F_PAGE_POISON | VIRTIO_BALLOON_F_REPORTING;
  for (let at: u32 = 0; at < CONFIG_BYTES; at += 4) virtio.setConfig32(balloon, at, 0);
  virtio.setConfig32(balloon, CONFIG_NUM_PAGES, balloon.asked);
  balloon.waited = 0;
  balloon.inflateDone = 0;
  balloon.reportDone = 0;
  balloon.statsAt = NONE;
  for (let tag: u32 = 0; tag < STATS; tag++) setStat(balloon, tag, ~(<u64>0));
}

export function read(guest: Guest, balloon: Balloon, offset: u64, size: u32): u64 {
  return mmio.read(guest, balloon, offset, size);
}

export function write(guest: Guest, balloon: Balloon, offset: u64, size: u32, value: u64): void {
  const field = <u32>offset - mmio.CONFIG_SPACE;
  if (size == 4 && (field == CONFIG_ACTUAL || field == CONFIG_POISON_VAL && has(balloon, VIRTIO_BALLOON_F_PAGE_POISON))) {
    virtio.setConfig32(balloon, field, <u32>value);
    return;
  }
  if (mmio.write(guest, balloon, offset, size, value) == mmio.RESET) reset(balloon);
}

/** Nothing is done at once: taking frames wants all harts outside, which `poll` has for many chains in one. */
export function kick(_guest: Guest, _balloon: Balloon, _queue: u32): void {}

/** Nothing is ever under way. */
export function complete(_guest: Guest, _balloon: Balloon, _request: u32, _status: i32): void {}

export function busy(_balloon: Balloon): u32 {
  return 0;
}

/**
 * Works on what the driver has made available, for one turn; true: there is more. `isBusy`: the host works on frames of the
 * guest, and none may go.
 */
export function poll(guest: Guest, balloon: Balloon, isBusy: bool): bool {
  if (!isLive(balloon)) return false;
  readStats(guest, balloon);
  deflate(guest, balloon);
  const inflating = queueAt(balloon, QUEUE_INFLATE);
  const reporting = reportingQueue(balloon);
  const isWaiting = ring.peek(guest, balloon, inflating) != NONE
    || reporting != null && ring.peek(guest, balloon, reporting) != NONE;
  if (!isWaiting) return false;
  if (isBusy && balloon.waited < PATIENCE) {
    balloon.waited++;
    return false;
  }
  let more = inflate(guest, balloon, inflating, isBusy);
  if (reporting != null && report(guest, balloon, reporting, isBusy)) more = true;
  balloon.waited = 0;
  return more;
}

/** Asks the driver to hold so many pages. */
export function ask(guest: Guest, balloon: Balloon, pages: u32): void {
  if (balloon.asked == pages) return;
  balloon.asked = pages;
  virtio.setConfig32(balloon, CONFIG_NUM_PAGES, pages);
  balloon.configGeneration++;
  if (isLive(balloon)) interrupt(guest, balloon, INTERRUPT_CONFIG);
}

/** Pages that the driver says it holds. */
export function actual(guest: Guest, balloon: Balloon): u32 {
  const pages = load<u32>(changetype<usize>(balloon) + virtio.CONFIG + CONFIG_ACTUAL);
  return <u64>pages < guest.ramPages ? pages : <u32>guest.ramPages;
}

/** What the driver last said of itself: VIRTIO_BALLOON_S_*; all ones: nothing. */
export function stat(balloon: Balloon, tag: u32): u64 {
  assert(tag < STATS);
  return load<u64>(changetype<usize>(balloon) + (<usize>tag << 3), offsetof<Balloon>("stat0"));
}

function setStat(balloon: Balloon, tag: u32, value: u64): void {
  store<u64>(changetype<usize>(balloon) + (<usize>tag << 3), value, offsetof<Balloon>("stat0"));
}

function statsQueue(balloon: Balloon): Queue | null {
  return has(balloon, VIRTIO_BALLOON_F_STATS_VQ) ? queueAt(balloon, QUEUE_FEATURES) : null;
}

function reportingQueue(balloon: Balloon): Queue | null {
  if (!has(balloon, VIRTIO_BALLOON_F_REPORTING)) return null;
  const last = queueAt(balloon, QUEUE_REPORTING);
  if (last.ready != 0) return last;
  return queueAt(balloon, has(balloon, VIRTIO_BALLOON_F_STATS_VQ) ? QUEUE_FEATURES + 1 : QUEUE_FEATURES);
}

/** Reads the buffer of statistics, which stays ours until we want newer ones. */
function readStats(guest: Guest, balloon: Balloon): void {
  const queue = statsQueue(balloon);
  if (queue == null || balloon.statsAt == queue.nextAvailable) return;
  const head = ring.peek(guest, balloon, queue);
  if (head == NONE || !ring.measure(guest, balloon, queue, head)) return;
  balloon.statsAt = queue.nextAvailable;
  ring.open(balloon, queue, head);
  const entry = changetype<usize>(balloon) + offsetof<Balloon>("entry0");
  for (let left = STATS_LOOKS; left > 0 && ring.pull(guest, balloon, entry, STAT_BYTES) == STAT_BYTES; left--) {
    const tag: u32 = load<u16>(entry);
    if (tag < STATS) setStat(balloon, tag, load<u64>(entry, 2));
  }
}

/** Asks the driver for newer statistics, if it has told the last ones. */
export function refreshStats(guest: Guest, balloon: Balloon): void {
  const queue = statsQueue(balloon);
  if (queue == null || !isLive(balloon) || balloon.statsAt != queue.nextAvailable) return;
  const head = ring.peek(guest, balloon, queue);
  if (head == NONE || !ring.prepare(guest, balloon, queue, head, 0)) return;
  ring.take(queue);
  ring.put(guest, balloon, queue, head, 0);
  ring.publish(guest, balloon, queue);
  ring.listen(guest, balloon, queue);
}

/** Pages that are taken back get a frame when they are touched. At most one round of the queue. */
function deflate(guest: Guest, balloon: Balloon): void {
  const queue = queueAt(balloon, QUEUE_DEFLATE);
  for (let left = queue.size; left > 0; left--) {
    const head = ring.peek(guest, balloon, queue);
    if (head == NONE || !ring.measure(guest, balloon, queue, head) || !ring.prepare(guest, balloon, queue, head, 0)) break;
    if ((balloon.readableBytes & 3) != 0 || balloon.writableBytes != 0) offend(guest);
    ring.take(queue);
    ring.put(guest, balloon, queue, head, 0);
  }
  ring.publish(guest, balloon, queue);
  ring.listen(guest, balloon, queue);
}

/** Takes the frames of the pages that the driver has put into the balloon, for one turn; true: there is more. */
function inflate(guest: Guest, balloon: Balloon, queue: Queue, isBusy: bool): bool {
  let looks: u32 = 0;
  let leaving: u32 = 0;
  // A chain without a page is a look too.
  while (looks < LOOKS) {
    const head = ring.peek(guest, balloon, queue);
    if (head == NONE || !ring.measure(guest, balloon, queue, head)) break;
    if (!isBusy) {
      const bytes = min(balloon.readableBytes & ~3, balloon.inflateDone + (<u64>(LOOKS - looks) << 2));
      looks += <u32>(bytes - balloon.inflateDone >> 2);
      leaving = inflateFrom(guest, balloon, queue, head, bytes, leaving);
      balloon.inflateDone = bytes;
      if (bytes < (balloon.readableBytes & ~3)) break;
    }
    looks++;
    if (!ring.prepare(guest, balloon, queue, head, 0)) {
      letGo(guest, balloon, leaving);
      leaving = 0;
      if (!ring.prepare(guest, balloon, queue, head, 0)) break;
    }
    if (isBusy) balloon.skipped++;
    if ((balloon.readableBytes & 3) != 0 || balloon.writableBytes != 0) offend(guest); // 5.5.6: whole numbers, and no more
    balloon.inflateDone = 0;
    ring.take(queue);
    ring.put(guest, balloon, queue, head, 0);
  }
  letGo(guest, balloon, leaving);
  return goesOn(guest, balloon, queue);
}

/** Pages that were taken out of the map lose their frames. */
function letGo(guest: Guest, balloon: Balloon, leaving: u32): void {
  ram.letGo(guest, leaving);
  balloon.inflated += leaving;
}

/** Tells the driver what has been done; true: there is more to do, and it can be done. */
function goesOn(guest: Guest, balloon: Balloon, queue: Queue): bool {
  ring.publish(guest, balloon, queue);
  if (queue.lacking == 0 && ring.peek(guest, balloon, queue) != NONE) return true;
  ring.listen(guest, balloon, queue);
  return false;
}

/** Takes the pages whose numbers stand in bytes `inflateDone` … `bytes` - 1 of a chain out of the map, behind `leaving` others. */
function inflateFrom(guest: Guest, balloon: Balloon, queue: Queue, head: u32, bytes: u64, leaving: u32): u32 {
  const buffer = changetype<usize>(balloon) + BUFFER;
  ring.open(balloon, queue, head);
  skip(guest, balloon, false, balloon.inflateDone);
  for (let at = balloon.inflateDone; at < bytes;) {
    const length = ring.pull(guest, balloon, buffer, <u32>min(bytes - at, <u64>(NUMBERS << 2)));
    if (length == 0) break; // the driver has changed the chain
    for (let i: u32 = 0; i < length; i += 4) {
      const gpa = <u64>load<u32>(buffer + i) << 12;
      if (ram.has(guest, gpa)) {
        leaving = ram.takeOut(guest, gpa, leaving);
      } else {
        offend(guest);
        balloon.wild++;
      }
    }
    at += length;
  }
  return leaving;
}

/** Takes the frames of the pages that the driver reports as free, for one turn; true: there is more. */
function report(guest: Guest, balloon: Balloon, queue: Queue, isBusy: bool): bool {
  // 5.5.6.7: the driver counts on what it has written into free pages. Without a frame they read zero.
  const isPoisoned = has(balloon, VIRTIO_BALLOON_F_PAGE_POISON)
    && load<u32>(changetype<usize>(balloon) + virtio.CONFIG + CONFIG_POISON_VAL) != 0;
  let looks: u32 = 0;
  let pages = PAGES;
  while (looks < LOOKS && pages > 0) {
    const head = ring.peek(guest, balloon, queue);
    if (head == NONE || !ring.measure(guest, balloon, queue, head)) break;
    if (!isBusy && !isPoisoned) {
      ring.open(balloon, queue, head);
      skip(guest, balloon, true, balloon.reportDone);
      while (looks < LOOKS && pages > 0 && ring.part(guest, balloon, true)) {
        const length = <u32>min(<u64>balloon.partLength, <u64>pages << 12);
        pages -= reportPart(guest, balloon, balloon.partAddress, length);
        ring.advance(balloon, length);
        balloon.reportDone += length;
        looks++;
      }
      if (balloon.reportDone < balloon.writableBytes) break;
    }
    looks++;
    if (!ring.prepare(guest, balloon, queue, head, 0)) break;
    if (isBusy) balloon.skipped++;
    balloon.reportDone = 0;
    ring.take(queue);
    ring.put(guest, balloon, queue, head, 0);
  }
  return goesOn(guest, balloon, queue);
}

/** Takes the frames of the whole pages in a part; how many pages it was about. */
function reportPart(guest: Guest, balloon: Balloon, gpa: u64, length: u32): u32 {
  const first = gpa + PAGE_SIZE - 1 & ~(PAGE_SIZE - 1);
  const end = gpa + length & ~(PAGE_SIZE - 1);
  if (end <= first) return 0;
  const pages = <u32>(end - first >> 12);
  balloon.reported += ram.discard(guest, first, pages);
  return pages;
}

/** Passes over bytes of the chain at hand that an earlier turn has done. */
function skip(guest: Guest, balloon: Balloon, writable: bool, bytes: u64): void {
  while (bytes > 0 && ring.part(guest, balloon, writable)) {
    const length = <u32>min(bytes, <u64>balloon.partLength);
    ring.advance(balloon, length);
    bytes -= length;
  }
}
