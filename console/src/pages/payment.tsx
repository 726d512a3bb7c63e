import { useState } from "preact/hooks";
import { refusal } from "../data/errors";
import { useLoaded } from "../data/load";
import { loadPayment, type Payment as Row, type Refund, type Story } from "../data/payments";
import { follow, readBack } from "../data/worker";
import { moment, money } from "../format";
import { MoneyBar } from "../parts/money-bar";
import { Notice, Show } from "../parts/notice";
import { Badge, PaymentStatus } from "../parts/status";
import { Timeline } from "../parts/timeline";
import { RefundForm } from "./refund";
import { useClient } from "../supabase";
import { useTexts } from "../texts";

/** One payment: what it is, where its money is, what may be given back, what happened. */
export function Payment({ id }: { id: string }) {
  const client = useClient();
  const { t, language } = useTexts();
  const { loaded, reload } = useLoaded(() => loadPayment(client, id), [client, id]);
  const [said, setSaid] = useState<{ kind: "good" | "bad" | "wait"; text: string } | null>(null);

  async function read() {
    setSaid({ kind: "wait", text: t.loading });
    try {
      const ended = await follow(client, await readBack(client, id), 5);
      setSaid(ended.status === "pending" ? { kind: "wait", text: t.readBackPending }
        : ended.status === "failed" ? { kind: "bad", text: refusal(ended.error, language === "ko", t).message }
        : { kind: "good", text: t.readBackDone });
    } catch (error) {
      setSaid({ kind: "bad", text: refusal(error, language === "ko", t).message });
    }
    await reload();
  }

  return (
    <>
      <p><a href="#/payments">← {t.back}</a></p>
      <Show loaded={loaded} reload={() => void reload()}>
        {(story) => story.payment === null
          ? <><h1>{id}</h1><p class="card">{t.noSuchPayment}</p><History story={story} /></>
          : (
            <>
              <div class="heading">
                <div><h1>{story.payment.order_name ?? id}</h1><p class="id">{id}</p></div>
                <button type="button" id="read-back" onClick={() => void read()}>{t.readBack}</button>
              </div>
              {said !== null && <Notice kind={said.kind}>{said.text}</Notice>}
              <div class="pair">
                <Facts payment={story.payment} />
                <section class="card" aria-labelledby="money">
                  <h2 id="money">{t.moneyTitle}</h2>
                  <MoneyBar payment={story.payment} />
                  <RefundForm payment={story.payment} onDone={reload} />
                </section>
              </div>
              <Refunds refunds={story.refunds} currency={story.payment.currency ?? "KRW"} />
              <History story={story} />
            </>
          )}
      </Show>
    </>
  );
}

function Facts({ payment }: { payment: Row }) {
  const { t, language } = useTexts();
  const method = payment.portone_pay_method ?? payment.pay_method ?? "";
  const failure = payment.failure as { reason?: string; pg_message?: string } | null;
  const when = (at: string | null) => (at === null ? null : moment(at, language));
  const facts: [string, string | null][] = [
    [t.order, payment.order_id],
    [t.customer, payment.user_id],
    [t.method, [t.methods[method as keyof typeof t.methods] ?? method, payment.pg_provider].filter(Boolean).join(" · ")],
    [t.account, payment.virtual_account_number === null ? null : [payment.virtual_account_bank, payment.virtual_account_number, payment.virtual_account_holder].filter(Boolean).join(" ")],
    [t.until, when(payment.virtual_account_expires_at)],
    [t.created, when(payment.created_at)],
    [t.paidAt, when(payment.paid_at)],
    [t.failure, failure === null ? null : (failure.pg_message ?? failure.reason ?? null)],
    [t.origin, t.origins[payment.origin]],
  ];
  return (
    <section class="card" aria-labelledby="facts">
      <h2 id="facts" class="figure">{money(payment.amount ?? 0, payment.currency ?? "KRW", language)} <PaymentStatus status={payment.status} /></h2>
      {(payment.discrepancies ?? []).map((one) => <Notice key={one} kind="bad">{t.discrepancy}: {t.discrepancies[one as keyof typeof t.discrepancies] ?? one}</Notice>)}
      <dl class="facts">
        {facts.filter(([, value]) => value !== null && value !== "").map(([name, value]) => <div key={name}><dt>{name}</dt><dd>{value}</dd></div>)}
        {payment.receipt_url !== null && <div><dt>{t.receipt}</dt><dd><Receipt url={payment.receipt_url} /></dd></div>}
      </dl>
    </section>
  );
}

/** PortOne's receipt; an address that is not the web's, or none at all, stays text. */
function Receipt({ url }: { url: string }) {
  const address = webAddress(url);
  return address !== null ? <a href={address.href} target="_blank" rel="noreferrer noopener">{address.hostname}</a> : <>{url}</>;
}

function webAddress(text: string): URL | null {
  try {
    const address = new URL(text);
    return address.protocol === "https:" || address.protocol === "http:" ? address : null;
  } catch {
    return null;
  }
}

function Refunds({ refunds, currency }: { refunds: Refund[]; currency: string }) {
  const { t, language } = useTexts();
  return (
    <section class="card" aria-labelledby="refunds">
      <h2 id="refunds">{t.refunds}</h2>
      {refunds.length === 0 ? <p class="soft">{t.noRefunds}</p> : (
        <ul class="lines">
          {refunds.map((refund) => {
            const failure = refund.failure as { code?: string; message?: string; pg_message?: string } | null;
            return (
              <li key={refund.id}>
                <b class="number">{money(refund.amount, currency, language)}</b>
                <Badge tone={refund.status}>{t.refundStatuses[refund.status]}</Badge>
                <span>{refund.reason}</span>
                <span class="soft">{t.by} {t.requesters[refund.requester] ?? refund.requester}</span>
                <span class="soft">{moment(refund.created_at, language)}</span>
                {failure !== null && <span class="bad">{refusal(failure, language === "ko", t).message}</span>}
              </li>
            );
          })}
        </ul>
      )}
    </section>
  );
}

function History({ story }: { story: Story }) {
  const { t } = useTexts();
  return <section class="card" aria-labelledby="timeline"><h2 id="timeline">{t.timeline}</h2><Timeline entries={story.timeline} currency={story.payment?.currency ?? "KRW"} /></section>;
}
