import { useRef, useState } from "preact/hooks";
import type { TargetedSubmitEvent } from "preact";
import { BANKS } from "../data/banks";
import { refusal } from "../data/errors";
import type { Payment } from "../data/payments";
import { askRefund, follow, isRefused, type RefundRequest } from "../data/worker";
import { date, exponent, money, monthInSeoul, parseMoney } from "../format";
import { Notice } from "../parts/notice";
import { useClient } from "../supabase";
import { useTexts } from "../texts";

type Said = { kind: "good" | "bad" | "wait"; text: string };

/**
 * Refund, in two steps: fill in, look at it once more. The database holds the amount before PortOne is called and
 * refuses what goes too far; the same check here only saves a round trip.
 */
export function RefundForm({ payment, onDone }: { payment: Payment; onDone: () => Promise<void> }) {
  const { t, language } = useTexts();
  const client = useClient();
  const currency = payment.currency ?? "KRW";
  const left = payment.cancellable_amount;
  const [review, setReview] = useState<RefundRequest | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [said, setSaid] = useState<Said | null>(null);
  const [busy, setBusy] = useState(false);
  // One key from the first look until a definite answer: clicking again after a lost reply asks for the same refund.
  const key = useRef<string | null>(null);
  const closing = payment.status === "virtual_account_issued";
  const toAccount = payment.paid_amount > 0 && goesToAccount(payment);
  const shown = (minor: number) => money(minor, currency, language);

  if (!closing && left <= 0) return <>{said !== null && <Notice kind={said.kind} id="refund-said">{said.text}</Notice>}<p class="soft">{t.refundNothing}</p></>;

  function check(event: TargetedSubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    const text = (name: string) => String(fields.get(name) ?? "").trim();
    const amount = closing ? (payment.amount ?? 0) : parseMoney(text("amount"), currency);
    const taxFree = text("tax_free") === "" ? undefined : parseMoney(text("tax_free"), currency);
    setSaid(null);
    if (amount === null || amount <= 0 || taxFree === null) return setProblem(`${t.refundNotAnAmount} ${(left / 10 ** exponent(currency)).toString()}`);
    if (!closing && amount > left) return setProblem(`${t.refundTooMuch} ${t.refundAtMost} ${shown(left)}.`);
    setProblem(null);
    key.current ??= `console-${crypto.randomUUID()}`;
    const phone = text("holder_phone_number").replace(/\D/g, "");
    const account = { bank: text("bank"), number: text("number").replace(/[\s-]/g, ""), holder_name: text("holder_name"), ...(phone === "" ? {} : { holder_phone_number: phone }) };
    setReview({
      amount, reason: text("reason"), idempotency_key: key.current,
      ...(taxFree === undefined ? {} : { tax_free_amount: taxFree }), ...(toAccount ? { refund_account: account } : {}),
    });
  }

  async function confirm() {
    if (review === null) return;
    setBusy(true);
    setSaid({ kind: "wait", text: t.refundWorking });
    let next: Said;
    try {
      const ended = await follow(client, await askRefund(client, payment.payment_id ?? "", review));
      next = ended.status === "succeeded" ? { kind: "good", text: closing ? t.closedDone : t.refundDone }
        : ended.status === "pending" ? { kind: "wait", text: t.refundPending }
        : { kind: "bad", text: `${t.refundRefused}: ${refusal(ended.error, language === "ko", t).message}` };
      key.current = null;
    } catch (error) {
      const why = refusal(error, language === "ko", t);
      next = { kind: "bad", text: `${t.refundRefused}: ${why.message}${why.max === undefined ? "" : ` ${t.refundAtMost} ${shown(why.max)}.`}` };
      if (isRefused(error)) key.current = null;
    }
    // What is left first, the sentence about it after: the next refund must not be written beside an old figure.
    await onDone();
    setBusy(false);
    setReview(null);
    setSaid(next);
  }

  if (review !== null) {
    return (
      <div class="refund" role="group" aria-labelledby="review">
        <h3 id="review">{closing ? t.closeAccount : `${t.refund} ${shown(review.amount)}`}</h3>
        <p>{closing ? t.closeAccountLead : t.refundConfirmLead}</p>
        <dl class="facts">
          {!closing && <div><dt>{t.refundAfter}</dt><dd>{shown(left - review.amount)}</dd></div>}
          {review.tax_free_amount !== undefined && <div><dt>{t.taxFree}</dt><dd>{shown(review.tax_free_amount)}</dd></div>}
          <div><dt>{t.reason}</dt><dd>{review.reason}</dd></div>
          {review.refund_account !== undefined && <div><dt>{t.account}</dt><dd>{review.refund_account.bank} {review.refund_account.number} {review.refund_account.holder_name}</dd></div>}
        </dl>
        {said !== null && <Notice kind={said.kind}>{said.text}</Notice>}
        <div class="row end">
          <button type="button" disabled={busy} onClick={() => setReview(null)}>{t.cancel}</button>
          <button type="button" class="main danger" id="refund-confirm" disabled={busy} onClick={() => void confirm()} ref={(button) => button?.focus()}>
            {closing ? t.closeAccount : t.refundConfirm}
          </button>
        </div>
      </div>
    );
  }

  return (
    <form class="refund" onSubmit={check} noValidate={false}>
      {said !== null && <Notice kind={said.kind} id="refund-said">{said.text}</Notice>}
      {closing ? <p class="soft">{t.closeAccountLead}</p> : (
        <label>{t.refundAmount}
          <input name="amount" required inputMode="decimal" autocomplete="off" defaultValue={(left / 10 ** exponent(currency)).toString()} aria-describedby="at-most" aria-invalid={problem !== null} />
          <span class="soft small" id="at-most">{t.refundAtMost} {shown(left)}</span>
        </label>
      )}
      {!closing && payment.tax_free_amount > 0 && (
        <label>{t.taxFree}<input name="tax_free" inputMode="decimal" autocomplete="off" aria-describedby="tax-hint" /><span class="soft small" id="tax-hint">{t.taxFreeHint}</span></label>
      )}
      {toAccount && <Account />}
      <label>{t.reason}<input name="reason" required maxLength={200} autocomplete="off" /></label>
      {problem !== null && <Notice kind="bad" id="refund-problem">{problem}</Notice>}
      <div class="row end"><button type="submit" class="main" id="refund-review">{closing ? t.closeAccount : t.refundReview}</button></div>
    </form>
  );
}

/** Deposits have no way back; carrier billing has none once its month is over in Korea. The database decides the same. */
function goesToAccount(payment: Payment): boolean {
  const method = payment.portone_pay_method ?? payment.pay_method;
  if (method === "MOBILE" && payment.paid_at !== null) return monthInSeoul(date(payment.paid_at)) !== monthInSeoul(new Date());
  return method === "VIRTUAL_ACCOUNT";
}

function Account() {
  const { t, language } = useTexts();
  return (
    <fieldset>
      <legend>{t.refundAccountTitle}</legend>
      <p class="soft small">{t.refundAccountLead}</p>
      <label>{t.bank}<select name="bank" required>{BANKS.map(([code, ko, en]) => <option key={code} value={code}>{language === "ko" ? ko : en}</option>)}</select></label>
      <label>{t.accountNumber}<input name="number" required inputMode="numeric" autocomplete="off" pattern="[0-9 \-]{6,30}" /></label>
      <label>{t.accountHolder}<input name="holder_name" required maxLength={50} autocomplete="off" /></label>
      <label>{t.accountPhone}<input name="holder_phone_number" inputMode="tel" autocomplete="off" /><span class="soft small">{t.accountPhoneHint}</span></label>
    </fieldset>
  );
}
