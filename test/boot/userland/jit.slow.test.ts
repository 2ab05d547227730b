// Programs that write machine code and run it: LuaJIT's traces, and V8's tiers in Debian's Node.

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { inScratch } from '../../guests/scratch.ts'
import { assertSame, type Command, contentOf, runInGuest, runOnHost } from './session.ts'

const source = (name: string) => fileURLToPath(new URL(`programs/${name}`, import.meta.url))
const files = { 'puzzle.lua': readFileSync(source('puzzle.lua')), 'puzzle.js': readFileSync(source('puzzle.js')) }

const luajit = (output: string, ...args: string[]): Command => ({ output, program: '/usr/bin/luajit', args })
/** What is compiled soon and has little room is often compiled anew, where other code was. */
const RESTLESS = ['-Ohotloop=3', '-Ohotexit=2', '-Osizemcode=64', '-Omaxmcode=128']
const node: Command = { output: 'js', program: '/usr/bin/node', args: ['puzzle.js'] }

test(
  'LuaJIT writes code, throws it away and writes other code in its place, and every result is right',
  inScratch(async (folder) => {
    const status = luajit('status', '-e', 'print(jit.status())')
    const commands = [status, luajit('lua', 'puzzle.lua'), luajit('restless', ...RESTLESS, 'puzzle.lua')]
    const inside = await runInGuest(folder, files, commands)
    // The interpreter of LuaJIT, under QEMU, is the judge.
    const outside = inside && (await runOnHost(folder, files, [luajit('lua', '-joff', 'puzzle.lua')]))
    if (inside === undefined || outside === undefined) return
    assert.match(contentOf(inside.files, 'status').toString(), /^true\t/)
    assertSame(inside.files, 'lua', contentOf(outside, 'lua'))
    assertSame(inside.files, 'restless', contentOf(outside, 'lua'))
  }),
)

test(
  "V8 compiles, drops and compiles again in Debian's Node, and every result is that of the host's Node",
  inScratch(async (folder) => {
    const inside = await runInGuest(folder, files, [node])
    if (inside === undefined) return
    assertSame(inside.files, 'js', execFileSync(process.execPath, [source('puzzle.js')]))
  }),
)

test(
  'code that LuaJIT has just written takes the same steps in both engines',
  inScratch(async (folder) => {
    const script = `for pass = 1, 6 do
      local s = 0
      local f = loadstring("local n = ... local s = " .. pass .. " for i = 1, n do s = (s * 3 + i) % 65521 end return s")
      for k = 1, 4 do s = s + f(200) end
      print(pass, s)
      if pass % 2 == 0 then jit.flush() end
    end`
    const commands = [luajit('new-code', '-Ohotloop=3', '-e', script)]
    const inside = await runInGuest(folder, {}, commands, { translator: 'verify' })
    const outside = inside && (await runOnHost(folder, {}, [luajit('new-code', '-joff', '-e', script)]))
    if (inside === undefined || outside === undefined) return
    assertSame(inside.files, 'new-code', contentOf(outside, 'new-code'))
  }),
)

test.run()
