// Folders for temporary files, into which nobody else looks.

import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { E_IO } from '../../hypervisor/abi.ts'
import { MachineError } from '../error.ts'

/** Makes one, for what it is called after. Throws MachineError. */
export function makeTemporary(what: string): string {
  try {
    return mkdtempSync(join(tmpdir(), `orlop-${what}-`))
  } catch (cause) {
    const { message } = cause as Error
    const advice = 'make room there, or set TMPDIR to another folder'
    throw new MachineError(E_IO, `No folder can be made in ${tmpdir()} (${message}); ${advice}.`, { cause })
  }
}

/** Removes those of this user that are as old, and were left behind by somebody who was killed. */
export function clearTemporary(what: string, ageMs: number): void {
  for (const name of readdirSync(tmpdir()).filter((name) => name.startsWith(`orlop-${what}-`))) {
    const path = join(tmpdir(), name)
    try {
      const { uid, mtimeMs } = lstatSync(path)
      if (uid === process.getuid?.() && Date.now() - mtimeMs > ageMs) rmSync(path, { recursive: true, force: true })
    } catch {
      // Somebody else was faster.
    }
  }
}
