// Shows openapi.yaml. Nothing is loaded from another server, and requests are sent to this one only.
Scalar.createApiReference("#reference", {
  url: "openapi.yaml",
  servers: [{ url: location.origin, description: "This server" }],
  withDefaultFonts: false,
  telemetry: false,
  agent: { disabled: true },
  mcp: { disabled: true },
  showDeveloperTools: "never",
  hideClientButton: true,
});
