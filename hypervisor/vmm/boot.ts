// How a guest starts: the device tree goes into its RAM, and its harts to where they begin.
//
// Direct:   hart 0 enters the kernel in S mode (a0 hart id, a1 device tree), the others wait for SBI HSM.
// Firmware: all harts enter at the spec's address in M mode, with a2 for OpenSBI's fw_dynamic.

import { BOOT_FIRMWARE, E_BAD_STATE, E_NO_MEMORY, E_NO_SPACE, OK } from "../abi";
import { WINDOW } from "../core/layout";
import { PRIV_M, PRIV_S, hartAt } from "../cpu/hart";
import { reset } from "../cpu/reset";
import { Guest, RAM_BASE } from "../guest/guest";
import * as ram from "../guest/ram";
import * as images from "./images";
import { papersOf } from "./papers";
import * as tree from "./tree";

// struct fw_dynamic_info (OpenSBI, include/sbi/fw_dynamic.h), version 2: six words of 64 bits.
const FW_DYNAMIC_INFO_MAGIC: u64 = 0x4942_534f;
const FW_DYNAMIC_INFO_VERSION: u64 = 2;
const FW_DYNAMIC_NEXT_MODE_S: u64 = 1;
const FW_DYNAMIC_INFO_SIZE: u32 = 48;

/** It stands at the end of the tree room, because firmware lets the tree grow in place. */
const FW_DYNAMIC_INFO_OFFSET: u64 = images.TREE_ROOM - 64;

const A2: u32 = 12;

/** Writes the device tree into guest RAM. The window serves as scratch; it holds the tree afterwards. */
function writeTree(guest: Guest): i32 {
  const size = tree.describe(guest, WINDOW);
  if (size > FW_DYNAMIC_INFO_OFFSET) return E_NO_SPACE;
  const base = images.treeBase(guest);
  papersOf(guest).treeBase = base;
  if (ram.copyIn(guest, base, WINDOW, size)) return OK;
  guest.starved = 0;
  return E_NO_MEMORY;
}

/** Writes what fw_dynamic wants to know: which next stage, where, for whom. False: no frame left. */
function writeDynamicInfo(guest: Guest, gpa: u64): bool {
  const info = ram.writable(guest, gpa);
  if (info == 0) return false;
  store<u64>(info, FW_DYNAMIC_INFO_MAGIC);
  store<u64>(info, FW_DYNAMIC_INFO_VERSION, 8);
  store<u64>(info, papersOf(guest).kernelBase, 16);
  store<u64>(info, FW_DYNAMIC_NEXT_MODE_S, 24);
  store<u64>(info, 0, 32);
  store<u64>(info, 0, 40);
  return true;
}

/** Puts a defined guest at its first instruction. On an error its harts are as before. */
export function start(guest: Guest): i32 {
  if (!images.areComplete(guest)) return E_BAD_STATE;
  const code = writeTree(guest);
  if (code != OK) return code;
  const papers = papersOf(guest);
  if (guest.boot != BOOT_FIRMWARE) {
    for (let i: u32 = 0; i < guest.harts; i++) {
      reset(hartAt(guest, i), papers.kernelBase, i, papers.treeBase, PRIV_S);
      hartAt(guest, i).stopped = i == 0 ? 0 : 1;
    }
    return OK;
  }
  const info = papers.treeBase + FW_DYNAMIC_INFO_OFFSET;
  if (!writeDynamicInfo(guest, info)) {
    guest.starved = 0;
    return E_NO_MEMORY;
  }
  for (let i: u32 = 0; i < guest.harts; i++) {
    const hart = hartAt(guest, i);
    reset(hart, papers.entry != 0 ? papers.entry : RAM_BASE, i, papers.treeBase, PRIV_M);
    hart.setX(A2, info);
    hart.stopped = 0;
  }
  return OK;
}

if (FW_DYNAMIC_INFO_SIZE > 64) ERROR("fw_dynamic_info runs out of the tree room");
