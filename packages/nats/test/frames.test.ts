import { describe, expect, test } from "vitest"
import { type Door, Frames } from "../src/internal/frames.ts"
import { headerBytes } from "../src/internal/headers.ts"

class Recorder implements Door {
  readonly chunks: Array<string> = []
  outBytes = 0
  outMsgs = 0
  noMorePublishing = false
  closed = false
  isClosed(): boolean {
    return this.closed
  }
  sendCommand: (frames: Uint8Array) => void = (frames) => {
    this.chunks.push(Buffer.from(frames).toString("utf8"))
  }
}

const text = (value: string): Uint8Array => new TextEncoder().encode(value)

const add = (frames: Frames, subject: string, reply: string, headers: string, body: string): void =>
  frames.add(subject, reply, headers, headerBytes(headers), text(body))

describe("frames", () => {
  test("go out together at the end of the turn, with what the protocol says of each", async () => {
    const door = new Recorder()
    const frames = new Frames(door)
    add(frames, "orders", "_INBOX.a.1", "NATS/1.0\r\nA: b\r\n\r\n", "hello")
    add(frames, "orders", "", "", "plain")
    expect(door.chunks).toEqual([])
    await Promise.resolve()
    expect(door.chunks).toEqual([
      "HPUB orders _INBOX.a.1 18 23\r\nNATS/1.0\r\nA: b\r\n\r\nhello\r\nPUB orders 5\r\nplain\r\n"
    ])
    expect([door.outMsgs, door.outBytes]).toEqual([2, 28])
  })

  test("count bytes, not characters", async () => {
    const door = new Recorder()
    const frames = new Frames(door)
    add(frames, "bestellungen.süd", "", "NATS/1.0\r\nA: ä\r\n\r\n", "€")
    await Promise.resolve()
    expect(door.chunks).toEqual(["HPUB bestellungen.süd 19 22\r\nNATS/1.0\r\nA: ä\r\n\r\n€\r\n"])
  })

  test("that were handed over are never written again", async () => {
    const door = new Recorder()
    const held: Array<Uint8Array> = []
    door.sendCommand = (chunk) => {
      held.push(chunk)
    }
    const frames = new Frames(door)
    // Far more than one buffer, in turns of their own and in one turn.
    const expected: Array<string> = []
    for (let i = 0; i < 400; i++) {
      const body = `${i}:${"x".repeat(700)}`
      expected.push(`PUB s ${body.length}\r\n${body}\r\n`)
      add(frames, "s", "", "", body)
      if (i % 7 === 0) await Promise.resolve()
    }
    await Promise.resolve()
    expect(Buffer.concat(held).toString()).toBe(expected.join(""))
  })

  describe("in buffers", () => {
    /** Three buffers full, handed over; where they are in memory. */
    const fill = async (frames: Frames, door: Recorder): Promise<ReadonlySet<ArrayBufferLike>> => {
      const places = new Set<ArrayBufferLike>()
      door.sendCommand = (chunk) => {
        places.add(chunk.buffer)
      }
      for (let i = 0; i < 200; i++) add(frames, "s", "", "", "x".repeat(1000))
      await Promise.resolve()
      return places
    }

    test("that the server has read are used again", async () => {
      const door = new Recorder()
      const frames = new Frames(door)
      const first = await fill(frames, door)
      frames.mark()(true)
      const second = await fill(frames, door)
      expect(first.size).toBe(4)
      expect([...second].filter((place) => first.has(place)).length).toBeGreaterThan(2)
    })

    test("of which nobody knows whether they were read are not", async () => {
      const door = new Recorder()
      const frames = new Frames(door)
      const first = await fill(frames, door)
      const told = frames.mark()
      const second = await fill(frames, door)
      told(false)
      const third = await fill(frames, door)
      // But for the one that is not full.
      expect([...second].filter((place) => first.has(place)).length).toBe(1)
      expect([...third].filter((place) => first.has(place)).length).toBe(0)
    })

    test("that a lost connection had are not, whatever the next one answers", async () => {
      const door = new Recorder()
      const frames = new Frames(door)
      const first = await fill(frames, door)
      frames.lost()
      frames.mark()(true)
      const second = await fill(frames, door)
      expect([...second].filter((place) => first.has(place)).length).toBe(1)
    })
  })

  test("may be larger than a buffer", async () => {
    const door = new Recorder()
    const frames = new Frames(door)
    const body = "y".repeat(300_000)
    add(frames, "s", "", "", "before")
    add(frames, "s", "", "", body)
    add(frames, "s", "", "", "behind")
    await Promise.resolve()
    expect(door.chunks.join("")).toBe(`PUB s 6\r\nbefore\r\nPUB s 300000\r\n${body}\r\nPUB s 6\r\nbehind\r\n`)
  })

  test("are refused where the connection takes nothing more, and dropped where it has closed", () => {
    const door = new Recorder()
    const frames = new Frames(door)
    add(frames, "s", "", "", "on its way")
    door.closed = true
    frames.flush()
    expect(door.chunks).toEqual([])
    expect(() => add(frames, "s", "", "", "late")).toThrow("nothing more")
    door.closed = false
    door.noMorePublishing = true
    expect(() => add(frames, "s", "", "", "late")).toThrow("nothing more")
  })
})
