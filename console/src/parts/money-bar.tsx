import type { Payment } from "../data/payments";
import { money } from "../format";
import { useTexts } from "../texts";

/** paid = refunded + being refunded + may be refunded: the law the database keeps, drawn. */
export function MoneyBar({ payment }: { payment: Payment }) {
  const { t, language } = useTexts();
  const currency = payment.currency ?? "KRW";
  const parts: [string, string, number][] = [
    ["tone-2", t.refundedPart, payment.cancelled_amount], ["tone-4", t.heldPart, payment.reserved_amount], ["tone-1", t.leftPart, payment.cancellable_amount],
  ];
  return (
    <>
      <p class="guard"><span class="soft">{t.guard}</span> <b id="guard">{money(payment.cancellable_amount, currency, language)}</b> <span class="soft">{t.guardOf} {money(payment.paid_amount, currency, language)}</span></p>
      {payment.paid_amount > 0 && (
        <svg class="bar" viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
          {parts.map(([tone, , amount], index) => {
            const before = parts.slice(0, index).reduce((sum, [, , one]) => sum + one, 0);
            return <rect key={tone} class={tone} x={(before / payment.paid_amount) * 100} y="0" width={(amount / payment.paid_amount) * 100} height="4" />;
          })}
        </svg>
      )}
      <ul class="legend">{parts.map(([tone, name, amount]) => <li key={tone} class={tone}><i />{name} <b>{money(amount, currency, language)}</b></li>)}</ul>
    </>
  );
}
