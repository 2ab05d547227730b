// A folder of its own for each test, gone afterwards; and the error that a call must give.

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as assert from 'uvu/assert'
import { OrlopError } from '../../cli/error.ts'

/** A test body that gets a fresh folder. */
export function inScratch(body: (folder: string) => Promise<void>): () => Promise<void> {
  return async () => {
    const folder = await mkdtemp(join(tmpdir(), 'orlop-test-'))
    try {
      await body(folder)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  }
}

/** Waits for `work` to fail with one clear sentence that matches, and gives the error. */
export async function refuses(work: Promise<unknown>, pattern: RegExp): Promise<OrlopError> {
  const error = await work.then(
    () => assert.unreachable(`should have failed with ${pattern}`),
    (reason) => reason,
  )
  assert.instance(error, OrlopError)
  assert.match((error as OrlopError).message, pattern)
  assert.match((error as OrlopError).message, /^[A-Z"-].*\.$/s)
  return error as OrlopError
}
