import type { Client, Views } from "../supabase";
import { rows } from "./load";

export type Daily = Views["payments_daily"]["Row"];
export type Health = Views["webhook_health"]["Row"];
export type OpenRefund = Views["refunds_open"]["Row"];

export interface Overview {
  daily: Daily[];
  health: Health[];
  openRefunds: OpenRefund[];
  dead: number;
  findings: number;
}

/** Everything the first page shows: five small questions at once. */
export async function loadOverview(client: Client, since: string): Promise<Overview> {
  const [daily, health, refunds, dead, findings] = await Promise.all([
    client.from("payments_daily").select("*").gte("day", since).order("day"),
    client.from("webhook_health").select("*").gte("day", since).order("day"),
    client.from("refunds_open").select("*").limit(200),
    client.from("dead_jobs").select("id").limit(1000),
    client.from("drift_findings").select("id").is("closed_at", null).limit(1000),
  ]);
  return {
    daily: rows(daily), health: rows(health), openRefunds: rows(refunds), dead: rows(dead).length, findings: rows(findings).length,
  };
}
