import type { Entry, Status } from "../data/payments";
import { moment, money } from "../format";
import { useTexts, type Language, type Texts } from "../texts";

/** The payment's history as a person reads it; what the machine wrote is one click away. */
export function Timeline({ entries, currency }: { entries: Entry[]; currency: string }) {
  const { t, language } = useTexts();
  return (
    <ol class="timeline">
      {entries.map((entry, index) => {
        const told = tell(entry, t, language, currency);
        return (
          <li key={index} class={told.bad ? "bad" : (entry.source ?? "")}>
            <time>{entry.at === null ? "" : moment(entry.at, language)}</time>
            <div>
              <span class="source">{t.timelineSources[entry.source ?? ""] ?? entry.source}</span>
              <b>{told.what}</b>
              {told.more !== "" && <span class="soft">{told.more}</span>}
              <details><summary>{t.details}</summary><pre>{JSON.stringify(entry.detail, null, 2)}</pre></details>
            </div>
          </li>
        );
      })}
    </ol>
  );
}

interface Told {
  what: string;
  more: string;
  bad: boolean;
}

/** A line of the view `payment_timeline` in words; what has none is shown as it is. */
function tell(entry: Entry, t: Texts, language: Language, currency: string): Told {
  const what = entry.what ?? "";
  const detail = (entry.detail ?? {}) as Record<string, unknown>;
  const text = (name: string) => (typeof detail[name] === "string" ? (detail[name] as string) : "");
  const space = what.lastIndexOf(" ");
  const [head, state] = [what.slice(0, space), what.slice(space + 1)];
  const bad = state === "failed" || state === "unknown" || what === "cancellation_failed";
  if (entry.source === "operation") {
    const error = detail["error"] as { code?: string } | undefined;
    return { what: `${t.operations[head] ?? head}: ${t.operationStates[state] ?? state}`, more: error?.code ?? "", bad };
  }
  if (entry.source === "cancellation") {
    const status = t.refundStatuses[state as keyof typeof t.refundStatuses] ?? state;
    return { what: `${money(Number(detail["amount"] ?? 0), currency, language)} · ${status}`, more: text("reason"), bad };
  }
  if (entry.source === "webhook") {
    return { what: `${head}: ${t.webhookStates[state] ?? state}`, more: t.skipReasons[text("skip_reason")] ?? text("skip_reason"), bad };
  }
  if (what === "status_changed") {
    const name = (status: string) => t.statuses[status as Status] ?? status;
    return { what: `${name(text("from"))} → ${name(text("to"))}`, more: "", bad: text("to") === "failed" };
  }
  const refund = /^cancellation_(\w+)$/.exec(what)?.[1];
  if (refund !== undefined) return { what: `${t.refund}: ${t.refundStatuses[refund as keyof typeof t.refundStatuses] ?? refund}`, more: "", bad };
  return { what: t.events[what] ?? what, more: "", bad };
}
