import { useState } from "preact/hooks";
import { refusal } from "../data/errors";
import { useLoaded } from "../data/load";
import { listWebhooks, readBody, replayWebhook, WEBHOOK_STATUSES, type Webhook } from "../data/operations";
import { date, seconds, shortMoment } from "../format";
import { useAction } from "../parts/act";
import { Show } from "../parts/notice";
import { Badge } from "../parts/status";
import { href } from "../router";
import { useClient } from "../supabase";
import { useTexts } from "../texts";

export function Webhooks({ query }: { query: URLSearchParams }) {
  const { t } = useTexts();
  const client = useClient();
  const status = query.get("status") ?? "";
  const { loaded, reload } = useLoaded(() => listWebhooks(client, status), [client, status]);
  const action = useAction(reload);
  const replay = (webhook: Webhook) => action.start({
    title: `${t.replay}: ${webhook.webhook_type ?? ""}`, lead: t.replayLead, action: t.replay, done: t.replayed, act: (reason) => replayWebhook(client, webhook.id, reason),
  });
  return (
    <>
      <div class="heading"><div><h1>{t.nav.webhooks}</h1><p class="soft">{t.webhooksLead}</p></div><button type="button" onClick={() => void reload()}>{t.refresh}</button></div>
      <nav class="tabs" aria-label={t.status}>
        {["", ...WEBHOOK_STATUSES].map((one) => (
          <a key={one} href={href(["webhooks"], { status: one })} aria-current={one === status ? "true" : undefined}>{one === "" ? t.all : t.webhookStates[one]}</a>
        ))}
      </nav>
      {action.view}
      <Show loaded={loaded} reload={() => void reload()}>
        {(list) => list.length === 0 ? <p class="card soft">{t.noWebhooks}</p> : (
          <ul class="cards">{list.map((webhook) => <One key={webhook.id} webhook={webhook} onReplay={() => replay(webhook)} />)}</ul>
        )}
      </Show>
    </>
  );
}

function One({ webhook, onReplay }: { webhook: Webhook; onReplay: () => void }) {
  const { t, language } = useTexts();
  const took = webhook.processed_at === null ? null : (date(webhook.processed_at).getTime() - date(webhook.created_at).getTime()) / 1000;
  const error = webhook.error as { code?: string; message?: string } | null;
  return (
    <li class="card" data-webhook={webhook.id}>
      <div class="row">
        <b>{webhook.webhook_type ?? "?"}</b>
        <Badge tone={webhook.status}>{t.webhookStates[webhook.status] ?? webhook.status}</Badge>
        <span class="soft">{shortMoment(webhook.created_at, language)}{took !== null && took >= 0 && ` · ${t.effect} ${seconds(took, language)}`}</span>
        {webhook.subject_id !== null && webhook.subject_kind !== null && <button type="button" class="push" onClick={onReplay}>{t.replay}</button>}
      </div>
      <p class="small">
        {webhook.subject_kind === "payment" && webhook.subject_id !== null ? <a href={href(["payments", webhook.subject_id])}>{webhook.subject_id}</a> : webhook.subject_id}
        {webhook.skip_reason !== null && <span class="soft"> {t.skipReasons[webhook.skip_reason] ?? webhook.skip_reason}</span>}
        {error !== null && <span class="bad"> {error.code} {error.message}</span>}
      </p>
      <Body id={webhook.id} />
    </li>
  );
}

/** Read only when somebody opens it. */
function Body({ id }: { id: number }) {
  const { t, language } = useTexts();
  const client = useClient();
  const [text, setText] = useState<string | null>(null);
  const open = (event: Event) => {
    if (!(event.currentTarget as HTMLDetailsElement).open || text !== null) return;
    readBody(client, id).then((body) => setText(body ?? t.bodyErased), (error: unknown) => setText(refusal(error, language === "ko", t).message));
  };
  return <details onToggle={open}><summary>{t.body}</summary><pre>{text ?? t.loading}</pre></details>;
}
