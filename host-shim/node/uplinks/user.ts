// The `user` uplink on Node: leads to whatever the user that runs the machine can reach, without any right of its own.

import { Gateway, type GatewayReport } from '../../uplink/gateway.ts'
import { NodeSockets, nodeClock } from './sockets.ts'
import type { Publication, PublishingUplink, UplinkOptions } from './uplink.ts'

export interface UserOptions extends UplinkOptions {
  /** Whether the host itself may be reached, by the gateway's address or any other of its own. Default: true. */
  host?: boolean
  /** Longest packet to the machine that it need not cut itself, in bytes. Default: 1500. */
  mtu?: number
}

export class UserUplink implements PublishingUplink {
  private readonly gateway: Gateway

  constructor(options: UserOptions) {
    this.gateway = new Gateway({ ...options, sockets: new NodeSockets(), clock: nodeClock })
    options.setLink(true)
    this.pump()
  }

  pump(): void {
    this.gateway.pump()
  }

  async publish(publication: Publication): Promise<void> {
    await this.gateway.publish(publication)
  }

  async unpublish(publication: Publication): Promise<void> {
    this.gateway.unpublish(publication)
  }

  /** What is open now. */
  report(): GatewayReport {
    return this.gateway.report()
  }

  close(): void {
    this.gateway.close()
  }
}
