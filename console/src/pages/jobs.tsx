import { useLoaded } from "../data/load";
import { discardJob, listJobs, requeueJob, type DeadJob, type JobCount } from "../data/operations";
import { count, moment, seconds, shortMoment } from "../format";
import { useAction } from "../parts/act";
import { Show } from "../parts/notice";
import { Badge } from "../parts/status";
import { href } from "../router";
import { useClient } from "../supabase";
import { useTexts } from "../texts";

export function Jobs() {
  const { t } = useTexts();
  const client = useClient();
  const { loaded, reload } = useLoaded(() => listJobs(client), [client]);
  const action = useAction(reload);
  const title = (job: DeadJob, verb: string) => `${verb}: ${t.operations[job.kind ?? ""] ?? job.kind} ${job.id}`;
  const requeue = (job: DeadJob) => action.start({
    title: title(job, t.requeue), lead: t.requeueLead, action: t.requeue, done: t.requeued, act: (reason) => requeueJob(client, job.id ?? 0, reason),
  });
  const discard = (job: DeadJob) => action.start({
    title: title(job, t.discard), lead: t.discardLead, action: t.discard, done: t.discarded, act: (reason) => discardJob(client, job.id ?? 0, reason),
  });
  return (
    <>
      <div class="heading"><div><h1>{t.nav.jobs}</h1><p class="soft">{t.jobsLead}</p></div><button type="button" onClick={() => void reload()}>{t.refresh}</button></div>
      {action.view}
      <Show loaded={loaded} reload={() => void reload()}>
        {({ counts, dead }) => (
          <>
            <section aria-labelledby="dead">
              <h2 id="dead">{t.deadJobs}</h2>
              {dead.length === 0 ? <p class="card soft">{t.noDead}</p> : (
                <ul class="cards">{dead.map((job) => <Dead key={job.id} job={job} onRequeue={() => requeue(job)} onDiscard={() => discard(job)} />)}</ul>
              )}
            </section>
            <Counts counts={counts.filter((one) => one.state !== "dead")} />
          </>
        )}
      </Show>
    </>
  );
}

function Dead(props: { job: DeadJob; onRequeue: () => void; onDiscard: () => void }) {
  const { t, language } = useTexts();
  const { job } = props;
  const error = job.error as { code?: string; message?: string } | null;
  return (
    <li class="card" data-job={job.id}>
      <div class="row">
        <b title={job.kind ?? ""}>{t.operations[job.kind ?? ""] ?? job.kind}</b><Badge tone="dead">{job.reason ?? t.jobStates["dead"] ?? ""}</Badge>
        <span class="soft">{job.died_at === null ? "" : moment(job.died_at, language)} · {t.failures} {job.failures}</span>
        <span class="push row"><button type="button" onClick={props.onRequeue}>{t.requeue}</button><button type="button" class="quiet" onClick={props.onDiscard}>{t.discard}</button></span>
      </div>
      <p class="small">
        {job.payment_id !== null && <a href={href(["payments", job.payment_id])}>{job.payment_id}</a>}
        {error !== null && <span class="bad"> {error.code} {error.message}</span>}
      </p>
    </li>
  );
}

function Counts({ counts }: { counts: JobCount[] }) {
  const { t, language } = useTexts();
  if (counts.length === 0) return <p class="card soft">{t.noJobs}</p>;
  return (
    <div class="card flush">
      <table class="stack">
        <thead><tr><th scope="col">{t.job}</th><th scope="col">{t.state}</th><th scope="col" class="number">{t.howMany}</th><th scope="col" class="number">{t.oldest}</th><th scope="col">{t.nextRun}</th></tr></thead>
        <tbody>
          {counts.map((one) => (
            <tr key={`${one.kind} ${one.state}`}>
              <th scope="row">{t.operations[one.kind ?? ""] ?? one.kind}<span class="id">{one.kind}</span></th>
              <td data-label={t.state}><Badge tone={one.state ?? ""}>{t.jobStates[one.state ?? ""] ?? one.state ?? ""}</Badge></td>
              <td data-label={t.howMany} class="number">{count(Number(one.jobs ?? 0), language)}</td>
              <td data-label={t.oldest} class="number">{seconds(Number(one.oldest_seconds ?? 0), language)}</td>
              <td data-label={t.nextRun} class="soft when">{one.next_run_at === null ? "" : shortMoment(one.next_run_at, language)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
