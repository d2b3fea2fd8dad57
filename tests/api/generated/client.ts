// What a front end writes with the generated types. The test adds `explain`, with every code.
import type { components, paths } from "./api";

type Schemas = components["schemas"];

export const patch: Schemas["ChabadPreferencesRequest"] = { theme: "dark" };
// @ts-expect-error no such theme
export const pink: Schemas["ChabadPreferencesRequest"] = { theme: "pink" };
// @ts-expect-error no such member
export const odd: Schemas["ChabadPreferencesRequest"] = { colour: "dark" };

type Query = NonNullable<paths["/api/users/{user}/"]["get"]["parameters"]["query"]>;
export const expand: Query["expand"] = ["profile", "preferences"];
// @ts-expect-error a list, not a text
export const text: Query["expand"] = "profile,preferences";

export function first(error: Schemas["ChabadError"], field: string): string {
  const problem = error.errors?.[field]?.[0];
  // @ts-expect-error no such code
  if (problem?.code === "nonsense") return "";
  return problem?.code === "required" ? "Please fill this in." : error.detail;
}

export function event(activity: Schemas["ChabadActivity"]): unknown {
  return activity.eventData?.["page"];
}
