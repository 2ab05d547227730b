// A database's log on its disk, read on the host when its guest has been killed: every commit that was reported has to be there.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

const PAGE = 4096
const MAGIC = 0x74696c65
const HEAD = 4

/** How many of the first `count` commits of an epoch are not on the disk as programs/linux/commit.c has written them. */
export function lostCommits(path: string, epoch: number, count: number): number {
  const file = openSync(path, 'r')
  try {
    const start = Math.floor(fstatSync(file).size / 2 / PAGE) * PAGE
    const pages = Math.floor((fstatSync(file).size - start) / PAGE)
    const bytes = Buffer.alloc(PAGE)
    let lost = 0
    // What the log has overwritten since is no longer looked for.
    for (let number = Math.max(0, count - pages); number < count; number++) {
      const length = readSync(file, bytes, 0, PAGE, start + (number % pages) * PAGE)
      if (length !== PAGE || !frameOf(epoch, number).equals(bytes)) lost++
    }
    return lost
  } finally {
    closeSync(file)
  }
}

/** The frame of a commit. */
export function frameOf(epoch: number, number: number): Buffer {
  const words = new Uint32Array(PAGE / 4)
  words.set([MAGIC, epoch, number, Math.imul(number, 0x9e3779b1)])
  const base = Math.imul(number, 2654435761)
  for (let i = HEAD; i < words.length; i++) words[i] = (base + Math.imul(i, 40503)) ^ epoch
  return Buffer.from(words.buffer)
}
