/** What the deployment says of itself, read once from /config.json. */

export interface SignInConfig {
  authorize_url: string;
  token_url: string;
  logout_url: string | null;
  client_id: string;
  scope: string;
}

export interface Config {
  sign_in: SignInConfig;
  version: string;
}

export async function loadConfig(signal?: AbortSignal): Promise<Config> {
  const response = await fetch("/config.json", { cache: "no-cache", ...(signal ? { signal } : {}) });
  if (!response.ok) throw new Error(`config.json: ${response.status}`);
  return (await response.json()) as Config;
}
