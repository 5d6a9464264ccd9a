/**
 * The engine on `@platformatic/kafka`: no file outside of this folder imports it.
 */
import { Admin as AdminClient } from "@platformatic/kafka"
import type { Engine } from "../engine.ts"
import type { Settings } from "../settings.ts"
import { makeAdmin } from "./admin.ts"
import { makeMembership } from "./membership.ts"
import { baseOptions, quiet } from "./options.ts"
import { makeSender } from "./sender.ts"
import type { RawProducer } from "./transport.ts"

export type RawAdmin = AdminClient

export interface PlatformaticEngine extends Engine {
  readonly rawAdmin: AdminClient
}

/** Connects nothing yet. */
export const make = (settings: Settings): PlatformaticEngine => {
  const listeners: Array<(status: { readonly connected: boolean; readonly reason: string }) => void> = []
  const tell = (connected: boolean, reason: string): void => {
    for (const listener of listeners) listener({ connected, reason })
  }
  const watch = (client: AdminClient | RawProducer): void => {
    client.on("client:broker:connect", () => tell(true, ""))
    client.on("client:broker:disconnect", ({ broker }) => {
      if (!client.closed && !client.isConnected()) {
        tell(false, `the connection to ${broker?.host}:${broker?.port} was lost`)
      }
    })
    client.on("client:broker:failed", ({ broker }) => {
      if (!client.closed && !client.isConnected()) tell(false, `cannot connect to ${broker?.host}:${broker?.port}`)
    })
  }
  const rawAdmin = quiet(new AdminClient(baseOptions(settings)))
  watch(rawAdmin)
  const admin = makeAdmin(rawAdmin, settings)
  return {
    rawAdmin,
    admin,
    sender: (now) => makeSender(settings, now, watch),
    membership: (group, topic, events) => makeMembership(settings, group, topic, events),
    onStatus: (listener) => {
      listeners.push(listener)
    },
    close: () => admin.close()
  }
}
