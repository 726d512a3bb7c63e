// Set the first two values: your project's, from the Supabase dashboard. Both are public; row level security guards the data.
// Beside this server-side: the worker runs, shop.sql is applied, and payment_channels names a channel for saved cards
// and one for identity checks (docs/checkout.md).
export const config = {
  supabaseUrl: "https://<project>.supabase.co",
  supabaseKey: "sb_publishable_…",
  // An exact version: what runs beside a checkout must not change by itself.
  supabaseJs: "https://cdn.jsdelivr.net/npm/@supabase/supabase-js@2.119.1",
  portoneSdk: "https://cdn.portone.io/v2/browser-sdk.js",
  realtime: true, // follow changes by Supabase Realtime; polling goes on underneath, slower
};
