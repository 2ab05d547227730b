// tshark as the judge of a capture: what its frames are, which sums are right, what is malformed.

import { execFileSync } from 'node:child_process'
import { requireTool } from '../support/tools.ts'

const CHECKED = ['ip', 'tcp', 'udp', 'icmp', 'icmpv6'] as const
type Checked = (typeof CHECKED)[number]

/** By itself it believes that the hardware makes sums later, and does not look. */
const SETTINGS = ['ip', 'tcp', 'udp'].flatMap((protocol) => ['-o', `${protocol}.check_checksum:TRUE`])

/** Sums as tshark numbers them. */
const WRONG = '0'
const RIGHT = '1'
/** Its severity of what is malformed, of sums that are wrong, of protocols that were broken. */
const ERROR = 0x800000

/** A frame as tshark understands it. */
export interface Dissected {
  number: number
  bytes: number
  /** Its layers, as in `eth:ethertype:ip:udp:dns`. */
  protocols: string
  /** Layers whose sum was looked at and found right, or wrong. */
  right: Checked[]
  wrong: Checked[]
  isFaulty: boolean
  /** In one line. */
  summary: string
}

export function canHaveTshark(): boolean {
  return requireTool('tshark', 'tshark')
}

/**
 * The frames of a pcap file. `spoken` says what passes at which ports, as `-d` of tshark takes it. Of what it does not know it
 * makes what the other port or the first bytes look like, and finds faults in that.
 */
export function dissect(pcap: string, spoken: string[] = []): Dissected[] {
  const sums = CHECKED.map((protocol) => `${protocol}.checksum.status`)
  const fields = ['frame.number', 'frame.len', 'frame.protocols', '_ws.expert.severity', '_ws.col.Info', ...sums]
  const text = execFileSync(
    'tshark',
    [
      '-n',
      '-r',
      pcap,
      ...SETTINGS,
      ...spoken.flatMap((words) => ['-d', words]),
      '-T',
      'fields',
      ...fields.flatMap((field) => ['-e', field]),
    ],
    { encoding: 'utf8', maxBuffer: 2 ** 30, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  return text.split('\n').filter(Boolean).map(understand)
}

function understand(line: string): Dissected {
  const [number, bytes, protocols = '', severities = '', info, ...statuses] = line.split('\t')
  // An error of ICMP has a second packet in it: then there are two, with a comma.
  const withStatus = (status: string) => CHECKED.filter((_, i) => statuses[i]?.split(',').includes(status))
  const wrong = withStatus(WRONG)
  const isBroken = severities.split(',').some((severity) => Number(severity) >= ERROR)
  return {
    number: Number(number),
    bytes: Number(bytes),
    protocols,
    right: withStatus(RIGHT),
    wrong,
    isFaulty: wrong.length > 0 || isBroken || protocols.includes('_ws.'),
    summary: `${number}: ${protocols}, ${bytes} bytes, ${info}${wrong.map((protocol) => `, ${protocol} sum wrong`).join('')}`,
  }
}

/** The faulty ones among the frames, a line for each. */
export function faultsOf(frames: Dissected[]): string[] {
  return frames.filter(({ isFaulty }) => isFaulty).map(({ summary }) => summary)
}

/** How many frames have this layer. */
export function countOf(frames: Dissected[], protocol: string): number {
  return frames.filter(({ protocols }) => protocols.split(':').includes(protocol)).length
}
