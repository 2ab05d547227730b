// The guest systems that the tests boot: Debian's kernel and the lean one, with a shell, or with a script of the test's own.

import { createHash } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { OrlopError } from '../../cli/error.ts'
import { pullDebian } from '../../guests/debian/pull.ts'
import { writeCpio } from '../../guests/initramfs/cpio.ts'
import { buildLeanKernel, findLean } from '../../guests/linux/build.ts'
import { isStrict, MissingTool, requireOracle } from '../support/tools.ts'

export interface Guest {
  name: string
  kernel: string
  initrd: string
}

/** A way to a guest; undefined, after one line that says why, where a user's machine cannot have it. */
export type FindGuest = () => Promise<Guest | undefined>

/** Words every kernel here gets: two thirds of a Debian boot are self-tests of its ciphers. */
export const APPEND = 'cryptomgr.notests quiet'

/** The shell's prompt at the end of what was said; busybox may ask behind it where the cursor is (ESC [6n). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: that is how a terminal is asked.
export const PROMPT = /# (\x1b\[6n)?$/

/** Debian's kernel from the cache, pulled if it is not there. */
export const debian: FindGuest = once(async () => {
  const { kernel, initrd } = await pullDebian()
  return { name: "Debian's kernel", kernel, initrd }
})

/** The lean kernel from the cache. Under CI it is built if it is not there, which takes ten minutes. */
export const lean: FindGuest = once(async () => {
  const built = isStrict() ? await buildLeanKernel() : await findLean()
  if (built === undefined) throw new OrlopError('There is no lean kernel; run "orlop build-kernel".')
  return { name: 'the lean kernel', kernel: built.kernel, initrd: built.initrd }
})

/** Looks for a guest the first time, and remembers what came of it. */
function once(find: () => Promise<Guest>): FindGuest {
  let found: Promise<Guest | undefined> | undefined
  return () => (found ??= find().catch(refuse))
}

function refuse(error: unknown): undefined {
  if (!(error instanceof OrlopError)) throw error
  return requireOracle(() => {
    throw new MissingTool(error.message.replace(/\.$/, ''))
  })
}

/**
 * The same guest with a script as /test, run by `orlop.run=/test`, and with other files of the test's. The kernel
 * unpacks archives that follow each other, so the guest's own stays as it is.
 */
export function withScript(guest: Guest, folder: string, script: string, files: Record<string, string> = {}): Guest {
  const texts = Object.entries({ ...files, test: `#!/bin/sh\n${script}\n` })
  const entries = texts.map(([path, text]) => ({
    path,
    type: 'file' as const,
    content: Buffer.from(text),
    mode: 0o755,
  }))
  const initrd = join(folder, `initrd-${createHash('sha256').update(JSON.stringify(texts)).digest('hex').slice(0, 8)}`)
  writeFileSync(initrd, Buffer.concat([readFileSync(guest.initrd), writeCpio(entries)]))
  return { ...guest, initrd }
}

/** What `orlop run` is to be told for this guest. */
export function argumentsFor(guest: Guest, append = APPEND): string[] {
  return ['--kernel', guest.kernel, '--initrd', guest.initrd, '--append', append]
}

/** As `argumentsFor`, for a guest with a script. */
export function argumentsForScript(guest: Guest): string[] {
  return argumentsFor(guest, `${APPEND} orlop.run=/test`)
}
