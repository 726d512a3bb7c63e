import type { TargetedSubmitEvent } from "preact";
import { useLoaded } from "../data/load";
import { searchPayments, STATUSES, type Listed } from "../data/payments";
import { money, shortMoment } from "../format";
import { Show } from "../parts/notice";
import { PaymentStatus } from "../parts/status";
import { href } from "../router";
import { useClient } from "../supabase";
import { useTexts } from "../texts";

/** Search and list. What is asked for stands in the address: a reload or a link shows the same. */
export function Payments({ query }: { query: URLSearchParams }) {
  const client = useClient();
  const { t } = useTexts();
  const search = { text: query.get("q") ?? "", status: query.get("status") ?? "", page: Math.max(0, Number(query.get("page") ?? 0) || 0) };
  const { loaded, reload } = useLoaded(() => searchPayments(client, search), [client, search.text, search.status, search.page]);
  const to = (page: number) => href(["payments"], { q: search.text, status: search.status, page: page > 0 ? String(page) : "" });

  function submit(event: TargetedSubmitEvent<HTMLFormElement>) {
    event.preventDefault();
    const fields = new FormData(event.currentTarget);
    const next = href(["payments"], { q: String(fields.get("q")).trim(), status: String(fields.get("status")) });
    if (next === location.hash) void reload();
    else location.hash = next;
  }

  return (
    <>
      <div class="heading"><h1>{t.nav.payments}</h1></div>
      <form class="search" role="search" onSubmit={submit} key={`${search.text} ${search.status}`}>
        <label class="grow"><span class="hidden">{t.search}</span><input name="q" type="search" placeholder={t.searchHint} defaultValue={search.text} autocomplete="off" /></label>
        <label><span class="hidden">{t.status}</span>
          <select name="status" defaultValue={search.status}>
            <option value="">{t.all}</option>
            {STATUSES.map((status) => <option key={status} value={status} selected={status === search.status}>{t.statuses[status]}</option>)}
          </select>
        </label>
        <button type="submit" class="main">{t.search}</button>
      </form>
      <Show loaded={loaded} reload={() => void reload()}>
        {({ found, more }) => (
          <>
            {found.length === 0 ? <p class="card soft">{t.noPayments}</p> : <List found={found} />}
            <nav class="row end" aria-label={t.nav.payments}>
              {search.page > 0 && <a class="button" href={to(search.page - 1)}>{t.less}</a>}
              {more && <a class="button" href={to(search.page + 1)}>{t.more}</a>}
            </nav>
          </>
        )}
      </Show>
    </>
  );
}

function List({ found }: { found: Listed[] }) {
  const { t, language } = useTexts();
  return (
    <div class="card flush">
      <table class="stack">
        <thead>
          <tr><th scope="col">{t.order}</th><th scope="col">{t.status}</th><th scope="col" class="number">{t.amount}</th><th scope="col">{t.method}</th><th scope="col">{t.created}</th></tr>
        </thead>
        <tbody>
          {found.map((one) => {
            const method = one.portone_pay_method ?? one.pay_method ?? "";
            const currency = one.currency ?? "KRW";
            return (
              <tr key={one.id}>
                <th scope="row">
                  <a href={href(["payments", one.payment_id ?? ""])}>{one.order_name ?? one.payment_id}</a>
                  <span class="id">{one.payment_id}</span>
                </th>
                <td data-label={t.status}><span><PaymentStatus status={one.status} />{(one.discrepancies ?? []).length > 0 && <span class="badge bad">{t.discrepancy}</span>}</span></td>
                <td data-label={t.amount} class="number">
                  <span>{money(one.amount ?? 0, currency, language)}
                    {one.cancelled_amount > 0 && <small class="soft"> −{money(one.cancelled_amount, currency, language)}</small>}</span>
                </td>
                <td data-label={t.method}>{t.methods[method as keyof typeof t.methods] ?? method}</td>
                <td data-label={t.created} class="soft when">{one.created_at === null ? "" : shortMoment(one.created_at, language)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
