import type { Language } from "./texts";

const locale = (language: Language) => (language === "ko" ? "ko-KR" : "en-GB");

/** Digits after the decimal point of a currency: 0 for KRW and JPY, 2 for USD. */
export function exponent(currency: string): number {
  try {
    const options = new Intl.NumberFormat("en", { style: "currency", currency }).resolvedOptions();
    return options.maximumFractionDigits ?? 2;
  } catch {
    return 2;
  }
}

/** An amount in minor units as people write it: 48000 KRW is ₩48,000, 1050 USD is $10.50. */
export function money(amount: number, currency: string, language: Language): string {
  const digits = exponent(currency);
  try {
    const format = new Intl.NumberFormat(locale(language), { style: "currency", currency, currencyDisplay: "narrowSymbol" });
    return format.format(amount / 10 ** digits);
  } catch {
    return `${(amount / 10 ** digits).toFixed(digits)} ${currency}`;
  }
}

/** The same without the last digits, for axes: ₩1.2M. */
export function shortMoney(amount: number, currency: string, language: Language): string {
  return new Intl.NumberFormat(locale(language), {
    style: "currency", currency, currencyDisplay: "narrowSymbol", notation: "compact", maximumFractionDigits: 1,
  }).format(amount / 10 ** exponent(currency));
}

/**
 * What a person typed as minor units: "48,000" KRW is 48000, "10.5" USD is 1050. `null` when it is not an amount of
 * that currency; nothing is ever rounded.
 */
export function parseMoney(text: string, currency: string): number | null {
  const digits = exponent(currency);
  const plain = text.replace(/[,\s₩$€¥원]/g, "");
  const match = /^(\d+)(?:\.(\d+))?$/.exec(plain);
  if (match === null) return null;
  const fraction = match[2] ?? "";
  if (fraction.length > digits) return null;
  const minor = Number(match[1] + fraction.padEnd(digits, "0"));
  return Number.isSafeInteger(minor) ? minor : null;
}

export const count = (value: number, language: Language): string => new Intl.NumberFormat(locale(language)).format(value);

export function seconds(value: number, language: Language): string {
  const [amount, unit] =
    value < 1 ? [Math.round(value * 1000), "millisecond"] : value < 120 ? [value, "second"] : value < 7200 ? [value / 60, "minute"]
    : value < 172800 ? [value / 3600, "hour"] : [value / 86400, "day"];
  return new Intl.NumberFormat(locale(language), {
    style: "unit", unit: unit as string, unitDisplay: "short", maximumFractionDigits: 1,
  }).format(amount as number);
}

/** Supabase Lite writes `2026-01-01 00:00:00+00`, PostgREST `2026-01-01T00:00:00+00:00`. */
export function date(text: string): Date {
  return new Date(text.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00"));
}

/** A moment in Seoul, where the shop's days are counted. */
export function moment(text: string, language: Language): string {
  return new Intl.DateTimeFormat(locale(language), {
    timeZone: "Asia/Seoul", year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
  }).format(date(text));
}

export function shortMoment(text: string, language: Language): string {
  return new Intl.DateTimeFormat(locale(language), {
    timeZone: "Asia/Seoul", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hour12: false,
  }).format(date(text));
}

/** The calendar month in Seoul, as `2026-11`. */
export const monthInSeoul = (at: Date): string => new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Seoul" }).format(at).slice(0, 7);

/** A day as the views name it (`2026-11-02`), short. */
export function shortDay(day: string, language: Language): string {
  return new Intl.DateTimeFormat(locale(language), { timeZone: "UTC", month: "short", day: "numeric" }).format(new Date(`${day}T00:00:00Z`));
}

/** The last `length` days in Seoul, oldest first, as `2026-11-02`. */
export function lastDays(length: number, now = new Date()): string[] {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone: "Asia/Seoul" });
  return Array.from({ length }, (_, index) => format.format(new Date(now.getTime() - (length - 1 - index) * 86_400_000)));
}
