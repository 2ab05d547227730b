// What the programs of the benchmark "shares" tell, and which rows and flags there are.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { wanted } from '../../bench/rows.ts'
import { lateness } from '../../bench/shares.ts'

test('the sleeper tells how late it was, nap by nap', () => {
  assert.equal(lateness('late 12 0 345\n\n'), [12, 0, 345])
})

test('a sleeper that says nothing, or something else, is an error', () => {
  assert.throws(() => lateness(''), /told nothing of its naps/)
  assert.throws(() => lateness('late\n'), /told nothing/)
  assert.throws(() => lateness('late 12 soon\n'), /"late 12 soon"/)
})

test('without names every row is wanted, with names those alone', () => {
  assert.ok(wanted(undefined, ['a', 'b'])('b'))
  assert.ok(wanted(['a'], ['a', 'b'])('a'))
  assert.not(wanted(['a'], ['a', 'b'])('b'))
  assert.throws(() => wanted(['c'], ['a', 'b']), /There is no row "c"; there are: a, b\./)
})

test.run()
