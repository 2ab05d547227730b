// The only door of the kernel: every function a host may call, in the order of a machine's life.
// 64-bit numbers pass as f64, so that no BigInt does. A caller's mistake gets a negative code (E_*), and nothing has changed.

import { E_BAD_ARG, E_BAD_ID, GUEST_NONE, STOP_NONE } from "./abi";
import "./core/panic";
import * as calls from "./vmm/calls";
import * as captures from "./vmm/captures";
import * as events from "./vmm/events";
import * as images from "./vmm/images";
import * as inspect from "./vmm/inspect";
import * as machine from "./vmm/machine";
import * as networks from "./vmm/networks";
import * as ports from "./vmm/ports";
import * as scheduler from "./vmm/scheduler";
import * as settings from "./vmm/settings";
import * as stats from "./vmm/stats";
import * as table from "./vmm/table";

/** Beyond this an f64 skips integers. */
const EXACT: f64 = 9007199254740992;

/** Is this a whole number that an f64 holds exactly? */
function isWhole(value: f64): bool {
  return value >= 0 && value <= EXACT && <f64><u64>value == value;
}

/**
 * Starts the machine: so many CPUs, so many bytes of linear memory, which the host has made that large, and of these for each
 * CPU's cache of decoded code. Once, by the first worker; the other CPUs' workers find it started. E_BAD_ARG, or E_BAD_STATE the second time.
 */
export function boot(cpus: u32, memoryBytes: f64, codeBytes: u32): i32 {
  return machine.start(cpus, memoryBytes, codeBytes);
}

/** Address of the words that other threads of the host write: MAILBOX_*. */
export function mailbox(): usize {
  return machine.mailbox();
}

/** Address of the window of WINDOW_SIZE bytes that specs, images and reports pass through. */
export function window(): usize {
  return machine.window();
}

/**
 * Defines network `id`, which there must not be, from the NETWORK_* in the window. E_BAD_ID, E_BAD_ARG, E_BAD_STATE, E_BUSY (the
 * uplink is another network's).
 */
export function networkDefine(id: u32): i32 {
  return networks.define(id);
}

/** Takes a network away; E_BUSY while there are guests on it. */
export function networkRemove(id: u32): i32 {
  return networks.remove(id);
}

/**
 * Publishes the ports of FORWARD_* in the window on a network's uplink, or takes them back. E_BAD_ARG, E_BAD_STATE (the network has
 * no gateway), E_BUSY (a port is published already), E_NO_SPACE; E_BAD_ID also when nothing is to be taken back.
 */
export function networkForward(id: u32, isNew: u32): i32 {
  return networks.forward(id, isNew != 0);
}

/** Writes NETREPORT_* and NETPORT_* of a network to the window. */
export function networkReport(id: u32): i32 {
  return networks.report(id, machine.window());
}

/**
 * Gives guest `guest`, which is elsewhere, a port as SPEC_NAME and the first of SPEC_NETS in the window have it: frames to and
 * from its device `nic` pass an uplink that is nobody's. NO_UPLINK takes the port away. E_BAD_ID, E_BAD_ARG, E_BAD_STATE (the guest
 * is one of this machine's), E_BUSY.
 */
export function networkPlug(guest: u32, nic: u32, uplink: u32): i32 {
  return ports.plug(guest, nic, uplink);
}

/** Tells whether frames can pass an uplink. E_BAD_STATE: it is no network's, nor a guest's. */
export function networkLink(uplink: u32, up: u32): i32 {
  return networks.link(uplink, up != 0);
}

/**
 * Sends copies of the frames that pass a guest's network device, or with NETPORT_UPLINK the uplink of network `nic`, to an uplink
 * that is nobody's, without virtio's header; NO_UPLINK ends that. E_BUSY: it is captured already, or the uplink somebody's.
 */
export function networkCapture(guest: u32, nic: u32, uplink: u32): i32 {
  return captures.capture(guest, nic, uplink);
}

/**
 * Defines a guest from the SPEC_* in the window; its id, or E_BAD_ARG, E_NO_MEMORY (more RAM than the machine has),
 * E_NO_SPACE (no guest more).
 */
export function guestCreate(): i32 {
  return table.create();
}

/**
 * Takes the next `length` bytes of an image from the window into a guest that has not been started. LOAD_KERNEL and
 * LOAD_INITRD come in order, `total` being the whole image's size, and get their place with the chunk at offset 0;
 * for LOAD_PHYSICAL `offset` is the guest-physical address. E_CORRUPT: not a whole RISC-V Image; E_NO_SPACE: does not fit
 * into the guest's RAM; E_NO_MEMORY: the machine is full.
 */
export function guestLoad(id: u32, what: u32, offset: f64, total: f64, length: u32): i32 {
  if (!table.has(id)) return E_BAD_ID;
  if (!isWhole(offset) || !isWhole(total)) return E_BAD_ARG;
  return images.take(table.at(id), what, <u64>offset, <u64>total, length);
}

/**
 * Starts a defined guest whose images are complete; E_BAD_STATE otherwise, E_NO_MEMORY when the machine is full. Leaves its
 * device tree in the window.
 */
export function guestStart(id: u32): i32 {
  return table.has(id) ? table.start(table.at(id)) : E_BAD_ID;
}

/** Holds a running guest; its clock stands still. */
export function guestPause(id: u32): i32 {
  return table.has(id) ? table.pause(table.at(id)) : E_BAD_ID;
}

/** Lets a paused guest go on. */
export function guestResume(id: u32): i32 {
  return table.has(id) ? table.resume(table.at(id)) : E_BAD_ID;
}

/**
 * Changes SET_* of a guest, which may be running; E_BAD_ARG, E_NO_SPACE: there are not so many CPUs left to reserve,
 * E_NO_MEMORY: not so much memory to guarantee.
 */
export function guestSet(id: u32, what: u32, value: f64): i32 {
  return table.has(id) ? settings.set(table.at(id), what, value) : E_BAD_ID;
}

/** Presses the power key of a running guest. E_UNSUPPORTED: nothing in it listens; E_AGAIN: it has not read the last press. */
export function guestPress(id: u32): i32 {
  return table.has(id) ? table.press(table.at(id)) : E_BAD_ID;
}

/** Lets CPU `cpu` work for the guests for a few ms; the ns it may be left alone, RUN_AGAIN, or RUN_FINISHED. */
export function run(cpu: u32): f64 {
  return machine.hasCpu(cpu) ? scheduler.run(cpu) : <f64>E_BAD_ARG;
}

/** A block transfer that was pending has ended, with OK or E_IO. */
export function blockDone(tag: u32, status: i32): void {
  events.blockDone(tag, status);
}

/** Console input waits for a guest: the next `run`, which need not wait any longer, will fetch it. */
export function consoleReady(guest: u32): void {
  scheduler.expectInput(guest);
}

/** Frames wait at an uplink, or it takes frames again; as consoleReady. */
export function netReady(uplink: u32): void {
  scheduler.expectFrames(uplink);
}

/** Pulls the plug of a running or paused guest. */
export function guestStop(id: u32): i32 {
  return table.has(id) ? table.stop(table.at(id)) : E_BAD_ID;
}

/** GUEST_*; GUEST_NONE for an id that is none. */
export function guestState(id: u32): i32 {
  return table.has(id) ? table.at(id).state : GUEST_NONE;
}

/** STOP_*: why a guest has stopped; STOP_NONE while it has not. */
export function guestStopReason(id: u32): i32 {
  return table.has(id) ? table.at(id).stop : STOP_NONE;
}

/** What goes with the reason: number of the failed test, code of the power device, 1 for a reset that ended the run. */
export function guestStopCode(id: u32): u32 {
  return table.has(id) ? table.at(id).stopCode : 0;
}

/** Writes STAT_COUNT numbers of 8 bytes to the window. */
export function guestStats(id: u32): i32 {
  return table.has(id) ? stats.report(table.at(id), machine.window()) : E_BAD_ID;
}

/** Writes MACHINE_STAT_* and, for each CPU, CPU_STAT_* to the window, 8 bytes each. */
export function machineStats(): i32 {
  return stats.reportMachine(machine.window());
}

/** Copies guest RAM to the window, at most as much as that holds. */
export function guestReadRam(id: u32, gpa: f64, length: u32): i32 {
  if (!table.has(id)) return E_BAD_ID;
  if (!isWhole(gpa)) return E_BAD_ARG;
  return inspect.readRam(table.at(id), <u64>gpa, length, machine.window());
}

/** Writes x0 … x31, f0 … f31, pc, privilege, fcsr, retired instructions of a hart to the window, 8 bytes each. */
export function guestReadHart(id: u32, index: u32): i32 {
  return table.has(id) ? inspect.readHart(table.at(id), index, machine.window()) : E_BAD_ID;
}

/** Writes DIVERGENCE_* of a guest that stopped with STOP_DIVERGED to the window; E_BAD_STATE for any other. */
export function divergence(id: u32): i32 {
  return table.has(id) ? inspect.divergence(table.at(id), machine.window()) : E_BAD_ID;
}

/** Gives back all a guest had; E_BAD_STATE while it runs, E_BUSY until its pending transfers have ended. */
export function guestRemove(id: u32): i32 {
  return table.has(id) ? table.remove(table.at(id)) : E_BAD_ID;
}

/**
 * For translated code alone: runs what another module of it has at guest-virtual `pc` for the hart at this address, at most
 * `left` instructions and calls nested at most `depth` deep; how many are left. The host gives this function to each module.
 */
export function callCode(hart: usize, left: i32, pc: u64, depth: i32): i32 {
  return calls.call(hart, left, pc, depth);
}

/**
 * Tells of translated code that is part of the image: TRAINED_* at this address, which must stay, functions in the kernel's table.
 * To be called by each worker before it runs guests. E_CORRUPT; E_VERSION: made with another kernel; E_BAD_STATE:
 * the machine has several CPUs; E_UNSUPPORTED: it relies
 * on multiply-adds that round once, which the host has not.
 */
export function codeTrained(ptr: usize, length: u32): i32 {
  return calls.train(ptr, length);
}
