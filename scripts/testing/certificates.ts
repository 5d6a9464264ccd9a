// Certificates for tests: made anew for each run, so that no private key is in the repository and none expires.
import { generate } from "selfsigned"

/** A certificate and the key to it, in PEM. */
export interface Pair {
  readonly cert: string
  readonly key: string
}

/** Whom a certificate is for. */
export interface Hosts {
  readonly names: ReadonlyArray<string>
  readonly addresses: ReadonlyArray<string>
}

const loopback: Hosts = { names: ["localhost"], addresses: ["127.0.0.1"] }

export interface Authority {
  /** Its own certificate, in PEM: what trusts it trusts everything that it issued. */
  readonly ca: string
  /** For a server, and for a client. */
  readonly issue: (name: string, hosts?: Hosts) => Promise<Pair>
}

const named = (name: string) => [{ name: "commonName", value: name }]
const common = { keyType: "ec", algorithm: "sha256" } as const

/** A certificate authority of its own. */
export const authority = async (name: string): Promise<Authority> => {
  const root = await generate(named(name), {
    ...common,
    extensions: [
      { name: "basicConstraints", cA: true, critical: true },
      { name: "keyUsage", keyCertSign: true, cRLSign: true, digitalSignature: true, critical: true }
    ]
  })
  return {
    ca: root.cert,
    issue: async (subject, { addresses, names } = loopback) => {
      const issued = await generate(named(subject), {
        ...common,
        ca: { key: root.private, cert: root.cert },
        extensions: [
          { name: "basicConstraints", cA: false, critical: true },
          { name: "keyUsage", digitalSignature: true, critical: true },
          { name: "extKeyUsage", serverAuth: true, clientAuth: true },
          {
            name: "subjectAltName",
            altNames: [
              ...names.map((value) => ({ type: 2, value }) as const),
              ...addresses.map((ip) => ({ type: 7, ip }) as const)
            ]
          }
        ]
      })
      return { cert: issued.cert, key: issued.private }
    }
  }
}
