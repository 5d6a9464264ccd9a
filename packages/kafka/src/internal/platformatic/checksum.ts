import { crc32c, Writer } from "@platformatic/kafka"

/** Of the client: in native code where its optional dependency is installed. It copies whatever is not its own buffer. */
export const checksum = (bytes: Buffer): number => crc32c(Writer.create().append(bytes).dynamicBuffer)
