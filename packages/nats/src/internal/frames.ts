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

/** More than a command line without its subjects has. */
const lineSpace = 64

const carriageReturn = 13
const lineFeed = 10

export class Frames {
  readonly #door: Door
  /** What is before `#sent` belongs to the client, and is never written again; what is behind `#end` is free. */
  #buffer: Buffer = Buffer.alloc(0)
  #sent = 0
  #end = 0
  #planned = false

  constructor(door: Door) {
    this.#door = door
  }

  /**
   * `headers`: the block, as bytes or as text of `headerBytes` bytes in UTF-8; 0 where there are none. `reply`: "" for
   * none.
   */
  add(subject: string, reply: string, headers: string | Uint8Array, headerBytes: number, body: Uint8Array): void {
    const door = this.#door
    if (door.isClosed() || door.noMorePublishing) throw new Error("the connection takes nothing more")
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
    buffer.set(body, at)
    at += body.length
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

  #makeRoom(bytes: number): void {
    if (this.#buffer.length - this.#end >= bytes) return
    this.flush()
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(bufferSize, bytes))
    this.#sent = 0
    this.#end = 0
  }
}
