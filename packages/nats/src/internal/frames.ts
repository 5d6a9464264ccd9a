/**
 * Messages on their way out, written as the protocol has them (`HPUB subject reply bytes bytes`, headers, body) into
 * large buffers that the client sends as they are.
 *
 * The client's own `publish` makes four buffers of each message and copies them together again. Here a message costs no
 * buffer at all. The frames go out at the end of the running turn, as the client's own would, or when a buffer is full.
 */

/** What it needs of the client: its `ProtocolHandler` has it. */
export interface Door {
  readonly isClosed: () => boolean
  /** It drains, and takes nothing more. */
  readonly noMorePublishing: boolean
  /** What the connection's `stats` tell. */
  outBytes: number
  outMsgs: number
  /** Puts whole frames behind what it has. */
  readonly sendCommand: (frames: Uint8Array) => void
}

const bufferSize = 64 * 1024

/** Most buffers that are kept for later, and most that are remembered until the server has read them: 4 MB each. */
const mostKept = 64

/** More than a command line without its subjects has. */
const lineSpace = 64

const carriageReturn = 13
const lineFeed = 10

const publish = Buffer.from("PUB ")

/** Fewer bytes than this are copied faster one by one. */
const few = 16

/** Copies `bytes` to `at`; tells how many. */
const put = (buffer: Buffer, bytes: Uint8Array, at: number): number => {
  if (bytes.length > few) buffer.set(bytes, at)
  else for (let i = 0; i < bytes.length; i++) buffer[at + i] = bytes[i]!
  return bytes.length
}

export class Frames {
  readonly #door: Door
  /** What is before `#sent` belongs to the client, and is not written; what is behind `#end` is free. */
  #buffer: Buffer = Buffer.alloc(0)
  #sent = 0
  #end = 0
  #planned = false
  /** Full ones, which the socket may not have taken yet. */
  #out: Array<Buffer> = []
  /** Full ones, which the server has read. */
  readonly #free: Array<Buffer> = []

  constructor(door: Door) {
    this.#door = door
  }

  /**
   * `headers`: the block, as bytes or as text of `headerBytes` bytes in UTF-8; 0 where there are none. `reply`: "" for
   * none.
   */
  add(subject: string, reply: string, headers: string | Uint8Array, headerBytes: number, body: Uint8Array): void {
    const total = headerBytes + body.length
    // Subjects are not only ASCII: three bytes for each character is the most.
    this.#makeRoom(lineSpace + 3 * (subject.length + reply.length) + total)
    const to = reply === "" ? subject : `${subject} ${reply}`
    const buffer = this.#buffer
    let at = this.#end
    at += buffer.write(headerBytes > 0 ? `HPUB ${to} ${headerBytes} ${total}\r\n` : `PUB ${to} ${total}\r\n`, at)
    if (typeof headers === "string") buffer.write(headers, at, headers.length === headerBytes ? "latin1" : "utf8")
    else buffer.set(headers, at)
    at += headerBytes
    this.#finish(at, body, total)
  }

  /** Without headers, to a subject that is bytes already. `reply`: "" for none. */
  addTo(subject: Uint8Array, reply: string, body: Uint8Array): void {
    this.#makeRoom(lineSpace + subject.length + 3 * reply.length + body.length)
    const buffer = this.#buffer
    let at = this.#end
    at += put(buffer, publish, at)
    at += put(buffer, subject, at)
    at += buffer.write(reply === "" ? ` ${body.length}\r\n` : ` ${reply} ${body.length}\r\n`, at)
    this.#finish(at, body, body.length)
  }

  /** The body, the end of the frame, and the counts. */
  #finish(start: number, body: Uint8Array, total: number): void {
    const door = this.#door
    const buffer = this.#buffer
    let at = start + put(buffer, body, start)
    buffer[at++] = carriageReturn
    buffer[at++] = lineFeed
    this.#end = at
    door.outMsgs++
    door.outBytes += total
    if (this.#planned) return
    this.#planned = true
    queueMicrotask(() => {
      this.#planned = false
      this.flush()
    })
  }

  /** Hands over what is written: before anything that has to be behind it. */
  flush(): void {
    if (this.#sent === this.#end) return
    const frames = this.#buffer.subarray(this.#sent, this.#end)
    this.#sent = this.#end
    if (!this.#door.isClosed()) this.#door.sendCommand(frames)
  }

  /** To be called before the server is asked whether it has read everything, and what this returns with its answer. */
  mark(): (read: boolean) => void {
    this.flush()
    const out = this.#out
    this.#out = []
    return (read) => {
      if (read) { for (const buffer of out) if (this.#free.length < mostKept) this.#free.push(buffer) }
    }
  }

  /** The connection was lost: no later answer says anything of what is out, and its socket may still hold it. */
  lost(): void {
    this.#out = []
  }

  #makeRoom(bytes: number): void {
    const door = this.#door
    if (door.isClosed() || door.noMorePublishing) throw new Error("the connection takes nothing more")
    if (this.#buffer.length - this.#end >= bytes) return
    this.flush()
    // Where nobody asks what the server has read, they are left to the garbage collector.
    if (this.#buffer.length === bufferSize && this.#out.length < mostKept) this.#out.push(this.#buffer)
    this.#buffer = (bytes <= bufferSize ? this.#free.pop() : undefined)
      ?? Buffer.allocUnsafeSlow(Math.max(bufferSize, bytes))
    this.#sent = 0
    this.#end = 0
  }
}
