import { describe, expect, test } from "vitest"
import { apiRefusal, clientError, parseApiError, publishRefusal } from "../src/internal/classify.ts"

const place = { topic: "orders", bytes: 2_000_000, limit: 1_048_576 }

/** What JetStream answers to a publish: code, err_code; the reason, its kind, and whether another try can help. */
const refusals: ReadonlyArray<readonly [number, number, string, string | undefined, boolean]> = [
  [400, 10054, "TooLarge", undefined, false],
  [404, 10059, "TopicMissing", undefined, false],
  [503, 10077, "Refused", "full", true],
  [500, 10047, "Refused", "full", true],
  [503, 10023, "Refused", "full", true],
  [400, 10109, "Refused", "sealed", false],
  [400, 10071, "Refused", "conflict", false],
  [400, 10164, "Refused", "conflict", false],
  [400, 10070, "Refused", "conflict", false],
  [400, 10201, "Refused", "conflict", false],
  [400, 10174, "Refused", "unsupported", false],
  [400, 10205, "Refused", "unsupported", false],
  [500, 10074, "Refused", "unsupported", false],
  [400, 10097, "Refused", "invalid", false],
  [409, 10158, "BrokerFailure", undefined, true],
  [429, 10210, "BrokerFailure", undefined, true],
  [429, 10211, "BrokerFailure", undefined, true],
  [400, 10208, "BrokerFailure", undefined, true],
  [400, 10176, "BrokerFailure", undefined, true],
  [503, 10008, "BrokerFailure", undefined, true],
  [500, 10009, "BrokerFailure", undefined, true],
  [429, 0, "BrokerFailure", undefined, true],
  [400, 99_999, "BrokerFailure", undefined, false],
  [401, 0, "Unauthorized", undefined, false]
]

describe("what a refusal means", () => {
  test.each(refusals)("%i/%i is %s %s", (code, errCode, tag, kind, retryable) => {
    const reason = publishRefusal({ code, errCode, description: "said" }, place)
    expect(reason).toMatchObject({ _tag: tag, isRetryable: retryable, ...(kind === undefined ? undefined : { kind }) })
    expect(reason.message).toContain(tag === "TooLarge" ? "2000000 bytes with headers, the limit is 1048576" : "said")
  })

  test("the same for administration", () => {
    expect(apiRefusal({ code: 404, errCode: 10059, description: "x" }, "t")).toMatchObject({
      _tag: "TopicMissing",
      topic: "t"
    })
  })
})

const named = (name: string, fields: object = {}) => Object.assign(new Error("said"), { name }, fields)

describe("what the client throws", () => {
  test.each([
    ["AuthorizationError", "Unauthorized"],
    ["UserAuthenticationExpiredError", "Unauthorized"],
    ["PermissionViolationError", "Unauthorized"],
    ["TimeoutError", "Timeout"],
    ["NoRespondersError", "BrokerFailure"],
    ["ClosedConnectionError", "NotConnected"],
    ["ConnectionError", "NotConnected"],
    ["InvalidSubjectError", "Refused"],
    ["SomethingElse", "BrokerFailure"]
  ])("%s is %s", (name, tag) => {
    expect(clientError(named(name), "t", 5000)._tag).toBe(tag)
  })

  test("the reason inside of a request's error", () => {
    const outer = new Error("request", { cause: named("NoRespondersError") })
    outer.name = "RequestError"
    expect(clientError(outer, "t", 5000)).toMatchObject({ _tag: "BrokerFailure", retryable: true })
  })

  test("what the system says", () => {
    expect(clientError(named("Error", { code: "ECONNREFUSED" }), "t", 1)._tag).toBe("NotConnected")
    for (
      const code of ["SELF_SIGNED_CERT_IN_CHAIN", "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "ERR_TLS_CERT_ALTNAME_INVALID"]
    ) {
      expect(clientError(named("Error", { code }), "t", 1)._tag).toBe("Unauthorized")
    }
  })

  test("the API's error inside of it", () => {
    const error = named("JetStreamApiError", {
      apiError: () => ({ code: 404, err_code: 10059, description: "stream not found" })
    })
    expect(clientError(error, "orders", 5000)).toMatchObject({ _tag: "TopicMissing", topic: "orders" })
  })
})

test("an error without its fields is an error", () => {
  expect(parseApiError({})).toEqual({ code: 500, errCode: 0, description: "no description" })
  expect(parseApiError(undefined)).toBeUndefined()
})
