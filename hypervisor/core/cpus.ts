// The account of each physical CPU: since when it runs, and how much of that was nobody's.

import { CPUS, CPU_STRIDE } from "./layout";

/** Behind the code cache's head and lists. */
const ACCOUNT: usize = 0x1000;

/** Lies in the CPU's pages; written by its worker alone. */
@unmanaged @final
export class Cpu {
  /** host.now() when its worker first ran; 0: not yet. */
  since: f64;
  /** ns with nothing to do, and of the kernel's own work, which no guest has caused. */
  idleNs: f64;
  kernelNs: f64;
  /** ns billed to guests. */
  guestsNs: f64;
}

if (ACCOUNT + offsetof<Cpu>() > CPU_STRIDE) ERROR("the account runs out of the CPU's pages");

/** The account of CPU `cpu`. */
export function cpuAt(cpu: u32): Cpu {
  return changetype<Cpu>(CPUS + <usize>cpu * CPU_STRIDE + ACCOUNT);
}
