import type { Client, Tables, Views } from "../supabase";
import { rows } from "./load";

export type Webhook = Tables["webhook_logs"]["Row"];
export type JobCount = Views["jobs_overview"]["Row"];
export type DeadJob = Views["dead_jobs"]["Row"];
export type Finding = Tables["drift_findings"]["Row"];

export const WEBHOOK_STATUSES = ["received", "processed", "failed", "skipped"] as const;
const WEBHOOK_PAGE = 50;

export async function listWebhooks(client: Client, status: string): Promise<Webhook[]> {
  const columns = "id,webhook_id,webhook_type,status,subject_id,subject_kind,payment_id,skip_reason,error,attempts,created_at,processed_at";
  let query = client.from("webhook_logs").select(columns).order("id", { ascending: false }).limit(WEBHOOK_PAGE);
  if (status !== "") query = query.eq("status", status as Webhook["status"]);
  return rows(await query) as unknown as Webhook[];
}

/** The raw bytes of a delivery as text; JSON is laid out, anything else stays as it came. Null once it was erased. */
export async function readBody(client: Client, id: number): Promise<string | null> {
  const encoded = rows(await client.rpc("read_webhook_body", { id })) as unknown as string | null;
  if (encoded === null) return null;
  const text = new TextDecoder().decode(Uint8Array.from(atob(encoded), (letter) => letter.charCodeAt(0)));
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

export async function listJobs(client: Client): Promise<{ counts: JobCount[]; dead: DeadJob[] }> {
  const [counts, dead] = await Promise.all([client.from("jobs_overview").select("*"), client.from("dead_jobs").select("*").limit(200)]);
  return { counts: rows(counts), dead: rows(dead) };
}

export async function listFindings(client: Client): Promise<Finding[]> {
  return rows(await client.from("drift_findings").select("*").is("closed_at", null).order("first_seen_at").limit(200));
}

/** Why an operator's request about one thing was not done; null when it was. */
type Answer = { done: boolean | null; why_not: string | null }[];

async function one(call: PromiseLike<{ data: unknown; error: unknown }>): Promise<string | null> {
  const [answer] = rows(await call) as Answer;
  return answer?.done === true ? null : (answer?.why_not ?? "not_found");
}

export const replayWebhook = (client: Client, id: number, reason: string) => one(client.rpc("replay_webhooks", { ids: [id], reason }));
export const requeueJob = (client: Client, id: number, reason: string) => one(client.rpc("requeue_jobs", { ids: [id], reason }));
export const discardJob = (client: Client, id: number, reason: string) => one(client.rpc("discard_jobs", { ids: [id], reason }));

export async function closeFinding(client: Client, id: number, how: string): Promise<void> {
  rows(await client.rpc("close_finding", { id, how }));
}
