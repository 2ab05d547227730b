// Python and Perl in a guest: Python's own tests pass, and large scripts of both print what they print under QEMU.

import { readFileSync } from 'node:fs'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { inScratch } from '../../guests/scratch.ts'
import { contentOf, runInBoth, runInGuest } from './session.ts'

const source = (name: string) => readFileSync(new URL(`programs/${name}`, import.meta.url))

/** Python's tests of what a translator may get wrong: floats to the last bit, packing, long functions in C. */
const OWN_TESTS = ['test_float', 'test_struct', 'test_complex']
const own = {
  output: 'own',
  program: '/usr/bin/python3.13',
  args: ['own.py', ...OWN_TESTS.map((name) => `test.${name}`)],
}
const python = { output: 'python', program: '/usr/bin/python3.13', args: ['work.py'] }
const perl = { output: 'perl', program: '/usr/bin/perl', args: ['work.pl', 'CPAN/Meta/Spec.pm', 'File/Temp.pm'] }

test(
  "Python's own tests pass",
  inScratch(async (folder) => {
    const session = await runInGuest(folder, { 'own.py': source('own.py') }, [own])
    if (session === undefined) return
    const lines = contentOf(session.files, 'own').toString()
    const [, count = '0', failed] = /^(\d+) tests, (\d+) failed$/m.exec(lines) ?? []
    assert.is(failed, '0', lines.match(/^.* FAILED\n(?:[ T\n].*\n?)*/gm)?.join('\n') ?? lines.slice(-2000))
    assert.ok(Number(count) > 100, `${count} tests ran`)
  }),
)

test(
  'large scripts of Python and Perl print what they print under QEMU',
  inScratch(async (folder) => {
    const files = { 'work.py': source('work.py'), 'work.pl': source('work.pl') }
    await runInBoth(folder, files, [python, perl])
  }),
)

test(
  'a short script of Perl takes the same steps in both engines',
  inScratch(async (folder) => {
    const script =
      'my %n; $n{$_ * 7919 % 101} .= $_ for 1 .. 300; print join(" ", map { "$_=$n{$_}" } sort { $a <=> $b } keys %n), "\\n"; printf "%.15g\\n", sqrt($_) for 1 .. 9'
    const commands = [{ output: 'short', program: '/usr/bin/perl', args: ['-e', script] }]
    const session = await runInBoth(folder, {}, commands, { translator: 'verify' })
    if (session === undefined) return
    assert.match(contentOf(session.files, 'short').toString(), /^3\n$/m)
  }),
)

test.run()
