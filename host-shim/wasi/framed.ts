// The machine as its management stream drives it: frames come in on stdin, and are obeyed between runs.

import {
  ABI_VERSION, CODE_BYTES, E_BAD_ARG, GUEST_NONE, MAX_GUESTS, MAX_UPLINKS, RUN_FINISHED, WINDOW_SIZE,
} from "../../hypervisor/abi";
import {
  CALL_BOOT, CALL_CLOSE, CALL_DISK_ATTACH, CALL_DISK_DETACH, CALL_DISK_FAILED, CALL_DISK_REFUSED, CALL_DIVERGENCE,
  CALL_GUEST_CREATE, CALL_GUEST_LOAD, CALL_GUEST_PAUSE, CALL_GUEST_PRESS, CALL_GUEST_REMOVE, CALL_GUEST_RESUME, CALL_GUEST_SET,
  CALL_GUEST_START, CALL_GUEST_STATS, CALL_GUEST_STOP, CALL_HEAD, CALL_MACHINE_STATS, CALL_NETWORK_CAPTURE, CALL_NETWORK_DEFINE,
  CALL_NETWORK_FORWARD, CALL_NETWORK_LINK, CALL_NETWORK_PLUG, CALL_NETWORK_REMOVE, CALL_NETWORK_REPORT, CALL_OPEN, STREAM_CALL, STREAM_CHANNEL,
  STREAM_CHANNELS, STREAM_DATA, STREAM_HEAD, STREAM_HELLO, STREAM_KIND, STREAM_LENGTH, STREAM_MEMORY, STREAM_RETURN, STREAM_ROOM, STREAM_STATE,
  STREAM_UPLINKS, STREAM_VERSION,
} from "../stream";
import * as channels from "./channels";
import * as disks from "./disks";
import * as env from "./env";
import * as files from "./files";
import * as frames from "./frames";
import * as pack from "./pack";
import { poll } from "./poll";
import { fail, say, sayNumber } from "./say";

if (STREAM_UPLINKS < MAX_GUESTS || STREAM_CHANNELS != STREAM_UPLINKS + MAX_UPLINKS) ERROR("channels for other numbers");

const STDIN: u32 = 0;
const WASM_PAGE: usize = 65536;
/** The longest frame: a call with a whole window. */
const LONGEST: usize = STREAM_HEAD + CALL_HEAD + WINDOW_SIZE;
const INPUT_BYTES: usize = LONGEST + 65536;
const OWN_BYTES: usize = INPUT_BYTES + frames.BUFFER_BYTES + channels.RINGS_BYTES;
if (OWN_BYTES > <usize>STREAM_MEMORY) ERROR("an image that is made for a machine has no room for the stream");
const FOREVER: f64 = Infinity;

/** State of each guest, as the other side knows it. */
const STATES: usize = memory.data(64, 4);
if (MAX_GUESTS != 64) ERROR("there are another number of states");
const NUMBERS: usize = memory.data(16, 8);
/** Where frames come in, and how many bytes of them are there. */
let input: usize = 0;
/** Where trained code lies. */
let trained: usize = 0;
let came: usize = 0;
let isBooted = false;

/** Serves the stream until its other side closes it. */
export function serve(): void {
  const end = <usize>memory.size() * WASM_PAGE;
  if (end < OWN_BYTES + <usize>pack.bytes() + 8) tooSmall(end);
  trained = end - (<usize>pack.bytes() + 7 & ~7);
  input = trained - OWN_BYTES;
  frames.place(input + INPUT_BYTES);
  channels.place(input + INPUT_BYTES + frames.BUFFER_BYTES);
  store<u32>(NUMBERS, STREAM_VERSION);
  store<u32>(NUMBERS, ABI_VERSION, 4);
  frames.begin(STREAM_HELLO, 0, 8);
  frames.add(NUMBERS, 8);
  for (;;) {
    const ns = isBooted ? env.run(0) : FOREVER;
    if (isBooted) tellStates();
    frames.flush();
    if (!poll(ns == RUN_FINISHED ? FOREVER : ns, true)) continue;
    const count = files.readSome(STDIN, input + came, <u32>(INPUT_BYTES - came));
    if (count == 0) return;
    if (count < 0) continue;
    came += count;
    obey();
  }
}

/** The image as it is built has no memory for guests: it is for those who know how much they need. */
function tooSmall(end: usize): void {
  say("The image has ");
  sayNumber(end >> 20);
  say(" MiB of memory, too little for a machine with a management stream; \"orlop up --runtime\" starts one with as much as its guests need.");
  fail();
}

/** Does what the frames that are there as a whole say. */
function obey(): void {
  let at: usize = 0;
  while (came - at >= <usize>STREAM_HEAD) {
    const head = input + at;
    const length = load<u32>(head + STREAM_LENGTH);
    if (<usize>length > LONGEST - STREAM_HEAD) frames.refuse("a frame is longer than any can be");
    if (came - at - STREAM_HEAD < length) break;
    take(load<u16>(head + STREAM_KIND), load<u16>(head + STREAM_CHANNEL), head + STREAM_HEAD, length);
    at += STREAM_HEAD + length;
  }
  memory.copy(input, input + at, came - at);
  came -= at;
}

function take(kind: u32, channel: u32, payload: usize, length: u32): void {
  if (kind == STREAM_CALL) {
    if (length < <u32>CALL_HEAD) frames.refuse("a call is too short");
    answer(payload, length - CALL_HEAD);
    return;
  }
  if (kind != STREAM_DATA && kind != STREAM_ROOM) frames.refuse("a frame is of an unknown kind");
  if (!isBooted) frames.refuse("the machine has not been booted");
  if (channel >= <u32>STREAM_CHANNELS) frames.refuse("a frame is for no channel");
  if (kind == STREAM_DATA) {
    if (!channels.put(channel, payload, length)) frames.refuse("a channel got more than it has room for");
  } else {
    if (length != 4) frames.refuse("room for a channel is not told in 4 bytes");
    if (!channels.grant(channel, load<u32>(payload))) frames.refuse("a channel is given more room than 4294967295 bytes");
  }
  if (channel < <u32>STREAM_UPLINKS) env.consoleReady(channel);
  else env.netReady(channel - <u32>STREAM_UPLINKS);
}

function answer(call: usize, length: u32): void {
  const wanted = load<u32>(call, 4);
  if (wanted > <u32>WINDOW_SIZE) frames.refuse("a call wants more than the window");
  const fn = load<u32>(call);
  if (!isBooted && fn != CALL_BOOT) frames.refuse("the machine has not been booted");
  if (length > 0) memory.copy(env.window(), call + CALL_HEAD, length);
  const result = carryOut(fn, call + 8);
  if (isBooted) tellStates();
  store<f64>(NUMBERS, result);
  frames.begin(STREAM_RETURN, 0, 8 + wanted);
  frames.add(NUMBERS, 8);
  if (wanted > 0) frames.add(env.window(), wanted);
}

function carryOut(fn: u32, args: usize): f64 {
  const a = word(args, 0);
  const b = word(args, 1);
  const c = word(args, 2);
  const d = word(args, 3);
  switch (fn) {
    case CALL_BOOT: return boot(a);
    case CALL_GUEST_CREATE: return <f64>env.guestCreate();
    case CALL_GUEST_LOAD: return <f64>env.guestLoad(a, b, load<f64>(args, 16), load<f64>(args, 24), word(args, 4));
    case CALL_GUEST_START: return <f64>env.guestStart(a);
    case CALL_GUEST_PAUSE: return <f64>env.guestPause(a);
    case CALL_GUEST_RESUME: return <f64>env.guestResume(a);
    case CALL_GUEST_SET: return <f64>env.guestSet(a, b, load<f64>(args, 16));
    case CALL_GUEST_PRESS: return <f64>env.guestPress(a);
    case CALL_GUEST_STOP: return <f64>env.guestStop(a);
    case CALL_GUEST_REMOVE: return <f64>env.guestRemove(a);
    case CALL_GUEST_STATS: return <f64>env.guestStats(a);
    case CALL_MACHINE_STATS: return <f64>env.machineStats();
    case CALL_NETWORK_DEFINE: return <f64>env.networkDefine(a);
    case CALL_NETWORK_REMOVE: return <f64>env.networkRemove(a);
    case CALL_NETWORK_FORWARD: return <f64>env.networkForward(a, b);
    case CALL_NETWORK_REPORT: return <f64>env.networkReport(a);
    case CALL_NETWORK_LINK: return <f64>env.networkLink(a, b);
    case CALL_NETWORK_CAPTURE: return <f64>env.networkCapture(a, b, c);
    case CALL_NETWORK_PLUG: return <f64>env.networkPlug(a, b, c);
    case CALL_DIVERGENCE: return <f64>env.divergence(a);
    case CALL_OPEN:
    case CALL_CLOSE: return open(a, fn == CALL_OPEN ? b : 0);
    case CALL_DISK_ATTACH: return attach(a, b, c, d);
    case CALL_DISK_DETACH: return disks.detach(a) ? 0 : <f64>E_BAD_ARG;
    default: return <f64>E_BAD_ARG;
  }
}

/** The i-th argument as a whole number; others are none that we know. */
function word(args: usize, i: u32): u32 {
  const value = load<f64>(args + (<usize>i << 3));
  return value >= 0 && value <= <f64>u32.MAX_VALUE ? <u32>value : u32.MAX_VALUE;
}

/** Boots the machine, with so many bytes for decoded code; 0: as many as usual. */
function boot(codeBytes: u32): f64 {
  if (isBooted) return <f64>E_BAD_ARG;
  const code = env.boot(1, <f64>(input / WASM_PAGE * WASM_PAGE), codeBytes != 0 ? codeBytes : CODE_BYTES);
  isBooted = code == 0;
  if (isBooted) pack.use(trained);
  return <f64>code;
}

function open(channel: u32, room: u32): f64 {
  if (channel >= <u32>STREAM_CHANNELS) return <f64>E_BAD_ARG;
  channels.open(channel, room);
  return 0;
}

function attach(number: u32, folder: u32, flags: u32, bytes: u32): f64 {
  if (bytes > <u32>WINDOW_SIZE) return <f64>E_BAD_ARG;
  const fd = files.openIn(folder, env.window(), bytes, flags == 0);
  if (fd < 0) return <f64>(CALL_DISK_FAILED + fd);
  const size = files.sizeOf(fd);
  if (size > 0 && (size & 511) == 0 && disks.attach(number, fd, size, flags)) return <f64>size;
  files.close(fd);
  return CALL_DISK_REFUSED;
}

/** Tells of each guest whose state has changed. */
function tellStates(): void {
  for (let guest: u32 = 0; guest < <u32>MAX_GUESTS; guest++) {
    const state = env.guestState(guest);
    const known = load<u8>(STATES + guest);
    if ((state < 0 ? GUEST_NONE : state) == known) continue;
    store<u8>(STATES + guest, <u8>(state < 0 ? GUEST_NONE : state));
    store<u32>(NUMBERS, <u32>state);
    store<u32>(NUMBERS, env.guestStopReason(guest), 4);
    store<u32>(NUMBERS, env.guestStopCode(guest), 8);
    frames.begin(STREAM_STATE, guest, 12);
    frames.add(NUMBERS, 12);
  }
}
