// Makes a disk image with an ext4 file system out of a folder, with the host's own tools. Needs no root.

import { spawn } from 'node:child_process'
import { readdir, truncate, writeFile } from 'node:fs/promises'
import { OrlopError } from '../../cli/error.ts'

/** Where Debian keeps what only root needs; it need not be on a user's PATH. */
const PATH = `${process.env.PATH}:/usr/sbin:/sbin`

/** Makes the raw image `path` of `mib` MiB that holds what is in `folder`. */
export async function makeDisk(path: string, folder: string, mib: number): Promise<void> {
  await writeFile(path, '')
  await truncate(path, mib * 2 ** 20)
  // A guest would otherwise write the rest of its inode tables at its first mount, in its own time.
  const whole = ['-E', 'lazy_itable_init=0,lazy_journal_init=0,root_owner=0:0']
  await runTool('mke2fs', ['-q', '-F', '-t', 'ext4', '-b', '4096', ...whole, '-d', folder, path], 'e2fsprogs')
  // Files that an ordinary user has unpacked are that user's, and mke2fs takes over what it finds.
  if (process.getuid?.() !== 0) await giveToRoot(path, folder)
}

/** Makes root the owner of all files in the image `path`, which was made of `folder`. */
export async function giveToRoot(path: string, folder: string): Promise<void> {
  const names = await readdir(folder, { recursive: true })
  const commands = names.flatMap((name) => {
    if (name.includes('"') || name.includes('\n')) return []
    return [`set_inode_field "/${name}" uid 0`, `set_inode_field "/${name}" gid 0`]
  })
  const script = `${path}.commands`
  await writeFile(script, `${commands.join('\n')}\n`)
  await runTool('debugfs', ['-w', '-f', script, path], 'e2fsprogs')
}

/** Runs a program of the host to its end; an error names the package that has it, or what it said. */
export async function runTool(
  program: string,
  args: string[],
  packageName: string,
  signal?: AbortSignal,
): Promise<void> {
  const child = spawn(program, args, {
    env: { ...process.env, PATH, LC_ALL: 'C' },
    stdio: ['ignore', 'ignore', 'pipe'],
    ...(signal && { signal }),
  })
  const errors: Buffer[] = []
  child.stderr.on('data', (chunk) => errors.push(chunk))
  const code = await new Promise((resolve, reject) => {
    child.on('close', resolve).on('error', (error: NodeJS.ErrnoException) => {
      const isMissing = error.code === 'ENOENT'
      reject(isMissing ? new OrlopError(`Cannot find ${program}; run "apt-get install ${packageName}".`) : error)
    })
  })
  if (code === 0) return
  const why = Buffer.concat(errors).toString().trim().split('\n').at(-1) || `exit ${code}`
  throw new OrlopError(`The command ${program} failed: ${why.replace(/\.$/, '')}.`, 1)
}
