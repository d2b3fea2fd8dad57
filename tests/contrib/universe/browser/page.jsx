// A small page around the package: what its hooks return is in window.client, for the tests.
import {
  ChabadUniverseAuthProvider,
  useActivity,
  useAnalytics,
  useAppData,
  useAuthorization,
  useIdentity,
  useMerkosEnrichment,
  usePreferences,
  useProfile,
  useWidgetPreferences,
} from "@chabaduniverse/auth";
import { createRoot } from "react-dom/client";

const parameters = new URLSearchParams(location.search);
const config = {
  activity: { batchTimeout: 100, batchSize: Number(parameters.get("batch") || 5) },
  appData: { enabled: true, enableVersioning: true },
  analytics: { enabled: true, sampleRate: 1, autoPageViews: false },
  profile: { enableCache: false },
  preferences: { enableCache: false },
};

window.client = {};

function Contexts({ user }) {
  Object.assign(window.client, {
    profile: useProfile(),
    preferences: usePreferences(),
    widgets: useWidgetPreferences(),
    activity: useActivity(),
    appData: useAppData(),
    authorization: useAuthorization(),
    analytics: useAnalytics(),
  });
  const { profile, preferences } = window.client;
  const isReady = profile.isInitialized && preferences.isInitialized;
  return (
    <section id="contexts" data-ready={String(isReady)} data-theme={preferences.preferences?.theme}>
      {profile.profile?.displayName || user.email}
    </section>
  );
}

function Page() {
  const identity = useIdentity();
  Object.assign(window.client, { identity, enrichment: useMerkosEnrichment() });
  if (identity.isLoading) return <p>…</p>;
  if (!identity.identity) return <p id="nobody">Not signed in</p>;
  return (
    <ChabadUniverseAuthProvider
      userId={identity.identity.universeUserId}
      appId="portal"
      userRoles={parameters.getAll("role")}
      config={config}
    >
      <h1>{identity.identity.displayName}</h1>
      <Contexts user={identity.identity} />
    </ChabadUniverseAuthProvider>
  );
}

createRoot(document.getElementById("root")).render(<Page />);
