import type { GuardrailCall } from '../../guardrail/call.ts';
import { mediaOf } from '../media.ts';

/** Bytes of one file. */
const MAX_BYTES = 4 * 1024 * 1024;

const OFFICE = 'application/vnd.openxmlformats-officedocument';

const TYPES: Readonly<Record<string, string>> = {
  'application/pdf': 'PDF',
  'application/msword': 'WORD_DOCUMENT',
  [`${OFFICE}.wordprocessingml.document`]: 'WORD_DOCUMENT',
  'application/vnd.ms-excel': 'EXCEL_DOCUMENT',
  [`${OFFICE}.spreadsheetml.sheet`]: 'EXCEL_DOCUMENT',
  'application/vnd.ms-powerpoint': 'POWERPOINT_DOCUMENT',
  [`${OFFICE}.presentationml.presentation`]: 'POWERPOINT_DOCUMENT',
  'text/plain': 'TXT',
  'text/csv': 'CSV',
};

/** A file or an image as Model Armor takes it; undefined for one that it cannot be shown: an address, audio, more than 4 MiB. */
export type FileItem = { readonly byteItem: { readonly byteDataType: string; readonly byteData: string } };

/** Files that a call carries beside its texts. */
export function filesOf(call: GuardrailCall): readonly (FileItem | undefined)[] {
  return mediaOf(call).map((media) => {
    if (media === undefined || media.base64.length > (MAX_BYTES / 3) * 4 + 2) return undefined;
    const type = media.type.toLowerCase();
    const byteDataType = type.startsWith('image/') ? 'IMAGE' : TYPES[type];
    return byteDataType === undefined ? undefined : { byteItem: { byteDataType, byteData: media.base64 } };
  });
}
