# syntax=docker/dockerfile:1

FROM node:24-alpine AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc tsconfig.json ./
RUN npm install --ignore-scripts --no-audit
COPY test/tsconfig.build.json test/
COPY src src
# The script `build` would look for the node of npm, which is not installed here
RUN npx --no-install tsc -p test/tsconfig.build.json && cp -R src/backends/presets dist/backends/presets

FROM node:24-alpine AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
# Of the library for phone numbers only its smallest data is read: 84 KB of 13 MB
RUN npm install --omit=dev --omit=optional --ignore-scripts --no-audit \
  && find node_modules/libphonenumber-js -mindepth 1 -maxdepth 1 ! -name package.json ! -name metadata.min.json ! -name 'LICENSE*' -exec rm -r {} +

FROM node:24-alpine
ENV NODE_ENV=production HOST=0.0.0.0 PORT=8787 DATA_DIR=/data
WORKDIR /app
RUN install -d -o 1000 -g 1000 -m 700 /data
COPY --from=dependencies /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY package.json ./
COPY examples/demo examples/demo
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
