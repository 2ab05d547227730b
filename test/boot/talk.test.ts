// A talk hears whole lines, however they come.

import { setTimeout as sleep } from 'node:timers/promises'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Talk } from './talk.ts'

/** A program that says the first piece, and each of the others when it is told anything; then it ends. */
function inPieces(...pieces: string[]): Talk {
  const program = `
    const pieces = ${JSON.stringify(pieces)}
    const say = () => {
      process.stdout.write(pieces.shift())
      if (pieces.length === 0) process.stdin.destroy()
    }
    process.stdin.on('data', say)
    say()`
  return new Talk([process.execPath, '-e', program], { patienceMs: 120_000 })
}

/** Has the program say the next piece as soon as the last of it is there. */
async function goOn(talk: Talk, heard: string): Promise<void> {
  while (!talk.heard.endsWith(heard)) await sleep(5)
  talk.type('.')
}

test('regression: a line that comes in two pieces is heard whole where its end is asked for', async () => {
  await inPieces('ID=0x', '1 Version=1\n', 'more').hold(async (talk) => {
    const line = talk.hear(/ID=.*$/m)
    await goOn(talk, 'ID=0x')
    assert.is(await line, 'ID=0x1 Version=1')
    await goOn(talk, 'Version=1\n')
    assert.is(await talk.hear(/more/), '\nmore')
  })
})

test('the last line needs no end when the program has ended', async () => {
  await inPieces('the last wo', 'rd').hold(async (talk) => {
    const line = talk.hear(/last.*$/m)
    await goOn(talk, 'wo')
    assert.is(await line, 'the last word')
  })
})

test('a prompt is heard although nothing follows it', async () => {
  await inPieces('/ # ', '\n').hold(async (talk) => {
    assert.is(await talk.hear(/# $/), '/ # ')
  })
})

test.run()
