// The words of `npm run bench`, and the rows that can be named there.

import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { readFlags } from '../../bench/flags.ts'
import { chooseRows, OTHER_ROWS, PROGRAM_ROWS, wordsOf } from '../../bench/rows.ts'

test('flags are read as what they mean', () => {
  const words = 'translator --runs 2 --rows core,crc --scale 0.5 --translator off --json out.json'
  assert.equal(readFlags(words.split(' ')), {
    isHelp: false,
    names: ['translator'],
    runs: 2,
    rows: ['core', 'crc'],
    scale: 0.5,
    translator: 'off',
    json: 'out.json',
  })
})

test('time and CPUs are numbers', () => {
  const words = 'shares --seconds 2.5 --cpus 4'
  assert.equal(readFlags(words.split(' ')), { isHelp: false, names: ['shares'], seconds: 2.5, cpus: 4 })
})

test('tiles are a number, and the page is a file', () => {
  const words = 'hosted --tiles 3 --html page.html'
  assert.equal(readFlags(words.split(' ')), { isHelp: false, names: ['hosted'], tiles: 3, html: 'page.html' })
})

test('what is not given is not there', () => {
  assert.equal(readFlags(['interpreter']), { isHelp: false, names: ['interpreter'] })
})

test('a wrong word is refused with what is right', () => {
  assert.throws(() => readFlags(['--runs', '0']), /"0" is no number of runs; give a whole number from 1 on/)
  assert.throws(() => readFlags(['--runs', '2.5']), /"2.5" is no number of runs/)
  assert.throws(() => readFlags(['--scale', '0']), /"0" is no size; give a number above 0/)
  assert.throws(() => readFlags(['--scale', 'big']), /"big" is no size/)
  assert.throws(() => readFlags(['--seconds', '0']), /"0" is no time; give a number from 0.5 to 3600/)
  assert.throws(() => readFlags(['--seconds', 'long']), /"long" is no time/)
  assert.throws(() => readFlags(['--cpus', '17']), /"17" is no number of CPUs; give a whole number from 1 to 16/)
  assert.throws(() => readFlags(['--cpus', '1.5']), /"1.5" is no number of CPUs/)
  assert.throws(() => readFlags(['--tiles', '0']), /"0" is no number of tiles; give a whole number from 1 on/)
  assert.throws(() => readFlags(['--fast']), /'--fast'.*--help/)
})

test('without names all rows are measured', () => {
  assert.equal(chooseRows(undefined), { programs: PROGRAM_ROWS, others: [...OTHER_ROWS] })
})

test('named rows are measured in their own order, and no others', () => {
  const { programs, others } = chooseRows(['warm-up', 'fft', 'core'])
  assert.equal(
    programs.map(({ name }) => name),
    ['core', 'fft'],
  )
  assert.equal(others, ['warm-up'])
})

test('a row that there is not is refused with those that there are', () => {
  assert.throws(() => chooseRows(['cores']), /no row "cores"; there are: core, .*systemd-boot/)
})

test('a program is started with its steps as its last word', () => {
  assert.equal(wordsOf({ name: 'core', kind: 'integer', iterations: 5 }, 3), ['/core', '3'])
  const command = ['/busybox', 'awk', '-v']
  assert.equal(wordsOf({ name: 'awk', kind: 'mixed', iterations: 5, command }, 3), [...command, 'n=3'])
})

test.run()
