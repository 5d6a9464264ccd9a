/**
 * The engine on `kafkajs`: no file outside of this folder imports it.
 */
import type { Admin as AdminClient } from "kafkajs"
import type { Engine } from "../engine.ts"
import type { Settings } from "../settings.ts"
import { makeAdmin } from "./admin.ts"
import { makeMembership } from "./membership.ts"
import { client, guard } from "./options.ts"
import { makeSender } from "./sender.ts"

export type RawAdmin = AdminClient

export interface KafkaJsEngine extends Engine {
  readonly rawAdmin: AdminClient
}

/** Connects its admin client. */
export const make = async (settings: Settings): Promise<KafkaJsEngine> => {
  const rawAdmin = client(settings, 3).admin()
  const listeners: Array<(status: { readonly connected: boolean; readonly reason: string }) => void> = []
  const tell = (connected: boolean, reason: string): void => {
    for (const listener of listeners) listener({ connected, reason })
  }
  rawAdmin.on(rawAdmin.events.CONNECT, () => tell(true, ""))
  rawAdmin.on(rawAdmin.events.DISCONNECT, () => tell(false, "the connection was lost"))
  try {
    await guard(rawAdmin.connect())
  } catch (error) {
    // It may be tried again with another client: nothing of this one may stay.
    await rawAdmin.disconnect().catch(() => {})
    throw error
  }
  return {
    rawAdmin,
    admin: makeAdmin(rawAdmin),
    sender: () => makeSender(settings),
    membership: (group, topic, events) => makeMembership(settings, group, topic, events),
    onStatus: (listener) => {
      listeners.push(listener)
    },
    close: () => rawAdmin.disconnect().catch(() => {})
  }
}
