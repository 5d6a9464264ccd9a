/**
 * What can be configured of a connection to Kafka.
 *
 * @since 0.1.0
 */
import type { Duration, Effect, Redacted } from "effect"

/**
 * TLS, as Node understands it. There is no way to skip the verification of the broker's certificate: a private authority
 * is named in `ca`.
 *
 * @category models
 * @since 0.1.0
 */
export interface Tls {
  /** Certificates, in PEM, of the authorities that may sign the brokers'. Default: those that Node trusts. */
  readonly ca?: string | ReadonlyArray<string> | undefined
  /** This client's certificate, in PEM (mTLS). */
  readonly cert?: string | undefined
  /** The key to it, in PEM. */
  readonly key?: Redacted.Redacted | undefined
  readonly passphrase?: Redacted.Redacted | undefined
  /** The name that the certificate must be for, where it is not the broker's host. */
  readonly servername?: string | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export type Sasl =
  | {
    readonly mechanism: "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512"
    readonly username: string
    readonly password: Redacted.Redacted
  }
  | {
    readonly mechanism: "OAUTHBEARER"
    /** An effect is run for each connection, and again before a token expires. */
    readonly token: Redacted.Redacted | Effect.Effect<Redacted.Redacted, unknown>
  }

/**
 * @category models
 * @since 0.1.0
 */
export type Compression = "none" | "gzip" | "snappy" | "lz4" | "zstd"

/**
 * What consumers do. The defaults stand in the README.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConsumerSettings {
  /**
   * `"classic"` (default), or `"consumer"` (KIP-848): there a partition may be taken away while its records are still
   * worked on, because that protocol's hand-over is not awaited by the client. Deliveries stay fenced.
   */
  readonly groupProtocol?: "classic" | "consumer" | undefined
  /**
   * Makes this process a static member (KIP-345): within the session timeout it may restart without a rebalance. Unique in
   * the group; the topic's name is added.
   */
  readonly instanceId?: string | undefined
  /** A member that was not heard of for so long loses its partitions. Default 30 seconds. */
  readonly sessionTimeout?: Duration.Input | undefined
  /** How long a rebalance waits for all members. At least the session timeout. Default 60 seconds. */
  readonly rebalanceTimeout?: Duration.Input | undefined
  /** Default 1 second. */
  readonly heartbeatInterval?: Duration.Input | undefined
  /** How long running handlers may hold up a rebalance. Below the session timeout. Default 5 seconds. */
  readonly handoverTimeout?: Duration.Input | undefined
  /** How long a settled record may wait for its commit. Default 100 milliseconds. */
  readonly commitInterval?: Duration.Input | undefined
  /** Default `"read_committed"`: records of open or aborted transactions are not delivered. */
  readonly isolation?: "read_committed" | "read_uncommitted" | undefined
  /** Most bytes of one fetch. Default 4 MiB. */
  readonly maxBytes?: number | undefined
  /** Bytes of a partition that are fetched ahead. Default 1 MiB. */
  readonly maxBytesPerPartition?: number | undefined
  /** How long a broker may hold back the answer to a fetch that finds nothing. Default 500 milliseconds. */
  readonly maxWait?: Duration.Input | undefined
}

/**
 * What Kafka knows of a topic and other brokers do not.
 *
 * @category models
 * @since 0.1.0
 */
export interface TopicSettings {
  /** Default: one less than there are replicas, at least 1. A topic that has less is reported as drift. */
  readonly minInsyncReplicas?: number | undefined
  /** Default `"delete"`. */
  readonly cleanupPolicy?: "delete" | "compact" | "compact,delete" | undefined
  /** Largest batch of records, in bytes. Default: the broker's. */
  readonly maxMessageBytes?: number | undefined
  /**
   * Lets `createOrUpdate` add partitions. It breaks the order of aggregates: the next event of one may go to another
   * partition than its last. Default false.
   */
  readonly growPartitions?: boolean | undefined
  /** Any other setting of a topic, by Kafka's name. */
  readonly config?: Readonly<Record<string, string>> | undefined
}

/**
 * @category models
 * @since 0.1.0
 */
export interface Options {
  /** `host:port`; one is enough to find the others. */
  readonly bootstrapBrokers: ReadonlyArray<string>
  /** Default `"effect-eventbus"`. */
  readonly clientId?: string | undefined
  /** `true`: TLS with Node's defaults. Default false. */
  readonly tls?: boolean | Tls | undefined
  readonly sasl?: Sasl | undefined
  /** Of what is published. Default `"none"`. */
  readonly compression?: Compression | undefined
  /** `"all"` (default): acknowledged when all in-sync replicas have it. `"leader"` needs `idempotent: false`. */
  readonly acks?: "all" | "leader" | undefined
  /** The client's own resends store nothing twice. Default true. */
  readonly idempotent?: boolean | undefined
  /** Default 5 seconds. */
  readonly connectTimeout?: Duration.Input | undefined
  /**
   * How long the layer waits for a broker that is not there yet when it is built: it tries again until then, and fails
   * with `NotConnected` or `Timeout` after it. What waiting does not mend fails at once. 0: one try. Default 30 seconds.
   */
  readonly initialConnectTimeout?: Duration.Input | undefined
  /** How long one request waits for its answer before its connection is given up. Default 5 seconds. */
  readonly requestTimeout?: Duration.Input | undefined
  /**
   * How long the client itself sends a batch again before the bus decides. Below the bus's `deliveryTimeout`, by a request
   * timeout and more. Default 20 seconds.
   */
  readonly sendTimeout?: Duration.Input | undefined
  /** Between the client's own tries. Default 150 milliseconds. */
  readonly retryDelay?: Duration.Input | undefined
  /** Default 5 seconds. */
  readonly metadataMaxAge?: Duration.Input | undefined
  /** Bytes handed to the client and not answered, above which it takes no more. Default 64 MiB. */
  readonly maxBufferedBytes?: number | undefined
  readonly consumer?: ConsumerSettings | undefined
  /** For every topic. */
  readonly topicDefaults?: TopicSettings | undefined
  /** For single topics, by name; laid over `topicDefaults`. */
  readonly topics?: Readonly<Record<string, TopicSettings>> | undefined
}
