// A small file system of its own for one command: as full as it says, or read-only. It goes with the command.

import { spawnSync } from 'node:child_process'
import { isStrict, MissingTool, requireTool } from '../support/tools.ts'

export interface MountedCommand {
  /** Folder that the file system is laid over. */
  place: string
  sizeBytes: number
  /** Folder whose files are copied there before. Default: none. */
  from?: string
  /** Default: false. */
  readOnly?: boolean
  command: string[]
}

const USER = process.getuid?.() === 0 ? [] : ['--map-root-user']
const FLAGS = [...USER, '--mount', '--pid', '--fork', '--kill-child']
const MARK = '\nleft:\n'
const SCRIPT = `
mount -t tmpfs -o "size=$SIZE" none "$PLACE" || exit 99
[ -z "$FROM" ] || cp -r "$FROM" "$PLACE" || exit 99
[ -z "$READ_ONLY" ] || mount -o remount,ro "$PLACE" || exit 99
"$@"; code=$?
printf '${MARK.replaceAll('\n', '\\n')}'; find "$PLACE" -type f -printf '%f\\n'
exit $code`
/** Far more than anything here takes. */
const PATIENCE_MS = 120_000

/** Runs the command; `left` are the files there afterwards. Undefined, after one line that says why, where nothing can be mounted. */
export function mounted({ place, sizeBytes, from = '', readOnly = false, command }: MountedCommand) {
  if (process.platform !== 'linux' || !requireTool('unshare', 'util-linux')) return undefined
  const env = { ...process.env, PLACE: place, SIZE: `${sizeBytes}`, FROM: from, READ_ONLY: readOnly ? 'yes' : '' }
  const words = [...FLAGS, 'sh', '-c', SCRIPT, 'sh', ...command]
  const { status, stdout, stderr } = spawnSync('unshare', words, {
    encoding: 'utf8',
    env,
    timeout: PATIENCE_MS,
    killSignal: 'SIGKILL',
  })
  const [said = '', left] = stdout.split(MARK)
  if (left !== undefined) return { status, stdout: said, stderr, left: left.split('\n').filter((name) => name !== '') }
  const reason = `nothing can be mounted here (${stderr.trim().split('\n').at(-1)})`
  if (isStrict()) throw new MissingTool(`Missing: ${reason}.`)
  process.stderr.write(`Skipped: ${reason}.\n`)
  return undefined
}
