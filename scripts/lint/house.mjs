// The rules of this house, as an oxlint plugin.
import path from "node:path"

const root = path.resolve(import.meta.dirname, "../..")

/** Folders whose imports are limited to packages and relative files that match. */
const allowedImports = [
  { folder: "packages/core/src/", packages: /^effect(\/|$)/, names: "effect and its own files" },
  {
    folder: "packages/core/testing/",
    packages: /^(effect(\/|$)|vitest$)/,
    names: "effect, vitest and its own files"
  }
]

/** @param {string} file @returns {string} the package or example that the file belongs to */
const unitOf = (file) => file.split("/").slice(0, 2).join("/")

/**
 * @param {string} file from the root
 * @param {string} specifier
 * @returns {string | undefined} what is wrong with importing this there
 */
export const importProblem = (file, specifier) => {
  if (specifier.startsWith(".")) {
    if (!/\.(ts|mjs|json)$/.test(specifier)) return "a relative import names the file with its extension"
    const target = path.posix.join(path.posix.dirname(file), specifier)
    if (unitOf(target) !== unitOf(file) && /^(packages|examples)\//.test(target)) {
      return "another package is imported by its name, through its public entry points"
    }
    return undefined
  }
  if (/^@effect-eventbus\/[^/]+\/(.*\/)?(internal|src|dist)(\/|$)/.test(specifier)) {
    return "the inside of another package is closed; import a public entry point"
  }
  if (specifier === "@effect/platform-node") {
    return "its barrel needs redis, which is not installed; import the module, as @effect/platform-node/NodeRuntime"
  }
  const rule = allowedImports.find(({ folder }) => file.startsWith(folder))
  return rule === undefined || rule.packages.test(specifier) ? undefined : `${rule.folder} imports ${rule.names} only`
}

const ambientMembers = new Set([
  "Date.now",
  "Math.random",
  "performance.now",
  "crypto.randomUUID",
  "crypto.getRandomValues"
])
const ambientCalls = new Set(["setTimeout", "setInterval", "setImmediate", "fetch"])

const imports = {
  /** @param {any} context */
  create(context) {
    const file = path.relative(root, context.filename).split(path.sep).join("/")
    /** @param {any} node */
    const check = (node) => {
      const specifier = node.source?.value
      const problem = typeof specifier === "string" ? importProblem(file, specifier) : undefined
      if (problem !== undefined) context.report({ node: node.source, message: `${specifier}: ${problem}.` })
    }
    return {
      ImportDeclaration: check,
      ExportNamedDeclaration: check,
      ExportAllDeclaration: check,
      ImportExpression: check
    }
  }
}

const noAmbientEffects = {
  /** @param {any} context */
  create(context) {
    /** @param {any} node @param {string} what */
    const report = (node, what) =>
      context.report({
        node,
        message: `${what}: time, randomness and timers come from Clock, Random and Schedule, so that tests rule them.`
      })
    return {
      /** @param {any} node */
      MemberExpression(node) {
        if (node.computed || node.object.type !== "Identifier") return
        const name = `${node.object.name}.${node.property.name}`
        if (ambientMembers.has(name)) report(node, name)
      },
      /** @param {any} node */
      CallExpression(node) {
        if (node.callee.type === "Identifier" && ambientCalls.has(node.callee.name)) {
          report(node, `${node.callee.name}()`)
        }
      },
      /** @param {any} node */
      NewExpression(node) {
        if (node.callee.type === "Identifier" && node.callee.name === "Date" && node.arguments.length === 0) {
          report(node, "new Date()")
        }
      }
    }
  }
}

export default { meta: { name: "house" }, rules: { imports, "no-ambient-effects": noAmbientEffects } }
