// What lockstep needs of a machine: run a flat image from 0x8000_0000 in M mode until it powers off, then show memory.

/** How to run an image, and which memory to give back. */
export interface RunOptions {
  /** Bytes of RAM. */
  memoryBytes: number
  /** Guest physical address and size of what the run is asked for. */
  logAddress: number
  logBytes: number
}

/** A machine: the oracle or ours. */
export interface Engine {
  name: string
  /** Runs until the guest powers off; fails with a clear sentence if it does not in its time. */
  run(image: Uint8Array, options: RunOptions): Promise<Uint8Array>
  /** How many entries into its code it has translated so far, where there is such a thing. */
  translated?(): number
}
