/**
 * The door to the foreign client: besides `connect.ts` and `credentials.ts`, which open it, nothing else in this package
 * imports `@nats-io/*`.
 *
 * What the client does not do, and this module makes up for:
 * - it says nothing of what it throws away at a disconnect, so `onDisconnect` is told at once;
 * - its outbound buffer has no bound, so `barrier` says when the server has read everything before it.
 */
import type { ConsumerConfig, ConsumerInfo, JetStreamManager, StreamConfig, StreamInfo } from "@nats-io/jetstream"
import { MsgImpl, NatsConnectionImpl } from "@nats-io/nats-core/internal"
import type { NatsConnection, Status as ClientStatus } from "@nats-io/transport-node"
import { type Clock, Effect, SubscriptionRef } from "effect"
import type { Decided } from "../NatsConfig.ts"
import { clientError } from "./classify.ts"
import { BrokerError, type Status } from "./core.ts"
import { Frames } from "./frames.ts"
import { waitUntil } from "./wait.ts"

export type { ConsumerConfig, ConsumerInfo, JetStreamManager, NatsConnection, StreamConfig, StreamInfo }

/** A message as it came in. `header` is the block of headers as it was sent, if there was one. */
export interface Message {
  readonly subject: string
  /** The same, as it came in: for who needs a part of it only. */
  readonly subjectBytes: Uint8Array
  /** The reply subject, as it came in; empty where there is none. */
  readonly replyBytes: Uint8Array
  readonly data: Uint8Array
  readonly header: Uint8Array | undefined
  /** Headers, of which there are `headerLength` bytes, and data. */
  readonly whole: Uint8Array
  readonly headerLength: number
}

const nothing = new Uint8Array(0)

/** Before an answer came. Named as the client's own error of that meaning. */
class ConnectionLost extends Error {
  override readonly name = "ConnectionError"
}

/** Decodes nothing that nobody asks for: to decode a subject costs more than to find out what it is about. */
class Incoming implements Message {
  readonly #message: MsgImpl

  constructor(message: MsgImpl) {
    this.#message = message
  }

  get subject(): string {
    return this.#message.subject
  }

  get subjectBytes(): Uint8Array {
    return this.#message._msg.subject
  }

  get replyBytes(): Uint8Array {
    return this.#message._msg.reply ?? nothing
  }

  get data(): Uint8Array {
    return this.#message.data
  }

  get header(): Uint8Array | undefined {
    const { headerLength } = this
    return headerLength > 0 ? this.#message._rdata.subarray(0, headerLength) : undefined
  }

  get whole(): Uint8Array {
    return this.#message._rdata
  }

  get headerLength(): number {
    return Math.max(0, this.#message._msg.hdr)
  }
}

/** Who wants to know of the connection. */
export interface Listener {
  /** What was sent and is not answered may be lost, and nothing that is published from now on is sent. */
  readonly disconnected?: (reason: string) => void
  readonly connected?: () => void
  /** The server refused a publish to this subject; it says so without naming the message. */
  readonly denied?: (subject: string, message: string) => void
}

export class Client {
  readonly connection: NatsConnection
  readonly manager: JetStreamManager
  readonly config: Decided
  readonly status: SubscriptionRef.SubscriptionRef<Status>
  readonly clock: Clock.Clock
  /** Where answers to this client come to; unique. */
  readonly inbox: string
  /** A short text that no other client has. */
  readonly id: string
  connected = true
  closed = false
  /** Why there is no connection. */
  reason = ""
  /** Of the last publish that was acknowledged, in milliseconds since 1970. */
  lastAckAt: number | undefined
  readonly #listeners = new Set<Listener>()
  #numbers = 0
  readonly #frames: Frames

  constructor(fields: {
    readonly connection: NatsConnection
    readonly manager: JetStreamManager
    readonly config: Decided
    readonly status: SubscriptionRef.SubscriptionRef<Status>
    readonly clock: Clock.Clock
    readonly id: string
  }) {
    this.connection = fields.connection
    this.manager = fields.manager
    this.config = fields.config
    this.status = fields.status
    this.clock = fields.clock
    this.id = fields.id
    this.inbox = `${fields.config.inboxPrefix}.${fields.id}`
    if (!(this.connection instanceof NatsConnectionImpl)) {
      throw new Error("the connection is not one of our @nats-io/nats-core: it is installed in two versions")
    }
    this.#frames = new Frames(this.connection.protocol)
  }

  /** Largest message, headers included. */
  get maxPayload(): number {
    return this.connection.info?.max_payload ?? 1024 * 1024
  }

  get version(): string {
    return this.connection.info?.version ?? "0.0.0"
  }

  /** Whether the server is at least this version. */
  atLeast(major: number, minor: number): boolean {
    const [a = 0, b = 0] = this.version.split(".").map(Number)
    return a > major || (a === major && b >= minor)
  }

  /** A number that nothing else of this client has. */
  number(): number {
    return ++this.#numbers
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /**
   * Hands a message with headers to the client: `headerBytes` of them. Subjects were checked before. Throws only where the
   * connection is closed.
   */
  publish(subject: string, reply: string, headers: string | Uint8Array, headerBytes: number, body: Uint8Array): void {
    this.#frames.add(subject, reply, headers, headerBytes, body)
  }

  /** The same without headers. */
  publishPlain(subject: string, reply: string | undefined, body: Uint8Array): void {
    this.#frames.add(subject, reply ?? "", "", 0, body)
  }

  /** The same to a subject that came in as bytes; `reply`: "" for none. */
  answer(subject: Uint8Array, reply: string, body: Uint8Array): void {
    this.#frames.addTo(subject, reply, body)
  }

  /**
   * Returns what ends it; with `ended` it still receives what the server has sent before it knew of the end, then tells.
   * `denied` is told once, where the server forbids it.
   */
  subscribe(
    subject: string,
    received: (message: Message) => void,
    denied?: (message: string) => void
  ): (ended?: () => void) => void {
    const subscription = this.connection.subscribe(subject, {
      callback: (error, message) => {
        if (error !== null) denied?.(error.message)
        else if (message instanceof MsgImpl) received(new Incoming(message))
        else throw new Error("the message is not one of our @nats-io/nats-core")
      }
    })
    return (ended) => {
      if (this.closed || subscription.isClosed()) ended?.()
      else if (ended === undefined) subscription.unsubscribe()
      else void subscription.drain().then(() => ended(), () => ended())
    }
  }

  /** Tells whether the server has read everything that was published before. */
  barrier(told: (read: boolean) => void): void {
    const marked = this.#frames.mark()
    const answered = (read: boolean): void => {
      marked(read)
      told(read)
    }
    void this.connection.flush().then(() => answered(true), () => answered(false))
  }

  readonly flushed: Effect.Effect<boolean> = Effect.callback<boolean>((resume) =>
    this.barrier((read) => resume(Effect.succeed(read)))
  )

  use<A>(
    f: (connection: NatsConnection, signal: AbortSignal) => Promise<A>
  ): Effect.Effect<A, BrokerError.BrokerError> {
    return Effect.tryPromise({
      try: (signal) => f(this.connection, signal),
      catch: (cause) =>
        new BrokerError.BrokerError({ reason: clientError(cause, "", this.config.requestTimeoutMillis) })
    })
  }

  /**
   * A request to the JetStream API. It waits for a connection, and is asked again where the connection is lost before
   * the answer; within the request timeout.
   */
  request<A>(
    topic: string,
    ask: (manager: JetStreamManager) => Promise<A>
  ): Effect.Effect<A, BrokerError.BrokerError> {
    return Effect.mapError(
      this.ask(ask),
      (cause) => new BrokerError.BrokerError({ reason: clientError(cause, topic, this.config.requestTimeoutMillis) })
    )
  }

  /** The same, failing with what the client throws. */
  ask<A>(ask: (manager: JetStreamManager) => Promise<A>): Effect.Effect<A, unknown> {
    return Effect.suspend(() => {
      const end = this.clock.currentTimeMillisUnsafe() + this.config.requestTimeoutMillis
      const attempt: Effect.Effect<A, unknown> = Effect.suspend(() =>
        this.connected ? this.#once(ask) : Effect.andThen(this.#whenConnected(end), this.#once(ask))
      ).pipe(
        Effect.catch((error) =>
          error instanceof ConnectionLost && !this.closed && this.clock.currentTimeMillisUnsafe() < end
            ? attempt
            : Effect.fail(error)
        )
      )
      return attempt
    })
  }

  /** One try, given up when the connection is lost: the client itself would wait for its timeout. */
  #once<A>(ask: (manager: JetStreamManager) => Promise<A>): Effect.Effect<A, unknown> {
    return Effect.callback<A, unknown>((resume) => {
      const unlisten = this.listen({
        disconnected: (reason) => {
          unlisten()
          resume(Effect.fail(new ConnectionLost(reason)))
        }
      })
      ask(this.manager).then(
        (value) => {
          unlisten()
          resume(Effect.succeed(value))
          return undefined
        },
        (error: unknown) => {
          unlisten()
          resume(Effect.fail(error))
        }
      )
      return Effect.sync(unlisten)
    })
  }

  #whenConnected(end: number): Effect.Effect<void, ConnectionLost> {
    return Effect.flatMap(
      Effect.suspend(() => waitUntil(() => this.connected || this.closed, end - this.clock.currentTimeMillisUnsafe())),
      (connected) => connected && !this.closed ? Effect.void : Effect.fail(new ConnectionLost(this.reason))
    )
  }

  /** What the client says of its connection. */
  readonly follow = (event: ClientStatus): Effect.Effect<void> => {
    switch (event.type) {
      case "disconnect":
        return Effect.andThen(
          Effect.sync(() =>
            this.#lost(this.reason === "" ? `the connection to ${event.server} was lost` : this.reason)
          ),
          Effect.suspend(() => SubscriptionRef.set(this.status, this.#disconnected()))
        )
      case "reconnect":
        return Effect.andThen(
          SubscriptionRef.set<Status>(this.status, { _tag: "Connected" }),
          Effect.sync(() => {
            this.connected = true
            this.reason = ""
            for (const listener of this.#listeners) listener.connected?.()
          })
        )
      case "error":
        return Effect.andThen(
          Effect.sync(() => this.#error(event.error)),
          SubscriptionRef.update(
            this.status,
            (now) => now._tag === "Disconnected" && this.reason !== "" ? { ...now, reason: this.reason } : now
          )
        )
      case "close":
        return this.ended
      default:
        return Effect.void
    }
  }

  readonly ended: Effect.Effect<void> = Effect.suspend(() => {
    this.closed = true
    this.#lost("the connection is closed")
    return SubscriptionRef.set<Status>(this.status, { _tag: "Closed" })
  })

  #disconnected(): Status {
    return { _tag: "Disconnected", since: this.clock.currentTimeMillisUnsafe(), reason: this.reason }
  }

  #lost(reason: string): void {
    this.connected = false
    this.reason = reason
    this.#frames.lost()
    for (const listener of this.#listeners) listener.disconnected?.(reason)
  }

  #error(error: Error): void {
    if (error.name !== "PermissionViolationError") {
      // The server says so before it hangs up.
      const last = error.name === "AuthorizationError" || error.name === "UserAuthenticationExpiredError"
      if (last || !this.connected) this.reason = error.message
      return
    }
    if (!("subject" in error && "operation" in error) || error.operation !== "publish") return
    const subject = String(error.subject)
    for (const listener of this.#listeners) listener.denied?.(subject, error.message)
  }
}
