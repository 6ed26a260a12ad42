# syntax=docker/dockerfile:1

# The release workflow gives this with the digest that it has then; builds by hand take what the tag names
ARG NODE_IMAGE=node:24-alpine

# Both stages before the last make nothing but text, which is the same on every platform: they run on that of the builder
FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc tsconfig.json ./
RUN npm ci --ignore-scripts
COPY test/tsconfig.build.json test/build.mjs test/
COPY src src
# The script `build` would look for the node of npm, which is not installed here
RUN node test/build.mjs

FROM --platform=$BUILDPLATFORM ${NODE_IMAGE} AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Of the library for phone numbers only its smallest data is read: 84 KB of 13 MB; of uPlot what browsers get: 53 KB of 540 KB.
# The bill of materials is of what is installed, and npm misses what it cannot tell from packages for development
RUN npm ci --omit=dev --omit=optional --ignore-scripts \
  && find node_modules/libphonenumber-js -mindepth 1 -maxdepth 1 ! -name package.json ! -name metadata.min.json ! -name 'LICENSE*' -exec rm -r {} + \
  && find node_modules/uplot/dist -type f ! -name uPlot.iife.min.js ! -name uPlot.min.css -delete \
  && npm pkg delete devDependencies \
  && npm sbom --sbom-type=application --sbom-format=cyclonedx > sbom.cdx.json

FROM ${NODE_IMAGE}
LABEL org.opencontainers.image.title="litellm-guardrail-bridge" \
  org.opencontainers.image.description="One HTTP sidecar between LiteLLM Proxy and every AI-security vendor." \
  org.opencontainers.image.licenses="MIT"
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8787 DATA_DIR=/data
WORKDIR /app
# The command is called as messages call it: docker exec CONTAINER guardrail-bridge why REF
RUN install -d -o 1000 -g 1000 -m 700 /data && ln -s /app/dist/main.js /usr/local/bin/guardrail-bridge
COPY --from=dependencies /app/node_modules node_modules
COPY --from=dependencies /app/sbom.cdx.json ./
COPY --from=build /app/dist dist
COPY package.json LICENSE ./
COPY examples/demo examples/demo
COPY examples/policies/policies.schema.json examples/policies/
# All else may be read-only
VOLUME /data
USER 1000:1000
EXPOSE 8787
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/healthz`).then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
# No shell and no npm between the signal and the bridge, which drains on SIGTERM
# Memory is a budget, see examples/operations/README.md
ENTRYPOINT ["node", "--max-semi-space-size=8", "--max-old-space-size=768", "dist/main.js"]
CMD ["serve"]
