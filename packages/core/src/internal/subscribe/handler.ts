import { Context, Effect, References, Tracer } from "effect"
import type { DeliveryImpl } from "./delivery.ts"
import { parentOf } from "./traceparent.ts"
import type { Run } from "./workers.ts"

/** A tracer was provided and is not switched off: only then is a span worth its price for each message. */
export const isTracing = (context: Context.Context<never>): boolean =>
  context.mapUnsafe.has(Tracer.Tracer.key) && Context.get(context, References.TracerEnabled)

/**
 * Wraps each handler's run in a consumer span, a child of the span that published the message. Attributes follow
 * OpenTelemetry's messaging conventions.
 */
export const traced = <A extends { readonly eventId: string; readonly type: string }, R>(
  run: Run<A, R>,
  options: { readonly system: string; readonly group: string }
): Run<A, R> =>
(envelope, delivery) => {
  const parent = parentOf(delivery.headers)
  return Effect.useSpan(
    `process ${delivery.topic}`,
    {
      kind: "consumer",
      ...(parent === undefined ? { root: true } : { parent }),
      attributes: attributesOf(envelope, delivery, options)
    },
    (span) => Effect.provideService(run(envelope, delivery), Tracer.ParentSpan, span)
  )
}

const attributesOf = <A extends { readonly eventId: string; readonly type: string }>(
  envelope: A,
  delivery: DeliveryImpl<A>,
  options: { readonly system: string; readonly group: string }
) => ({
  "messaging.system": options.system,
  "messaging.operation.type": "process",
  "messaging.destination.name": delivery.topic,
  "messaging.destination.partition.id": String(delivery.partition),
  "messaging.consumer.group.name": options.group,
  "messaging.message.id": envelope.eventId,
  "eventbus.event.type": envelope.type,
  "eventbus.attempt": delivery.attempt
})
