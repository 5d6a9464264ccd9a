/**
 * The encoding of CloudEvents' header values in the HTTP and NATS bindings.
 */

/** Space, `"`, `%` and whatever is not printable ASCII is percent-encoded. The text is well-formed. */
export const toPercent = (text: string): string =>
  /^[!#$&-~]*$/.test(text) ? text : text.replace(/[^!#$&-~]+/g, (run) => encodeURIComponent(run))

/** The inverse. Older writers may quote a value as a whole; what is badly encoded comes back as it is. */
export const fromPercent = (text: string): string => {
  const bare = text.length > 1 && text.startsWith("\"") && text.endsWith("\"")
    ? text.slice(1, -1).replace(/\\(.)/g, "$1")
    : text
  if (!bare.includes("%")) return bare
  try {
    return decodeURIComponent(bare)
  } catch {
    return bare
  }
}
