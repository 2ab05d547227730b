// The guest's power key: a virtio input device (virtio 1.2, 5.8) with one key, which somebody outside presses.
//
//   queue 0   events to the driver, each in a buffer of its own: u16 type, u16 code, u32 value
//   queue 1   status from the driver (lamps, sounds): there is nothing to light, buffers go back as they came
//
// A press is four events. Those that find no buffer, or no frame behind it, wait, so that a driver never sees the key go down and stay there.

import { E_AGAIN, E_UNSUPPORTED, OK } from "../../abi";
import { Guest } from "../../guest/guest";
import * as mmio from "./mmio";
import * as ring from "./queue";
import { CONFIG_SIZE, FEATURES_OF_ALL, NONE, Virtio, fail, isLive, queueAt } from "./virtio";
import * as virtio from "./virtio";

const ID_INPUT: u32 = 18;
const QUEUE_EVENTS: u32 = 0;
const QUEUE_STATUS: u32 = 1;
const QUEUE_COUNT: u32 = 2;

/** The configuration space, 5.8.4: the driver writes what it asks for, and finds the answer's size and bytes behind. */
const CONFIG_SELECT: u32 = 0;
const CONFIG_SUBSEL: u32 = 1;
const CONFIG_ANSWER_SIZE: u32 = 2;
const CONFIG_ANSWER: u32 = 8;

/** What it can ask for, 5.8.2. */
const VIRTIO_INPUT_CFG_ID_NAME: u32 = 0x01;
const VIRTIO_INPUT_CFG_ID_DEVIDS: u32 = 0x03;
const VIRTIO_INPUT_CFG_EV_BITS: u32 = 0x11;

/** Linux, include/uapi/linux/input-event-codes.h and input.h. */
const EV_KEY: u32 = 0x01;
const KEY_POWER: u32 = 116;
const BUS_VIRTUAL: u32 = 0x06;

const NAME_BYTES: u32 = 12;
const DEVIDS_BYTES: u32 = 8;
/** Bytes of the bitmap of keys, up to that of KEY_POWER. */
const KEYS_BYTES: u32 = (KEY_POWER >> 3) + 1;

/** Events of a press: key down, the end of this report, key up, the end of that. */
const EVENTS: u32 = 4;
const EVENT_BYTES: u32 = 8;

@unmanaged @final
export class Input extends Virtio {
  /** What the driver asked the configuration space for. */
  select: u32;
  subsel: u32;
  /** Events of the last press that the driver has got; EVENTS: all. */
  sent: u32;
  /** An event on its way. */
  event: u64;
}
const EVENT: usize = offsetof<Input>("event");
if (CONFIG_ANSWER + KEYS_BYTES > CONFIG_SIZE) ERROR("the longest answer does not fit the configuration space");

/** Power-on state, or after the driver's reset. */
export function reset(input: Input): void {
  virtio.reset(input);
  input.deviceId = ID_INPUT;
  input.queueCount = QUEUE_COUNT;
  input.configBytes = CONFIG_SIZE;
  input.offered = FEATURES_OF_ALL;
  input.select = 0;
  input.subsel = 0;
  input.sent = EVENTS;
  answer(input);
}

/** Writes what is asked for into the configuration space; size 0: there is no such thing (5.8.5.2). */
function answer(input: Input): void {
  const name = memory.data<u8>([0x50, 0x6f, 0x77, 0x65, 0x72, 0x20, 0x42, 0x75, 0x74, 0x74, 0x6f, 0x6e]); // Power Button
  for (let at: u32 = 0; at < CONFIG_SIZE; at++) virtio.setConfig8(input, at, 0);
  virtio.setConfig8(input, CONFIG_SELECT, input.select);
  virtio.setConfig8(input, CONFIG_SUBSEL, input.subsel);
  let size: u32 = 0;
  if (input.select == VIRTIO_INPUT_CFG_ID_NAME && input.subsel == 0) {
    size = NAME_BYTES;
    for (let i: u32 = 0; i < size; i++) virtio.setConfig8(input, CONFIG_ANSWER + i, load<u8>(name + i));
  } else if (input.select == VIRTIO_INPUT_CFG_ID_DEVIDS && input.subsel == 0) {
    size = DEVIDS_BYTES; // bus, vendor, product, version: nobody has given us numbers
    virtio.setConfig16(input, CONFIG_ANSWER, BUS_VIRTUAL);
  } else if (input.select == VIRTIO_INPUT_CFG_EV_BITS && input.subsel == EV_KEY) {
    size = KEYS_BYTES;
    virtio.setConfig8(input, CONFIG_ANSWER + (KEY_POWER >> 3), 1 << (KEY_POWER & 7));
  }
  virtio.setConfig8(input, CONFIG_ANSWER_SIZE, size);
}

export function read(guest: Guest, input: Input, offset: u64, size: u32): u64 {
  return mmio.read(guest, input, offset, size);
}

export function write(guest: Guest, input: Input, offset: u64, size: u32, value: u64): void {
  const field = <u32>offset - mmio.CONFIG_SPACE;
  if (size == 1 && field <= CONFIG_SUBSEL) {
    if (field == CONFIG_SELECT) input.select = <u32>value & 0xff;
    else input.subsel = <u32>value & 0xff;
    answer(input);
    return;
  }
  const news = mmio.write(guest, input, offset, size, value);
  if (news == mmio.RESET) reset(input);
  else if (news < input.queueCount) kick(guest, input, news);
}

/** Works on a queue that the driver has filled. */
export function kick(guest: Guest, input: Input, index: u32): void {
  if (index == QUEUE_EVENTS) send(guest, input);
  else giveBack(guest, input);
}

/**
 * Presses the key and lets it go. E_UNSUPPORTED: no driver has set the device up; E_AGAIN: it has no buffer left, or has not
 * got all of the last press.
 */
export function press(guest: Guest, input: Input): i32 {
  const queue = queueAt(input, QUEUE_EVENTS);
  if (!isLive(input) || queue.ready == 0) return E_UNSUPPORTED;
  if (input.sent < EVENTS) return E_AGAIN;
  if (ring.peek(guest, input, queue) == NONE) return isLive(input) ? E_AGAIN : E_UNSUPPORTED;
  input.sent = 0;
  send(guest, input);
  return OK;
}

/** The n-th event of a press. */
function eventOf(n: u32): u64 {
  if ((n & 1) != 0) return 0; // EV_SYN, SYN_REPORT
  const isDown: u64 = n == 0 ? 1 : 0;
  return <u64>(EV_KEY | KEY_POWER << 16) | isDown << 32;
}

/** Gives the driver the events that wait, as far as it has buffers. */
function send(guest: Guest, input: Input): void {
  const queue = queueAt(input, QUEUE_EVENTS);
  while (input.sent < EVENTS) {
    const head = ring.peek(guest, input, queue);
    if (head == NONE || !ring.measure(guest, input, queue, head)) break;
    if (input.writableBytes < EVENT_BYTES) {
      fail(guest, input); // 5.8.6.1: a buffer holds an event
      break;
    }
    if (!ring.prepare(guest, input, queue, head, EVENT_BYTES)) break;
    input.event = eventOf(input.sent++);
    ring.take(queue);
    ring.open(input, queue, head);
    ring.put(guest, input, queue, head, ring.push(guest, input, changetype<usize>(input) + EVENT, EVENT_BYTES));
  }
  ring.publish(guest, input, queue);
  if (input.sent < EVENTS) ring.listen(guest, input, queue);
}

/** Gives status buffers back, at most one round of the queue. */
function giveBack(guest: Guest, input: Input): void {
  const queue = queueAt(input, QUEUE_STATUS);
  for (let left = queue.size; left > 0; left--) {
    const head = ring.peek(guest, input, queue);
    if (head == NONE || !ring.measure(guest, input, queue, head) || !ring.prepare(guest, input, queue, head, 0)) break;
    ring.take(queue);
    ring.put(guest, input, queue, head, 0);
  }
  ring.publish(guest, input, queue);
  ring.listen(guest, input, queue);
}

/** Nothing is ever under way. */
export function complete(_guest: Guest, _input: Input, _request: u32, _status: i32): void {}

export function busy(_input: Input): u32 {
  return 0;
}

/** Goes on with what waits for buffers; true if events went out. */
export function poll(guest: Guest, input: Input): bool {
  if (ring.peek(guest, input, queueAt(input, QUEUE_STATUS)) != NONE) giveBack(guest, input);
  const before = input.sent;
  if (before < EVENTS) send(guest, input);
  return input.sent != before;
}
