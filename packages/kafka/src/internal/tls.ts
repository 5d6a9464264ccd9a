/**
 * What is wrong with certificates and keys, before anybody dials: the clients take a key that is none for a broker that
 * cannot be reached, and Node takes a list of authorities that is none for an empty one.
 */
import { Redacted } from "effect"
import { createPrivateKey, X509Certificate } from "node:crypto"
import { createSecureContext } from "node:tls"
import type { Tls } from "../KafkaConfig.ts"

const works = (attempt: () => unknown): boolean => {
  try {
    attempt()
    return true
  } catch {
    return false
  }
}

const isCertificate = (pem: unknown): boolean => typeof pem === "string" && works(() => new X509Certificate(pem))

/** What Node says of a key is not passed on. */
export const problems = ({ ca, cert, key, passphrase, servername }: Tls): ReadonlyArray<string> => {
  const authorities: ReadonlyArray<unknown> = ca === undefined ? [] : typeof ca === "string" ? [ca] : Array.from(ca)
  if (!authorities.every(isCertificate)) return ["tls.ca must be certificates in PEM"]
  if (servername !== undefined && (typeof servername !== "string" || servername === "")) {
    return ["tls.servername must be a name"]
  }
  if (cert !== undefined && !isCertificate(cert)) return ["tls.cert must be a certificate in PEM"]
  if ((cert === undefined) !== (key === undefined)) return ["tls.cert and tls.key go together"]
  if (key === undefined) return passphrase === undefined ? [] : ["tls.passphrase needs tls.key"]
  if (!Redacted.isRedacted(key)) return ["tls.key must be Redacted"]
  if (passphrase !== undefined && !Redacted.isRedacted(passphrase)) return ["tls.passphrase must be Redacted"]
  const open = {
    key: Redacted.value(key),
    ...(passphrase === undefined ? undefined : { passphrase: Redacted.value(passphrase) })
  }
  if (!works(() => createPrivateKey(open))) {
    return ["tls.key must be a private key in PEM, and tls.passphrase the one that opens it"]
  }
  return works(() => createSecureContext({ cert, ...open })) ? [] : ["tls.key is not the key of tls.cert"]
}
