import { useLoaded } from "../data/load";
import { closeFinding, listFindings, type Finding } from "../data/operations";
import { moment } from "../format";
import { useAction } from "../parts/act";
import { Notice, Show } from "../parts/notice";
import { href } from "../router";
import { useClient } from "../supabase";
import { useTexts } from "../texts";

// The subject of these findings is an operation or a refund, whose payment stands in the detail; of all others it is a payment.
const OF_A_SEND = new Set(["undecided_charge", "undecided_cancellation", "ambiguous_cancellation", "cancellation_amount_differs"]);

export function Findings() {
  const { t } = useTexts();
  const client = useClient();
  const { loaded, reload } = useLoaded(() => listFindings(client), [client]);
  const action = useAction(reload);
  const close = (finding: Finding) => action.start({
    title: t.findings[finding.kind]?.[0] ?? finding.kind, lead: t.closeFindingLead, action: t.closeFinding, done: t.findingClosed,
    act: async (how) => { await closeFinding(client, finding.id, how); return null; },
  });
  return (
    <>
      <div class="heading"><div><h1>{t.nav.findings}</h1><p class="soft">{t.findingsLead}</p></div><button type="button" onClick={() => void reload()}>{t.refresh}</button></div>
      {action.view}
      <Show loaded={loaded} reload={() => void reload()}>
        {(list) => (
          <>
            <Notice kind={list.length === 0 ? "good" : "bad"} id="ledger">{list.length === 0 ? `${t.equal}. ${t.noFindings}` : `${t.notEqual}: ${list.length}`}</Notice>
            <ul class="cards">{list.map((finding) => <One key={finding.id} finding={finding} onClose={() => close(finding)} />)}</ul>
          </>
        )}
      </Show>
    </>
  );
}

function One({ finding, onClose }: { finding: Finding; onClose: () => void }) {
  const { t, language } = useTexts();
  const [what, todo] = t.findings[finding.kind] ?? [finding.kind, ""];
  const detail = finding.detail as Record<string, unknown>;
  const payment = !OF_A_SEND.has(finding.kind) ? finding.subject : typeof detail["payment_id"] === "string" ? detail["payment_id"] : null;
  return (
    <li class="card" data-finding={finding.id}>
      <div class="row"><h2>{what}</h2><button type="button" class="push" onClick={onClose}>{t.closeFinding}</button></div>
      {todo !== "" && <p><span class="soft">{t.whatToDo}</span> {todo}</p>}
      <p class="small">
        {payment !== null ? <a href={href(["payments", payment])}>{payment}</a> : finding.subject}
        <span class="soft"> · {t.firstSeen} {moment(finding.first_seen_at, language)}{finding.seen > 1 && ` · ${finding.seen} ${t.seenTimes}`}</span>
      </p>
      <details><summary>{t.details}</summary><pre>{JSON.stringify(finding.detail, null, 2)}</pre></details>
    </li>
  );
}
