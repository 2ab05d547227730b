// The virtio console (virtio 1.2, 5.3) with two ports: port 0 is a console, port 1 a plain byte stream for programs,
// found by the guest as /dev/virtio-ports/orlop.agent. Port i is console number `unit + i` of this guest at the host.
//
//   queue 0 / 1   port 0: to the guest / from it
//   queue 2 / 3   control messages: to the guest / from it
//   queue 4 / 5   port 1: to the guest / from it
//
// Bytes the host does not take, or a limit holds back, stay in the ring until `poll`; input nobody has a buffer for stays with the
// host, and here when the machine has no frame for its buffer.

import { Guest, offend } from "../../guest/guest";
import * as ram from "../../guest/ram";
import * as host from "../../host";
import * as limits from "../limits";
import { LANE_CONSOLE, SECOND_PORT } from "../limits";
import { trafficOf } from "../traffic";
import * as mmio from "./mmio";
import * as ring from "./queue";
import { FEATURES_OF_ALL, NONE, Queue, STATE_SIZE, Virtio, has, queueAt } from "./virtio";
import * as virtio from "./virtio";

const ID_CONSOLE: u32 = 3;
const PORTS: u32 = 2;
const QUEUE_CONTROL_RECEIVE: u32 = 2;
const QUEUE_CONTROL_TRANSMIT: u32 = 3;
const QUEUE_COUNT: u32 = 6;

/** Feature bit, 5.3.3; and where the number of ports stands in the configuration space, 5.3.4. */
const VIRTIO_CONSOLE_F_MULTIPORT: u64 = 1 << 1;
const CONFIG_MAX_NR_PORTS: u32 = 4;
const CONFIG_BYTES: u32 = 8;

/** Control events, 5.3.6.2. A message is u32 port, u16 event, u16 value, and for PORT_NAME the name. */
const VIRTIO_CONSOLE_DEVICE_READY: u32 = 0;
const VIRTIO_CONSOLE_DEVICE_ADD: u32 = 1;
const VIRTIO_CONSOLE_PORT_READY: u32 = 3;
const VIRTIO_CONSOLE_CONSOLE_PORT: u32 = 4;
const VIRTIO_CONSOLE_PORT_OPEN: u32 = 6;
const VIRTIO_CONSOLE_PORT_NAME: u32 = 7;
const EVENTS: u32 = 8;
const MESSAGE_BYTES: u32 = 8;
const NAME_BYTES: u32 = 11;

/** Bytes of one chain of input at most. */
const BUFFER_SIZE: u32 = 1024;
/** Chains of input filled in one poll, for each port. */
const POLL_CHAINS: u32 = 8;
/** Bytes of output handed on in one kick, for each port. */
const KICK_BYTES_MAX: u32 = 1 << 20;

@unmanaged @final
export class Console extends Virtio {
  /** For each port a bit: a program in the guest has it open. */
  opened: u32;
  /** Control messages that wait for a buffer: bit `port * EVENTS + event`. They go out in the order of the bits. */
  messages: u32;
  /** Bytes of input of each port that have come from the host and are not with the driver yet. */
  kept0: u32; kept1: u32;
  /** A control message on its way. */
  message: u64;
}
/** Input on its way, for each port. */
const BUFFER: usize = offsetof<Console>();
const MESSAGE: usize = offsetof<Console>("message");
if (BUFFER + PORTS * BUFFER_SIZE > STATE_SIZE) ERROR("the buffer runs into the queues");

/** Power-on state, or after the driver's reset; input that was kept goes to the next driver. */
export function reset(console: Console): void {
  virtio.reset(console);
  console.deviceId = ID_CONSOLE;
  console.queueCount = QUEUE_COUNT;
  console.configBytes = CONFIG_BYTES;
  console.offered = FEATURES_OF_ALL | VIRTIO_CONSOLE_F_MULTIPORT;
  virtio.setConfig32(console, CONFIG_MAX_NR_PORTS, PORTS);
  console.opened = 0;
  console.messages = 0;
}

export function read(guest: Guest, console: Console, offset: u64, size: u32): u64 {
  return mmio.read(guest, console, offset, size);
}

export function write(guest: Guest, console: Console, offset: u64, size: u32, value: u64): void {
  const news = mmio.write(guest, console, offset, size, value);
  if (news == mmio.RESET) reset(console);
  else if (news < console.queueCount) kick(guest, console, news);
}

/** Works on a queue that the driver has filled. */
export function kick(guest: Guest, console: Console, index: u32): void {
  switch (index) {
    case QUEUE_CONTROL_RECEIVE: tell(guest, console); break;
    case QUEUE_CONTROL_TRANSMIT: listen(guest, console); break;
    case 1: send(guest, console, 0, false); break;
    case 5: send(guest, console, 1, false); break;
  }
}

function receiveQueue(console: Console, port: u32): Queue {
  return queueAt(console, port == 0 ? 0 : 2 + 2 * port);
}

function transmitQueue(console: Console, port: u32): Queue {
  return queueAt(console, port == 0 ? 1 : 3 + 2 * port);
}

function hasPorts(console: Console): bool {
  return has(console, VIRTIO_CONSOLE_F_MULTIPORT);
}

/** Reads control messages of the driver. */
function listen(guest: Guest, console: Console): void {
  if (!hasPorts(console)) return;
  const queue = queueAt(console, QUEUE_CONTROL_TRANSMIT);
  for (let left = queue.size; left > 0; left--) {
    const head = ring.peek(guest, console, queue);
    if (head == NONE || !ring.measure(guest, console, queue, head) || !ring.prepare(guest, console, queue, head, 0)) break;
    ring.take(queue);
    ring.open(console, queue, head);
    if (ring.pull(guest, console, changetype<usize>(console) + MESSAGE, MESSAGE_BYTES) < MESSAGE_BYTES) offend(guest);
    else hear(guest, console, <u32>console.message, <u32>(console.message >> 32) & 0xffff, <u32>(console.message >> 48));
    ring.put(guest, console, queue, head, 0);
  }
  ring.publish(guest, console, queue);
  ring.listen(guest, console, queue);
  tell(guest, console);
}

/** Acts on one control message of the driver. */
function hear(guest: Guest, console: Console, port: u32, event: u32, value: u32): void {
  if (event == VIRTIO_CONSOLE_DEVICE_READY) {
    if (value == 1) for (let i: u32 = 0; i < PORTS; i++) note(console, i, VIRTIO_CONSOLE_DEVICE_ADD);
    return;
  }
  if (port >= PORTS) {
    offend(guest);
    return;
  }
  if (event == VIRTIO_CONSOLE_PORT_READY) {
    if (value != 1) return;
    if (port == 0) {
      note(console, port, VIRTIO_CONSOLE_CONSOLE_PORT);
    } else {
      note(console, port, VIRTIO_CONSOLE_PORT_NAME);
    }
    note(console, port, VIRTIO_CONSOLE_PORT_OPEN);
  } else if (event == VIRTIO_CONSOLE_PORT_OPEN) {
    if (value != 0) console.opened |= 1 << port;
    else console.opened &= ~(1 << port);
  }
}

function note(console: Console, port: u32, event: u32): void {
  console.messages |= 1 << (port * EVENTS + event);
}

/** Sends the waiting control messages, as far as the driver has buffers. */
function tell(guest: Guest, console: Console): void {
  const name = memory.data<u8>([0x6f, 0x72, 0x6c, 0x6f, 0x70, 0x2e, 0x61, 0x67, 0x65, 0x6e, 0x74]); // orlop.agent
  const queue = queueAt(console, QUEUE_CONTROL_RECEIVE);
  while (console.messages != 0) {
    const head = ring.peek(guest, console, queue);
    if (head == NONE || !ring.measure(guest, console, queue, head)) break;
    if (!ring.prepare(guest, console, queue, head, MESSAGE_BYTES + NAME_BYTES)) break;
    const bit = <u32>ctz(console.messages);
    console.messages &= ~(1 << bit);
    const event = bit % EVENTS;
    console.message = bit / EVENTS | <u64>event << 32 | <u64>1 << 48;
    ring.take(queue);
    ring.open(console, queue, head);
    let written = ring.push(guest, console, changetype<usize>(console) + MESSAGE, MESSAGE_BYTES);
    if (event == VIRTIO_CONSOLE_PORT_NAME) written += ring.push(guest, console, name, NAME_BYTES);
    ring.put(guest, console, queue, head, written);
  }
  ring.publish(guest, console, queue);
  ring.listen(guest, console, queue);
}

/** Under which number a port waits for the limit of the guest's consoles. */
function placeOf(console: Console, port: u32): u32 {
  return port == 0 ? console.slot : SECOND_PORT;
}

/**
 * Hands output of a port to the host, straight from guest RAM; what it does not take, or the limit does not let through,
 * stays where it is. Last words pass whatever the limit says.
 */
function send(guest: Guest, console: Console, port: u32, isLast: bool): void {
  const queue = transmitQueue(console, port);
  const place = placeOf(console, port);
  let bytes: u32 = 0;
  let held = false;
  for (let left = queue.size; left > 0 && bytes < KICK_BYTES_MAX; left--) {
    const head = ring.peek(guest, console, queue);
    if (head == NONE || !ring.measure(guest, console, queue, head)) break;
    const isReady = ring.prepare(guest, console, queue, head, 0);
    if (!isReady && !isLast) break;
    ring.open(console, queue, head);
    ring.skip(guest, console, queue.done);
    while (bytes < KICK_BYTES_MAX && ring.part(guest, console, false)) {
      const ptr = ram.readable(guest, console.partAddress);
      if (ptr == 0) break;
      const wanted = ram.run(console.partAddress, console.partLength);
      const length = isLast ? wanted : limits.room(guest, LANE_CONSOLE, place, wanted);
      if (length == 0) {
        held = true;
        break;
      }
      const taken = min(host.consoleWrite(guest.id, console.unit + port, ptr, length), length);
      limits.charge(guest, LANE_CONSOLE, place, taken, 0);
      trafficOf(guest).consoleBytes += taken;
      ring.advance(console, taken);
      queue.done += taken;
      bytes += taken;
      if (taken < length) break;
    }
    if (queue.done < console.readableBytes) break; // the host or the limit is full, or it is the hart's turn
    ring.take(queue);
    if (isReady) ring.put(guest, console, queue, head, 0); // nobody waits for last words
  }
  if (!held) limits.leave(guest, LANE_CONSOLE, place);
  ring.publish(guest, console, queue);
  if (!held) ring.listen(guest, console, queue);
}

/** Moves input of a port from the host into the driver's buffers; true if any came. */
function receive(guest: Guest, console: Console, port: u32): bool {
  const queue = receiveQueue(console, port);
  const buffer = changetype<usize>(console) + BUFFER + <usize>(port * BUFFER_SIZE);
  let got = false;
  for (let left = POLL_CHAINS; left > 0; left--) {
    const head = ring.peek(guest, console, queue);
    if (head == NONE || !ring.measure(guest, console, queue, head)) break;
    const room = <u32>min(console.writableBytes, <u64>BUFFER_SIZE);
    let count = kept(console, port);
    if (count == 0 && room > 0) {
      count = min(host.consoleRead(guest.id, console.unit + port, buffer, room), room);
      if (count == 0) break;
      keep(console, port, count);
    }
    count = min(count, room);
    if (!ring.prepare(guest, console, queue, head, count)) break;
    ring.open(console, queue, head);
    const written = ring.push(guest, console, buffer, count);
    const rest = kept(console, port) - written;
    memory.copy(buffer, buffer + written, rest);
    keep(console, port, rest);
    if (written > 0) got = true;
    ring.take(queue);
    ring.put(guest, console, queue, head, written);
  }
  ring.publish(guest, console, queue);
  return got;
}

/** Bytes of input of a port that have come from the host and are not with the driver yet. */
function kept(console: Console, port: u32): u32 {
  return port == 0 ? console.kept0 : console.kept1;
}

function keep(console: Console, port: u32, bytes: u32): void {
  if (port == 0) console.kept0 = bytes;
  else console.kept1 = bytes;
}

/** Nothing is ever under way. */
export function complete(_guest: Guest, _console: Console, _request: u32, _status: i32): void {}

export function busy(_console: Console): u32 {
  return 0;
}

/** Hands output to the host that it did not take before. */
function drain(guest: Guest, console: Console, isLast: bool): void {
  const ports: u32 = hasPorts(console) ? PORTS : 1;
  for (let port: u32 = 0; port < PORTS; port++) {
    if (port < ports && ring.peek(guest, console, transmitQueue(console, port)) != NONE) send(guest, console, port, isLast);
    else limits.leave(guest, LANE_CONSOLE, placeOf(console, port));
  }
}

/** Hands all output to the host, as far as it takes it. */
export function flush(guest: Guest, console: Console): void {
  drain(guest, console, true);
}

/** Moves output, input and control messages; true if input came. */
export function poll(guest: Guest, console: Console): bool {
  drain(guest, console, false);
  if (!hasPorts(console)) return receive(guest, console, 0);
  if (ring.peek(guest, console, queueAt(console, QUEUE_CONTROL_TRANSMIT)) != NONE) listen(guest, console);
  if (console.messages != 0) tell(guest, console);
  let got = false;
  for (let port: u32 = 0; port < PORTS; port++) {
    if ((console.opened >> port & 1) != 0 && receive(guest, console, port)) got = true;
  }
  return got;
}
