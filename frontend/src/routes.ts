/** Which screen the address names. Routes are hashes, so that every address is one static file. */

export type Route =
  | { screen: "datasets" }
  | { screen: "images"; dataset: string }
  | { screen: "templates"; dataset: string }
  | { screen: "editor"; dataset: string; template: string | null; image: string | null }
  | { screen: "recipe"; dataset: string }
  | { screen: "jobs"; dataset: string | null }
  | { screen: "job"; job: string }
  | { screen: "account" }
  | { screen: "missing" };

export function parse(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?");
  const parts = path.split("/").map(decoded);
  const [first = "", id = "", second = "", third] = parts;
  if (first === "" || (first === "datasets" && id === "")) return { screen: "datasets" };
  if (first === "jobs") return id ? { screen: "job", job: id } : { screen: "jobs", dataset: null };
  if (first === "account") return { screen: "account" };
  if (first !== "datasets") return { screen: "missing" };
  if (second === "" || second === "images") return { screen: "images", dataset: id };
  if (second === "templates" && third === undefined) return { screen: "templates", dataset: id };
  if (second === "templates") {
    const image = new URLSearchParams(search).get("image");
    return { screen: "editor", dataset: id, template: third === "new" ? null : (third ?? null), image };
  }
  if (second === "recipe") return { screen: "recipe", dataset: id };
  if (second === "jobs") return { screen: "jobs", dataset: id };
  return { screen: "missing" };
}

export function href(route: Route): string {
  switch (route.screen) {
    case "datasets":
      return "#/datasets";
    case "images":
    case "templates":
    case "recipe":
      return `#/datasets/${route.dataset}/${route.screen}`;
    case "editor": {
      const image = route.image ? `?image=${encodeURIComponent(route.image)}` : "";
      return `#/datasets/${route.dataset}/templates/${route.template ?? "new"}${image}`;
    }
    case "jobs":
      return route.dataset === null ? "#/jobs" : `#/datasets/${route.dataset}/jobs`;
    case "job":
      return `#/jobs/${route.job}`;
    case "account":
      return "#/account";
    case "missing":
      return "#/";
  }
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
