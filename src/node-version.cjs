// Preloaded by the npm scripts and imported first by main.ts: plain CommonJS with old syntax,
// so that even a Node.js that cannot read TypeScript gets this far and says what it needs.
'use strict';

var wanted = 24;
if (Number(process.versions.node.split('.')[0]) < wanted) {
  var isBuilt = /[\\/]dist$/.test(__dirname);
  console.error(
    'litellm-guardrail-bridge needs Node.js ' + wanted + ' or newer and was started on ' + process.version +
      (isBuilt
        ? '. Install a newer one, from https://nodejs.org or your package manager.'
        : '. Run it with "npm start" after "npm install" (install scripts enabled), which brings its own Node.js.')
  );
  process.exit(1);
}
