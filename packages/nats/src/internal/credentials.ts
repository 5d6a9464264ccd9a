/**
 * Who we are, as the client asks for it: from a user and password, a token, an NKey or a JWT.
 */
import {
  type Authenticator,
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator
} from "@nats-io/transport-node"
import { Redacted } from "effect"
import { readFileSync } from "node:fs"
import type { Options } from "../NatsConfig.ts"

const text = (secret: Redacted.Redacted | undefined): string | undefined =>
  secret === undefined ? undefined : Redacted.value(secret)

const bytes = (value: string): Uint8Array => new TextEncoder().encode(value)

/**
 * Credentials that may be renewed while the connection lasts. The client closes it for good where its authenticator
 * throws, so a file that is just being written, or is gone, is passed over: the credentials of before are shown again, and
 * the server decides.
 */
const renewed = (file: string): Authenticator => {
  let good: Authenticator | undefined
  return (nonce) => {
    try {
      // Read once: the JWT and the seed shall be of the same file.
      const next = credsAuthenticator(new Uint8Array(readFileSync(file)))
      next("")
      good = next
    } catch (error) {
      if (good === undefined) throw error
    }
    return good(nonce)
  }
}

export const authenticatorOf = (options: Options): Authenticator | undefined => {
  const { credentials, credentialsFile, nkeySeed, password, token, user } = options
  if (credentialsFile !== undefined) return renewed(credentialsFile)
  if (credentials !== undefined) return credsAuthenticator(bytes(Redacted.value(credentials)))
  if (nkeySeed !== undefined) return nkeyAuthenticator(bytes(Redacted.value(nkeySeed)))
  if (token !== undefined) return tokenAuthenticator(Redacted.value(token))
  if (user !== undefined) return usernamePasswordAuthenticator(user, text(password))
  return undefined
}

/** What the options show of themselves only when they are used, and the client would not say clearly. */
export const credentialsProblem = (options: Options, authenticator: Authenticator | undefined): string | undefined => {
  const { credentials, credentialsFile, nkeySeed } = options
  if ([credentials, credentialsFile, nkeySeed].every((one) => one === undefined)) return undefined
  try {
    authenticator?.("nonce")
    return undefined
  } catch (error) {
    if (nkeySeed !== undefined) return "nkeySeed is not the seed of an NKey"
    if (credentials !== undefined) return "credentials hold no JWT and seed"
    const code = error instanceof Error && "code" in error ? ` (${String(error.code)})` : ""
    return `credentialsFile cannot be read, or holds no JWT and seed${code}: ${credentialsFile}`
  }
}
