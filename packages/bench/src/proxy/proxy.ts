/**
 * A TCP proxy on the loopback with faults on demand, which it counts: resets, half-open connections, latency, a slow or
 * chopped link, a connection that ends after so many bytes. What knows a protocol comes in as a {@link Hook}.
 */
import net from "node:net"

/** Passes bytes on, if wanted later; the order stays. */
export type Forward = (bytes: Buffer, delayMillis?: number) => void

/** One connection, as a hook sees it. */
export interface Link {
  /** Resets it. */
  readonly reset: () => void
}

/** What a protocol does with the bytes of one connection. Left out: they go through as they are. */
export interface Codec {
  readonly toServer?: (chunk: Buffer, forward: Forward) => void
  readonly toClient?: (chunk: Buffer, forward: Forward) => void
}

/** Asked for each connection. */
export type Hook = (link: Link) => Codec

export interface Options {
  /** Port of the server on the loopback. */
  readonly target: number
  /** Own port. Default: a free one. */
  readonly listen?: number | undefined
  readonly hook?: Hook | undefined
}

const sleep = (millis: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, millis)
  })

/** More than this waits in the sender's socket, not here. */
const roomBytes = 1024 * 1024
const pieceBytes = 1024
const longestLagMillis = 200

/** One direction of a connection. */
class Line {
  readonly #from: net.Socket
  readonly #to: net.Socket
  readonly #weather: Weather
  readonly #queue: Array<{ readonly bytes: Buffer; readonly due: number }> = []
  #queued = 0
  #last = 0
  #running = false
  /** When the slow link has room for the next piece. */
  #free = 0

  constructor(from: net.Socket, to: net.Socket, weather: Weather) {
    this.#from = from
    this.#to = to
    this.#weather = weather
  }

  push(bytes: Buffer, delayMillis = 0): void {
    if (bytes.length === 0) return
    const now = performance.now()
    const { jitter, latency } = this.#weather
    const due = Math.max(this.#last, now + delayMillis + latency + (Math.random() * 2 - 1) * jitter)
    this.#last = due
    this.#queue.push({ bytes, due })
    this.#queued += bytes.length
    if (this.#queued > roomBytes) this.#from.pause()
    if (!this.#running) void this.#run()
  }

  async #run(): Promise<void> {
    this.#running = true
    for (let item = this.#queue[0]; item !== undefined; item = this.#queue[0]) {
      const wait = item.due - performance.now()
      if (wait > 0) await sleep(wait)
      await this.#write(item.bytes)
      this.#queue.shift()
      this.#queued -= item.bytes.length
      if (this.#queued <= roomBytes && this.#from.isPaused()) this.#from.resume()
    }
    this.#running = false
  }

  async #write(bytes: Buffer): Promise<void> {
    const { weather } = this
    const piece = weather.sliceBytes || (weather.bytesPerSecond === Infinity ? bytes.length : pieceBytes)
    for (let at = 0; at < bytes.length && !this.#to.destroyed; at += piece) {
      while (weather.stalled && !this.#to.destroyed) await sleep(5)
      const part = bytes.subarray(at, at + piece)
      if (weather.bytesPerSecond !== Infinity) await this.#turn(part.length)
      if (weather.sliceMillis > 0) await sleep(weather.sliceMillis)
      if (this.#to.destroyed) return
      if (!this.#to.write(part)) {
        await new Promise<void>((resolve) => {
          this.#to.once("drain", resolve)
          this.#to.once("close", resolve)
        })
      }
    }
  }

  /** Keeps to the rate however late timers are: what one of them loses the next pieces make up for. */
  async #turn(bytes: number): Promise<void> {
    const now = performance.now()
    this.#free = Math.max(this.#free, now - longestLagMillis) + bytes / this.#weather.bytesPerSecond * 1000
    if (this.#free > now) await sleep(this.#free - now)
  }

  get weather(): Weather {
    return this.#weather
  }
}

/** What the link is like. */
interface Weather {
  latency: number
  jitter: number
  bytesPerSecond: number
  sliceBytes: number
  sliceMillis: number
  stalled: boolean
}

const fair: Weather = {
  latency: 0,
  jitter: 0,
  bytesPerSecond: Infinity,
  sliceBytes: 0,
  sliceMillis: 0,
  stalled: false
}

interface Connection {
  readonly client: net.Socket
  readonly server: net.Socket
  readonly reset: () => void
  passed: number
}

export class Proxy {
  readonly #server: net.Server
  readonly #hook: Hook
  readonly #connections = new Set<Connection>()
  readonly #weather: Weather = { ...fair }
  #refusing = false
  #limit = Infinity
  readonly #listen: number
  /** Where connections go to; those that are open stay where they are. */
  target: number
  port = 0
  /** Connections that were reset, refused or stalled on purpose. */
  cuts = 0
  /** What clients have sent. */
  bytesToServer = 0

  constructor({ hook = () => ({}), listen = 0, target }: Options) {
    this.target = target
    this.#hook = hook
    this.#listen = listen
    this.#server = net.createServer((client) => this.#accept(client))
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#connections.size
  }

  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject)
      this.#server.listen(this.port === 0 ? this.#listen : this.port, "127.0.0.1", () => {
        const address = this.#server.address()
        if (typeof address === "object" && address !== null) this.port = address.port
        resolve()
      })
    })
  }

  stop(): Promise<void> {
    for (const { reset } of this.#connections) reset()
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
    })
  }

  // --- faults -----------------------------------------------------------------------------------------------------------

  /** Resets every connection, once. */
  reset(): void {
    for (const { reset } of this.#connections) {
      this.cuts++
      reset()
    }
  }

  /** Resets every connection, and every new one, until {@link mend}. */
  cut(): void {
    this.#refusing = true
    this.reset()
  }

  /** Half open: nothing goes through, in either direction, and nobody says so. */
  stall(): void {
    this.#weather.stalled = true
    this.cuts += this.#connections.size
  }

  /** Each way, in milliseconds. */
  latency(millis: number, jitter = 0): void {
    this.#weather.latency = millis
    this.#weather.jitter = jitter
  }

  /** Each way, for each connection. */
  throttle(bytesPerSecond: number): void {
    this.#weather.bytesPerSecond = bytesPerSecond
  }

  /** In pieces of so many bytes, with a pause before each. */
  slice(bytes: number, pauseMillis: number): void {
    this.#weather.sliceBytes = bytes
    this.#weather.sliceMillis = pauseMillis
  }

  /** Every connection is reset after so many more bytes from its client. */
  limit(bytes: number): void {
    this.#limit = bytes
    for (const connection of this.#connections) connection.passed = 0
  }

  /** Ends all that was done; connections that were stalled are reset, because they are dead for their client. */
  mend(): void {
    this.#refusing = false
    this.#limit = Infinity
    const { stalled } = this.#weather
    Object.assign(this.#weather, fair)
    if (stalled) { for (const { reset } of this.#connections) reset() }
  }

  // --- connections ------------------------------------------------------------------------------------------------------

  #accept(client: net.Socket): void {
    if (this.#refusing) {
      this.cuts++
      client.resetAndDestroy()
      return
    }
    const server = net.connect(this.target, "127.0.0.1")
    const connection: Connection = {
      client,
      server,
      passed: 0,
      reset: () => {
        client.resetAndDestroy()
        server.destroy()
      }
    }
    const codec = this.#hook({ reset: connection.reset })
    this.#connections.add(connection)
    const up = new Line(client, server, this.#weather)
    const down = new Line(server, client, this.#weather)
    const toServer: Forward = (bytes, delay) => up.push(bytes, delay)
    const toClient: Forward = (bytes, delay) => down.push(bytes, delay)
    const end = (): void => {
      this.#connections.delete(connection)
      client.destroy()
      server.destroy()
    }
    for (const socket of [client, server]) {
      socket.setNoDelay(true)
      socket.on("error", end)
      socket.on("close", end)
    }
    client.on("data", (chunk: Buffer) => {
      this.bytesToServer += chunk.length
      connection.passed += chunk.length
      if (connection.passed > this.#limit) {
        this.cuts++
        connection.reset()
      } else if (codec.toServer === undefined) toServer(chunk)
      else codec.toServer(chunk, toServer)
    })
    server.on("data", (chunk: Buffer) => {
      if (codec.toClient === undefined) toClient(chunk)
      else codec.toClient(chunk, toClient)
    })
  }
}
