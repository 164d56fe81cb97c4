/**
 * `npm run dev` beside a running `make demo`: the page from its sources, everything else from the laptop's cloud.
 *
 * It reads who is signed in from the state folder of the demo and plays the sign-in: an authorization code for that
 * profile's token. Only the development server loads it.
 */
import { existsSync, readFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { join, resolve } from "node:path";
import type { Plugin, ProxyOptions } from "vite";

interface Profile {
  api_url: string;
  token: { access_token: string };
}

const HEADERS = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "same-origin",
};

export function laptop(state: string): Plugin {
  const profileFile = join(resolve(state), "profile.json");
  const profile = (): Profile => JSON.parse(readFileSync(profileFile, "utf8")) as Profile;
  return {
    name: "maskmill-laptop",
    apply: "serve",
    config: () => ({
      server: {
        headers: HEADERS,
        proxy: existsSync(profileFile) ? proxies(profile().api_url, pageUrl(state)) : {},
      },
    }),
    configureServer: (server) => {
      server.middlewares.use("/config.json", (request, response) => json(response, config(originOf(request))));
      server.middlewares.use("/dev/authorize", (request, response) => {
        const asked = new URL(request.url ?? "/", originOf(request)).searchParams;
        const back = new URL(asked.get("redirect_uri") ?? "/", originOf(request));
        back.searchParams.set("code", "dev");
        back.searchParams.set("state", asked.get("state") ?? "");
        response.writeHead(302, { Location: back.href }).end();
      });
      server.middlewares.use("/dev/token", (_request, response) => {
        json(response, { access_token: profile().token.access_token, token_type: "Bearer", expires_in: 3600 });
      });
    },
  };
}

function config(origin: string): object {
  return {
    sign_in: {
      authorize_url: `${origin}/dev/authorize`,
      token_url: `${origin}/dev/token`,
      logout_url: null,
      client_id: "dev",
      scope: "maskmill/api",
    },
    version: "dev",
  };
}

function pageUrl(state: string): URL {
  const stacks = JSON.parse(readFileSync(join(resolve(state), "outputs.json"), "utf8")) as Record<string, object>;
  const outputs: Record<string, string> = Object.assign({}, ...Object.values(stacks));
  return new URL(outputs["PageUrl"] ?? "");
}

/** Media come from the laptop's distribution under its own name, which is in what the reader's cookies open. */
function proxies(apiUrl: string, page: URL): Record<string, ProxyOptions> {
  const api = new URL(apiUrl);
  return {
    "/api": { target: api.origin, rewrite: (path) => api.pathname + path },
    "/media": { target: api.origin, headers: { host: page.host } },
  };
}

function originOf(request: IncomingMessage): string {
  return `http://${request.headers.host ?? "localhost"}`;
}

function json(response: ServerResponse, body: object): void {
  response.writeHead(200, { "Content-Type": "application/json" }).end(JSON.stringify(body));
}
