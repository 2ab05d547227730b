// Guests read and write disks, and what they wrote is on the host's images, whole.

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'uvu'
import * as assert from 'uvu/assert'
import { inScratch } from '../guests/scratch.ts'
import { argumentsFor, argumentsForScript, debian, type FindGuest, lean, PROMPT, withScript } from './guests.ts'
import {
  canMakeImages,
  faultsOf,
  makeBlank,
  makeImage,
  makeUnzeroedImage,
  readFromImage,
  replayJournal,
  sha256,
} from './image.ts'
import { runOrlop, startOrlop } from './orlop.ts'

/** Runs a script in a guest with these disks; gives the console's text. */
async function runScript(
  find: FindGuest,
  folder: string,
  disks: string[],
  script: string,
): Promise<string | undefined> {
  const guest = await find()
  if (guest === undefined || !canMakeImages()) return undefined
  const scripted = withScript(guest, folder, script)
  const run = await runOrlop(['run', ...argumentsForScript(scripted), ...disks.flatMap((disk) => ['--disk', disk])])
  assert.is(run.exitCode, 0, `${run.errors}\n${run.console}`)
  assert.is(run.errors, '')
  assert.not.match(run.console, /orlop\.run: exit status|I\/O error|EXT4-fs error/)
  return run.console
}

/** sha256sum's lines in a text, by file. */
function sums(text: string): Map<string, string> {
  return new Map([...text.matchAll(/^([0-9a-f]{64}) {2}(\S+)$/gm)].map(([, sum = '', file = '']) => [file, sum]))
}

function readsAndWrites(name: string, find: FindGuest): void {
  test(
    `${name} reads what the host put on an ext4 disk, writes, and leaves a file system without faults`,
    inScratch(async (folder) => {
      const seed = randomBytes(3_000_001)
      const disk = join(folder, 'disk')
      if (canMakeImages()) makeImage(disk, 64, { 'from-host/seed': seed, 'from-host/letter': 'A letter.\n' })
      const text = await runScript(
        find,
        folder,
        [disk],
        `set -e
        mount /dev/vda /mnt
        cat /mnt/from-host/letter
        sha256sum /mnt/from-host/seed
        mkdir /mnt/from-guest
        cat /mnt/from-host/seed /mnt/from-host/seed > /mnt/from-guest/twice
        dd if=/dev/urandom of=/mnt/from-guest/noise bs=64k count=80 2>/dev/null
        i=0; while [ $i -lt 200 ]; do echo "small $i" > /mnt/from-guest/small$i; i=$((i+1)); done
        rm /mnt/from-guest/small1??
        mv /mnt/from-host/letter /mnt/from-guest/letter
        sync
        echo 3 > /proc/sys/vm/drop_caches
        sha256sum /mnt/from-guest/twice /mnt/from-guest/noise /mnt/from-guest/small42
        umount /mnt
        echo done`,
      )
      if (text === undefined) return
      assert.match(text, /^A letter\.$/m)
      assert.match(text, /^done$/m)
      const inside = sums(text)
      assert.is(inside.get('/mnt/from-host/seed'), sha256(seed))
      assert.is(inside.get('/mnt/from-guest/twice'), sha256(Buffer.concat([seed, seed])))
      assert.is(faultsOf(disk), '')
      assert.is(readFromImage(disk, '/from-guest/letter').toString(), 'A letter.\n')
      for (const file of ['twice', 'noise', 'small42']) {
        assert.is(sha256(readFromImage(disk, `/from-guest/${file}`)), inside.get(`/mnt/from-guest/${file}`), file)
      }
    }),
  )
}

readsAndWrites('the lean kernel', lean)
readsAndWrites("Debian's kernel", debian)

test(
  'a read-only disk can be read, refuses writes, and its image keeps every byte',
  inScratch(async (folder) => {
    const disk = join(folder, 'disk')
    if (canMakeImages()) makeImage(disk, 16, { letter: 'Only to be read.\n' })
    const before = canMakeImages() ? sha256(readFileSync(disk)) : ''
    const text = await runScript(
      lean,
      folder,
      [`${disk},ro`],
      `cat /sys/block/vda/ro
      mount -t ext4 -o rw /dev/vda /mnt 2>/dev/null && touch /mnt/new 2>/dev/null && echo "written to the file system"
      umount /mnt 2>/dev/null
      mount -t ext4 -o ro /dev/vda /mnt && cat /mnt/letter && umount /mnt
      dd if=/dev/zero of=/dev/vda bs=512 count=1 2>/dev/null && echo "written to the device"
      blkdiscard -f /dev/vda 2>/dev/null && echo "discarded"
      true`,
    )
    if (text === undefined) return
    assert.match(text, /^1\nOnly to be read\.$/m)
    assert.not.match(text, /written to|discarded/)
    assert.is(sha256(readFileSync(disk)), before)
  }),
)

test(
  'two disks are told apart by their order, and a file goes from one to the other',
  inScratch(async (folder) => {
    const [first, second] = [join(folder, 'first'), join(folder, 'second')]
    if (canMakeImages()) makeImage(first, 16, { name: 'first\n' })
    if (canMakeImages()) makeImage(second, 24, { name: 'second\n' })
    const text = await runScript(
      lean,
      folder,
      [first, second],
      `set -e
      cat /sys/block/vda/size /sys/block/vdb/size
      mkdir /a /b
      mount /dev/vda /a; mount /dev/vdb /b
      cat /a/name /b/name > /b/both
      umount /a; umount /b`,
    )
    if (text === undefined) return
    assert.match(text, new RegExp(`^${16 * 2048}\n${24 * 2048}$`, 'm'))
    assert.is(readFromImage(second, '/both').toString(), 'first\nsecond\n')
    assert.is(faultsOf(first) + faultsOf(second), '')
  }),
)

test(
  'a guest discards what it has deleted, and the rest of the disk stays as it was',
  inScratch(async (folder) => {
    const [disk, blank] = [join(folder, 'disk'), join(folder, 'blank')]
    const keep = randomBytes(700_000)
    if (canMakeImages()) makeImage(disk, 32, { keep })
    makeBlank(blank, 8)
    const text = await runScript(
      lean,
      folder,
      [disk, blank],
      `set -e
      cat /sys/block/vda/queue/discard_max_bytes
      mount -o discard /dev/vda /mnt
      dd if=/dev/urandom of=/mnt/gone bs=1M count=6 2>/dev/null
      sync
      rm /mnt/gone
      sync
      fstrim -v /mnt
      echo kept > /mnt/later
      umount /mnt
      dd if=/dev/urandom of=/dev/vdb bs=1M count=8 2>/dev/null
      sync
      dd if=/dev/vdb bs=1M count=1 2>/dev/null | sha256sum | sed s/-/first/
      blkdiscard -o 1048576 -l 2097152 /dev/vdb && echo blkdiscarded
      echo 3 > /proc/sys/vm/drop_caches
      sha256sum /dev/vdb`,
    )
    if (text === undefined) return
    assert.ok(Number(/^(\d+)$/m.exec(text)?.[1]) > 0, `the disk takes no discards:\n${text}`)
    assert.match(text, /^\/mnt: \d+ bytes trimmed$/m)
    assert.is(faultsOf(disk), '')
    assert.equal(readFromImage(disk, '/keep'), keep)
    assert.is(readFromImage(disk, '/later').toString(), 'kept\n')
    const inside = sums(text)
    assert.match(text, /^blkdiscarded$/m)
    assert.is(inside.get('first'), sha256(readFileSync(blank).subarray(0, 2 ** 20)))
    assert.is(inside.get('/dev/vdb'), sha256(readFileSync(blank)))
  }),
)

test(
  'a guest zeroes the inode tables that mke2fs has left to it',
  inScratch(async (folder) => {
    if (!canMakeImages()) return
    const disk = join(folder, 'disk')
    const tables = makeUnzeroedImage(disk, 40)
    assert.ok(tables.length > 2)
    const text = await runScript(
      lean,
      folder,
      [disk],
      `set -e
      cat /sys/block/vda/queue/write_zeroes_max_bytes
      mount -o init_itable=0 /dev/vda /mnt
      i=0; while [ $i -lt 200 ] && ps | grep -q '[e]xt4lazyinit'; do usleep 50000; i=$((i+1)); done
      umount /mnt`,
    )
    if (text === undefined) return
    assert.ok(Number(/^(\d+)$/m.exec(text)?.[1]) > 0, `the disk takes no zeroes:\n${text}`)
    assert.is(faultsOf(disk), '')
    const content = readFileSync(disk)
    for (const [start, end] of tables) assert.ok(content.subarray(start, end).every((byte) => byte === 0))
  }),
)

test(
  'what a guest has synced is in the image when its plug is pulled',
  inScratch(async (folder) => {
    const guest = await lean()
    if (guest === undefined || !canMakeImages()) return
    const disk = makeImage(join(folder, 'disk'), 16)
    await startOrlop(['run', ...argumentsFor(guest), '--disk', disk]).hold(async (talk) => {
      await talk.hear(PROMPT)
      talk.type(
        'mount /dev/vda /mnt; echo precious > /mnt/file; sync; awk \'{print "flushes", $16}\' /sys/block/vda/stat\n',
      )
      assert.ok(Number(/\d+/.exec(await talk.hear(/^flushes \d+$/m))?.[0]) > 0)
      talk.kill('SIGKILL')
      await talk.end().catch(() => {})
    })
    replayJournal(disk)
    assert.is(readFromImage(disk, '/file').toString(), 'precious\n')
    assert.is(faultsOf(disk), '')
  }),
)

test.run()
