// F28: what somebody could try to get through a name, a header or an id.

/** As the name of a topic. */
export const topicNames: ReadonlyArray<string> = [
  "$JS.API.STREAM.DELETE.X",
  "$JS.API.>",
  "$SYS.REQ.SERVER.PING",
  "_INBOX.x",
  "__consumer_offsets",
  "*",
  ">",
  "a*b",
  "a.>",
  "a.*",
  "..",
  ".",
  "a..b",
  ".a",
  "a.",
  "a b",
  "a\tb",
  "a\r\nPUB x 0\r\n",
  "a\u0000b",
  "a\u00a0b",
  "a\u200bb",
  "a/b",
  "a\\b",
  "\u00fc",
  "a.0",
  "7",
  "",
  "x".repeat(201),
  "x".repeat(5000)
]

/** As the name of a group. */
export const groupNames: ReadonlyArray<string> = [
  "$G",
  "*",
  ">",
  "a.b",
  "..",
  "a b",
  "a\tb",
  "a\r\nb",
  "a\u0000b",
  "a\u00a0b",
  "a/b",
  "\u00fc",
  "",
  "x".repeat(101),
  "x".repeat(5000)
]

/** As the name of a header. */
export const headerNames: ReadonlyArray<string> = [
  "Nats-Msg-Id",
  "nats-rollup",
  "Nats-TTL",
  "Nats-Expected-Last-Sequence",
  "NATS-Expected-Stream",
  "$x",
  "X-Event-ID",
  "x-eventbus-key",
  "X-DeadLetter-Topic",
  "ce_type",
  "ce-id",
  "traceparent",
  "__proto__",
  "a b",
  "a:b",
  "a\r\nNats-Rollup: all",
  "a\u0000b",
  "\u00fc",
  "",
  "x".repeat(129)
]

/** As the value of a header. */
export const headerValues: ReadonlyArray<string> = [
  "a\r\nNats-Rollup: all",
  "a\nb",
  "a\rb",
  "a\u0000b",
  "a\u0085b",
  "\ud800",
  " a",
  "a ",
  "x".repeat(16_385)
]

/** As the id of an aggregate. */
export const aggregateIds: ReadonlyArray<string> = [
  "",
  " ",
  "*",
  ">",
  "$JS.API.>",
  "a b",
  "a\tb",
  "a\r\nb",
  "a\u0000b",
  "a\u00a0b",
  "\u00fc",
  "x".repeat(257),
  "x".repeat(5000)
]

/** As the id of an event. */
export const eventIds: ReadonlyArray<string> = [
  "",
  "   ",
  "a\r\nNats-Rollup: all",
  "a\u0000b",
  "a\u0085b",
  "\ud800",
  "x".repeat(257)
]
