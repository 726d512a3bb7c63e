/** Where Supabase is. The worker says so at run time: one bundle for every shop, and no key in it. */
export interface Config {
  supabaseUrl: string;
  supabasePublishableKey: string;
}

export async function loadConfig(): Promise<Config> {
  const reply = await fetch("config.json", { headers: { accept: "application/json" } });
  if (!reply.ok) throw new Error(`config.json: ${reply.status}`);
  return (await reply.json()) as Config;
}
