/**
 * What has to be right of TLS before the client dials: it would say too little of it, or check less than it should.
 */
import { createPrivateKey, X509Certificate } from "node:crypto"
import { readFileSync } from "node:fs"
import { checkServerIdentity, createSecureContext, type PeerCertificate } from "node:tls"

/** As the client takes it: every secret is open. */
export interface Tls {
  readonly ca?: string
  readonly caFile?: string
  readonly cert?: string
  readonly certFile?: string
  readonly key?: string
  readonly keyFile?: string
  readonly handshakeFirst?: boolean
}

const codeOf = (error: unknown): string =>
  error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "unreadable"

interface Read {
  readonly pem?: string
  readonly problem?: string
}

const read = (name: string, pem: string | undefined, file: string | undefined): Read => {
  if (file === undefined) return pem === undefined ? {} : { pem }
  if (pem !== undefined) return { problem: `give one of tls.${name} and tls.${name}File` }
  try {
    return { pem: readFileSync(file, "utf8") }
  } catch (error) {
    return { problem: `tls.${name}File cannot be read (${codeOf(error)}): ${file}` }
  }
}

const works = (attempt: () => unknown): boolean => {
  try {
    attempt()
    return true
  } catch {
    return false
  }
}

/** What is wrong with the options, or `undefined`. What Node says of a key is not passed on. */
export const problemOf = (tls: Tls): string | undefined => {
  const ca = read("ca", tls.ca, tls.caFile)
  const cert = read("cert", tls.cert, tls.certFile)
  const key = read("key", tls.key, tls.keyFile)
  const unread = ca.problem ?? cert.problem ?? key.problem
  if (unread !== undefined) return unread
  // Node takes rubbish for an empty list, and then trusts nobody: said later, and of the server's certificate.
  for (const [name, { pem }] of [["ca", ca], ["cert", cert]] as const) {
    if (pem !== undefined && !works(() => new X509Certificate(pem))) return `tls.${name} is no certificate in PEM`
  }
  if ((cert.pem === undefined) !== (key.pem === undefined)) return "tls.cert and tls.key go together"
  const { pem } = key
  if (pem === undefined) return undefined
  if (!works(() => createPrivateKey(pem))) return "tls.key is no private key in PEM"
  return works(() => createSecureContext({ cert: cert.pem, key: pem }))
    ? undefined
    : "tls.key is not the key of tls.cert"
}

const hostOf = (server: string): string => {
  const url = URL.parse(`http://${server.replace(/^[a-z]+:\/\//i, "")}`)
  return url === null ? server : url.hostname.replace(/^\[(.*)\]$/, "$1")
}

/**
 * Whom a certificate must be for. The client tells Node the name of a server, but not its address: Node then takes
 * `localhost` for it, so that a certificate for `localhost` would pass for any address, and the right one for none. Here
 * it has to be for one of the servers of the options.
 */
export const identityOf = (
  servers: ReadonlyArray<string>
): (name: string, certificate: PeerCertificate) => Error | undefined => {
  const hosts = servers.map(hostOf)
  return (name, certificate) => {
    if (name !== "localhost") return checkServerIdentity(name, certificate)
    let problem: Error | undefined
    for (const host of hosts) {
      problem = checkServerIdentity(host, certificate)
      if (problem === undefined) return undefined
    }
    return problem
  }
}
