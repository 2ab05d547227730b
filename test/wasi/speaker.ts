// Images for WASI that are none of ours: each says one frame of the management stream, and waits for the end of its input.

import { rmSync, writeFileSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import loadWabt from 'wabt'
import { startMachine } from '../../host-shim/node/main.ts'
import { frame } from './driver.ts'

/** Where what it says lies in its memory, and where it reads to. */
const SAID = 64
const READ = 1024

/** An image that says a frame of this kind, with these numbers of 32 bits. */
export async function imageThatSays(kind: number, words: number[]): Promise<Uint8Array> {
  const said = frame(kind, 0, new Uint8Array(Uint32Array.from(words).buffer))
  const text = `(module
    (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
    (import "wasi_snapshot_preview1" "fd_read" (func $read (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    (data (i32.const ${SAID}) "${[...said].map((byte) => `\\${byte.toString(16).padStart(2, '0')}`).join('')}")
    (func (export "_start")
      (i32.store (i32.const 0) (i32.const ${SAID}))
      (i32.store (i32.const 4) (i32.const ${said.length}))
      (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))
      (i32.store (i32.const 0) (i32.const ${READ}))
      (loop $more
        (drop (call $read (i32.const 0) (i32.const 0) (i32.const 1) (i32.const 8)))
        (br_if $more (i32.load (i32.const 8))))))`
  const module = (await loadWabt()).parseWat('speaker.wat', text)
  try {
    return module.toBinary({}).buffer
  } finally {
    module.destroy()
  }
}

/** Starts a machine under node:wasi that is this image, and waits for what it ends with. */
export async function endOfMachineUnder(image: Uint8Array): Promise<Error> {
  const folder = mkdtempSync(join(tmpdir(), 'orlop-speaker-'))
  try {
    const path = join(folder, 'image.wasm')
    writeFileSync(path, image)
    const runtime = { name: 'node-wasi' as const, program: process.execPath, image: path, folders: [] }
    const machine = startMachine({ memoryBytes: 64 << 20, runtime })
    return await machine.ended.then(
      () => new Error('The machine has ended in order.'),
      (error: Error) => error,
    )
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
