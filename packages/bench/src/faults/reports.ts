import path from "node:path"

/** Where runs leave what they found. */
export const reports = path.resolve(import.meta.dirname, "../../../../.reports")
