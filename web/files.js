/** Files for an agent (Digital-First): uploads one to CXone, as the event `files` allows. The API: files.d.ts. */

const CHUNK = 0x6000; // bytes; a multiple of three, so that each chunk's base64 ends without padding

/** Why a file was not uploaded. */
export class UploadError extends Error {
  constructor(code, message, cause) {
    super(message, { cause });
    this.name = "UploadError";
    this.code = code;
  }
}

/** Uploads the file, from this browser to CXone itself; resolves to the attachment for `send`. */
export async function upload(file, rules, { signal, fetch = globalThis.fetch } = {}) {
  check(file, rules);
  const body = JSON.stringify({ content: await base64(file), fileName: file.name, mimeType: file.type });
  const request = { method: "POST", headers: { "Content-Type": "application/json" }, credentials: "omit", body, signal };
  let answer;
  let said;
  try {
    answer = await fetch(rules.upload, request);
    said = await answer.json();
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new UploadError("upload_failed", "CXone cannot be reached, or answers otherwise.", cause);
  }
  if (answer.ok && typeof said?.fileUrl === "string") return { url: said.fileUrl, name: file.name, type: file.type };
  // CXone answers a file that breaks its rules with these rules.
  if (said?.allowedFileSize !== undefined) throw new UploadError("file_refused", "CXone takes no such file.");
  throw new UploadError("upload_failed", `CXone does not take the file: status ${answer.status}.`);
}

/** Throws what keeps this file from being uploaded. */
export function check(file, rules) {
  if (!rules?.upload) throw new UploadError("not_allowed", "This chat takes no files.");
  if (file.size > rules.largest_bytes) throw new UploadError("file_too_large", "The file is larger than CXone takes.");
  if (!rules.types.some((type) => isOf(file.type, type))) throw new UploadError("file_type", "CXone takes no such files.");
}

/** `image/*` is any type that begins so. */
const isOf = (type, known) => type === known || (known.endsWith("/*") && type.startsWith(known.slice(0, -1)));

const base64 = async (file) => {
  const bytes = new Uint8Array(await file.arrayBuffer());
  const parts = [];
  for (let at = 0; at < bytes.length; at += CHUNK) parts.push(btoa(String.fromCharCode(...bytes.subarray(at, at + CHUNK))));
  return parts.join("");
};
