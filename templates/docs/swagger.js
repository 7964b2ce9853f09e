"use strict";

SwaggerUIBundle({
  url: "{% url "openapi" %}",
  dom_id: "#swagger-ui",
  presets: [SwaggerUIBundle.presets.apis],
  layout: "BaseLayout",
  deepLinking: true,
  displayOperationId: true,
  validatorUrl: null,
});
