/** Files for an agent (Digital-First). How it is used: docs/front-end.md. */

import type { AbortSignalLike, Attachment, FileRules } from "./typing-relay.js";

/**
 * - `not_allowed`: the channel takes no files.
 * - `file_too_large`, `file_type`: its rules do not allow this one. `file_refused`: CXone itself said so.
 * - `upload_failed`: CXone could not be reached, or answered otherwise.
 */
export type UploadCode = "not_allowed" | "file_too_large" | "file_type" | "file_refused" | "upload_failed";

/** Why a file was not uploaded. */
export class UploadError extends Error {
  constructor(code: UploadCode, message: string, cause?: unknown);
  readonly code: UploadCode;
}

/** A browser's `File`, described without the DOM's types. */
export interface FileLike {
  readonly name: string;
  readonly type: string;
  readonly size: number;
  arrayBuffer(): Promise<ArrayBuffer>;
}

/**
 * Uploads a file from this browser to CXone; resolves to the attachment for `send`.
 * @param rules The detail of the newest event `files`.
 * @throws {UploadError} also before anything is sent.
 */
export function upload(
  file: FileLike,
  rules: FileRules | null | undefined,
  options?: { signal?: AbortSignalLike; fetch?: (url: string, init?: any) => Promise<any> },
): Promise<Attachment>;

/** @throws {UploadError} if the rules keep this file from being uploaded. */
export function check(file: FileLike, rules: FileRules | null | undefined): void;
