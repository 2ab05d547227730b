// A talk hears whole lines, however they come.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { Talk } from './talk.ts'

/** A program that says the pieces one by one, each after what it was told before has been read. */
function inPieces(...pieces: string[]): Talk {
  const program = `
    const pieces = ${JSON.stringify(pieces)}
    const say = () => pieces.length ? process.stdout.write(pieces.shift(), () => setTimeout(say, 30)) : undefined
    say()`
  return new Talk([process.execPath, '-e', program], { patienceMs: 20_000 })
}

test('regression: a line that comes in two pieces is heard whole where its end is asked for', async () => {
  await inPieces('ID=0x', '1 Version=1\n', 'more').hold(async (talk) => {
    assert.is(await talk.hear(/ID=.*$/m), 'ID=0x1 Version=1')
    assert.is(await talk.hear(/more/), '\nmore')
  })
})

test('the last line needs no end when the program has ended', async () => {
  await inPieces('the last wo', 'rd').hold(async (talk) => {
    assert.is(await talk.hear(/last.*$/m), 'the last word')
  })
})

test('a prompt is heard although nothing follows it', async () => {
  await inPieces('/ # ', '\n').hold(async (talk) => {
    assert.is(await talk.hear(/# $/), '/ # ')
  })
})

test.run()
