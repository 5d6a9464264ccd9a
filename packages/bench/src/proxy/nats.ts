/**
 * The proxy with knowledge of NATS: acknowledgements that get lost, a connection that ends behind a publish.
 */
import { type Hook, Proxy } from "./proxy.ts"

/** A message on the wire: its line, without the line break, and its payload with headers. */
export interface Frame {
  readonly line: string
  readonly payload: Buffer
}

const withPayload = /^H?(?:MSG|PUB) .* (\d+)$/i

/** Splits one direction of a connection into what goes on; `keep` is asked for each message. */
export class Frames {
  #rest: Buffer = Buffer.alloc(0)
  readonly #keep: (frame: Frame) => boolean

  constructor(keep: (frame: Frame) => boolean) {
    this.#keep = keep
  }

  /** What of it goes on. */
  push(chunk: Buffer): Buffer {
    const bytes = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    const out: Array<Buffer> = []
    let from = 0
    for (let end = bytes.indexOf("\r\n", from); end >= 0; end = bytes.indexOf("\r\n", from)) {
      const line = bytes.toString("latin1", from, end)
      const message = withPayload.exec(line)
      const next = message === null ? end + 2 : end + 2 + Number(message[1]) + 2
      if (next > bytes.length) break
      if (message === null || this.#keep({ line, payload: bytes.subarray(end + 2, next - 2) })) {
        out.push(bytes.subarray(from, next))
      }
      from = next
    }
    this.#rest = bytes.subarray(from)
    return Buffer.concat(out)
  }
}

const starts = ["{\"stream\":", "{\"type\":\"ack\""]

/** An acknowledgement: of one message, of a batch, or the cumulative one of fast ingest. */
const isAck = ({ payload }: Frame): boolean => {
  const start = payload.toString("latin1", 0, 13)
  return starts.some((text) => start.startsWith(text))
}

/** How long the server gets for what it has read before the connection behind it ends. */
const graceMillis = 30

export class NatsProxy extends Proxy {
  /** Acknowledgements that were lost. */
  readonly #acks: { toDrop: number; dropped: number; armed: number; fired: number }

  constructor(target: number) {
    const acks = { toDrop: 0, dropped: 0, armed: 0, fired: 0 }
    const hook: Hook = (link) => {
      let swallowing = false
      const down = new Frames((frame) => {
        if (acks.toDrop === 0 || !isAck(frame)) return true
        acks.toDrop--
        acks.dropped++
        return false
      })
      const up = new Frames(({ line }) => {
        if (acks.armed > 0 && !swallowing && line.startsWith("HPUB ")) {
          acks.armed--
          acks.fired++
          swallowing = true
          setTimeout(link.reset, graceMillis)
        }
        return true
      })
      return {
        toServer: (chunk, forward) => forward(up.push(chunk)),
        toClient: (chunk, forward) => {
          const kept = down.push(chunk)
          if (!swallowing) forward(kept)
        }
      }
    }
    super({ target, hook })
    this.#acks = acks
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`
  }

  /** Acknowledgements that were lost. */
  get dropped(): number {
    return this.#acks.dropped
  }

  /** Connections that were cut behind a publish. */
  get cutBehind(): number {
    return this.#acks.fired
  }

  /** The next acknowledgements get lost. */
  dropAcks(count: number): void {
    this.#acks.toDrop += count
  }

  /** The next publish reaches the server; its acknowledgement and the connection do not live. */
  cutAfterPublish(): void {
    this.#acks.armed++
  }

  override mend(): void {
    this.#acks.toDrop = 0
    this.#acks.armed = 0
    super.mend()
  }
}
