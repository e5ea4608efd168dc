// The types that a declaration file exports, as the TypeScript compiler reads them, as JSON on stdout:
// {name: shape}, a shape being {oneOf: [shape]}, {fields: {name: {optional, shape}}} or a list of type names.
//
//   node types.mjs MODULES FILE      MODULES: a folder with node_modules

import { createRequire } from "node:module";
import { join } from "node:path";

const [modules, path] = process.argv.slice(2);
const ts = createRequire(join(modules, "types.mjs"))("typescript");

const program = ts.createProgram([path], { strict: true, noEmit: true, types: [] });
const checker = program.getTypeChecker();
const errors = ts.getPreEmitDiagnostics(program);
if (errors.length) throw new Error(ts.formatDiagnostics(errors, ts.createCompilerHost({})));

const isFields = (type) => type.flags & ts.TypeFlags.Object && !type.getCallSignatures().length && !checker.isArrayType(type);

function shape(type) {
  const parts = type.isUnion() ? type.types : [type];
  if (parts.length > 1 && parts.every(isFields)) return { oneOf: parts.map(shape) };
  if (isFields(type)) return { fields: fields(type) };
  return parts.map((part) => checker.typeToString(part, undefined, ts.TypeFormatFlags.NoTruncation));
}

function fields(type) {
  return Object.fromEntries(type.getProperties().map((property) => {
    const optional = Boolean(property.flags & ts.SymbolFlags.Optional);
    const declared = checker.getTypeOfSymbol(property);
    return [property.name, { optional, shape: shape(told(optional ? checker.getNonNullableType(declared) : declared)) }];
  }));
}

/** Of a RelayEvent, its detail: the rest is as with every event. */
function told(type) {
  const detail = type.symbol?.name === "RelayEvent" && type.getProperty("detail");
  return detail ? checker.getTypeOfSymbol(detail) : type;
}

const file = checker.getSymbolAtLocation(program.getSourceFile(path));
const aliases = checker.getExportsOfModule(file).filter(({ flags }) => flags & (ts.SymbolFlags.TypeAlias | ts.SymbolFlags.Interface));
console.log(JSON.stringify(Object.fromEntries(aliases.map((one) => [one.name, shape(checker.getDeclaredTypeOfSymbol(one))]))));
