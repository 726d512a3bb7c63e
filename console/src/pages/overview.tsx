import { useState } from "preact/hooks";
import { Notice, Show } from "../parts/notice";
import { Chart } from "../parts/chart";
import { Badge } from "../parts/status";
import { useLoaded } from "../data/load";
import { loadOverview, type Daily, type OpenRefund, type Overview as Loaded } from "../data/overview";
import { count, lastDays, money, seconds, shortMoney } from "../format";
import { href } from "../router";
import { useClient } from "../supabase";
import { useTexts } from "../texts";

const DAYS = 30;

/** How the shop does, and whether anything needs a person. */
export function Overview() {
  const client = useClient();
  const { t } = useTexts();
  const days = lastDays(DAYS);
  const { loaded, reload } = useLoaded(() => loadOverview(client, days[0] ?? ""), [client]);
  return (
    <>
      <div class="heading"><h1>{t.nav.overview}</h1><button type="button" onClick={() => void reload()}>{t.refresh}</button></div>
      <Show loaded={loaded} reload={() => void reload()}>{(value) => <Figures value={value} days={days} />}</Show>
    </>
  );
}

function Figures({ value, days }: { value: Loaded; days: string[] }) {
  const { t, language } = useTexts();
  const currencies = [...new Set(value.daily.map((row) => row.currency ?? "KRW"))].sort((one, other) => paid(value.daily, other) - paid(value.daily, one));
  const [chosen, setChosen] = useState<string | null>(null);
  const currency = chosen ?? currencies[0] ?? "KRW";
  const of = (pick: (row: Daily) => number | null) => days.map((day) => {
    const row = value.daily.find((one) => one.day === day && one.currency === currency);
    return row === undefined ? 0 : Number(pick(row) ?? 0);
  });
  const health = (pick: (row: Loaded["health"][number]) => number | null) => days.map((day) => {
    const row = value.health.find((one) => one.day === day);
    const found = row === undefined ? null : pick(row);
    return found === null ? null : Number(found);
  });
  const failedPayments = days.map((day) => value.daily.filter((row) => row.day === day).reduce((sum, row) => sum + Number(row.failed ?? 0), 0));
  const last = <T,>(list: T[]): T | undefined => list[list.length - 1];
  const amount = (minor: number) => money(minor, currency, language);
  const lag = last(health((row) => row.lag_p95_seconds)) ?? null;
  const wrong = value.dead + value.findings;

  return (
    <>
      <dl class="tiles">
        <Tile name={t.today} figure={amount(last(of((row) => row.paid_amount)) ?? 0)} note={`${count(last(of((row) => row.payments)) ?? 0, language)} ${t.paymentsOf}`} />
        <Tile name={t.refundedToday} figure={amount(last(of((row) => row.refunded_amount)) ?? 0)} note={`${count(last(of((row) => row.refunds)) ?? 0, language)} ${t.refundsOf}`} />
        <Tile name={t.lagToday} figure={lag === null ? "–" : seconds(lag, language)} note={t.lagHint} />
        <div class={wrong > 0 ? "card tile alarm" : "card tile"}>
          <dt>{t.attention}</dt>
          <dd>{wrong === 0 ? t.attentionNone : <a href={href([value.dead > 0 ? "jobs" : "findings"])}>{count(wrong, language)}</a>}</dd>
          <dd class="soft small">{t.attentionHint}</dd>
        </div>
      </dl>
      {currencies.length > 1 && (
        <label class="inline">{t.currency}
          <select value={currency} onChange={(event) => setChosen(event.currentTarget.value)}>{currencies.map((one) => <option key={one}>{one}</option>)}</select>
        </label>
      )}
      <Chart title={t.moneyByDay} kind="bars" wide days={days} format={amount} axis={(minor) => shortMoney(minor, currency, language)} series={[
        { name: t.paid, tone: "tone-1", values: of((row) => row.paid_amount) }, { name: t.refunded, tone: "tone-2", values: of((row) => row.refunded_amount) },
      ]} />
      <div class="pair">
        <Chart title={t.lagByDay} kind="lines" days={days} format={(one) => seconds(one, language)} axis={(one) => seconds(one, language)} series={[
          { name: t.median, tone: "tone-3", values: health((row) => row.lag_p50_seconds) }, { name: t.most, tone: "tone-1", values: health((row) => row.lag_p95_seconds) },
        ]} />
        <Chart title={t.failuresByDay} kind="bars" days={days} format={(one) => count(one, language)} axis={(one) => (Number.isInteger(one) ? count(one, language) : "")} series={[
          { name: t.failedPayments, tone: "tone-2", values: failedPayments }, { name: t.failedWebhooks, tone: "tone-4", values: health((row) => row.failed) },
        ]} />
      </div>
      <OpenRefunds refunds={value.openRefunds} />
    </>
  );
}

const paid = (daily: Daily[], currency: string): number => daily.filter((row) => row.currency === currency).reduce((sum, row) => sum + Number(row.payments ?? 0), 0);

function Tile(props: { name: string; figure: string; note: string }) {
  return <div class="card tile"><dt>{props.name}</dt><dd>{props.figure}</dd><dd class="soft small">{props.note}</dd></div>;
}

function OpenRefunds({ refunds }: { refunds: OpenRefund[] }) {
  const { t, language } = useTexts();
  return (
    <section class="card" aria-labelledby="open-refunds">
      <h2 id="open-refunds">{t.refundsOpen}</h2>
      {refunds.length === 0 ? <p class="soft">{t.refundsOpenNone}</p> : (
        <ul class="lines">
          {refunds.map((refund) => (
            <li key={refund.id}>
              <a href={href(["payments", refund.payment_id ?? ""])}>{refund.payment_id}</a>
              <Badge tone={refund.status ?? ""}>{t.refundStatuses[refund.status ?? "unknown"]}</Badge>
              <span class="number">{money(refund.amount ?? 0, refund.currency ?? "KRW", language)}</span>
              <span class="soft">{seconds(Number(refund.age_seconds ?? 0), language)}</span>
              {refund.needs_a_person === true && <Notice kind="bad">{t.needsPerson}</Notice>}
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
