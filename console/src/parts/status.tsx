import type { Status } from "../data/payments";
import { useTexts } from "../texts";

const TONE: Record<string, string> = {
  paid: "good", succeeded: "good", processed: "good", partial_cancelled: "warm", cancelled: "calm", failed: "bad", dead: "bad", unknown: "bad",
  virtual_account_issued: "wait", pay_pending: "wait", ready: "wait", requested: "wait", reserved: "wait", received: "wait", running: "wait", backoff: "warm",
};

/** A state as a word with a colour; the colour alone never says it. */
export function Badge(props: { tone: string; children: string }) {
  return <span class={`badge ${TONE[props.tone] ?? "calm"}`}>{props.children}</span>;
}

export function PaymentStatus(props: { status: Status | null }) {
  const { t } = useTexts();
  return <Badge tone={props.status ?? "unknown"}>{t.statuses[props.status ?? "unknown"]}</Badge>;
}
