import type { Texts } from "../texts";

/** A refusal as the database or the worker says it: a closed code, a sentence, the fix. */
export interface Refusal {
  code: string;
  message: string;
  hint?: string;
  max?: number;
}

interface Raw {
  code?: unknown;
  message?: unknown;
  message_ko?: unknown;
  hint?: unknown;
  details?: unknown;
  max?: unknown;
}

/** Read an error of supabase-js, of the worker's HTTP routes or of an operation; anything else is told as it is. */
export function refusal(error: unknown, korean: boolean, texts: Texts): Refusal {
  const raw = (typeof error === "object" && error !== null ? error : { message: String(error) }) as Raw;
  const facts = { ...raw, ...detail(raw.details) };
  const code = typeof facts.code === "string" ? facts.code : "";
  const known = texts.errors[code as keyof Texts["errors"]];
  const said = korean && typeof facts.message_ko === "string" ? facts.message_ko : (known ?? facts.message);
  return {
    code,
    message: typeof said === "string" && said !== "" ? said : texts.wentWrong,
    ...(typeof raw.hint === "string" && !korean ? { hint: raw.hint } : {}),
    ...(typeof facts.max === "number" ? { max: facts.max } : {}),
  };
}

/** PostgREST carries our JSON in `details`, as text. */
function detail(text: unknown): Raw {
  if (typeof text !== "string") return {};
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === "object" && parsed !== null ? (parsed as Raw) : {};
  } catch {
    return {};
  }
}
