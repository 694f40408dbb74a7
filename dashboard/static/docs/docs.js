// The page of the API: Swagger UI over our own description of the routes, asking no other server.
"use strict";

window.SwaggerUIBundle({
  url: "/api/openapi.json",
  dom_id: "#docs",
  deepLinking: true,
  displayRequestDuration: true,
  validatorUrl: null,
});
