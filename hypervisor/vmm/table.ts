// The table of guests: the life of each, from its definition to the return of its frames.
//
//   (none) -create-> DEFINED -start-> RUNNING <-pause/resume-> PAUSED
//                       |                |  stop, or its own doing |
//                       |                +------> STOPPED <--------+
//                       +-----------remove-----------+ (also from PAUSED) -> (none)

import {
  BOOT_DIRECT, BOOT_FIRMWARE, E_BAD_ARG, E_BAD_STATE, E_BUSY, E_NO_MEMORY, E_NO_SPACE, E_UNSUPPORTED, GUEST_DEFINED, GUEST_NONE,
  GUEST_PAUSED, GUEST_RUNNING, GUEST_STOPPED, MAX_DISKS, MAX_GUESTS, MAX_HARTS, MAX_NETS, OK, PAGE_SIZE, SPEC_BOOT,
  SPEC_CMDLINE, SPEC_CMDLINE_BYTES, SPEC_CMDLINE_MAX, SPEC_DISKS, SPEC_DISK_COUNT, SPEC_ENTRY, SPEC_FLAGS,
  SPEC_FLAG_VIRTIO_CONSOLE, SPEC_HARTS, SPEC_NET_COUNT, SPEC_RAM_BYTES, SPEC_SEED, SPEC_HEAT, SPEC_TOHOST, SPEC_TRANSLATOR, TRANSLATOR_TRAIN_RELAXED, TRANSLATOR_VERIFY, STOP_KILLED, WEIGHT_DEFAULT,
} from "../abi";
import { WINDOW } from "../core/layout";
import { machine } from "../core/machine";
import * as mailbox from "../core/mailbox";
import { Hart, hartAt } from "../cpu/hart";
import * as bus from "../devices/bus";
import { trafficOf } from "../devices/traffic";
import { Guest, MAP_ROOT, acquire, guestAt, release } from "../guest/guest";
import * as promises from "../guest/promises";
import * as ram from "../guest/ram";
import * as host from "../host";
import { hasCables } from "../net/port";
import * as board from "./board";
import * as boot from "./boot";
import * as due from "./due";
import * as harts from "./harts";
import * as ports from "./ports";
import { commandLine, papersOf } from "./papers";

/** Less than this holds no system, nor the tree room and something beside it. */
const RAM_LEAST: u64 = 0x10_0000;

/** Is `id` a guest of this machine? */
export function has(id: u32): bool {
  return id < <u32>MAX_GUESTS && guestAt(id).state != GUEST_NONE;
}

/** The guest with this id, which must be one. */
export function at(id: u32): Guest {
  return guestAt(id);
}

/** Is any guest of this machine in this state? */
export function any(state: u32): bool {
  for (let id: u32 = 0; id < <u32>MAX_GUESTS; id++) if (guestAt(id).state == state) return true;
  return false;
}

/** Could this machine, with nothing else on it, hold so many bytes of RAM and their map? */
function couldHold(ramBytes: u64): bool {
  const pages = ramBytes >> 12;
  return pages + (pages >> 10) + 1 <= <u64>(machine().endFrame - machine().firstFrame);
}

function hasNul(ptr: usize, length: u32): bool {
  for (let i: u32 = 0; i < length; i++) if (load<u8>(ptr + i) == 0) return true;
  return false;
}

/** Do the disks of the spec exist? The window is the host's scratch here: behind the command line. */
function disksExist(spec: usize): bool {
  const info = spec + SPEC_CMDLINE + SPEC_CMDLINE_MAX;
  const count = load<u32>(spec, SPEC_DISK_COUNT);
  for (let i: u32 = 0; i < count; i++) {
    if (host.blockInfo(load<u32>(spec + SPEC_DISKS + (<usize>i << 4)), info) != OK) return false;
  }
  return true;
}

/** Looks at a spec without changing anything. */
function check(spec: usize): i32 {
  const ramBytes = load<u64>(spec, SPEC_RAM_BYTES);
  if ((ramBytes & PAGE_SIZE - 1) != 0 || ramBytes < RAM_LEAST) return E_BAD_ARG;
  const harts = load<u32>(spec, SPEC_HARTS);
  if (harts == 0 || harts > <u32>MAX_HARTS) return E_BAD_ARG;
  const mode = load<u32>(spec, SPEC_BOOT);
  if (mode != BOOT_DIRECT && mode != BOOT_FIRMWARE) return E_BAD_ARG;
  if (load<u32>(spec, SPEC_DISK_COUNT) > <u32>MAX_DISKS || load<u32>(spec, SPEC_NET_COUNT) > <u32>MAX_NETS) return E_BAD_ARG;
  if ((load<u32>(spec, SPEC_FLAGS) & ~SPEC_FLAG_VIRTIO_CONSOLE) != 0) return E_BAD_ARG;
  if (load<u32>(spec, SPEC_TRANSLATOR) > <u32>TRANSLATOR_TRAIN_RELAXED) return E_BAD_ARG;
  // Taking stores back, as verifying does, would race with those of harts on other CPUs.
  if (load<u32>(spec, SPEC_TRANSLATOR) == TRANSLATOR_VERIFY && harts > 1 && machine().cpus > 1) return E_UNSUPPORTED;
  const text = load<u32>(spec, SPEC_CMDLINE_BYTES);
  if (text > <u32>SPEC_CMDLINE_MAX || hasNul(spec + SPEC_CMDLINE, text)) return E_BAD_ARG;
  if (!disksExist(spec) || !ports.accepts(spec)) return E_BAD_ARG;
  return couldHold(ramBytes) ? OK : E_NO_MEMORY;
}

/** Defines a guest from the spec in the window; its id, or E_BAD_ARG, E_NO_MEMORY (RAM), E_NO_SPACE (table). */
export function create(): i32 {
  const code = check(WINDOW);
  if (code != OK) return code;
  for (let id: u32 = 0; id < <u32>MAX_GUESTS; id++) {
    const guest = guestAt(id);
    if (guest.state != GUEST_NONE || hasCables(id)) continue;
    define(guest, id, WINDOW);
    return id;
  }
  return E_NO_SPACE;
}

function define(guest: Guest, id: u32, spec: usize): void {
  const harts = load<u32>(spec, SPEC_HARTS);
  // Only what others count on, as memory that is never touched costs nothing: vmm/board clears the devices that there are,
  // cpu/reset empties the harts' TLBs, guest/ram has left the map empty.
  memory.fill(changetype<usize>(guest), 0, MAP_ROOT);
  memory.fill(changetype<usize>(papersOf(guest)), 0, PAGE_SIZE);
  memory.fill(changetype<usize>(trafficOf(guest)), 0, PAGE_SIZE);
  guest.id = id;
  guest.harts = harts;
  guest.ramPages = load<u64>(spec, SPEC_RAM_BYTES) >> 12;
  guest.boot = load<u32>(spec, SPEC_BOOT);
  guest.translator = load<u32>(spec, SPEC_TRANSLATOR);
  guest.heat = load<u32>(spec, SPEC_HEAT);
  guest.tohost = load<u64>(spec, SPEC_TOHOST);
  for (let i: u32 = 0; i < harts; i++) {
    const hart = hartAt(guest, i);
    memory.fill(changetype<usize>(hart), 0, offsetof<Hart>());
    hart.index = i;
    hart.guest = id;
    hart.stopped = 1;
  }
  const papers = papersOf(guest);
  guest.weight = WEIGHT_DEFAULT;
  guest.target = <u32>guest.ramPages;
  guest.sharing = 1;
  papers.entry = load<u64>(spec, SPEC_ENTRY);
  papers.seed = load<u64>(spec, SPEC_SEED);
  papers.commandLineBytes = load<u32>(spec, SPEC_CMDLINE_BYTES);
  memory.copy(commandLine(guest), spec + SPEC_CMDLINE, papers.commandLineBytes);
  store<u8>(commandLine(guest) + papers.commandLineBytes, 0);
  board.build(guest, spec);
  ports.attach(guest, spec);
  guest.state = GUEST_DEFINED;
}

/** Starts a defined guest; the window is overwritten. E_BAD_STATE also when an image is missing or incomplete. */
export function start(guest: Guest): i32 {
  if (guest.state != GUEST_DEFINED) return E_BAD_STATE;
  const code = boot.start(guest);
  if (code != OK) return code;
  begin(guest, host.now());
  return OK;
}

/** From here on the guest runs, and its time goes on from `offset`. */
function begin(guest: Guest, offset: f64): void {
  acquire(guest);
  guest.timeOffset = offset;
  guest.state = GUEST_RUNNING;
  due.soon(guest);
  harts.admit(guest, host.now());
  release(guest);
}

/** Waits until no CPU works for a guest that runs no more: each leaves it within a lap. */
function expel(guest: Guest): void {
  while (!harts.isOut(guest)) harts.rest();
}

/** Stops a guest's harts and its time. Transfers under way end by themselves. */
export function pause(guest: Guest): i32 {
  acquire(guest);
  const isRunning = guest.state == GUEST_RUNNING;
  if (isRunning) {
    guest.state = GUEST_PAUSED;
    harts.dismiss(guest);
  }
  release(guest);
  if (!isRunning) return E_BAD_STATE;
  expel(guest);
  papersOf(guest).pausedAt = host.now();
  return OK;
}

/** Lets a paused guest go on; for it no time has passed. */
export function resume(guest: Guest): i32 {
  if (guest.state != GUEST_PAUSED) return E_BAD_STATE;
  begin(guest, guest.timeOffset + host.now() - papersOf(guest).pausedAt);
  return OK;
}

/** Stops a guest for good, as pulling the plug does. */
export function stop(guest: Guest): i32 {
  acquire(guest);
  const isOn = guest.state == GUEST_RUNNING || guest.state == GUEST_PAUSED;
  if (isOn) end(guest, STOP_KILLED, 0);
  release(guest);
  return isOn ? OK : E_BAD_STATE;
}

/** Presses the power key of a running guest: OK, E_UNSUPPORTED where no driver listens, E_AGAIN. */
export function press(guest: Guest): i32 {
  acquire(guest);
  const code = guest.state == GUEST_RUNNING ? bus.press(guest) : E_BAD_STATE;
  if (code == OK) due.soon(guest);
  release(guest);
  if (code == OK) mailbox.announce(guest.id);
  return code;
}

/** A guest has come to its end; what it said last is heard. Its lock is held. */
export function end(guest: Guest, reason: u32, code: u32): void {
  bus.flush(guest);
  guest.stop = reason;
  guest.stopCode = code;
  guest.state = GUEST_STOPPED;
  harts.dismiss(guest);
  // Its worker is who tells the host.
  mailbox.wake(0);
}

/** Gives back all a guest had. E_BUSY while the host may still write to its frames: again after the next `blockDone`. */
export function remove(guest: Guest): i32 {
  if (guest.state == GUEST_RUNNING) return E_BAD_STATE;
  if (bus.busy(guest) != 0) return E_BUSY;
  expel(guest);
  ports.detach(guest);
  ram.clear(guest);
  promises.setGuarantee(guest, 0);
  harts.forget(guest);
  guest.state = GUEST_NONE;
  return OK;
}
