// What a machine on Node and each of its guests are made of.

import type { NicSpec, Translator } from '../guest-spec.ts'
import type { GuestSettings } from '../settings.ts'
import type { DiskOptions } from './disk.ts'
import type { RuntimeOptions } from './framed/runtimes.ts'

export interface MachineOptions {
  /** Number of physical CPUs, each a thread, at most MAX_CPUS. Default: as many as this process may use. */
  cpus?: number
  /** RAM of all guests together, in bytes. More may be promised to them; what there is not, they wait for. */
  memoryBytes: number
  /** 'none': the guests' code is never compiled, whatever they ask for. Default: 'wasm'. */
  code?: 'wasm' | 'none'
  /** The machine is a program of its own, under a runtime for WASI, with one CPU. Default: threads of this process. */
  runtime?: RuntimeOptions
  /** Gets what the user should know of the machine itself and that does not end it, as a sentence. Default: nobody does. */
  warn?(message: string): void
  /** Gets each module of translated code (host-shim/training.ts). Default: nobody does. */
  keep?(module: Uint8Array): void
}

/** A network device of a guest. */
export interface NicOptions extends Omit<NicSpec, 'network' | 'mac'> {
  /** A network of the machine (`RunningMachine.defineNetwork`). */
  network: { readonly number: number }
  /** 6 bytes. Default: random ones. */
  mac?: Uint8Array
}

export interface GuestOptions {
  /** What messages call it. Default: nothing, it is "the guest". */
  name?: string
  /** Size of RAM in bytes, a multiple of 4096. */
  ramBytes: number
  /** Number of harts. Default: 1. */
  harts?: number
  /** Kernel image, raw: a RISC-V `Image`. Default: none; there must be a firmware then. */
  kernel?: string
  /** Initial file system. Default: none. */
  initrd?: string
  /** Kernel command line. Default: empty. */
  commandLine?: string
  /** M-mode program for the reset vector: ELF, or raw bytes for the start of RAM. Default: none, the kernel boots directly. */
  firmware?: string
  /** Raw images, the guest's disks in this order. Default: none. */
  disks?: DiskOptions[]
  /** Network devices of the guest, in this order. Default: none. */
  nets?: NicOptions[]
  /** A virtio console beside the UART. Default: false. */
  virtioConsole?: boolean
  /** What becomes of hot code. Default: on. */
  translator?: Translator
  /** Instructions that code must have cost before it is translated. Default: what the kernel thinks best. */
  heat?: number
  /** 64 bits that the guest's own random generator is seeded with. Default: random ones. */
  seed?: bigint
  /** What may be changed later, too. Default: what a new guest has. */
  settings?: Partial<GuestSettings>
  /** Gets the guest's console output; the next piece comes when the promise is fulfilled. */
  output(piece: Uint8Array): Promise<void> | void
  /** Gets what the user should know and that does not end the guest, as a sentence. Default: nobody does. */
  warn?(message: string): void
}
