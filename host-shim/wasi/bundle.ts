// The boot folder (host-shim/bundle.ts): reads it, and makes its guests.

import {
  ABI_VERSION, CODE_BYTES, DISK_READ_ONLY, E_CORRUPT, E_NO_MEMORY, E_NO_SPACE, MACHINE_BYTES, MAP_SHARE, MAX_GUESTS, MAX_NETWORKS, NETWORK_SIZE,
  SPEC_CMDLINE, SPEC_CMDLINE_MAX, SPEC_RAM_BYTES, WINDOW_SIZE,
} from "../../hypervisor/abi";
import {
  BUNDLE_ABI, BUNDLE_DISK, BUNDLE_FILES, BUNDLE_FILES_MAX, BUNDLE_FILE_ADDRESS, BUNDLE_FILE_FLAGS, BUNDLE_FILE_KIND,
  BUNDLE_FILE_PATH, BUNDLE_FILE_PATH_BYTES, BUNDLE_FILE_PATH_MAX, BUNDLE_FILE_SIZE, BUNDLE_GUEST, BUNDLE_GUESTS, BUNDLE_HEAD,
  BUNDLE_MAGIC, BUNDLE_MAGIC_VALUE, BUNDLE_NAME, BUNDLE_NETWORK, BUNDLE_RESTARTS, BUNDLE_SETTINGS, BUNDLE_SETTINGS_MOST,
  BUNDLE_SETTING_SIZE, BUNDLE_SETTING_VALUE, BUNDLE_SETTING_WHAT, BUNDLE_SPEC_BYTES, BUNDLE_VERSION, BUNDLE_VERSION_AT,
} from "../bundle";
import { attach, detach } from "./disks";
import * as env from "./env";
import { close, ERRNO_BADF, ERRNO_NOENT, ERRNO_ROFS, readAt, sizeOf } from "./files";
import { openBoot, UNSAFE } from "./folder";
import { HISTORY_STRIDE, NAMES, NAME_SIZE } from "./layout";
import * as pack from "./pack";
import { fail, say, sayBytes, sayNumber } from "./say";

const WASM_PAGE: u64 = 65536;
const PAGES_MOST: u64 = 65535;
const HEAD: usize = memory.data(104, 8);
if (BUNDLE_HEAD != 104) ERROR("the head has another size");
/** What is read one at a time: an entry of a file, or a setting. */
const ENTRY: usize = memory.data(256, 8);
const PATH: usize = memory.data(16, 8);
/** BUNDLE_RESTARTS of each guest. */
const RESTARTS: usize = memory.data(64, 8);
if (MAX_GUESTS != 64) ERROR("there are another number of guests");
/** File that is being read, of the guest whose head is at HEAD. */
let fd: u32 = 0;

/** Reads all heads, makes the memory as large as the guests need, and boots the kernel: how many guests there are. */
export function start(): u32 {
  let ramBytes: u64 = 0;
  let count: u32 = 1;
  for (let guest: u32 = 0; guest < count; guest++) {
    openGuest(guest);
    if (guest == 0) count = load<u32>(HEAD + BUNDLE_GUESTS);
    else if (count != load<u32>(HEAD + BUNDLE_GUESTS)) broken("belongs to another machine");
    if (count == 0 || count > <u32>MAX_GUESTS) broken("has a wrong number of guests");
    readSpec();
    ramBytes += load<u64>(env.window() + SPEC_RAM_BYTES);
    memory.copy(NAMES + <usize>guest * NAME_SIZE, HEAD + BUNDLE_NAME, NAME_SIZE - 1);
    store<u8>(RESTARTS + guest, load<u8>(HEAD + BUNDLE_RESTARTS));
    close(fd);
  }
  const forKernel = <u64>MACHINE_BYTES + ramBytes + ramBytes / MAP_SHARE;
  const pages = (forKernel + WASM_PAGE - 1) / WASM_PAGE;
  // Files that are in the image begin at a page of their own, behind all this.
  const behind = pages * WASM_PAGE + <u64>count * HISTORY_STRIDE;
  const all = (behind + <u64>pack.bytes() + WASM_PAGE - 1) / WASM_PAGE;
  const isEnough = <u64>memory.size() >= all;
  if (all > PAGES_MOST || (!isEnough && memory.grow(<i32>all - memory.size()) < 0)) {
    say("The runtime has no room for guests with ");
    sayNumber(ramBytes >> 20);
    say(" MiB of memory; give them less.");
    fail();
  }
  histories = <usize>(pages * WASM_PAGE);
  if (env.boot(1, <f64>(pages * WASM_PAGE), CODE_BYTES) != 0) {
    say("The hypervisor does not start.");
    fail();
  }
  pack.use(<usize>behind);
  return count;
}

/** Where the kernel's memory ends, and that of the terminal begins. */
export let histories: usize = 0;

/** When a guest begins anew by itself: 1 << BUNDLE_AFTER_*. */
export function restarts(guest: u32): u32 {
  return load<u8>(RESTARTS + guest);
}

/** Makes a guest, with its images and disks, and starts it; with the first one the networks are made. */
export function make(guest: u32): void {
  openGuest(guest);
  const files = load<u32>(HEAD + BUNDLE_FILES);
  for (let i: u32 = 0; i < files; i++) {
    readEntry(i);
    const kind = load<u32>(ENTRY + BUNDLE_FILE_KIND);
    if (kind == BUNDLE_DISK) attachDisk();
    else if (kind == BUNDLE_NETWORK) defineNetwork();
    else if (kind > <u32>BUNDLE_NETWORK) broken("is damaged");
  }
  readSpec();
  const id = env.guestCreate();
  if (id == E_NO_MEMORY) broken("describes a guest for which the machine has no memory");
  if (id != guest) broken("describes a guest that cannot be made");
  for (let i: u32 = 0; i < files; i++) {
    readEntry(i);
    if (load<u32>(ENTRY + BUNDLE_FILE_KIND) < <u32>BUNDLE_DISK) loadImage(id);
  }
  const settings = load<u32>(HEAD + BUNDLE_SETTINGS);
  for (let i: u32 = 0; i < settings; i++) set(id, i);
  if (env.guestStart(id) < 0) broken("describes a guest that does not start");
  close(fd);
}

/** Makes a guest that has ended anew. */
export function remake(guest: u32): void {
  if (env.guestRemove(guest) < 0) return;
  openGuest(guest);
  const files = load<u32>(HEAD + BUNDLE_FILES);
  for (let i: u32 = 0; i < files; i++) {
    readEntry(i);
    if (load<u32>(ENTRY + BUNDLE_FILE_KIND) == BUNDLE_DISK) detach(load<u32>(ENTRY + BUNDLE_FILE_ADDRESS));
  }
  close(fd);
  make(guest);
}

function openGuest(guest: u32): void {
  let length: u32 = 0;
  if (guest >= 10) store<u8>(PATH + length++, 48 + guest / 10);
  store<u8>(PATH + length++, 48 + guest % 10);
  store<u64>(PATH + length, 0x7473_6575_672e);
  const found = openBoot(PATH, length + 6, false);
  store<u8>(PATH + length + 6, 0);
  if (found < 0) {
    say("The boot folder has no ");
    sayBytes(PATH, 16);
    say(" that can be read; give the runtime a folder made by \"orlop bundle\" as /, as in --dir=FOLDER::/.");
    fail();
  }
  fd = found;
  if (!readAt(fd, HEAD, BUNDLE_HEAD, 0) || load<u32>(HEAD + BUNDLE_MAGIC) != BUNDLE_MAGIC_VALUE) broken("is no guest of a boot folder");
  if (load<u32>(HEAD + BUNDLE_VERSION_AT) != BUNDLE_VERSION || load<u32>(HEAD + BUNDLE_ABI) != ABI_VERSION) {
    broken("is of another version of Orlop; make the folder anew");
  }
  if (load<u32>(HEAD + BUNDLE_GUEST) != guest || load<u32>(HEAD + BUNDLE_FILES) > <u32>BUNDLE_FILES_MAX) broken("is damaged");
  if (load<u32>(HEAD + BUNDLE_SETTINGS) > <u32>BUNDLE_SETTINGS_MOST) broken("is damaged");
}

/** Where the settings begin in a guest's file. */
function settingsAt(): u64 {
  return BUNDLE_HEAD + <u64>load<u32>(HEAD + BUNDLE_FILES) * BUNDLE_FILE_SIZE;
}

function readSpec(): void {
  const bytes = load<u32>(HEAD + BUNDLE_SPEC_BYTES);
  const place = settingsAt() + <u64>load<u32>(HEAD + BUNDLE_SETTINGS) * BUNDLE_SETTING_SIZE;
  if (bytes != SPEC_CMDLINE + SPEC_CMDLINE_MAX || !readAt(fd, env.window(), bytes, place)) broken("is damaged");
}

function readEntry(i: u32): void {
  if (!readAt(fd, ENTRY, BUNDLE_FILE_SIZE, BUNDLE_HEAD + <u64>i * BUNDLE_FILE_SIZE)) broken("is damaged");
  if (load<u32>(ENTRY + BUNDLE_FILE_PATH_BYTES) >= <u32>BUNDLE_FILE_PATH_MAX) broken("is damaged");
}

function set(id: u32, i: u32): void {
  if (!readAt(fd, ENTRY, BUNDLE_SETTING_SIZE, settingsAt() + <u64>i * BUNDLE_SETTING_SIZE)) broken("is damaged");
  const code = env.guestSet(id, load<u32>(ENTRY + BUNDLE_SETTING_WHAT), load<f64>(ENTRY + BUNDLE_SETTING_VALUE));
  if (code < 0) broken("has a setting that cannot be kept on this machine");
}

/** A guest that begins anew finds its networks as they are. */
function defineNetwork(): void {
  const number = load<u32>(ENTRY + BUNDLE_FILE_ADDRESS);
  if (number >= <u32>MAX_NETWORKS) broken("is damaged");
  if ((networks & (1 << number)) != 0) return;
  const file = openEntry(false);
  if (!readAt(file, env.window(), NETWORK_SIZE, 0)) unusable("is damaged");
  close(file);
  if (env.networkDefine(number) < 0) unusable("describes a network that cannot be made");
  networks |= 1 << number;
}

/** Networks that there are, a bit each. */
let networks: u32 = 0;
if (MAX_NETWORKS > 32) ERROR("there are more networks than bits");

function attachDisk(): void {
  const flags = load<u32>(ENTRY + BUNDLE_FILE_FLAGS);
  const isWritten = (flags & DISK_READ_ONLY) == 0;
  const disk = openEntry(isWritten);
  const size = sizeOf(disk);
  if (size <= 0 || (size & 511) != 0) unusable("is no disk: it must have a multiple of 512 bytes");
  if (!attach(load<u32>(ENTRY + BUNDLE_FILE_ADDRESS), disk, size, flags)) broken("is damaged");
}

function loadImage(id: i32): void {
  const image = openEntry(false);
  const size = sizeOf(image);
  if (size <= 0) unusable("is empty or no file");
  const address = load<u64>(ENTRY + BUNDLE_FILE_ADDRESS);
  for (let done: u64 = 0; done < <u64>size; done += WINDOW_SIZE) {
    const left = <u64>size - done;
    const length = left < <u64>WINDOW_SIZE ? <u32>left : <u32>WINDOW_SIZE;
    if (!readAt(image, env.window(), length, done)) unusable("cannot be read");
    const code = env.guestLoad(id, load<u32>(ENTRY + BUNDLE_FILE_KIND), <f64>(address + done), <f64>size, length);
    if (code == E_NO_SPACE) unusable("does not fit into the guest's memory");
    if (code == E_CORRUPT) unusable("is damaged or not a RISC-V kernel image");
    if (code == E_NO_MEMORY) unusable("does not fit into the machine's memory");
    if (code < 0) unusable("cannot be loaded");
  }
  close(image);
}

function openEntry(isWritten: bool): u32 {
  const found = openBoot(ENTRY + BUNDLE_FILE_PATH, load<u32>(ENTRY + BUNDLE_FILE_PATH_BYTES), isWritten);
  if (found >= 0) return found;
  sayFile();
  switch (-found) {
    case -UNSAFE:
      say(" would be written in memory only, and lost; give the runtime its folder as /machine, as in --volume FOLDER:/machine.");
      break;
    case ERRNO_NOENT:
      say(" is missing; make the folder anew.");
      break;
    case ERRNO_BADF:
      say(" is needed; give the runtime its folder as /, as in --dir=FOLDER::/.");
      break;
    case ERRNO_ROFS:
      say(" lies on a read-only file system, and its guest writes it; copy the folder elsewhere.");
      break;
    default:
      say(isWritten ? " cannot be opened for writing; let the runtime write it and its folder" : " cannot be read");
      say(" (WASI error ");
      sayNumber(-found);
      say(").");
      break;
  }
  fail();
  return 0;
}

function sayFile(): void {
  say("The file ");
  sayBytes(ENTRY + BUNDLE_FILE_PATH, load<u32>(ENTRY + BUNDLE_FILE_PATH_BYTES));
  say(" of the boot folder");
}

function unusable(why: string): void {
  sayFile();
  say(" ");
  say(why);
  say(".");
  fail();
}

function broken(why: string): void {
  say("The file ");
  sayBytes(PATH, 16);
  say(" of the boot folder ");
  say(why);
  say(".");
  fail();
}
